"""Labels: what each pixel shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_colorizer.guidance.channel import GuidanceChannel
from napari_colorizer.guidance.label_simulation import degrade_labels

if TYPE_CHECKING:
    from napari_colorizer.engine.frame import Frame
    from napari_colorizer.networks.two_stream_config import TwoStreamUNetConfig
    from napari_colorizer.training.options import TrainOptions


class ClassRanks(nn.Module):
    """Turns class ids into their ranks in the network's list of ids.

    Parameters
    ----------
    ids : tuple of int
        Class ids in the order that the network was trained with.
    """

    sorted_ids: Tensor
    sorted_ranks: Tensor

    def __init__(self, ids: tuple[int, ...]):
        super().__init__()
        ranks = sorted(range(len(ids)), key=ids.__getitem__)
        self.register_buffer("sorted_ids", torch.tensor([ids[rank] for rank in ranks]), persistent=False)
        self.register_buffer("sorted_ranks", torch.tensor(ranks), persistent=False)

    def forward(self, labels: Tensor) -> Tensor:
        """Ranks (int64) of class ids of any integer dtype; ids that are not in the list get rank 0."""
        labels = labels.long()
        position = torch.searchsorted(self.sorted_ids, labels).clamp_(max=len(self.sorted_ids) - 1)
        known = self.sorted_ids[position] == labels
        return torch.where(known, self.sorted_ranks[position], 0)


class LabelChannel(GuidanceChannel):
    """Class ids (H, W); 0 means "you decide". A class is a learned vector, or its rank as a gray level."""

    name = "labels"

    def __init__(self, config: TwoStreamUNetConfig):
        super().__init__(config)
        self._ranks = ClassRanks(config.ids)
        if config.embedding:
            self._vectors = nn.Embedding(len(config.ids), config.embedding, padding_idx=0)

    @staticmethod
    def planes(config: TwoStreamUNetConfig) -> int:
        """The length of a class vector; one where a class is a gray level."""
        return config.embedding or 1

    def modules(self) -> dict[str, nn.Module]:
        """The table of ranks and, if there are any, the class vectors."""
        return {"ranks": self._ranks} | ({"class_vectors": self._vectors} if self.config.embedding else {})

    def encode(self, said: Tensor, dtype: torch.dtype) -> Tensor:
        """The vector of each pixel's class, or its rank, scaled to -1..1."""
        ranks = self._ranks(said)
        if self.config.embedding:
            return self._vectors(ranks).permute(0, 3, 1, 2).to(dtype)
        return (2 * ranks.float() / max(len(self.config.ids) - 1, 1) - 1)[:, None].to(dtype)

    @classmethod
    def absent(cls, shape: tuple[int, int]) -> NDArray[Any]:
        """All 0."""
        return np.zeros(shape, np.int64)

    @classmethod
    def shrink(cls, said: NDArray[Any], frame: Frame) -> NDArray[Any]:
        """A vote of the pixels; see `Frame.vote`."""
        return frame.vote(said)

    @classmethod
    def simulate(
        cls, crop: Mapping[str, NDArray[Any]], options: TrainOptions, rng: np.random.Generator
    ) -> NDArray[Any]:
        """Some of the labels, not quite exact."""
        return degrade_labels(crop["labels"], options, rng)
