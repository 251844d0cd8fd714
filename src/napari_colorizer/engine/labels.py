"""Label maps as NumPy arrays; nothing here needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.classes import LARGEST_ID, ClassMap


def check_labels(labels: NDArray[np.generic], shape: tuple[int, int]) -> NDArray[np.integer]:
    """Return a label map unchanged if it fits an image of that shape.

    Raises
    ------
    ValueError
        If the shapes differ.
    TypeError
        If the label map does not hold whole numbers.
    """
    labels = np.asarray(labels)
    if labels.shape != shape:
        turned = ": turned by 90 degrees it would fit" if labels.shape == shape[::-1] else ""
        raise ValueError(
            f"the label map has the shape {labels.shape}, the image {shape}; they must be the same{turned}"
        )
    if labels.dtype.kind not in "iu":
        raise TypeError(f"a label map must hold whole numbers (class ids), not {labels.dtype}")
    return cast(NDArray[np.integer], labels)


def unique_labels(labels: NDArray[np.integer]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Ids that occur in a label map, in order, and how many pixels each has."""
    if labels.size and labels.min() >= 0 and labels.max() <= LARGEST_ID:  # several times as fast as sorting
        counts = np.bincount(labels.ravel().astype(np.intp, copy=False))
        ids = counts.nonzero()[0]
        return ids, counts[ids]
    return np.unique(labels, return_counts=True)


def dtype_for(classes: ClassMap) -> np.dtype[Any]:
    """The smallest type of label maps that can hold the ids of a class map."""
    return np.min_scalar_type(max(classes.ids, default=0))


def translate(labels: NDArray[np.integer], table: Mapping[int, int]) -> NDArray[np.uint16]:
    """Put other ids in the place of those of a label map; ids that the table does not name become 0."""
    lookup = np.zeros(LARGEST_ID + 1, np.uint16)
    for source, target in table.items():
        if 0 <= source <= LARGEST_ID and 0 <= target <= LARGEST_ID:
            lookup[source] = target
    return lookup[as_ids(labels)]


def as_ids(labels: NDArray[np.integer]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """A label map as uint8 or uint16; what cannot be a class id becomes 0."""
    if labels.dtype not in (np.uint8, np.uint16):
        labels = np.where((labels >= 0) & (labels <= LARGEST_ID), labels, 0).astype(np.uint16)
    return cast(NDArray[np.uint8] | NDArray[np.uint16], labels)
