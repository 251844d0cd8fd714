"""Strokes that learn: what somebody paints on a predicted label map tells of other places that look alike.

The correction is the mean of a Gaussian process over the cells of a coarse grid: how far the predicted probabilities
are off is known where somebody has painted, and is taken to be nought elsewhere, the more so the less a place is like
the strokes. So a place that resembles none keeps what was predicted, to the pixel. It is fitted in closed form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.classes import UNLABELED
from napari_colorizer.engine.frame import SIDE_AT_ONCE, enlarge

MOST_CELLS = 8192
MOST_SAMPLES = 600  # cells that strokes are learned from
STROKE_NOISE = 0.02  # variance, of a cell that is full of a stroke
LEAST_SHARE = 0.02  # of a cell that a stroke covers, that counts
NEARBY = 0.15  # of the longer side: within this, what is roughly alike counts
ALIKE, SAME = 0.9, 0.25  # distance of features of what is roughly alike, and of what is alike wherever it is
ANYWHERE = 0.6  # share of what is alike wherever it is
NEGLIGIBLE = 0.02  # a probability that is off by less is left alone

Float = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a segmenter sees in the cells of a coarse grid over an image.

    Attributes
    ----------
    ids : tuple of int
        Class id of each channel.
    predicted : array of float32, (C, h, w)
        How probable the network says each class to be (0..1).
    features : array of float32, (D, h, w)
        What each cell looks like to the network.
    probabilities : array of float32, (C, h, w)
        How probable each class is after the strokes so far.
    """

    ids: tuple[int, ...]
    predicted: Float
    features: Float
    probabilities: Float

    @classmethod
    def of(cls, ids: Sequence[int], probabilities: Tensor, looks: Sequence[Tensor], stride: int) -> Evidence:
        """Gather what a network sees.

        Parameters
        ----------
        ids : sequence of int
        probabilities : Tensor, (C, H, W)
            At working size.
        looks : sequence of Tensor, (D, H, W)
            Features at working size, or about it; each counts as much as the others.
        stride : int
            Of the finest features.
        """
        height, width = probabilities.shape[1:]
        scale = max(stride, (height * width / MOST_CELLS) ** 0.5)
        cells = tuple(max(1, round(side / scale)) for side in (height, width))
        small = F.adaptive_avg_pool2d(probabilities, cells).float()
        parts = [_normalized(F.adaptive_avg_pool2d(look.float(), cells)) for look in (*looks, small)]
        features = torch.cat(parts) / len(parts) ** 0.5
        predicted = small.cpu().numpy()
        return cls(tuple(ids), predicted, features.cpu().numpy(), predicted)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return self.predicted.shape[1], self.predicted.shape[2]

    def translated(self, ids: Mapping[int, int]) -> Evidence:
        """The same, where the classes have other ids."""
        return replace(self, ids=tuple(ids.get(label, label) for label in self.ids))

    def corrected(self, strokes: NDArray[np.integer]) -> Evidence:
        """What is probable when somebody has painted strokes, (H, W) at full size; 0 is no stroke.

        Ids that the network does not know get a channel of their own.
        """
        wider, cells, share, off = self.taught(strokes)
        kernel = self._likeness(cells)
        noise = np.diag(STROKE_NOISE / share).astype(np.float32)
        weights = np.linalg.solve(kernel[:, cells] + noise, off.T)
        return replace(wider, probabilities=wider.predicted + (weights.T @ kernel).reshape(wider.predicted.shape))

    def taught(self, strokes: NDArray[np.integer]) -> tuple[Evidence, NDArray[np.intp], NDArray[np.float64], Float]:
        """What strokes tell of the cells that they touch.

        Parameters
        ----------
        strokes : array of int, (H, W)
            At full size; 0 is no stroke.

        Returns
        -------
        Evidence
            As it was predicted, with channels for the ids that the network does not know.
        array of int, (n,)
            The cells, row by row.
        array of float64, (n,)
            Which share of each is covered (0..1].
        array of float32, (C, n)
            How far the predicted probabilities are off there.
        """
        cells, painted, share = _cells_of(strokes, self.shape)
        ids = (*self.ids, *sorted(set(painted.tolist()) - set(self.ids)))
        new = np.zeros((len(ids) - len(self.ids), *self.shape), np.float32)
        predicted = np.concatenate([self.predicted, new])
        off = (np.array(ids)[:, None] == painted).astype(np.float32) - predicted.reshape(len(ids), -1)[:, cells]
        return replace(self, ids=ids, predicted=predicted, probabilities=predicted), cells, share, off

    def _likeness(self, samples: NDArray[np.intp]) -> Float:
        """How much some cells tell of all (samples, cells), 0..1."""
        flat = self.features.reshape(len(self.features), -1)
        apart = _distances(flat, samples)
        rows, columns = np.divmod(np.arange(flat.shape[1]), self.shape[1])
        away = _distances((np.stack([rows, columns]) / max(self.shape)).astype(np.float32), samples)
        near = np.exp(-apart / (2 * ALIKE**2) - away / (2 * NEARBY**2))
        likeness: Float = (1 - ANYWHERE) * near + ANYWHERE * np.exp(-apart / (2 * SAME**2))
        return likeness


