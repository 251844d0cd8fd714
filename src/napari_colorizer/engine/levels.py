"""The colors of a session in the sizes that a viewer shows, kept in step while they are painted."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.boxes import Box
from napari_colorizer.engine.session import Session

UNSEEN = 0.25  # of a* or b*: at most one step of 8 bits
HARDLY_SEEN = 2.0  # of a* or b*: may wait as long as a brush moves
LARGEST_SINGLE = 4_000_000  # pixels of a picture that is shown from one array
SMALLEST_LEVEL = 512  # pixels of the longer side


class ColorLevels:
    """The picture of a session and, where it is large, halves of it.

    Parameters
    ----------
    shape : (int, int)

    Attributes
    ----------
    arrays : list of array of uint8, (H, W, 3)
        The full picture and each next level, with half as many rows and columns; altered in place.
    """

    def __init__(self, shape: tuple[int, int]):
        self.arrays = [np.zeros((*shape, 3), np.uint8)]
        if shape[0] * shape[1] > LARGEST_SINGLE:
            while max(self.arrays[-1].shape) > SMALLEST_LEVEL and min(self.arrays[-1].shape[:2]) > 1:
                height, width = self.arrays[-1].shape[:2]
                self.arrays.append(np.zeros((height // 2, width // 2, 3), np.uint8))
        self._session: Session | None = None
        self._out = self.arrays[0]
        self._lock = RLock()

    def __deepcopy__(self, _memo: Any) -> ColorLevels:
        """The colors as they are once they are painted, without the session."""
        with self._lock:
            self.whole()
            copied = ColorLevels(self.shape)
            copied.arrays = [array.copy() for array in self.arrays]
        return copied

    @property
    def shape(self) -> tuple[int, int]:
        """Of the full picture."""
        return self.arrays[0].shape[0], self.arrays[0].shape[1]

    def follow(self, session: Session | None) -> None:
        """Show the colors of another session for an image of the same shape, as it paints them; or of none any more."""
        with self._lock:
            if session is not None:
                assert session.shape == self.shape
            self._out = self.arrays[0][:]  # to a session a new array, all of which is to be painted
            self._session = session

    def paint(
        self, inside: Box | None = None, tolerance: float = 0.0, enough: Callable[[], bool] = lambda: False
    ) -> list[Box]:
        """Paint what has changed, until it is enough, which is asked after each part, and tell where.

        The other arguments are those of `Session.paint`.
        """
        painted = []
        with self._lock:  # a level is made of the one before it
            for box in self._session.paint(inside, tolerance, self._out) if self._session is not None else ():
                painted.append(box)
                self._shrink(box)
                if enough():
                    break
        return painted

    @property
    def painted(self) -> bool:
        """Whether nothing is left to paint."""
        return not self.left

    @property
    def left(self) -> int:
        """How many tiles are left to paint."""
        session = self._session
        return session.left(self._out) if session is not None else 0

    def whole(self) -> NDArray[np.uint8]:
        """The full picture, after what was left of it has been painted."""
        self.paint()
        return self.arrays[0]

    def _shrink(self, box: Box) -> None:
        """Bring a box of the full picture into the smaller levels, as means of four pixels."""
        for larger, smaller in zip(self.arrays, self.arrays[1:], strict=False):
            box = Box(box.top // 2, (box.bottom + 1) // 2, box.left // 2, (box.right + 1) // 2).within(
                smaller.shape[:2]
            )
            rows, columns = slice(2 * box.top, 2 * box.bottom), slice(2 * box.left, 2 * box.right)
            part = larger[rows, columns].astype(np.uint16)
            part = part[::2] + part[1::2]
            smaller[box.slices] = (part[:, ::2] + part[:, 1::2] + 2) >> 2
