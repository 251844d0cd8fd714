"""What all channels of guidance have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from napari_colorizer.engine.frame import Frame
    from napari_colorizer.networks.two_stream_config import TwoStreamUNetConfig
    from napari_colorizer.training.options import TrainOptions


class GuidanceChannel(ABC):
    """One kind of thing that a user may say of each pixel.

    What is said has the shape (..., H, W). Its encoding sees each pixel for itself, so that an edit can be followed.

    Parameters
    ----------
    config : TwoStreamUNetConfig
        Of the network that hears it.
    """

    name: ClassVar[str]  # in configs, sessions and crops

    def __init__(self, config: TwoStreamUNetConfig):
        self.config = config

    @staticmethod
    @abstractmethod
    def planes(config: TwoStreamUNetConfig) -> int:
        """How many planes of the guidance stream it fills."""

    @abstractmethod
    def encode(self, said: Tensor, dtype: torch.dtype) -> Tensor:
        """What the guidance stream begins with, (N, planes, H, W) of `dtype`, for what is said, (N, ..., H, W)."""

    def modules(self) -> dict[str, nn.Module]:
        """Modules with weights of its own, by the names that they have in the network."""
        return {}

    @classmethod
    def absent(cls, shape: tuple[int, int]) -> NDArray[Any]:
        """What is said, (..., H, W), where nobody says anything."""
        return np.zeros(shape, np.float32)

    @classmethod
    def shrink(cls, said: NDArray[Any], frame: Frame) -> NDArray[Any]:
        """What a user says of an image, (..., H, W), at working size, (..., h, w); means over areas by default."""
        planes = torch.from_numpy(np.ascontiguousarray(said, np.float32)).reshape(-1, *frame.full)
        small = torch.stack([frame.shrink(plane) for plane in planes])
        return small.reshape(*said.shape[:-2], *frame.working).numpy()

    @classmethod
    @abstractmethod
    def simulate(
        cls, crop: Mapping[str, NDArray[Any]], options: TrainOptions, rng: np.random.Generator
    ) -> NDArray[Any]:
        """What a user might have said of a crop of a photograph, (..., S, S).

        Parameters
        ----------
        crop : mapping
            rgb (3, S, S) uint8, gray (S, S) uint8, labels (S, S) int32: the truth.
        options : TrainOptions
        rng : np.random.Generator
            Of this crop: nothing else may be random.
        """