def relabel(likely: NDArray[np.integer], before: Evidence, after: Evidence) -> NDArray[np.uint16]:
    """The label map (H, W) with the likeliest classes where the probabilities have changed, and as it was elsewhere."""
    labels = likely.astype(np.uint16)
    change = after.probabilities.copy()
    change[: len(before.ids)] -= before.probabilities[: len(before.ids)]
    changed = torch.from_numpy(np.abs(change).max(0))[None]
    winners = np.unique(after.probabilities.argmax(0))
    ids, probabilities = np.array(after.ids)[winners], torch.from_numpy(after.probabilities[winners])
    for box in Box.of(labels.shape).parts(SIDE_AT_ONCE):
        moved = enlarge(changed, labels.shape, box)[0] > NEGLIGIBLE
        if moved.any():
            best = ids[_winners(enlarge(probabilities, labels.shape, box)).numpy()]
            labels[box.slices] = np.where(moved.numpy(), best, labels[box.slices])
    return labels


def _winners(values: Tensor) -> Tensor:
    """Index of the largest of values (C, H, W): `argmax` over the first axis takes ten times as long on a CPU."""
    best, winner = values[0].clone(), torch.zeros(values.shape[1:], dtype=torch.int64)
    for channel, value in enumerate(values[1:], 1):
        winner.masked_fill_(value > best, channel)
        torch.maximum(best, value, out=best)
    return winner


def _normalized(features: Tensor) -> Tensor:
    """Features (D, h, w) with the mean nought, and a mean square length of one."""
    features = features - features.mean((1, 2), keepdim=True)
    return features / features.square().sum(0).mean().sqrt().clamp_(min=1e-6)


def _cells_of(
    strokes: NDArray[np.integer], shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """The cells that strokes touch, with the id, and which share of the cell (0..1] they cover; not too many."""
    pixels = np.nonzero(strokes != UNLABELED)
    (height, width), (h, w) = strokes.shape, shape
    painted = strokes[pixels].astype(np.intp)
    cell = (pixels[0] * h // height) * w + pixels[1] * w // width
    ids = np.unique(painted)
    found, counts = np.unique(cell * len(ids) + np.searchsorted(ids, painted), return_counts=True)
    share = np.clip(counts * (h * w) / (height * width), LEAST_SHARE, 1)
    if len(found) > MOST_SAMPLES:
        kept = _spread_over(found % len(ids), MOST_SAMPLES)
        found, share = found[kept], share[kept]
    return found // len(ids), ids[found % len(ids)], share


def _spread_over(classes: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """Indices of so many at most, evenly spread, with as many of each class as there can be."""
    each = [np.flatnonzero(classes == label) for label in np.unique(classes)]
    room, kept = most, []
    for left, own in enumerate(sorted(each, key=len), -len(each)):
        own = own[np.linspace(0, len(own) - 1, min(len(own), room // -left)).round().astype(np.intp)]
        room -= len(own)
        kept.append(own)
    return np.sort(np.concatenate(kept))


def _distances(features: Float, samples: NDArray[np.intp]) -> Float:
    """Squared distance of the columns of features (D, n) from some of them, (samples, n)."""
    square = np.square(features).sum(0)
    distances: Float = square[samples, None] + square - 2 * features[:, samples].T @ features
    return np.maximum(distances, 0, out=distances)
