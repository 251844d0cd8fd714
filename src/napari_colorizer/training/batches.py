"""From crops to what a network gets and is to give: on the device, a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from kornia.color import rgb_to_lab
from kornia.filters import gaussian_blur2d
from torch import Tensor

from napari_colorizer.color import luma
from napari_colorizer.networks.two_stream_unet import Lightness
from napari_colorizer.training.guidance import REGION

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


def color_hints(hint_map: Tensor, wish: Tensor, chroma: Tensor) -> tuple[Tensor, Tensor]:
    """Simulate color hints.

    A hint's color is the mean of its pixels, or for a region the user's wish, which the target then follows.

    Parameters
    ----------
    hint_map : Tensor of uint8, (N, S, S)
    wish : Tensor, (N, 4)
        See `napari_colorizer.training.guidance.place_hints`.
    chroma : Tensor, (N, 2, S, S)
        True scaled chroma.

    Returns
    -------
    hints : Tensor, (N, 3, S, S)
        What the network gets.
    target : Tensor, (N, 2, S, S)
        What it is to give.
    """
    count = len(hint_map)
    index = hint_map.long() + 256 * torch.arange(count, device=hint_map.device).view(-1, 1, 1)
    flat, values = index.flatten(), chroma.permute(0, 2, 3, 1).reshape(-1, 2)
    sums = values.new_zeros(256 * count, 2).index_add_(0, flat, values)
    means = sums / torch.bincount(flat, minlength=256 * count).clamp(min=1)[:, None]
    means = means.view(count, 256, 2)
    wished, new, keep = wish[:, :1] > 0, wish[:, 1:3], wish[:, 3:]
    before = means[:, REGION]
    after = torch.where(wished, new, before)
    moved = after[..., None, None] + (chroma - before[..., None, None]) * keep[..., None, None]
    region = (hint_map == REGION)[:, None] & wished[..., None, None]
    target = torch.where(region, moved, chroma)
    means[:, REGION] = after
    mask = (hint_map > 0)[:, None]
    colors = means.view(-1, 2)[flat].view(*hint_map.shape, 2).permute(0, 3, 1, 2)
    return torch.cat([colors * mask, mask.to(colors.dtype)], 1), target
