"""How soon strokes bring a predicted label map to the truth: spread, painted, or spread by a random walker alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_matrix, diags
from scipy.sparse.csgraph import laplacian
from scipy.sparse.linalg import splu
from skimage.graph import MCP_Geometric
from skimage.transform import resize

from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.color import normalize
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.engine.labels import unique_labels
from napari_colorizer.engine.options import SegmentOptions
from napari_colorizer.engine.segment import Segmentation
from napari_colorizer.engine.strokes import relabel
from napari_colorizer.models.model import Model

STROKES = 8
MOST_PHOTOS = 60  # each is corrected in several ways, stroke by stroke
LEAST_LABELED = 0.5  # of a photo: where people labeled less, most of the map cannot be judged
POINTS = 12  # of a stroke
BRUSH = 1 / 70  # radius, of the shorter side
PRIOR, EDGE = 0.002, 0.3  # of the walker: how strongly a place begins as it was predicted; steps are hard to cross
STRANGE = 1 << 15  # added to the ids of classes that the set lacks

Labels = NDArray[np.integer]
Mask = NDArray[np.bool_]
Corrector = Callable[[Labels], Labels]  # the label map with the strokes so far
Groups = Mapping[int, Iterable[int]]


def evaluate_corrections(
    model: Model,
    photos: Sequence[Photo],
    classes: ClassMap,
    groups: Groups | None = None,
    device: str = "auto",
    on_photo: Callable[[Iterable[Photo]], Iterable[Photo]] = iter,
) -> dict[str, Any]:
    """Correct predicted label maps with simulated strokes, each through the largest piece that is still wrong.

    Parameters
    ----------
    model : Model
        With a segmenter.
    photos : sequence of Photo
        At most `MOST_PHOTOS` of those that are labeled nearly throughout are taken, evenly spread.
    classes : ClassMap
        Of the photos' label maps; the model's own is matched by name.
    groups : mapping, optional
        Ids of the members of each group: a member is right where the truth says its group.
    device : str
    on_photo : callable
        Is given the photos that are taken, and gives them back one by one.

    Returns
    -------
    dict
        "photos", how many; "accuracy", for each way the share of labeled pixels that are right (0..1, mean over
        photos) by the number of strokes, as text; "helped", for each way the share of strokes after which not less was
        right than before. Only "photos" where there are none. The ways:

        - "spread": `Segmentation.spread`;
        - "painted": the strokes alone;
        - "random walker": a random walker on the lightness, with the prediction as its prior.

    Raises
    ------
    ModelError
        If the model has no segmenter.
    """
    model.require_segmenter()
    members = {group: set(own) for group, own in (groups or {}).items()}
    whole = [index for index, photo in enumerate(photos) if (photo.labels != UNLABELED).mean() >= LEAST_LABELED]
    step = max(1, len(whole) / MOST_PHOTOS)
    taken = [photos[whole[int(step * index)]] for index in range(min(len(whole), MOST_PHOTOS))]
    found: dict[str, list[list[float]]] = {}
    for photo in on_photo(taken):
        predicted = model.segmentation(photo.rgb, SegmentOptions(device=device))
        for way, correct in _ways(photo, predicted.translated(_ids(model, classes))).items():
            found.setdefault(way, []).append(_accuracies(photo.labels, correct, members))
    if not found:
        return {"photos": 0}
    return {
        "photos": len(taken),
        "accuracy": {way: dict(zip(_numbers(), np.mean(rows, 0).tolist(), strict=True)) for way, rows in found.items()},
        "helped": {way: float((np.diff(rows) >= 0).mean()) for way, rows in found.items()},
    }


def _numbers() -> list[str]:
    return [str(count) for count in range(STROKES + 1)]


def _ids(model: Model, classes: ClassMap) -> dict[int, int]:
    """The id in a set's class map of each class of a model; of those that it lacks, one that it has not."""
    ids = {label: label + STRANGE for label in model.require_segmenter().config.ids}
    return ids | {theirs: ours for ours, theirs in reversed(classes.match(model.classes).items())}


def _ways(photo: Photo, predicted: Segmentation) -> dict[str, Corrector]:
    """The ways to correct a predicted label map, in the ids of the set."""
    return {
        "spread": lambda strokes: predicted.spread(strokes).likely,
        "painted": lambda strokes: np.where(strokes, strokes, predicted.likely),
        "random walker": lambda strokes: np.where(
            strokes, strokes, _walked(normalize(photo.rgb).mean(-1), predicted, strokes)
        ),
    }


