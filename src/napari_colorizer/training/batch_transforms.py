"""From crops to what a network gets and is to give: on the device, a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from kornia.color import rgb_to_lab
from torch import Tensor

from napari_colorizer.engine.segment import network_input
from napari_colorizer.networks import GridNet, TwoStreamUNet
from napari_colorizer.networks.image_encoder import STRIDES


@dataclass
class Inputs:
    """Gray input and chroma of a batch, and its labels.

    Attributes
    ----------
    x : Tensor, (N, 1, S, S)
        Perhaps aged lightness in [-1, 1].
    chroma : Tensor, (N, 2, S, S)
        True a*, b*.
    labels : Tensor of int64, (N, S, S)
    """

    x: Tensor
    chroma: Tensor
    labels: Tensor


def gray_and_chroma(crops: dict[str, Tensor], network: GridNet | TwoStreamUNet) -> Inputs:
    """Flip and convert a batch of crops to what the network takes and gives."""
    flips = crops["flips"]
    chroma = rgb_to_lab(flip(crops["rgb"], flips).float() / 255)[:, 1:]
    gray = flip(crops["gray"], flips).float() / 255
    x = network_input(gray.flatten(0, 1), network.config.lightness).view_as(gray)
    return Inputs(x[:, None], chroma, flip(crops["labels"], flips).long())


def features_of(crops: dict[str, Tensor], network: GridNet | TwoStreamUNet, x: Tensor) -> list[Tensor] | None:
    """What the image encoder of a network gives for a batch: that of the crops, or computed; None without one."""
    if not network.config.image_encoder:
        return None
    if "contrast" in crops:
        found: list[Tensor] = network.image_encoder(x, crops["contrast"])
        return found
    return [crops[f"features{index}"].float() for index in range(len(STRIDES))]


def flip(images: Tensor, flips: Tensor) -> Tensor:
    """Mirror the images (N, ..., S, S) whose flags (N, 2) say so: sideways, upside down."""
    shape = (-1, *[1] * (images.ndim - 1))
    images = torch.where(flips[:, 0].view(shape), images.flip(-1), images)
    return torch.where(flips[:, 1].view(shape), images.flip(-2), images)
