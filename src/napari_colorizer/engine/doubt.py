"""Where a segmentation is in doubt, and between which classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from napari_colorizer.boxes import Box
from napari_colorizer.engine.frame import enlarge
from napari_colorizer.engine.strokes import Evidence

DOUBTFUL = 0.5  # and more is shown to the user, region by region
LEAST_CELLS = 3  # of such a region
UNLIKELY = 0.05  # a class that is less probable is not offered


def doubt(evidence: Evidence) -> NDArray[np.float32]:
    """How little the likeliest class of each cell is more probable than the next: 0 sure .. 1 undecided, (h, w)."""
    probabilities = _normalized(evidence)
    if len(probabilities) < 2:
        return np.zeros(evidence.shape, np.float32)
    second, first = np.partition(probabilities, -2, axis=0)[-2:]
    return np.asarray(1 - (first - second), np.float32)


@dataclass(frozen=True, eq=False)
class DoubtfulRegion:
    """A connected part of an image about which a segmentation is in doubt.

    Attributes
    ----------
    cells : array of bool, (h, w)
    choices : tuple of (int, float)
        The likeliest classes and how probable they are (0..1), the likeliest first.
    center : (float, float)
        Of the part where it is deepest, as a share of the image's height and width.
    """

    cells: NDArray[np.bool_]
    choices: tuple[tuple[int, float], ...]
    center: tuple[float, float]

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """The pixels (H, W) of an image of that shape that belong to it."""
        found = torch.from_numpy(self.cells.astype(np.float32))[None]
        mask: NDArray[np.bool_] = (enlarge(found, shape, Box.of(shape))[0] >= 0.5).numpy()
        return mask


def doubtful_regions(
    evidence: Evidence, settled: NDArray[np.bool_] | None = None, confidence: float = 0.0, choices: int = 3
) -> list[DoubtfulRegion]:
    """The regions that are worth a look, the most doubtful first.

    Parameters
    ----------
    evidence : Evidence
    settled : array of bool, (H, W), optional
        Pixels of which somebody has decided; cells of which they are the middle are left out.
    confidence : float
        Where no class is as probable as this (0..1), there is doubt as well.
    choices : int
        How many classes each offers at most.
    """
    amount, probabilities = doubt(evidence), _normalized(evidence)
    doubtful = (amount >= DOUBTFUL) | (probabilities.max(0) < confidence)
    if settled is not None:
        middles = (
            ((np.arange(cells) + 0.5) * size / cells).astype(np.intp)
            for cells, size in zip(evidence.shape, settled.shape, strict=True)
        )
        doubtful &= ~settled[np.ix_(*middles)]
    winner = probabilities.argmax(0)
    regions: list[tuple[float, DoubtfulRegion]] = []
    for channel in np.unique(winner[doubtful]):
        pieces, count = ndimage.label((winner == channel) & doubtful)
        for piece in range(1, count + 1):
            cells = pieces == piece
            if cells.sum() >= LEAST_CELLS:
                offered = _likeliest(evidence.ids, probabilities[:, cells].mean(1), choices)
                regions.append((float(amount[cells].sum()), DoubtfulRegion(cells, offered, _center(cells))))
    return [region for _, region in sorted(regions, key=lambda pair: -pair[0])]


def _normalized(evidence: Evidence) -> NDArray[np.float32]:
    """Probabilities that a correction has left between 0 and 1, with the sum 1."""
    probabilities = np.clip(evidence.probabilities, 1e-6, 1)
    normalized: NDArray[np.float32] = probabilities / probabilities.sum(0)
    return normalized


def _likeliest(ids: tuple[int, ...], probabilities: NDArray[np.float32], most: int) -> tuple[tuple[int, float], ...]:
    order = np.argsort(-probabilities)[:most]
    return tuple((ids[at], float(probabilities[at])) for at in order if at == order[0] or probabilities[at] > UNLIKELY)


def _center(cells: NDArray[np.bool_]) -> tuple[float, float]:
    depth = ndimage.distance_transform_edt(np.pad(cells, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return (float(row) + 0.5) / cells.shape[0], (float(column) + 0.5) / cells.shape[1]
