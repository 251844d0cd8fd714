"""How far a dot of color reaches in an image: as far as things look like what it lies on.

Likeness is a distance in what the network's encoder sees, in lightness, over edges and over the image, to the likest of
what the dot covers: a thing may have several shades. The weights are a compromise, found on photographs, between dots
that take all of a label of one color and dots that stay on one of two colors. Nothing here depends on labels, on other
dots or on colors, so that what is known of a place is kept until that place is left.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.engine.frame import Frame

LIGHTNESS, FEATURES, EDGES, DISTANCE = 1.8, 1.39, 0.1, 0.6  # weights of what makes two places unlike
SMOOTHING = 2.0  # working pixels: texture is no other thing
STEEP = 0.1  # deviations of lightness in a pixel: flatter ones are shading, not edges
OUTER = 5  # percent of a dot, at either end of its lightness, that may lie on something else
MOST_EXAMPLES = 32  # cells under a dot that others are compared with
REACH = 2.4  # unlikeness at which a dot has half a say
DECISION = 4.0  # how sharply it ends there
CUT = 1.2  # beyond `REACH`: nothing is left
SOFTNESS = 5.0  # working pixels: up to here distance hardly counts between two dots
LEAST_DEVIATION = 0.02  # one L*: a flat image has no contrast to divide by
CELL, MOST_CELLS = 4, 96  # working pixels across a cell of what needs no more detail; cells along the longer side

Map = NDArray[np.float32]
Places = tuple[NDArray[np.intp], NDArray[np.intp]]


class Reach(NamedTuple):
    """Where a dot has a say, and how much: `weight` (box.height, box.width) in 0..1, 1 at the dot itself.

    `share` is the same, less where others are likely to be nearer: it decides between dots.
    """

    box: Box
    weight: Map
    share: Map


class Likeness:
    """How alike the places of one image are.

    Parameters
    ----------
    x : Tensor, (1, 1, H', W')
        Lightness as the network sees it, padded.
    features : Tensor, (1, C, h', w')
        Of the same image, as coarse as they come.
    frame : Frame
    """

    def __init__(self, x: Tensor, features: Tensor, frame: Frame):
        self._shape = frame.working
        light = frame.crop(x)[0, 0].float().cpu().numpy()
        light = (light - light.mean()) / max(float(light.std()), LEAST_DEVIATION)
        self._light: Map = gaussian_filter(light, SMOOTHING, mode="nearest")
        self._cell = max(CELL, -(-max(self._shape) // MOST_CELLS))
        self._cells = tuple(-(-side // self._cell) for side in self._shape)
        self._features = _at_cells(features, frame, self._cells, self._cell)
        self._squares = np.square(self._features).sum(0)
        self._graph = _graph(_blocks(_steepness(light), self._cells, self._cell) * self._cell)
        self._enlarge = [
            _bilinear(side, self._cell, cells) for side, cells in zip(self._shape, self._cells, strict=True)
        ]

    def reach(self, disk: Places, center: tuple[int, int], radius: float) -> Reach:
        """Where a dot has a say.

        Parameters
        ----------
        disk : arrays of int, (N,)
            Rows and columns of the working pixels that it covers.
        center : (int, int)
        radius : float
            In working pixels.
        """
        rows, columns = self._enlarge
        unlike = rows @ self._unlike_cells(disk).reshape(self._cells).astype(np.float32) @ columns.T
        y, x = np.ogrid[: self._shape[0], : self._shape[1]]
        away = np.maximum(np.hypot(y - center[0], x - center[1]) - radius, 0)
        unlike += (DISTANCE / max(self._shape)) * away.astype(np.float32)
        darkest, brightest = np.percentile(self._light[disk], (OUTER, 100 - OUTER)).astype(np.float32)
        unlike += LIGHTNESS * np.maximum(np.maximum(darkest - self._light, self._light - brightest), 0)
        unlike[disk] = 0
        near = unlike < REACH + CUT
        down, across = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
        box = Box(int(down[0]), int(down[-1]) + 1, int(across[0]), int(across[-1]) + 1)
        unlike, near, away = unlike[box.slices], near[box.slices], away[box.slices] / SOFTNESS
        weight = np.exp(-DECISION * unlike) * near
        return Reach(box, weight.astype(np.float32), (weight / (1 + away * away) ** 2).astype(np.float32))

    def _unlike_cells(self, disk: Places) -> NDArray[np.floating[Any]]:
        """How unlike each cell is to the likest of those under a dot, in features and over edges."""
        nodes = np.unique(disk[0] // self._cell * self._cells[1] + disk[1] // self._cell)
        over_edges = dijkstra(self._graph, indices=nodes, limit=(REACH + CUT) / EDGES, min_only=True)
        some = nodes[np.linspace(0, len(nodes) - 1, min(len(nodes), MOST_EXAMPLES)).astype(int)]
        apart = self._squares[some, None] + self._squares - 2 * self._features[:, some].T @ self._features
        away = np.sqrt(np.maximum(apart.min(0), 0))
        return FEATURES * away + EDGES * np.minimum(over_edges, (REACH + CUT) / EDGES)


def _steepness(light: Map) -> Map:
    """How steep lightness is beyond what counts as shading."""
    down, across = np.gradient(gaussian_filter(light, 1.0, mode="nearest")) if min(light.shape) > 1 else (0, 0)
    return np.broadcast_to(np.maximum(np.hypot(down, across) - STEEP, 0), light.shape).astype(np.float32)


def _at_cells(features: Tensor, frame: Frame, cells: tuple[int, ...], cell: int) -> Map:
    """Features (C, cells) with the same deviation in each channel; their squared differences sum up to means."""
    own = features[0].float().cpu()
    deviation, mean = torch.std_mean(own, (1, 2), correction=0, keepdim=True)
    own = (own - mean) / deviation.clamp(min=1e-3) / len(own) ** 0.5
    whole = [-(-side // cell) for side in frame.padded]
    fine = F.interpolate(own[None], size=whole, mode="bilinear", align_corners=False)[0]
    return fine[:, : cells[0], : cells[1]].flatten(1).numpy()


def _blocks(values: Map, cells: tuple[int, ...], cell: int) -> Map:
    """Means over cells; those at the end repeat the last row and column."""
    missing = [(0, count * cell - side) for count, side in zip(cells, values.shape, strict=True)]
    return np.pad(values, missing, mode="edge").reshape(cells[0], cell, cells[1], cell).mean((1, 3))


def _graph(cost: Map) -> Any:
    """Neighboring cells, and what a step between them costs."""
    number = np.arange(cost.size).reshape(cost.shape)
    starts, ends, steps = [], [], []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        first, second = _pairs(number, down, right)
        starts.append(first.ravel())
        ends.append(second.ravel())
        one, other = _pairs(cost, down, right)
        steps.append(((one + other) / 2 * np.hypot(down, right)).ravel() + 1e-6)  # 0 would be no neighbor
    places = (np.concatenate(starts), np.concatenate(ends))
    graph = coo_array((np.concatenate(steps).astype(np.float64), places), (cost.size, cost.size)).tocsr()
    return graph + graph.T


def _pairs(values: NDArray[Any], down: int, right: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The values of all pairs of cells that lie so far apart."""
    second = Box.of(values.shape).shifted(down, right).within(values.shape)
    return values[second.shifted(-down, -right).slices], values[second.slices]


def _bilinear(side: int, cell: int, cells: int) -> Map:
    """Weights (side, cells) of cells at each pixel."""
    position = np.clip((np.arange(side) + 0.5) / cell - 0.5, 0, cells - 1)
    return np.maximum(1 - np.abs(position[:, None] - np.arange(cells)), 0).astype(np.float32)
