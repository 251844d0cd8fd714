"""Label maps on a GPU: they go there once, whole, and are compared, translated and voted on there.

Whatever is told of them is what `LabelChanges` and `Frame.vote` tell on the CPU, to the pixel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.classes import LARGEST_ID, UNLABELED
from napari_colorizer.engine.changes import LabelChanges
from napari_colorizer.engine.frame import Frame

VOTES_AT_ONCE = 1 << 25  # of a few bytes each: pixels that vote, and ballots of working pixels


class GpuLabelChanges:
    """What `LabelChanges` is, on another device.

    Parameters
    ----------
    device : torch.device
    """

    def __init__(self, device: torch.device):
        self._device = device
        self._dtype: np.dtype[Any] = np.dtype(np.uint8)
        self._values: Tensor | None = None  # of the last `update`; types that PyTorch lacks are read as signed ones
        self._labels: NDArray[Any] | None = None  # the same, once somebody has asked for it
        self._counts: dict[int, int] | None = None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.labels, dtype, copy=copy)

    @property
    def labels(self) -> NDArray[Any] | None:
        """The label map (H, W) as of the last `update`; it is fetched when it is asked for."""
        if self._labels is None and self._values is not None:
            self._labels = self._values.cpu().numpy().view(self._dtype)
        return self._labels

    @property
    def counts(self) -> dict[int, int]:
        """How many pixels each id has in it; they are counted when they are asked for."""
        if self._counts is None:
            self._counts = self._count()
        return self._counts

    def update(self, labels: NDArray[np.integer]) -> Box | None:
        """Follow a label map; see `LabelChanges.update`."""
        dtype = labels.dtype.newbyteorder("=")
        owned = np.require(labels, dtype, ["C", "W"])  # PyTorch warns of what is read-only
        values = torch.from_numpy(owned if dtype == np.uint8 else owned.view(f"i{dtype.itemsize}"))
        before, known = self._values, self._dtype == dtype
        after = values.to(self._device, copy=True)
        if before is None or before.shape != after.shape or not known:
            box: Box | None = Box.of(after.shape)
        else:
            box = Box.around(before != after)
        if box is not None:
            self._values, self._dtype, self._labels, self._counts = after, dtype, None, None
        return box

    def read(self, frame: Frame, part: Box, known: Mapping[int, int] | None = None) -> tuple[Tensor, Tensor]:
        """Labels, and what they vote for; see `LabelChanges.read`."""
        ids = self._ids(frame.enlarged(part))
        if known is None:
            return ids, vote(frame, ids, part, self.counts)
        table = torch.zeros(LARGEST_ID + 1, dtype=torch.int32)
        pairs = [pair for pair in known.items() if all(0 <= label <= LARGEST_ID for label in pair)]
        table[[source for source, _ in pairs]] = torch.tensor([target for _, target in pairs], dtype=torch.int32)
        labels = table.to(self._device).index_select(0, ids.flatten()).view_as(ids)
        return labels, vote(frame, labels, part, [target for _, target in pairs])

    def _ids(self, box: Box) -> Tensor:
        """Labels in a box of pixels, as int32; what cannot be a class id becomes 0."""
        assert self._values is not None
        values = self._values[box.slices]
        if self._dtype.itemsize == 1:
            return values.int().clamp_(min=0)
        if self._dtype == np.uint16:
            return values.int() & LARGEST_ID
        values = values if self._dtype.itemsize > 2 else values.int()
        return torch.where((values >= 0) & (values <= LARGEST_ID), values, UNLABELED).int()

    def _count(self) -> dict[int, int]:
        if self._values is None:
            return {}
        values = self._values.flatten()
        if values.min() >= 0 and values.max() <= LARGEST_ID:  # faster than sorting
            counts = values.bincount()
            ids = counts.nonzero()[:, 0]
            return dict(zip(ids.tolist(), counts[ids].tolist(), strict=True))
        ids, counts = values.unique(return_counts=True)
        return dict(zip(ids.cpu().numpy().view(self._dtype).tolist(), counts.tolist(), strict=True))


def follow_labels(device: torch.device) -> LabelChanges | GpuLabelChanges:
    """What follows the label map of a session on a device."""
    return GpuLabelChanges(device) if device.type == "cuda" else LabelChanges()


def vote(frame: Frame, labels: Tensor, part: Box, candidates: Iterable[int]) -> Tensor:
    """Shrink a label map as `Frame.vote` does, on its device.

    Parameters
    ----------
    frame : Frame
    labels : Tensor of int32
        Those of ``frame.enlarged(part)``.
    part : Box
        The working pixels to vote on.
    candidates : iterable of int
        All ids that occur, and perhaps others; those that are no class ids do not count.

    Returns
    -------
    Tensor of int64, (part.height, part.width)
    """
    if frame.working == frame.full:
        return labels.long()
    (height, width), (h, w), device = frame.full, frame.working, labels.device
    whole, ids = frame.enlarged(part), sorted({UNLABELED, *(label for label in candidates if 0 < label <= LARGEST_ID)})
    known = torch.tensor(ids, device=device)
    rank = torch.zeros(LARGEST_ID + 1, dtype=torch.int64, device=device)
    rank[known] = torch.arange(len(ids), device=device)
    column = torch.arange(whole.left, whole.right, device=device) * w // width - part.left
    winners = []
    # whole working rows at once, so that no vote is split; their number bounds votes and ballots
    step = max(1, VOTES_AT_ONCE // max(part.width * len(ids), height * whole.width // h))
    for start in range(part.top, part.bottom, step):
        stop = min(start + step, part.bottom)
        top, bottom = (-(-edge * height // h) for edge in (start, stop))
        row = torch.arange(top, bottom, device=device) * h // height - start
        chosen = rank.index_select(0, labels[top - whole.top : bottom - whole.top].flatten())
        ballot = (row[:, None] * part.width + column).mul_(len(ids)).flatten() + chosen
        votes = ballot.bincount(minlength=(stop - start) * part.width * len(ids))
        votes = votes.view(stop - start, part.width, len(ids))
        votes[..., 0] = 0  # unlabeled wins only where there is no other; the first of equals wins
        winners.append(known[votes.argmax(-1)])
    return torch.cat(winners)
