"""The frame of an image: its full size, the working size and the padded size that a network takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.engine.labels import unique_labels

ROWS_AT_ONCE = 512
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
        rows, columns = (
            torch.arange(padded, device=image.device).clamp_(max=size - 1)
            for padded, size in zip(self.padded, self.working, strict=True)
        )
        return image[..., rows[:, None], columns]

    def crop(self, image: Tensor) -> Tensor:
        """Undo `pad`."""
        return image[..., : self.working[0], : self.working[1]]

    def vote(self, labels: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
        """Shrink a full-size label map: each working pixel gets the id with the largest area in it.

        Id 0 wins only where there is no other, so that thin strokes count.

        Parameters
        ----------
        labels : array of uint8 or uint16, (H, W)
        """
        if self.working == self.full:
            return labels.astype(np.int64)
        ids, _ = unique_labels(labels)
        (height, width), (h, w) = self.full, self.working
        rank = np.zeros(int(ids[-1]) + 1, dtype=np.int64)
        rank[ids] = np.arange(len(ids))
        column = np.arange(width) * w // width
        winners = np.zeros((h, w), dtype=np.int64)
        step = max(1, VOTES_AT_ONCE // max(w * len(ids), height * width // h))  # bounds votes and ballots
        for start in range(0, h, step):  # whole working rows, so that no vote is split
            stop = min(start + step, h)
            top, bottom = (-(-edge * height // h) for edge in (start, stop))
            row = np.arange(top, bottom) * h // height - start
            ballot = (row[:, None] * w + column) * len(ids) + rank[labels[top:bottom]]
            votes = np.bincount(ballot.ravel(), minlength=(stop - start) * w * len(ids))
            winners[start:stop] = _winner(votes.reshape(stop - start, w, len(ids)), bool(ids[0] == 0))
        return ids[winners].astype(np.int64)


def _winner(votes: NDArray[np.int64], first_yields: bool) -> NDArray[np.int64]:
    """Index of the largest count; index 0 only where there is no other if it yields."""
    if not first_yields:
        return votes.argmax(-1)
    others = votes[..., 1:]
    return np.where(others.any(-1), others.argmax(-1) + 1, 0) if others.shape[-1] else np.zeros_like(votes[..., 0])


def bilinear_rows(image: Tensor, full: tuple[int, int], rows: slice) -> Tensor:
    """Rows of a (C, h, w) tensor enlarged bilinearly to (C, *full)."""
    top, bottom, weight = neighbors(full[0], image.shape[1], image.device, rows)
    image = torch.lerp(image[:, top], image[:, bottom], weight[:, None])
    left, right, weight = neighbors(full[1], image.shape[2], image.device)
    return torch.lerp(image[..., left], image[..., right], weight)


def neighbors(full: int, small: int, device: torch.device, part: slice = slice(None)) -> tuple[Tensor, Tensor, Tensor]:
    """The two small pixels that each full-size pixel lies between, and the weight of the second."""
    position = torch.arange(full, dtype=torch.float64, device="cpu")[part]
    position = ((position + 0.5) * small / full - 0.5).clamp_(0, small - 1)
    first = position.floor()
    weight = (position - first).float()
    low = first.long()
    return low.to(device), (low + 1).clamp_(max=small - 1).to(device), weight.to(device)
