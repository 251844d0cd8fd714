"""Dots and pinned regions along a series: they go with what they lie on, as labels do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.pins import Pin, Pixel
from napari_colorizer.series.carry import Labels
from napari_colorizer.series.flow import Flow

COLUMNS = 8  # of a row that keeps a dot or a pinned region
_DOT, _REGION = 0.0, 1.0
_NO_COLOR = 255.0  # in place of a* and b*, which are smaller


@dataclass(frozen=True, eq=False)
class SliceWishes:
    """What is wished for the colors of one slice, beside the pins of classes, which hold for all slices.

    Attributes
    ----------
    hints : Hints
        Dots.
    regions : mapping
        Pins by a pixel (row, column) of a region, as `Pins.regions` has them.
    ends : frozenset of str
        "dots" or "regions" where the slice is to have none, though the one before has some.
    """

    hints: Hints = field(default_factory=Hints)
    regions: Mapping[Pixel, Pin] = field(default_factory=dict)
    ends: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(len(self.hints) or self.regions or self.ends)

    def or_else(self, others: SliceWishes) -> SliceWishes:
        """These, and where they have no dots, or no regions, and these do not end here, those of others."""
        keeps_dots, keeps_regions = len(self.hints) or "dots" in self.ends, self.regions or "regions" in self.ends
        return SliceWishes(
            self.hints if keeps_dots else others.hints, self.regions if keeps_regions else others.regions
        )

    def carried(self, flow: Flow, before: Labels, after: Labels) -> SliceWishes:
        """These moved to the next slice; what is not there any more is left out.

        A dot is not there if its place has left the image, if the next slice does not show there what it lay on, or at
        a cut. A region is not there either if its place has another label.

        Parameters
        ----------
        flow : Flow
            From the next slice to this one, at any size.
        before, after : array of integers, (H, W)
            The labels of both slices.
        """
        shape = (after.shape[0], after.shape[1])
        places, stays = moved(self.hints.rows[:, :2], flow, shape)
        rows = np.hstack([places, self.hints.rows[:, 2:]])[stays]
        return SliceWishes(Hints(rows), dict(moved_regions(self.regions.items(), flow, before, after)))

    def to_rows(self) -> NDArray[np.float64]:
        """An array (N, `COLUMNS`) of finite numbers that tells all of it."""
        dots = [(_DOT, *row, 1, 1) for row in self.hints.rows.tolist()]
        pins = [
            (_REGION, y, x, *(pin.color or (_NO_COLOR, _NO_COLOR)), 0, pin.factor, pin.strength)
            for (y, x), pin in self.regions.items()
        ]
        return np.array([*dots, *pins], np.float64).reshape(-1, COLUMNS)

    @classmethod
    def from_rows(cls, rows: NDArray[np.float64]) -> SliceWishes:
        """What `to_rows` gave."""
        regions = {}
        for _, y, x, a, b, _, factor, strength in rows[rows[:, 0] == _REGION].tolist():
            regions[int(y), int(x)] = Pin(None if a == _NO_COLOR else (a, b), factor, strength)
        return cls(Hints(rows[rows[:, 0] == _DOT, 1:6]), regions)


def moved(points: ArrayLike, flow: Flow, shape: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Where points of the slice before are in this one, (N, 2), and which of them, (N,), are still there.

    Parameters
    ----------
    points : array-like of float, (N, 2)
        Rows and columns in pixels of the slice; 0 is the center of the first.
    flow : Flow
        From this slice to the one before, at any size.
    shape : (int, int)
        Height and width of the slices.
    """
    given = np.asarray(points, np.float64).reshape(-1, 2)
    scale = np.array(flow.trust.shape) / shape
    places = (flow.move((given + 0.5) * scale - 0.5) + 0.5) / scale - 0.5
    inside = ((places >= -0.5) & (places < np.array(shape) - 0.5)).all(1)
    nearest = np.floor((places + 0.5) * scale).clip(0, np.array(flow.trust.shape) - 1).astype(int)
    return places, inside & (flow.trust[nearest[:, 0], nearest[:, 1]] > 0)


def moved_regions(
    regions: Iterable[tuple[Pixel, Pin]], flow: Flow, before: Labels, after: Labels
) -> list[tuple[Pixel, Pin]]:
    """Pinned regions of the slice before as they are in this one; the arguments are those of `SliceWishes.carried`."""
    known = list(regions)
    places, stays = moved([pixel for pixel, _ in known], flow, (after.shape[0], after.shape[1]))
    found = []
    for (old, pin), place, there in zip(known, np.floor(places + 0.5).astype(int).tolist(), stays, strict=True):
        if there and before[old] == after[place[0], place[1]]:
            found.append(((place[0], place[1]), pin))
    return found
