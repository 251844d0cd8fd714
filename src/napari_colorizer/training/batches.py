"""Random crops, and what a user would give with them: some labels, some hints, an aged photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_colorizer.color import rgb_to_chroma
from napari_colorizer.training.photos import Photo


@dataclass
class Batch:
    """Crops of one size.

    Attributes
    ----------
    rgb : Tensor, (N, 3, S, S)
        sRGB in 0..1.
    labels : Tensor of int64, (N, S, S)
        Class ids.
    """

    rgb: Tensor
    labels: Tensor


def draw_crops(photos: Sequence[Photo], chosen: Sequence[int], size: int, rng: np.random.Generator) -> Batch:
    """Cut one random square of 0.5 to 1 times the shorter side from each chosen photo; half of them are mirrored."""
    images, maps = [], []
    for index in chosen:
        photo = photos[index]
        height, width = photo.labels.shape
        side = round(rng.uniform(0.5, 1) * min(height, width))
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        window = np.s_[top : top + side, left : left + side]
        rgb, labels = photo.rgb[window], photo.labels[window]
        if rng.random() < 0.5:
            rgb, labels = rgb[:, ::-1], labels[:, ::-1]
        image = torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None].float() / 255
        images.append(F.interpolate(image, (size, size), mode="bilinear", antialias=True, align_corners=False))
        nearest = (np.arange(size) + 0.5) * side / size
        nearest = nearest.astype(np.int64)
        maps.append(torch.from_numpy(labels[nearest][:, nearest].astype(np.int64)))
    return Batch(torch.cat(images).clamp_(0, 1), torch.stack(maps))


def age(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Make a part of the gray inputs (N, 1, H, W; -1..1) look like old photographs: other gamma, grain, soft focus."""
    x = x.clone()
    for sample in x:
        if rng.random() < 0.5:
            sample.copy_(2 * ((sample + 1) / 2).pow(float(np.exp(rng.uniform(-0.5, 0.5)))) - 1)
        if rng.random() < 0.25:
            factor = rng.uniform(1.2, 2.5)
            small = F.interpolate(sample[None], scale_factor=1 / factor, mode="area")
            sample.copy_(F.interpolate(small, sample.shape[-2:], mode="bilinear", align_corners=False)[0])
        if rng.random() < 0.25:
            sample.add_(torch.randn(sample.shape) * float(rng.uniform(0, 0.12)))
    return x


def drop_labels(labels: Tensor, rng: np.random.Generator) -> Tensor:
    """Unlabel what a user may leave unlabeled: all of a map, whole classes, or everything outside some boxes."""
    labels = labels.clone()
    size = labels.shape[-1]
    for sample in labels:
        fate = rng.random()
        if fate < 0.2:
            sample.zero_()
        elif fate < 0.4:
            for label in sample.unique():
                if rng.random() < 0.5:
                    sample[sample == label] = 0
        elif fate < 0.55:
            keep = torch.zeros_like(sample, dtype=torch.bool)
            for _ in range(rng.integers(1, 4)):
                keep |= _random_box(size, rng)
            sample[~keep] = 0
        if rng.random() < 0.3:  # labels drawn by hand or by a network do not meet every edge
            shift = tuple(int(step) for step in rng.integers(-3, 4, 2))
            sample.copy_(sample.roll(shift, (0, 1)))
    return labels


def draw_hints(labels: Tensor, chroma: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Simulate color hints; sometimes a hint asks for another color than the photograph has, and so does the target.

    Parameters
    ----------
    labels : Tensor, (N, H, W)
        Complete label maps, from which whole regions are taken.
    chroma : Tensor, (N, 2, H, W)
        True scaled chroma.

    Returns
    -------
    hints : Tensor, (N, 3, H, W)
    target : Tensor, (N, 2, H, W)
    """
    count, _, height, width = chroma.shape
    hints, target = chroma.new_zeros(count, 3, height, width), chroma.clone()
    for index in range(count):
        if rng.random() < 0.4:
            continue
        if rng.random() < 0.5:
            _hint_region(labels[index], hints[index], target[index], rng)
        for _ in range(min(int(rng.geometric(0.15)), 40)):
            side = int(rng.integers(1, 12))
            top, left = rng.integers(0, height - side), rng.integers(0, width - side)
            patch = np.s_[:, top : top + side, left : left + side]
            hints[index, :2][patch] = target[index][patch].mean((1, 2), keepdim=True)
            hints[index, 2:][patch] = 1
    return hints, target


def _hint_region(labels: Tensor, hints: Tensor, target: Tensor, rng: np.random.Generator) -> None:
    """Color a class, or a part of it, by a hint: often with a color of the user's own, neutral gray among them."""
    present = labels.unique()
    region = labels == present[int(rng.integers(len(present)))]
    if rng.random() < 0.5:
        region = region & _random_box(labels.shape[-1], rng)
    if not region.any():
        return
    wish = target[:, region].mean(1, keepdim=True)
    if rng.random() < 0.6:
        new = torch.zeros(2, 1) if rng.random() < 0.4 else torch.from_numpy(rng.normal(0, 0.2, (2, 1))).float()
        variation = (target[:, region] - wish) * (0.5 if new.any() else 0.0)
        target[:, region] = new + variation
        wish = new
    hints[:2, region] = wish
    hints[2, region] = 1


def _random_box(size: int, rng: np.random.Generator) -> Tensor:
    """A mask (size, size) of a box with sides of at least an eighth of the size."""
    box = torch.zeros(size, size, dtype=torch.bool)
    top, left = rng.integers(0, size - size // 8, 2)
    height, width = rng.integers(size // 8, size, 2)
    box[top : top + height, left : left + width] = True
    return box


def chroma_target(rgb: Tensor, scale: float) -> Tensor:
    """Scaled chroma (N, 2, H, W) of color crops."""
    return rgb_to_chroma(rgb) / scale
