"""What has changed since the last time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.labels import as_ids, translate, unique_labels

ROWS_AT_ONCE = 256


class LabelChanges:
    """A copy of a label map that follows it, and tells what has changed.

    Attributes
    ----------
    labels : array of integers, (H, W), optional
        The label map as of the last `update`.
    counts : dict
        How many pixels each id has in it.
    """

    def __init__(self) -> None:
        self.labels: NDArray[Any] | None = None
        self.counts: dict[int, int] = {}

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.labels, dtype, copy=copy)

    def update(self, labels: NDArray[np.integer]) -> Box | None:
        """Follow a label map, which another thread may be painting on.

        Returns
        -------
        Box, optional
            Around all pixels that differ from the last time; all of it the first time or in another shape or type,
            None where nothing has changed.
        """
        if self.labels is None or self.labels.shape != labels.shape or self.labels.dtype != labels.dtype:
            self.labels, self.counts = np.array(labels), {}
            self._count(self.labels, 1)
            return Box.of(labels.shape)
        box = _changed(self.labels, labels)
        if box is not None:
            before, after = self.labels[box.slices], np.array(labels[box.slices])
            self._count(before, -1)
            self._count(after, 1)
            self.labels[box.slices] = after
        return box

    def read(self, frame: Frame, part: Box, known: Mapping[int, int] | None = None) -> tuple[Tensor, Tensor]:
        """Labels of the last `update`, as int32, and what they vote for, as int64.

        Parameters
        ----------
        frame : Frame
        part : Box
            Of working pixels.
        known : mapping, optional
            Ids to put in the place of those of the label map; others become 0. By default they stay.

        Returns
        -------
        Tensor of int32
            Those of ``frame.enlarged(part)``.
        Tensor of int64, (part.height, part.width)
            See `Frame.vote`.
        """
        assert self.labels is not None
        own = self.labels[frame.enlarged(part).slices]
        ids = as_ids(own) if known is None else translate(own, known)
        return torch.from_numpy(ids.astype(np.int32)), torch.from_numpy(frame.vote(ids, part))

    def _count(self, labels: NDArray[Any], sign: int) -> None:
        for label, count in zip(*(values.tolist() for values in unique_labels(labels)), strict=True):
            self.counts[label] = self.counts.get(label, 0) + sign * count
            if not self.counts[label]:
                del self.counts[label]


def _changed(before: NDArray[Any], after: NDArray[Any]) -> Box | None:
    """The smallest box around the pixels that differ."""
    rows: list[int] = []
    columns = np.zeros(before.shape[1], bool)
    for start in range(0, len(before), ROWS_AT_ONCE):
        differs = before[start : start + ROWS_AT_ONCE] != after[start : start + ROWS_AT_ONCE]
        found = differs.any(1).nonzero()[0]
        if len(found):
            rows += [start + int(found[0]), start + int(found[-1])]
            columns |= differs.any(0)
    if not rows:
        return None
    across = columns.nonzero()[0]
    return Box(rows[0], rows[-1] + 1, int(across[0]), int(across[-1]) + 1)
