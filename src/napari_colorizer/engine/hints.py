"""Color hints: points with a wanted color."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from napari_colorizer.engine.frame import Frame

LARGEST_CHROMA = 128
Places = tuple[NDArray[np.intp], NDArray[np.intp]]


class Hints:
    """Points of an image with a wanted a* and b*.

    Parameters
    ----------
    rows : array-like, (N, 5)
        y, x, a*, b*, radius of each hint; y, x and radius in image pixels (0, 0 is the center of the first), a* and b*
        in -128..128. Where two hints overlap, the later one counts.

    Raises
    ------
    ValueError
        If the shape is another, a value is no number or not finite, or a radius is negative.

    Examples
    --------
    >>> len(Hints([(40, 60, 0, 0, 5)]))  # a neutral spot
    1
    """

    def __init__(self, rows: ArrayLike | Hints = ()):
        try:
            values: NDArray[np.float64] = np.array(rows.rows if isinstance(rows, Hints) else rows, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError("hints must be rows of five numbers: y, x, a*, b*, radius") from None
        values = values.reshape(0, 5) if values.size == 0 else values
        if values.ndim != 2 or values.shape[1] != 5:
            raise ValueError(f"hints must be rows of y, x, a*, b*, radius, not of shape {values.shape}")
        if not np.isfinite(values).all() or (values[:, 4] < 0).any():
            raise ValueError("hints must be finite numbers, their radius 0 or more")
        if (np.abs(values[:, 2:4]) > LARGEST_CHROMA).any():
            raise ValueError(f"the a* and b* of hints must lie in -{LARGEST_CHROMA}..{LARGEST_CHROMA}")
        self.rows: NDArray[np.float64] = values

    def __len__(self) -> int:
        return len(self.rows)

    def inside(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Which hints have their center in an image of that shape; the others color nothing."""
        corners = self.rows[:, :2] + 0.5
        return np.asarray(((corners >= 0) & (corners < shape)).all(1))

    def cover(self, frame: Frame, labels: NDArray[Any], working_labels: NDArray[Any]) -> NDArray[np.int32]:
        """The number of the hint that covers each working pixel, (h, w), the latest of several; -1: none.

        A hint speaks for the label at its center: its disk stays on that label, and where the label lost the vote for
        all of the disk, the nearest working pixel of the label is taken. Hints outside the image are left out.

        Parameters
        ----------
        frame : Frame
        labels, working_labels : array of integers, (H, W) and (h, w)
        """
        h, w = frame.working
        cover = np.full((h, w), -1, np.int32)
        y_scale, x_scale = h / frame.full[0], w / frame.full[1]
        for number in np.flatnonzero(self.inside(frame.full)).tolist():
            y, x, _, _, radius = self.rows[number].tolist()
            center = ((y + 0.5) * y_scale, (x + 0.5) * x_scale)  # from pixel centers to corners
            disk = _disk(center, (radius * y_scale, radius * x_scale), (h, w))
            own = labels[int(y + 0.5), int(x + 0.5)]
            disk = tuple(axis[working_labels[disk] == own] for axis in disk)
            cover[disk if len(disk[0]) else _nearest(working_labels == own, center)] = number
        return cover


def _disk(center: tuple[float, float], radii: tuple[float, float], shape: tuple[int, int]) -> Places:
    """Rows and columns of the pixels in an ellipse, and of the one at its center."""
    (y, x), (y_radius, x_radius) = center, radii
    rows = np.arange(max(0, int(y - y_radius)), min(shape[0], int(y + y_radius) + 1))
    columns = np.arange(max(0, int(x - x_radius)), min(shape[1], int(x + x_radius) + 1))
    down, across = (rows + 0.5 - y) / max(y_radius, 1e-6), (columns + 0.5 - x) / max(x_radius, 1e-6)
    inside = down[:, None] ** 2 + across**2 <= 1
    inside[int(y) - rows[0], int(x) - columns[0]] = True
    of_rows, of_columns = inside.nonzero()
    return rows[of_rows], columns[of_columns]


def _nearest(mask: NDArray[np.bool_], center: tuple[float, float]) -> Places:
    """Row and column of the pixel of a mask that is nearest to a place; the place itself where the mask is empty."""
    rows, columns = mask.nonzero()
    if not len(rows):
        return np.array([int(center[0])]), np.array([int(center[1])])
    nearest = [int(np.hypot(rows + 0.5 - center[0], columns + 0.5 - center[1]).argmin())]
    return rows[nearest], columns[nearest]
