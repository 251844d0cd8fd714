"""Photographs as a network sees them, with what a frozen image encoder makes of them, computed once.

Features belong to a whole photograph: crops are cut out of them, so that a network in training gets what it gets later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from napari_colorizer.datasets.photos import nearest_labels
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.engine.segment import network_input
from napari_colorizer.networks.image_encoder import STRIDES, ImageEncoder
from napari_colorizer.training.old_photos import old_photo
from napari_colorizer.training.options import TrainOptions

GRID = STRIDES[-1]  # pixels: crops begin and end at multiples of it
SMALLEST, LARGEST = 0.6, 1.25  # a view, relative to its photograph
MANY, FEWEST, MOST = 4000, 2, 12  # views in all that are worth their time, and of each photograph


@dataclass(frozen=True)
class View:
    """One way to look at a photograph: mirrored or not, smaller or larger, old or not.

    Attributes
    ----------
    rgb : array of uint8, (H, W, 3)
        H and W are multiples of `GRID`, and at least the side of a crop.
    gray : array of uint8, (H, W)
        sRGB-encoded.
    labels : array of int, (H, W)
    """

    rgb: NDArray[np.uint8]
    gray: NDArray[np.uint8]
    labels: NDArray[Any]

    def network_input(self) -> torch.Tensor:
        """L* (H, W), scaled to -1..1."""
        return network_input(torch.from_numpy(self.gray).float() / 255, "L*")


def draw_view(photo: Photo, options: TrainOptions, rng: np.random.Generator, mirror: bool, plain: bool) -> View:
    """Look at a photo in some way; `plain` leaves its size and its tones as they are."""
    rgb, labels = photo.rgb, photo.labels
    if options.zoom and not plain:
        shorter = min(labels.shape)
        scale = options.crop / (rng.uniform(options.zoom, 1) * shorter)
        rgb, labels = resized(rgb, labels, float(np.clip(scale, SMALLEST, LARGEST)))
    if mirror:
        rgb, labels = rgb[:, ::-1], labels[:, ::-1]
    if options.flips == "both" and rng.random() < 0.5:
        rgb, labels = rgb[::-1], labels[::-1]
    rgb = np.ascontiguousarray(rgb)
    gray = np.rint(old_photo(rgb, 0.0 if plain else options.aging, rng) * 255).astype(np.uint8)
    return View(*(_padded(image, options.crop) for image in (rgb, gray, labels)))


def resized(rgb: NDArray[np.uint8], labels: NDArray[Any], scale: float) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """A photo and its labels in another size."""
    height, width = (max(1, round(side * scale)) for side in labels.shape)
    image = Image.fromarray(np.ascontiguousarray(rgb)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image), nearest_labels(labels, (height, width))


def _padded(image: NDArray[Any], least: int) -> NDArray[Any]:
    """The image with its last row and column repeated, up to a size that the grid divides."""
    rows, columns = (np.arange(max(-(-side // GRID) * GRID, least)).clip(max=side - 1) for side in image.shape[:2])
    return image[rows[:, None], columns]


class ViewStore:
    """Views of photos by number, with their features on the disk.

    Parameters
    ----------
    photos : sequence of Photo
    options : TrainOptions
    path : Path
        Of the file for the features: some 0.4 MB for each view of 224 x 300 pixels. Whoever builds it removes it.
    """

    def __init__(self, photos: Sequence[Photo], options: TrainOptions, path: Path):
        self.photos, self.options, self.path = photos, options, path
        self.count = options.views or int(np.clip(MANY // max(1, len(photos)), FEWEST, MOST))
        self._starts: list[int] = []
        self._widths: tuple[int, ...] = ()
        self._file: NDArray[np.float16] | None = None

    def build(
        self, encoder: ImageEncoder, device: torch.device, precision: str, check: Callable[[float], None]
    ) -> None:
        """Compute all features; `check` gets the share that is done before each view, and may raise to stop."""
        encoder = encoder.to(device)
        self._widths, end = encoder.widths, 0
        half = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16-mixed")
        with open(self.path, "wb") as file, torch.inference_mode(), half:
            for number in range(len(self.photos)):
                for place in range(self.count):
                    check(len(self._starts) / (len(self.photos) * self.count))
                    x = self.view(number, place).network_input().to(device)
                    parts = [of_stride[0].half().cpu().numpy() for of_stride in encoder(x[None, None])]
                    self._starts.append(end)
                    end += sum(part.size for part in parts)
                    for part in parts:
                        file.write(np.ascontiguousarray(part).data)

    def view(self, number: int, place: int) -> View:
        """View number `place` of a photo: the first is as the photo is, every second one is mirrored."""
        rng = np.random.default_rng([self.options.seed, number, place])
        mirror = self.options.flips != "none" and place % 2 == 1
        return draw_view(self.photos[number], self.options, rng, mirror, plain=place == 0)

    def features(self, number: int, place: int, size: tuple[int, ...]) -> list[NDArray[np.float16]]:
        """Features (C, H / stride, W / stride) of a view of that size."""
        if self._file is None:
            self._file = np.memmap(self.path, np.float16, "r")
        start, found = self._starts[number * self.count + place], []
        for width, stride in zip(self._widths, STRIDES, strict=True):
            shape = (width, size[0] // stride, size[1] // stride)
            stop = start + int(np.prod(shape))
            found.append(self._file[start:stop].reshape(shape))
            start = stop
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_file": None}  # each process opens it for itself
