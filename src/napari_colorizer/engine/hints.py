"""Color hints: points with a wanted color."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from napari_colorizer.engine.frame import Frame


class Hints:
    """Points of an image with a wanted a* and b*.

    Parameters
    ----------
    rows : array-like, (N, 5)
        y, x, a*, b*, radius of each hint; y, x and radius in image pixels (0, 0 is the center of the first), a* and b*
        in -128..127. Where two hints overlap, the later one counts.

    Raises
    ------
    ValueError
        If the shape is another, a value is not finite, or a radius is negative.

    Examples
    --------
    >>> len(Hints([(40, 60, 0, 0, 5)]))  # a neutral spot
    1
    """

    def __init__(self, rows: ArrayLike | Hints = ()):
        values: NDArray[np.float64] = rows.rows if isinstance(rows, Hints) else np.asarray(rows, dtype=np.float64)
        values = values.reshape(0, 5) if values.size == 0 else values
        if values.ndim != 2 or values.shape[1] != 5:
            raise ValueError(f"hints must be rows of y, x, a*, b*, radius, not of shape {values.shape}")
        if not np.isfinite(values).all() or (values[:, 4] < 0).any():
            raise ValueError("hints must be finite numbers, their radius 0 or more")
        self.rows: NDArray[np.float64] = values

    def __len__(self) -> int:
        return len(self.rows)

    def to_tensor(self, frame: Frame, scale: float, offset: float) -> Tensor:
        """Hint channels (3, h, w) at working size: scaled a*, scaled b*, mask. Hints outside the image are left out."""
        h, w = frame.working
        hints = torch.zeros(3, h, w)
        y_scale, x_scale = h / frame.full[0], w / frame.full[1]
        for y, x, a, b, radius in self.rows:
            y, x = y + 0.5, x + 0.5  # from the center of the first pixel to its corner
            if not (0 <= y < frame.full[0] and 0 <= x < frame.full[1]):
                continue
            rows = torch.arange(h)[:, None] + 0.5 - y * y_scale
            columns = torch.arange(w)[None] + 0.5 - x * x_scale
            disk = (rows / max(radius * y_scale, 1e-6)) ** 2 + (columns / max(radius * x_scale, 1e-6)) ** 2 <= 1
            disk[min(int(y * y_scale), h - 1), min(int(x * x_scale), w - 1)] = True  # at least one working pixel
            color = torch.tensor([(a - offset) / scale, (b - offset) / scale, 1.0], dtype=torch.float32)
            hints[:, disk] = color[:, None]
        return hints