def _walked(gray: NDArray[np.floating], predicted: Segmentation, strokes: Labels) -> Labels:
    """A predicted label map that a random walker with priors (Grady 2005) corrects: edges are all that it looks at."""
    assert predicted.evidence is not None
    evidence, cells, share, off = predicted.evidence.taught(strokes)
    prior = evidence.predicted.reshape(len(evidence.ids), -1)
    lightness = resize(gray, evidence.shape, anti_aliasing=True).ravel()
    number = np.arange(lightness.size).reshape(evidence.shape)
    one, other = (
        np.concatenate(ends)
        for ends in zip(
            (number[:, 1:].ravel(), number[:, :-1].ravel()), (number[1:].ravel(), number[:-1].ravel()), strict=True
        )
    )
    step = np.square(lightness[one] - lightness[other])
    ease = np.exp(-step / (EDGE * max(step.mean(), 1e-9))) + 1e-3
    system = laplacian(coo_matrix((np.r_[ease, ease], (np.r_[one, other], np.r_[other, one]))).tocsr())
    held = np.full(lightness.size, PRIOR)
    wanted = PRIOR * prior
    np.add.at(held, cells, share)
    np.add.at(wanted.T, cells, ((off + prior[:, cells]) * share).T)
    walked = splu((system + diags(held)).tocsc()).solve(wanted.T.astype(np.float64)).T.astype(np.float32)
    after = replace(evidence, probabilities=walked.reshape(evidence.predicted.shape))
    return relabel(predicted.likely, predicted.evidence, after)


def _accuracies(truth: Labels, correct: Corrector, members: Mapping[int, set[int]]) -> list[float]:
    """The share of labeled pixels that are right after 0, 1, 2, ... strokes."""
    strokes = np.zeros(truth.shape, np.int64)
    labeled = truth != UNLABELED
    accuracies: list[float] = []
    while True:
        wrong = labeled & ~_right(truth, correct(strokes), members)
        accuracies.append(1 - float(wrong.sum() / labeled.sum()))
        if len(accuracies) > STROKES:
            return accuracies
        if wrong.any():
            label, piece = _largest_piece(truth, wrong)
            strokes[stroke_through(piece, BRUSH * min(truth.shape))] = label


def _right(truth: Labels, labels: Labels, members: Mapping[int, set[int]]) -> Mask:
    """Which pixels of a label map have the true class, or a member of the true group."""
    right: Mask = truth == labels
    for group, own in members.items():
        right |= (truth == group) & np.isin(labels, list(own))
    return right


def _largest_piece(truth: Labels, wrong: Mask) -> tuple[int, Mask]:
    """The largest connected piece of wrong pixels of one true class, and that class."""
    best: tuple[int, int, Mask] = (0, 0, wrong)
    for label in unique_labels(truth[wrong])[0].tolist():
        pieces, _ = ndimage.label(wrong & (truth == label))
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        if sizes.max() > best[0]:
            best = int(sizes.max()), label, pieces == sizes.argmax()
    return best[1:]


def stroke_through(piece: Mask, radius: float) -> Mask:
    """A stroke of twelve dabs of a brush along the middle of a connected piece of an image, from end to end.

    Parameters
    ----------
    piece : array of bool, (H, W)
        Not empty.
    radius : float
        Of the brush, in pixels; no dab reaches beyond the piece.

    Returns
    -------
    array of bool, (H, W)
    """
    (box,) = ndimage.find_objects(piece.astype(np.uint8))
    inside = np.pad(piece[box], 1)
    depth = ndimage.distance_transform_edt(inside)
    costs = np.where(inside, 1 / np.maximum(depth, 1), -1)  # what is negative is not walked on
    start = _farthest(costs, np.unravel_index(depth.argmax(), depth.shape), depth >= min(radius, depth.max()))
    walk = MCP_Geometric(costs)
    away, _ = walk.find_costs([start])
    away[~np.isfinite(away) | (depth < min(radius, depth.max()))] = -1
    path = np.array(walk.traceback(np.unravel_index(away.argmax(), away.shape)))
    dabs = np.ones(inside.shape, bool)
    dabs[tuple(path[np.linspace(0, len(path) - 1, POINTS).round().astype(int)].T)] = False
    stroke = np.zeros(piece.shape, bool)
    stroke[box] = ((ndimage.distance_transform_edt(dabs) <= radius - 0.5) & inside)[1:-1, 1:-1]
    return stroke


def _farthest(costs: NDArray[np.float64], start: tuple[Any, ...], allowed: Mask) -> tuple[Any, ...]:
    """The allowed place that is the farthest from another."""
    away, _ = MCP_Geometric(costs).find_costs([start])
    away[~np.isfinite(away) | ~allowed] = -1
    return np.unravel_index(away.argmax(), away.shape)
