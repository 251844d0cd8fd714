"""Whether a dot of color stays in its thing where one label lies on two of different color."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from scipy.ndimage import distance_transform_edt

from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.labels import unique_labels
from napari_colorizer.evaluation.metrics.baselines import paint
from napari_colorizer.evaluation.metrics.color import ciede2000, to_lab
from napari_colorizer.evaluation.sample import Scene

LEAST_SHARE = 0.02  # of a photo, that such a label covers
LEAST_PART = 0.1  # of the label, that each of its two colors covers
APART = 15.0  # CIEDE2000 of the two, at one lightness
TAKEN = 10.0  # CIEDE2000
DOT_RADIUS = 6  # pixels; less where the part is thin
SMALLEST_RADIUS = 2  # of the innermost place: what is thinner everywhere is noise
MIDDLE_LIGHTNESS = 60.0

Mask = NDArray[np.bool_]


def dot_in_two_colors(scene: Scene) -> Iterator[tuple[float, float]]:
    """What one dot of the true color does in the middle of the smaller part of each label of two colors.

    Yields
    ------
    float
        Share of the smaller part whose color comes within CIEDE2000 10 of what the wish makes of it.
    float
        Mean CIEDE2000 by which the larger part changes.
    """
    before = to_lab(scene.truly_labeled)
    for small, large in parts_of_two_colors(scene):
        depth = distance_transform_edt(np.pad(small, 1))[1:-1, 1:-1]
        y, x = np.unravel_index(depth.argmax(), depth.shape)
        radius = min(depth.max() - 0.5, DOT_RADIUS)
        rows, columns = np.ogrid[: small.shape[0], : small.shape[1]]
        wish = scene.truth[np.hypot(rows - y, columns - x) <= radius, 1:].mean(0)
        hints = Hints([(y, x, *wish.tolist(), radius)])
        lab = to_lab(scene.session.colorize(scene.photo.labels, hints, scene.classes))
        pixels = scene.photo.rgb[small][None]
        wished = to_lab(paint(pixels, np.tile(wish, (1, pixels.shape[1], 1))))[0]
        taken = (ciede2000(wished, lab[small]) <= TAKEN).mean()
        yield float(taken), float(ciede2000(before[large], lab[large]).mean())


def parts_of_two_colors(scene: Scene) -> Iterator[tuple[Mask, Mask]]:
    """The smaller and the larger part of each label whose true a*, b* fall into two clusters."""
    labels = scene.photo.labels
    ids, counts = unique_labels(labels)
    for label in ids[(counts >= LEAST_SHARE * labels.size) & (ids > 0)].tolist():
        region = labels == label
        with warnings.catch_warnings(action="ignore"):  # a cluster may stay empty
            centers, member = kmeans2(scene.truth[region][:, 1:].astype(np.float64), 2, minit="++", seed=0, iter=20)
        share = np.bincount(member, minlength=2) / len(member)
        first, second = (np.array([[MIDDLE_LIGHTNESS, *center]]) for center in centers)
        if share.min() < LEAST_PART or ciede2000(first, second)[0] < APART:
            continue
        small = np.zeros(labels.shape, bool)
        small[region] = member == share.argmin()
        if distance_transform_edt(np.pad(small, 1)).max() >= SMALLEST_RADIUS:
            yield small, region & ~small
