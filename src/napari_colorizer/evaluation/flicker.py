"""How much the colors of a series flicker: how they change from slice to slice beyond how the true ones do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.engine.options import ColorizeOptions
from napari_colorizer.evaluation.metrics.color import RGB, Lab, ciede2000, to_lab
from napari_colorizer.models.model import Model
from napari_colorizer.series.coloring import SeriesColorizer
from napari_colorizer.series.flow import Flow
from napari_colorizer.series.options import SeriesOptions

MOST_APART = 1.5  # pixels: there and back again
FEWEST_SEEN = 0.05  # share of the pixels that two slices must have in common to be compared


@dataclass(frozen=True)
class Flicker:
    """What was measured of one way to color series.

    Attributes
    ----------
    flicker : float
        Mean CIEDE2000 between a slice and its warped neighbor, beyond that of the true colors; pixel by pixel, where
        the truth changes more it counts as 0.
    ciede2000 : float
        Mean difference to the true colors.
    pairs : int
        How many neighbors were compared.
    """

    flicker: float
    ciede2000: float
    pairs: int


class Film:
    """A series of which the true colors are known.

    Parameters
    ----------
    slices : sequence of arrays of uint8, (H, W, 3)
        Of one size.
    """

    def __init__(self, slices: Sequence[RGB]):
        self.slices = slices

    @cached_property
    def truth(self) -> list[Lab]:
        """The slices in CIE Lab."""
        return [to_lab(rgb) for rgb in self.slices]

    @cached_property
    def flows(self) -> list[tuple[Flow, NDArray[np.bool_]]]:
        """The flow from each slice but the first to the one before, and where (H, W) it can be relied on.

        That is where the way there and back again ends where it began. Both are found in the lightness alone, and by
        no decision of what is measured.
        """
        found = []
        for before, after in pairwise(self.truth):
            shape = (after.shape[0], after.shape[1])
            back = Flow.between(before[..., 0], after[..., 0]).at(shape)
            forth = Flow.between(after[..., 0], before[..., 0]).at(shape)
            apart = np.hypot(*(back.displacement + back.warp(forth.displacement)))
            found.append((back, (apart < MOST_APART) & back.inside()))
        return found

    def flicker(self, colored: Sequence[Lab]) -> list[float]:
        """How much the colors of slices change from each to the next, beyond how the true ones do.

        Parameters
        ----------
        colored : sequence of arrays, (H, W, 3)
            The slices in other colors, in CIE Lab.

        Returns
        -------
        list of float
            The mean CIEDE2000 for each two neighbors that have enough in common to be compared.
        """
        changes = []
        for neighbors, truth, (flow, seen) in zip(pairwise(colored), pairwise(self.truth), self.flows, strict=True):
            if seen.mean() >= FEWEST_SEEN:
                extra = _change(neighbors, flow) - _change(truth, flow)
                changes.append(float(extra[seen].clip(0).mean()))
        return changes


def measure_flicker(
    model: Model, films: Iterable[Film], options: SeriesOptions | None = None, device: str = "auto"
) -> Flicker:
    """Color films without a word of anybody, and measure how the colors flicker.

    Parameters
    ----------
    model : Model
    films : iterable of Film
    options : SeriesOptions, optional
        None: each slice is colored for itself.
    device : str

    Raises
    ------
    ModelError
        If the model has no colorizer.
    """
    options = options or SeriesOptions(steadiness=0, carry=False)
    changes: list[float] = []
    distances: list[float] = []
    for film in films:
        colorizer = SeriesColorizer(model, ColorizeOptions(device=device), options)
        colored = [to_lab(colorizer.color(rgb).rgb) for rgb in film.slices]
        distances += [float(ciede2000(true, lab).mean()) for true, lab in zip(film.truth, colored, strict=True)]
        changes += film.flicker(colored)
    mean = float(np.mean(changes)) if changes else float("nan")
    return Flicker(mean, float(np.mean(distances)), len(changes))


def _change(neighbors: tuple[Lab, Lab], flow: Flow) -> NDArray[np.floating]:
    before, after = neighbors
    warped = np.moveaxis(flow.warp(np.moveaxis(before, -1, 0)), 0, -1)
    return ciede2000(after, warped)


def moving_window(rgb: RGB, count: int, size: tuple[int, int], step: float = 3.0) -> list[RGB]:
    """A camera move over a photograph: a window that goes to and fro along a curve.

    Parameters
    ----------
    rgb : array of uint8, (H, W, 3)
    count : int
        How many slices.
    size : (int, int)
        Height and width of the window, no larger than the photograph.
    step : float
        How many pixels the window moves at most from one slice to the next.

    Raises
    ------
    ValueError
        If the window is larger than the photograph.
    """
    free = [full - side for full, side in zip(rgb.shape[:2], size, strict=True)]
    if min(free) < 0:
        raise ValueError(f"a window of {size} is larger than the photograph of {rgb.shape[:2]}")
    travelled = np.arange(count) * step
    rows, columns = (
        np.abs((travelled * pace + room) % (2 * room or 1) - room).clip(0, room).round().astype(int)
        for pace, room in zip((0.6, 0.8), free, strict=True)
    )
    return [np.ascontiguousarray(rgb[y : y + size[0], x : x + size[1]]) for y, x in zip(rows, columns, strict=True)]
