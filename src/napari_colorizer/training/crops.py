"""Random crops of photographs, each a function of seed, epoch and place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from napari_colorizer.training.data.sets import Photo
from napari_colorizer.training.guidance import degrade_labels, relabel_region
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.order import Key


class CropDataset(Dataset[dict[str, Tensor]]):
    """Draws a crop and all that goes with it; what needs no randomness is left to the device, see `batches`.

    Parameters
    ----------
    photos : sequence of Photo
    options : TrainOptions
    guidance : bool
        Whether to draw incomplete labels too, which the colorizer needs.
    colored : sequence of int
        Ids of the classes of which colors are known: regions may be relabeled as one of them.
    """

    def __init__(self, photos: Sequence[Photo], options: TrainOptions, guidance: bool, colored: Sequence[int] = ()):
        self.photos, self.options, self.guidance = photos, options, guidance
        self.colored = colored if options.relabel else ()

    def __getitem__(self, key: Key) -> dict[str, Tensor]:
        """Tensors of one crop.

        rgb (3, S, S) uint8; labels (S, S) int32; flips (2,) bool: sideways, upside down; tone (3,) float32: gamma,
        contrast, blur in pixels; grain (S, S) float16. With guidance also given (S, S) int32, and where regions may be
        relabeled, relabeled (S, S) bool.
        """
        epoch, place, number = key
        rng = np.random.default_rng([self.options.seed, epoch, place])
        rgb, labels = self._cut(self.photos[number], rng)
        sideways = self.options.flips != "none" and rng.random() < 0.5
        upside_down = self.options.flips == "both" and rng.random() < 0.5
        tone, grain = _draw_age(self.options.aging, self.options.crop, rng)
        crop: dict[str, Any] = {"rgb": rgb.transpose(2, 0, 1), "labels": labels, "tone": tone, "grain": grain}
        crop["flips"] = np.array([sideways, upside_down])
        if self.guidance:
            crop["given"] = degrade_labels(labels, self.options, rng)
            if self.colored:
                chance = self.options.relabel
                crop["given"], crop["relabeled"] = relabel_region(crop["given"], chance, self.colored, rng)
        return {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in crop.items()}

    def _cut(self, photo: Photo, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """A random square window, brought to the size of a crop."""
        height, width = photo.labels.shape
        size, shorter = self.options.crop, min(height, width)
        side = round(rng.uniform(self.options.zoom, 1) * shorter) if self.options.zoom else min(size, shorter)
        side = max(1, side)
        top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        rgb = photo.rgb[top : top + side, left : left + side]
        labels = photo.labels[top : top + side, left : left + side]
        if side != size:
            image = Image.fromarray(np.ascontiguousarray(rgb))
            rgb = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))  # Pillow's does not alias
            nearest = ((np.arange(size) + 0.5) * side / size).astype(np.int64)
            labels = labels[nearest[:, None], nearest]
        return rgb, labels.astype(np.int32)


def _draw_age(aging: float, size: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float16]]:
    """Gamma, contrast and blur of an old photograph, and its grain (in units of the input's -1..1)."""
    gamma = np.exp(rng.uniform(-0.5, 0.5)) if rng.random() < aging else 1.0
    contrast = rng.uniform(0.4, 1.0) if rng.random() < aging / 2 else 1.0
    blur = rng.uniform(0.4, 1.6) if rng.random() < aging / 2 else 0.0
    amount = rng.uniform(0, 0.12) if rng.random() < aging / 2 else 0.0
    grain = rng.standard_normal((size, size), np.float32) * amount if amount else np.zeros((size, size))
    return np.array([gamma, contrast, blur], np.float32), grain.astype(np.float16)
