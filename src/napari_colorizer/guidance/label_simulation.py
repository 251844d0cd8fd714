"""What a user would give with a gray image: some of the labels, not quite exact.

Everything here is drawn from the generator that is handed in, which belongs to one crop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_colorizer.classes import UNLABELED

if TYPE_CHECKING:
    from napari_colorizer.training.options import TrainOptions

LEAST_REGION = 0.02  # part of a crop that a relabeled region covers; a close-up may be all of it

Labels = NDArray[Any]


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


def relabel_region(
    given: Labels, chance: float, unlike: Mapping[int, Sequence[int]], rng: np.random.Generator
) -> tuple[Labels, Labels]:
    """Call all that has one label by the name of another class, whatever the picture shows.

    Parameters
    ----------
    given : array (H, W) of int
        What is left of the labels: what is unlabeled stays so.
    chance : float
        0..1, of doing it at all.
    unlike : mapping
        For the id of each class, those of the classes that a region of it may become.
    rng : np.random.Generator

    Returns
    -------
    labels : array (H, W) of int
    former : array (H, W) of int
        The old label where they were changed, 0 elsewhere: everywhere if no label covers a suitable part of the
        picture.
    """
    nothing = np.zeros_like(given)
    if rng.random() >= chance:
        return given, nothing
    shares = np.bincount(given.ravel()) / given.size
    shares[UNLABELED] = 0
    suitable = [label for label in np.flatnonzero(shares >= LEAST_REGION).tolist() if unlike.get(label)]
    if not suitable:
        return given, nothing
    old = rng.choice(suitable)
    region = given == old
    return np.where(region, given.dtype.type(rng.choice(unlike[old])), given), np.where(region, given, nothing)


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
