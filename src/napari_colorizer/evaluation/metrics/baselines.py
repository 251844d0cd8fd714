"""What a colorizer has to beat: gray, and the mean color of each class."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_colorizer.classes import LARGEST_ID
from napari_colorizer.color import lightness, to_rgb
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.evaluation.metrics.color import RGB, to_lab


def class_means(photos: Iterable[Photo]) -> NDArray[np.float64]:
    """Mean a*, b* of each class.

    Parameters
    ----------
    photos : iterable of Photo
        Of the training split; gray ones are left out.

    Returns
    -------
    array of float64, (65536, 2)
        By class id. Id 0, unlabeled, has the mean of all pixels, and so has every class that never occurs.
    """
    totals, counts = np.zeros((LARGEST_ID + 1, 2)), np.zeros(LARGEST_ID + 1)
    for photo in photos:
        if photo.gray:
            continue
        chroma, labels = to_lab(photo.rgb)[..., 1:], photo.labels.ravel()
        size = int(labels.max()) + 1
        counts[:size] += np.bincount(labels)
        for axis in range(2):
            totals[:size, axis] += np.bincount(labels, chroma[..., axis].ravel())
    overall = totals.sum(0) / max(counts.sum(), 1)
    means = np.where(counts[:, None] > 0, totals / np.maximum(counts, 1)[:, None], overall)
    means[0] = overall
    return means


def paint(rgb: RGB, chroma: NDArray[Any]) -> RGB:
    """Give a photograph (H, W, 3) other a*, b* (H, W, 2), and keep its lightness, as a session does."""
    values = torch.tensor(rgb) / 255
    painted: RGB = to_rgb(lightness(values), torch.tensor(chroma).float().permute(2, 0, 1)).numpy()
    return painted
