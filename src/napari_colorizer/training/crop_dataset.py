"""Random windows of photos, with the labels that a user might give: made in the processes that prepare crops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from napari_colorizer.datasets.photos import nearest_labels
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.guidance import CHANNELS, LabelChannel
from napari_colorizer.guidance.label_simulation import relabel_region
from napari_colorizer.networks import GridNet, TwoStreamUNet
from napari_colorizer.networks.image_encoder import STRIDES
from napari_colorizer.training.old_photos import old_photo
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.sampler import Key
from napari_colorizer.training.views import GRID, ViewStore, draw_view

Crop = dict[str, NDArray[Any]]
Unlike = Mapping[int, Sequence[int]]


def given(channel: str) -> str:
    """What a crop calls what is said in a channel of guidance."""
    return f"given {channel}"


class CropDataset(Dataset[dict[str, Tensor]]):
    """Draws a crop and all that goes with it; what needs no randomness is left to the device, see `batches`.

    Parameters
    ----------
    photos : sequence of Photo
    options : TrainOptions
    channels : sequence of str
        The channels of guidance in which something is to be said, as the colorizer needs it.
    unlike : mapping, optional
        Where regions may be relabeled: for the id of each class, those of classes of other colors.
    """

    def __init__(
        self, photos: Sequence[Photo], options: TrainOptions, channels: Sequence[str] = (), unlike: Unlike | None = None
    ):
        self.photos, self.options, self.channels = photos, options, channels
        self.unlike = unlike if options.relabel else None

    def __getitem__(self, key: Key) -> dict[str, Tensor]:
        """Tensors of one crop.

        rgb (3, S, S) uint8; gray (S, S) uint8, perhaps aged; labels (S, S) int32; flips (2,) bool: sideways, upside
        down. What is said in each channel is in it by `given`, (..., S, S), labels as int32; and where regions may be
        relabeled, relabeled (S, S) int32: the former label of what was, 0 elsewhere.
        """
        epoch, place, number = key
        rng = np.random.default_rng([self.options.seed, epoch, place])
        crop = self._draw(number, rng)
        crop["rgb"], crop["labels"] = crop["rgb"].transpose(2, 0, 1), crop["labels"].astype(np.int32)
        said = {given(name): CHANNELS[name].simulate(crop, self.options, rng) for name in self.channels}
        labels = given(LabelChannel.name)
        if labels in said and self.unlike:
            said[labels], crop["relabeled"] = relabel_region(said[labels], self.options.relabel, self.unlike, rng)
        crop |= said
        return {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in crop.items()}

    def _draw(self, number: int, rng: np.random.Generator) -> Crop:
        rgb, labels = self._cut(self.photos[number], rng)
        sideways = self.options.flips != "none" and rng.random() < 0.5
        upside_down = self.options.flips == "both" and rng.random() < 0.5
        gray = np.rint(old_photo(rgb, self.options.aging, rng) * 255).astype(np.uint8)
        return {"rgb": rgb, "gray": gray, "labels": labels, "flips": np.array([sideways, upside_down])}

    def _cut(self, photo: Photo, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        """A random square window, brought to the size of a crop."""
        height, width = photo.labels.shape
        size, shorter = self.options.crop, min(height, width)
        side = round(rng.uniform(self.options.zoom, 1) * shorter) if self.options.zoom else min(size, shorter)
        side = max(1, side)
        top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        rgb = np.ascontiguousarray(photo.rgb[top : top + side, left : left + side])
        labels = photo.labels[top : top + side, left : left + side]
        if side != size:
            image = Image.fromarray(rgb)
            rgb = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))  # Pillow's does not alias
            labels = nearest_labels(labels, (size, size))
        return rgb, labels


class SeenCropDataset(CropDataset):
    """Crops for networks with an image encoder, cut out of whole views.

    With a store, a crop has the features of its view, too: features0 to features3, (C, S / stride, S / stride)
    float16. Without one, each view is new, and the crop has its contrast (2,) float32 instead: mean and deviation of
    its whole lightness, which is what the encoder goes by.

    Parameters
    ----------
    photos, options, channels, unlike
        See `CropDataset`.
    store : ViewStore, optional
        Of the same photos, built.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        options: TrainOptions,
        channels: Sequence[str] = (),
        unlike: Unlike | None = None,
        store: ViewStore | None = None,
    ):
        super().__init__(photos, options, channels, unlike)
        self.store = store

    def _draw(self, number: int, rng: np.random.Generator) -> Crop:
        place = 0
        if self.store is None:
            mirror = self.options.flips != "none" and rng.random() < 0.5
            view = draw_view(self.photos[number], self.options, rng, mirror, plain=False)
        else:
            place = int(rng.integers(self.store.count))
            view = self.store.view(number, place)
        size = self.options.crop
        top, left = (GRID * int(rng.integers((side - size) // GRID + 1)) for side in view.gray.shape)
        window = np.s_[top : top + size, left : left + size]
        crop: Crop = {"rgb": view.rgb[window], "gray": view.gray[window], "labels": view.labels[window]}
        crop["flips"] = np.zeros(2, bool)
        if self.store is None:
            x = view.network_input()
            crop["contrast"] = np.array([x.mean(), x.std(correction=0)], np.float32)
            return crop
        for index, (features, stride) in enumerate(
            zip(self.store.features(number, place, view.gray.shape), STRIDES, strict=True)
        ):
            rows, columns = (np.s_[start // stride : (start + size) // stride] for start in (top, left))
            crop[f"features{index}"] = np.array(features[:, rows, columns])  # the file is not to be written to
        return crop


def crops_for(
    network: GridNet | TwoStreamUNet,
    photos: Sequence[Photo],
    options: TrainOptions,
    build_store: Callable[[], ViewStore],
    unlike: Unlike | None = None,
) -> CropDataset:
    """The crops that a network is trained with.

    Parameters
    ----------
    network : GridNet or TwoStreamUNet
    photos : sequence of Photo
    options : TrainOptions
    build_store : callable
        Builds a store of the photos; called where the network has an image encoder that is not trained.
    unlike
        See `CropDataset`.
    """
    channels = network.config.guidance if isinstance(network, TwoStreamUNet) else ()
    if not network.config.image_encoder:
        return CropDataset(photos, options, channels, unlike)
    return SeenCropDataset(photos, options, channels, unlike, None if options.encoder_factor else build_store())
