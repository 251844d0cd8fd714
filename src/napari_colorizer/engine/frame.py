"""The frame of an image: its full size, the working size and the padded size that a network takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.engine.labels import unique_labels

SIDE_AT_ONCE = 256  # pixels of a tile: what is computed of it stays in the cache
VOTES_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Frame:
    """Three sizes of one image, (height, width) each.

    Attributes
    ----------
    full : (int, int)
    working : (int, int)
        The size at which the network runs: the longer side is at most the working size, the aspect is kept.
    padded : (int, int)
        `working`, brought to a multiple of the network's stride, and to twice the stride at least.
    """

    full: tuple[int, int]
    working: tuple[int, int]
    padded: tuple[int, int]

    @classmethod
    def fit(cls, shape: tuple[int, int], working_size: int, stride: int) -> Frame:
        """The frame of an image of that shape."""
        scale = min(1.0, working_size / max(shape))
        height, width = (max(1, round(side * scale)) for side in shape)
        padded_height, padded_width = (max(2, -(-side // stride)) * stride for side in (height, width))
        return cls((shape[0], shape[1]), (height, width), (padded_height, padded_width))

    def shrink(self, image: Tensor) -> Tensor:
        """Average a full-size image (H, W) over areas, down to working size."""
        return F.adaptive_avg_pool2d(image[None], self.working)[0] if self.working != self.full else image

    def pad(self, image: Tensor) -> Tensor:
        """Bring (..., h, w) at working size to the padded size by repeating its last row and column."""
        if self.padded == self.working:
            return image
        rows, columns = (
            torch.arange(padded, device=image.device).clamp_(max=size - 1)
            for padded, size in zip(self.padded, self.working, strict=True)
        )
        return image[..., rows[:, None], columns]

    def crop(self, image: Tensor) -> Tensor:
        """Undo `pad`."""
        return image[..., : self.working[0], : self.working[1]]

    def vote(self, labels: NDArray[np.unsignedinteger], part: Box | None = None) -> NDArray[np.int64]:
        """Shrink a full-size label map: each working pixel gets the id with the largest area in it.

        Id 0 wins only where there is no other, so that thin strokes count.

        Parameters
        ----------
        labels : array of uint8 or uint16
            Those of all full-size pixels, or of `enlarged(part)`.
        part : Box, optional
            The working pixels to vote on; all by default.
        """
        if self.working == self.full:
            return labels.astype(np.int64)
        (height, width), (h, w) = self.full, self.working
        part = part or Box.of(self.working)
        whole = self.enlarged(part)
        ids, _ = unique_labels(labels)
        rank = np.zeros(int(ids[-1]) + 1, dtype=np.int64)
        rank[ids] = np.arange(len(ids))
        column = np.arange(whole.left, whole.right) * w // width - part.left
        winners = np.zeros((part.height, part.width), dtype=np.int64)
        # whole working rows at once, so that no vote is split; their number bounds votes and ballots
        step = max(1, VOTES_AT_ONCE // max(part.width * len(ids), height * whole.width // h))
        for start in range(part.top, part.bottom, step):
            stop = min(start + step, part.bottom)
            top, bottom = (-(-edge * height // h) for edge in (start, stop))
            row = np.arange(top, bottom) * h // height - start
            ballot = (row[:, None] * part.width + column) * len(ids) + rank[
                labels[top - whole.top : bottom - whole.top]
            ]
            votes = np.bincount(ballot.ravel(), minlength=(stop - start) * part.width * len(ids))
            votes = votes.reshape(stop - start, part.width, len(ids))
            winners[start - part.top : stop - part.top] = _winner(votes, bool(ids[0] == 0))
        return ids[winners].astype(np.int64)

    def enlarged(self, box: Box) -> Box:
        """The full-size pixels that vote in a box of working pixels."""
        (height, width), (h, w) = self.full, self.working
        top, bottom = (-(-edge * height // h) for edge in (box.top, box.bottom))
        left, right = (-(-edge * width // w) for edge in (box.left, box.right))
        return Box(top, bottom, left, right)

    def shrunk(self, box: Box) -> Box:
        """The working pixels in which a box of full-size pixels has a vote."""
        (height, width), (h, w) = self.full, self.working
        top, bottom = box.top * h // height, (box.bottom - 1) * h // height + 1
        left, right = box.left * w // width, (box.right - 1) * w // width + 1
        return Box(top, bottom, left, right)


def _winner(votes: NDArray[np.int64], first_yields: bool) -> NDArray[np.int64]:
    """Index of the largest count; index 0 only where there is no other if it yields."""
    if not first_yields:
        return votes.argmax(-1)
    others = votes[..., 1:]
    return np.where(others.any(-1), others.argmax(-1) + 1, 0) if others.shape[-1] else np.zeros_like(votes[..., 0])


def enlarge(image: Tensor, full: tuple[int, int], box: Box) -> Tensor:
    """A box of a tensor (C, h, w) that is enlarged bilinearly to (C, *full)."""
    if tuple(image.shape[1:]) == full:
        return image[:, *box.slices]
    top, rows = _weights(full[0], image.shape[1], slice(box.top, box.bottom), image)
    left, columns = _weights(full[1], image.shape[2], slice(box.left, box.right), image)
    part = image[:, top : top + rows.shape[1], left : left + columns.shape[1]]
    return rows @ part @ columns.T


def _weights(full: int, small: int, part: slice, like: Tensor) -> tuple[int, Tensor]:
    """The first small pixel that a part of the full-size pixels depends on, and the weights of it and the next ones.

    Returns
    -------
    int
    Tensor, (full-size pixels, small pixels)
    """
    cpu = torch.device("cpu")
    place = like.device if like.device.type == "cuda" else cpu  # others lack float64
    low, high, _ = (values[part] for values in neighbors(full, small, cpu))
    first, last = int(low[0]), int(high[-1])  # of the CPU: nothing is waited for
    low, _, weight = (values[part] for values in neighbors(full, small, place))
    distance = (low + weight.double())[:, None] - torch.arange(first, last + 1, device=place)
    return first, (1 - distance.abs_()).clamp_(min=0).to(like)


@lru_cache(maxsize=8)
def neighbors(full: int, small: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The two small pixels that each full-size pixel lies between, and the weight of the second; not to be altered."""
    position = torch.arange(full, dtype=torch.float64, device="cpu")
    position = ((position + 0.5) * small / full - 0.5).clamp_(0, small - 1)
    first = position.floor()
    low = first.long()
    return low.to(device), (low + 1).clamp_(max=small - 1).to(device), (position - first).to(device, torch.float32)
