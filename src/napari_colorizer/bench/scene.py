"""What is colored where speed is measured: noise on smooth shades, blocks of labels, dabs of a brush. No torch.

No time depends on what a photograph shows, but for the pixels near label borders and outside the gamut.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.boxes import Box

LARGE = ((860, 1200), (4000, 6000))  # 1 and 24 megapixels
BRUSH = 24  # pixels
BLOCKS = 11  # of labels, in height and width


def make_photo(shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Noise on smooth shades of gray."""
    rows, columns = (np.arange(side, dtype=np.float32) for side in shape)
    photo = (110 + 60 * np.sin(rows / 90))[:, None] + 50 * np.cos(columns / 130)
    photo += np.random.default_rng(0).integers(0, 20, shape, np.uint8)
    return photo.clip(0, 255).astype(np.uint8)


def make_labels(shape: tuple[int, int], ids: Sequence[int], step: int = 0) -> NDArray[Any]:
    """Blocks of random labels; with another step, less than the number of ids, no pixel keeps its label."""
    ranks = np.random.default_rng(0).integers(0, len(ids), (BLOCKS, BLOCKS)) + step
    blocks = np.array(ids, np.min_scalar_type(max(ids)))[ranks % len(ids)]
    rows, columns = (np.arange(side) * BLOCKS // side for side in shape)
    return blocks[rows[:, None], columns]


def middle(box: Box, shape: tuple[int, int]) -> Box:
    """The part of that height and width, as far as there is so much, in the middle of a box."""
    height, width = min(shape[0], box.height), min(shape[1], box.width)
    top, left = box.top + (box.height - height) // 2, box.left + (box.width - width) // 2
    return Box(top, top + height, left, left + width)


class Brush:
    """Dabs a round brush on a label map, and changes it each time.

    Parameters
    ----------
    labels : array of integers, (H, W)
        Altered in place.
    ids : sequence of int
        To paint with, by turns: two at least.
    area : Box
        In whose middle half the centers of the dabs lie.
    pitch : float
        Pixels in a working pixel. The dabs lie in the middle of working pixels: a brush that is hardly larger would
        otherwise win few votes, and there would be little to color.
    """

    def __init__(self, labels: NDArray[Any], ids: Sequence[int], area: Box, pitch: float = 1.0):
        self.labels, self._ids, self._pitch = labels, cycle(ids), pitch
        self._area = middle(area, (area.height // 2, area.width // 2))
        self._rng = np.random.default_rng(0)

    def dab(self) -> NDArray[Any]:
        """The label map after one more dab."""
        area, radius = self._area, BRUSH // 2
        corner = self._rng.integers((area.top, area.left), (area.bottom, area.right))
        y, x = ((corner // self._pitch + 0.5) * self._pitch).astype(int).tolist()
        box = Box(y, y, x, x).grown(radius).within(self.labels.shape)
        rows, columns = np.ogrid[box.slices]
        disk = (rows - y + 0.5) ** 2 + (columns - x + 0.5) ** 2 <= radius**2
        self.labels[box.slices][disk] = next(label for label in self._ids if label != self.labels[y, x])
        return self.labels


def peak_memory() -> float:
    """The most memory, in 10^6 bytes, that this process has had in use so far."""
    status = Path("/proc/self/status")
    lines = status.read_text("utf-8").splitlines() if status.exists() else []
    peaks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    if peaks:  # Linux: getrusage would tell what the process has been started from, too
        return int(peaks[0]) * 1024 / 1e6
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
