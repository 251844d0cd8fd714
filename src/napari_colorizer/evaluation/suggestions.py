"""The colors that things of a class mostly have, for the user to choose from."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from napari_colorizer.classes import ClassMap
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.engine.labels import unique_labels
from napari_colorizer.evaluation.metrics.color import to_lab

MOST = 4
PIXELS_OF_A_PHOTO = 500  # of each class: so a close-up counts no more than a view, and any set fits in memory
TOO_NEAR = 10.0  # a*, b* distance below which two suggestions would look the same
TOO_RARE = 0.05

UNLIKE = 10.0  # a*, b* distance of the main colors of classes that can be told apart by color

Suggestions = dict[int, list[tuple[float, float, float]]]


def color_suggestions(photos: Iterable[Photo], classes: ClassMap, seed: int = 0) -> Suggestions:
    """Cluster the true chroma of each class with k-means.

    Parameters
    ----------
    photos : iterable of Photo
        Gray ones are left out.
    classes : ClassMap
    seed : int
        Of the pixels that are drawn from each photo and of the first cluster centers.

    Returns
    -------
    dict
        For each class id of `classes` that occurs, up to four clusters (a*, b*, weight), the heaviest first. Weights
        are parts of the class and sum to 1; clusters that look alike are one, and tiny ones are left out.
    """
    rng = np.random.default_rng(seed)
    drawn: dict[int, list[NDArray[np.float32]]] = {}
    for photo in photos:
        if photo.gray:
            continue
        for label in unique_labels(photo.labels)[0].tolist():
            if label in classes:
                own = photo.rgb[photo.labels == label]
                if len(own) > PIXELS_OF_A_PHOTO:
                    own = own[rng.integers(len(own), size=PIXELS_OF_A_PHOTO)]
                drawn.setdefault(label, []).append(to_lab(own[None])[0, :, 1:])
    return {label: _clusters(np.concatenate(drawn[label]), seed) for label in sorted(drawn)}


def unlike_classes(suggestions: Mapping[int, Sequence[Sequence[float]]]) -> dict[int, list[int]]:
    """For the id of each class, in order, those of the classes whose main color is another."""
    main = {label: np.array(rows[0][:2]) for label, rows in suggestions.items()}
    return {
        label: [other for other in main if np.linalg.norm(main[other] - own) >= UNLIKE] for label, own in main.items()
    }


def _clusters(points: NDArray[np.float32], seed: int) -> list[tuple[float, float, float]]:
    """Clusters of chroma (N, 2)."""
    distinct = len(np.unique(points.round(), axis=0))
    with warnings.catch_warnings(action="ignore"):  # a cluster may stay empty: then there are fewer
        _, member = kmeans2(points.astype(np.float64), min(MOST, distinct), minit="++", seed=seed)
    groups = [points[member == index] for index in np.unique(member)]
    while (nearest := _nearest_pair(groups)) is not None:
        first, second = nearest
        groups.append(np.concatenate([groups.pop(second), groups.pop(first)]))
    groups = [group for group in groups if len(group) >= TOO_RARE * len(points)]
    total = sum(len(group) for group in groups)
    found = [(*(round(float(x), 1) for x in group.mean(0)), len(group) / total) for group in groups]
    return sorted(((a, b, weight) for a, b, weight in found), key=lambda item: -item[2])


def _nearest_pair(groups: list[NDArray[Any]]) -> tuple[int, int] | None:
    """Indices, in order, of the two groups that are nearest, if they are too near."""
    centers = np.array([group.mean(0) for group in groups])
    gaps = np.linalg.norm(centers[:, None] - centers, axis=-1)
    gaps[np.tril_indices(len(groups))] = np.inf
    first, second = divmod(int(gaps.argmin()), len(groups))
    return (first, second) if gaps[first, second] < TOO_NEAR else None
