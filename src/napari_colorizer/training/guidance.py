"""What a user would give with a gray image: some of the labels, not quite exact, and some color hints.

Everything here is drawn from the generator that is handed in, which belongs to one crop.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_colorizer.training.options import TrainOptions

Labels = NDArray[Any]
MOST_HINTS = 40
REGION, FIRST_POINT = 1, 2
NO_WISH = (0.0, 0.0, 0.0, 0.0)


def degrade_labels(labels: Labels, options: TrainOptions, rng: np.random.Generator) -> Labels:
    """Drop labels where a user may leave them out, and displace or confuse others, as hands and networks do."""
    given = drop_labels(labels, options, rng)
    if rng.random() < options.label_noise:
        given = shift_borders(given, rng)
        if rng.random() < 0.3:
            given = confuse_class(given, rng)
    return given


def drop_labels(labels: Labels, options: TrainOptions, rng: np.random.Generator) -> Labels:
    """A copy with all labels dropped, or half of the classes, or everything outside some boxes, or nothing."""
    given, fate = labels.copy(), rng.random()
    if fate < options.drop_all:
        given[:] = 0
    elif fate < options.drop_all + options.drop_classes:
        for label in _present(labels):
            if rng.random() < 0.5:
                given[labels == label] = 0
    elif fate < options.drop_all + options.drop_classes + options.drop_outside:
        kept = np.zeros(labels.shape, bool)
        for _ in range(rng.integers(1, 4)):
            kept[random_box(labels.shape, rng)] = True
        given[~kept] = 0
    return given


def shift_borders(labels: Labels, rng: np.random.Generator) -> Labels:
    """Move each border by a few pixels, here this way and there that way."""
    height, width = labels.shape
    coarse = rng.normal(0, 2.5, (2, 4, 4)).astype(np.float32)
    rows, columns = (
        np.asarray(Image.fromarray(field).resize((width, height), Image.Resampling.BICUBIC)) for field in coarse
    )
    y = np.clip(np.rint(np.arange(height)[:, None] + rows), 0, height - 1).astype(int)
    x = np.clip(np.rint(np.arange(width) + columns), 0, width - 1).astype(int)
    return labels[y, x]


def confuse_class(labels: Labels, rng: np.random.Generator) -> Labels:
    """Call a part of one class by the name of another that is in the picture, or by none."""
    wrong, instead = rng.choice(_present(labels), 2)
    box = np.zeros(labels.shape, bool)
    box[random_box(labels.shape, rng)] = True
    return np.where((labels == wrong) & box, instead, labels)


def place_hints(
    labels: Labels, options: TrainOptions, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], tuple[float, ...]]:
    """Decide where color hints lie; their colors follow from the photograph.

    Parameters
    ----------
    labels : array (H, W)
        The complete label map, from which whole regions are taken.

    Returns
    -------
    hint_map : array of uint8, (H, W)
        0 where there is no hint, 1 in a hinted region, 2 and more in hinted spots.
    wish : (float, float, float, float)
        For the region: 1 if it is to get another color than it has, the wished scaled a*, b*, and how much of its
        variation it keeps.
    """
    hint_map, wish = np.zeros(labels.shape, np.uint8), NO_WISH
    if rng.random() >= options.hints:
        return hint_map, wish
    for spot in range(min(int(rng.geometric(0.15)), MOST_HINTS)):
        side = int(rng.integers(1, 12))
        top, left = (int(rng.integers(0, max(1, size - side))) for size in labels.shape)
        hint_map[top : top + side, left : left + side] = FIRST_POINT + spot
    if rng.random() < 0.5:
        region = labels == rng.choice(_present(labels))
        if rng.random() < 0.5:
            box = np.zeros(labels.shape, bool)
            box[random_box(labels.shape, rng)] = True
            region &= box
        hint_map[region] = REGION
        if region.any() and rng.random() < 0.6:  # a color of the user's own, neutral gray among them
            neutral = rng.random() < 0.4
            a, b = (0.0, 0.0) if neutral else rng.normal(0, 0.2, 2)
            wish = (1.0, float(a), float(b), 0.0 if neutral else 0.5)
    return hint_map, wish


def random_box(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[slice, slice]:
    """A box with sides of at least an eighth of the image's."""
    rows, columns = (
        slice(start, start + int(rng.integers(max(1, size // 8), size + 1)))
        for size in shape
        for start in [int(rng.integers(0, max(1, size - size // 8)))]
    )
    return rows, columns


def _present(labels: Labels) -> NDArray[np.intp]:
    """Ids that occur in a label map, in order; several times as fast as sorting."""
    return np.flatnonzero(np.bincount(labels.ravel()))
