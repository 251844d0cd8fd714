"""Which parts of a picture must be painted anew."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.boxes import Box
from napari_colorizer.engine.frame import Frame

SMALLEST, LARGEST = 32, 64  # pixels of a tile's side
WORKING_PIXELS = 16  # that a tile is to have, where these limits allow it
NEAR = 32  # boxes, of those in a row-wise order, among which one looks for others to be joined with
PIXELS_OF_A_BOX = 1 << 14  # that are painted in the time that a box takes beside its pixels


class StaleTiles:
    """A grid of tiles, and how far off the color of each may be.

    Parameters
    ----------
    frame : Frame
    """

    def __init__(self, frame: Frame):
        height, width = frame.full
        self._frame = frame
        self.side = int(np.clip(WORKING_PIXELS * max(frame.full) // max(frame.working), SMALLEST, LARGEST))
        self._off = np.full((-(-height // self.side), -(-width // self.side)), np.inf)
        self._seen = self._footprints(0), self._footprints(1)

    def multiple(self, side: int) -> int:
        """The largest multiple of a tile's side that is no larger than `side`, or a tile's side."""
        return max(1, side // self.side) * self.side

    def note_labels(self, box: Box) -> None:
        """Labels have changed in a box of full-size pixels."""
        self._off[self._around(box).slices] = np.inf

    def note_chroma(self, box: Box, change: NDArray[np.floating]) -> None:
        """Chroma has changed around the working pixels of a box, each by so much at most, (box.height, box.width)."""
        found, tiles = change.astype(np.float64), []
        for axis, (low, high) in enumerate(((box.top, box.bottom), (box.left, box.right))):
            starts, ends = self._seen[axis]
            near = slice(np.searchsorted(ends, low, "right"), np.searchsorted(starts, high))
            within = (np.clip(edges[near], low, high) - low for edges in (starts, ends))
            found = _largest_in(found, axis, *within)
            tiles.append(near)
        self._off[*tiles] += found

    def stale(self, tolerance: float = 0.0, inside: Box | None = None) -> list[Box]:
        """Boxes of full-size pixels, of whole tiles, around all whose color may be off by more than `tolerance`.

        Some others may lie in them, and two may overlap: few large boxes are painted sooner than many small ones.

        Parameters
        ----------
        tolerance : float
            In a* or b*.
        inside : Box, optional
            Only tiles that a box of full-size pixels touches.
        """
        stale = self._off > tolerance
        if inside is not None:
            wanted = np.zeros_like(stale)
            wanted[self._around(inside).slices] = True
            stale &= wanted
        return [self._pixels(box) for box in _joined(_rectangles(stale), PIXELS_OF_A_BOX // self.side**2)]

    @property
    def count(self) -> int:
        """How many there are."""
        return self._off.size

    @property
    def left(self) -> int:
        """How many are stale."""
        return int(np.count_nonzero(self._off))

    def note_painted(self, box: Box) -> None:
        """A box of `stale` has been painted."""
        self._off[self._around(box).slices] = 0

    def _around(self, box: Box) -> Box:
        """The tiles that a box of full-size pixels touches."""
        box = box.within(self._frame.full)
        side = self.side
        return Box(box.top // side, -(-box.bottom // side), box.left // side, -(-box.right // side))

    def _pixels(self, tiles: Box) -> Box:
        return Box(*(edge * self.side for edge in tiles)).within(self._frame.full)

    def _footprints(self, axis: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """First working pixel that the color of each tile depends on along an axis, and the one after the last."""
        full, small = self._frame.full[axis], self._frame.working[axis]
        starts = np.arange(0, full, self.side)
        ends = np.minimum(starts + self.side, full)
        first = np.floor((starts + 0.5) * small / full - 0.5).astype(np.intp)
        last = np.floor((ends - 0.5) * small / full - 0.5).astype(np.intp) + 1
        return np.clip(first, 0, small - 1), np.clip(last, 0, small - 1) + 1


def _largest_in(
    values: NDArray[np.float64], axis: int, starts: NDArray[np.intp], ends: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Largest value along an axis between each start and end; the spans may overlap."""
    padded = np.concatenate([values, np.zeros_like(values.take([0], axis))], axis)
    pairs = np.stack([starts, ends], 1).ravel()
    found = np.maximum.reduceat(padded, pairs, axis)
    return found[::2] if axis == 0 else found[:, ::2]


def _joined(boxes: list[Box], spare: int) -> list[Box]:
    """Boxes around the same tiles, and up to `spare` others for each box that they are fewer."""
    found: list[Box] = []
    for box in boxes:
        while other := next((other for other in found[-NEAR:] if _others(box, other) <= spare), None):
            found.remove(other)
            box = box.joined(other)
        found.append(box)
    return found


def _others(box: Box, other: Box) -> int:
    """How many more tiles the smallest box around two has than they have."""
    around = box.joined(other)
    return around.height * around.width - box.height * box.width - other.height * other.width


def _rectangles(mask: NDArray[np.bool_]) -> list[Box]:
    """Rectangles that cover the true pixels of a mask and nothing else: runs of a row, joined with equal ones above."""
    steps = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = (places.tolist() for places in (steps == 1).nonzero())
    ends = (steps == -1).nonzero()[1].tolist()
    found: list[Box] = []
    last: dict[tuple[int, int], int] = {}  # of each run: its last rectangle
    for row, left, right in zip(rows, starts, ends, strict=True):
        at = last.get((left, right))
        if at is not None and found[at].bottom == row:
            found[at] = found[at]._replace(bottom=row + 1)
        else:
            last[left, right] = len(found)
            found.append(Box(row, row + 1, left, right))
    return found
