"""Boxes of pixels.

A box holds the rows ``top`` up to ``bottom`` and the columns ``left`` up to ``right`` of an image, the ends left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

Span = tuple[int, int]


class Box(NamedTuple):
    """A rectangle of pixels; empty where an end is not beyond its start."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def of(cls, shape: Any) -> Box:
        """All of an image of the shape (..., height, width)."""
        return cls(0, int(shape[-2]), 0, int(shape[-1]))

    @classmethod
    def around(cls, mask: Tensor) -> Box | None:
        """The smallest box around the true pixels of a mask (H, W); None where there are none."""
        rows = mask.any(1).nonzero()[:, 0].tolist()
        if not rows:
            return None
        columns = mask[rows[0] : rows[-1] + 1].any(0).nonzero()[:, 0].tolist()
        return cls(rows[0], rows[-1] + 1, columns[0], columns[-1] + 1)

    @property
    def height(self) -> int:
        """Rows."""
        return max(0, self.bottom - self.top)

    @property
    def width(self) -> int:
        """Columns."""
        return max(0, self.right - self.left)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, for the last two axes of an array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, margin: int) -> Box:
        """The box with a margin on every side."""
        return Box(self.top - margin, self.bottom + margin, self.left - margin, self.right + margin)

    def shifted(self, down: int, right: int) -> Box:
        """The box some rows further down and some columns further to the right."""
        return Box(self.top + down, self.bottom + down, self.left + right, self.right + right)

    def within(self, shape: Any) -> Box:
        """The part inside an image of the shape (..., height, width)."""
        top, bottom, left, right = self
        height, width = int(shape[-2]), int(shape[-1])  # unrolled: an edit asks for dozens of these
        rows = min(max(0, top), height), min(max(0, bottom), height)
        return Box(*rows, min(max(0, left), width), min(max(0, right), width))

    def meets(self, other: Box) -> bool:
        """Whether the two have a pixel in common."""
        return max(self.top, other.top) < min(self.bottom, other.bottom) and max(self.left, other.left) < min(
            self.right, other.right
        )

    def joined(self, other: Box) -> Box:
        """The smallest box around both, of which neither is empty."""
        return Box(
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
        )

    def parts(self, side: int) -> Iterator[Box]:
        """Boxes of at most `side` pixels in height and width that make it up."""
        for top in range(self.top, self.bottom, side):
            for left in range(self.left, self.right, side):
                yield Box(top, min(top + side, self.bottom), left, min(left + side, self.right))

    def moved(self, move: Callable[[Span], Span]) -> Box:
        """The box that a function of spans makes of its rows and its columns."""
        return Box(*move((self.top, self.bottom)), *move((self.left, self.right)))
