"""From crops to what a network gets and is to give: on the device, a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from kornia.color import rgb_to_lab
from kornia.filters import gaussian_blur2d
from torch import Tensor

from napari_colorizer.color import luma
from napari_colorizer.networks.two_stream_unet import Lightness

BLUR_KERNEL = (7, 7)


@dataclass
class Inputs:
    """Gray input and chroma of a batch, and its labels.

    Attributes
    ----------
    x : Tensor, (N, 1, S, S)
        Aged lightness in [-1, 1].
    chroma : Tensor, (N, 2, S, S)
        True a*, b*.
    labels : Tensor of int64, (N, S, S)
    """

    x: Tensor
    chroma: Tensor
    labels: Tensor


def gray_and_chroma(crops: dict[str, Tensor], kind: Lightness) -> Inputs:
    """Flip, convert and age a batch of crops; `kind` says which lightness the network takes."""
    flips = crops["flips"]
    rgb = flip(crops["rgb"], flips).float() / 255
    lab = rgb_to_lab(rgb)
    if kind == "L*":
        x = lab[:, :1] / 50 - 1
    else:
        x = luma(rgb.permute(0, 2, 3, 1))[:, None] * 2 - 1
    return Inputs(age(x, crops["tone"], crops["grain"]), lab[:, 1:], flip(crops["labels"], flips).long())


def flip(images: Tensor, flips: Tensor) -> Tensor:
    """Mirror the images (N, ..., S, S) whose flags (N, 2) say so: sideways, upside down."""
    shape = (-1, *[1] * (images.ndim - 1))
    images = torch.where(flips[:, 0].view(shape), images.flip(-1), images)
    return torch.where(flips[:, 1].view(shape), images.flip(-2), images)


def age(x: Tensor, tone: Tensor, grain: Tensor) -> Tensor:
    """Give gray inputs (N, 1, S, S) in [-1, 1] other tones, softness and grain, as old photographs have them."""
    gamma, contrast, blur = (values.view(-1, 1, 1, 1) for values in tone.unbind(1))
    x = (((x + 1) / 2).clamp(0, 1).pow(gamma) * 2 - 1) * contrast
    soft = gaussian_blur2d(x, BLUR_KERNEL, tone[:, 2:].clamp(min=0.1).expand(-1, 2))
    return torch.where(blur > 0, soft, x) + grain[:, None].to(x.dtype)
