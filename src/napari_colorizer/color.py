"""Lightness of any image, and the way back from lightness and chroma to sRGB.

CIE Lab here is that of scikit-image: sRGB primaries, D65, 2 degree observer; kornia computes the same on any device.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from kornia.color import lab_to_rgb, rgb_to_lab
from numpy.typing import NDArray
from torch import Tensor

BISECTIONS = 12  # the share of chroma that is kept in gamut is found to 1 / 4096
GAMUT_TOLERANCE = 1e-4
PIXELS_AT_ONCE = 1 << 20  # bounds the memory of a conversion


def normalize(image: NDArray[np.generic], limits: tuple[float, float] | None = None) -> NDArray[np.float32]:
    """Bring an image to sRGB-encoded values in 0..1.

    Parameters
    ----------
    image : array, (H, W), (H, W, 3) or (H, W, 4)
        Booleans, integers over the full range of their type, or floats in 0..1. An alpha channel is left out.
    limits : (float, float), optional
        The values that mean black and white, in place of the range of the type: a napari layer's contrast limits.

    Returns
    -------
    array of float32, (H, W) or (H, W, 3)
        NaN becomes black; what lies outside the limits is clipped.

    Raises
    ------
    ValueError
        If the shape is none of the above, the limits are not in order, or float values lie outside 0..1 and there
        are no limits.
    TypeError
        If the values are not real numbers.
    """
    image = np.asarray(image)
    if not (image.ndim == 2 or (image.ndim == 3 and image.shape[-1] in (3, 4))):
        raise ValueError(f"an image must be (H, W) gray or (H, W, 3) RGB, not of shape {image.shape}")
    if image.size == 0:
        raise ValueError(f"the image is empty: its shape is {image.shape}")
    if image.dtype.kind not in "buif":
        raise TypeError(f"an image must hold real numbers, not {image.dtype}")
    values = image[..., :3] if image.ndim == 3 else image
    if limits is None:
        limits = _full_range(values)
    low, high = (float(limit) for limit in limits)
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(f"the limits must be finite and in order (black, white), not {low}, {high}")
    span = high - low or 1.0
    if values.dtype.kind in "iu" and values.dtype.itemsize > 2:  # float32 cannot tell such integers apart
        values = values.astype(np.float64)
    scaled = (values.astype(np.result_type(values.dtype, np.float32), copy=False) - low) / span
    return np.clip(np.nan_to_num(scaled, nan=0.0), 0, 1).astype(np.float32, copy=False)


def _full_range(values: NDArray[np.generic]) -> tuple[float, float]:
    if values.dtype.kind == "b":
        return 0.0, 1.0
    if values.dtype.kind in "iu":
        info: np.iinfo[Any] = np.iinfo(cast(Any, values.dtype))
        return float(info.min), float(info.max)
    finite = values[np.isfinite(values)]
    if finite.size and (finite.min() < -0.01 or finite.max() > 1.01):
        raise ValueError(
            f"a float image must lie in 0..1, this one in {finite.min():.4g}..{finite.max():.4g}; "
            "scale it, or say which values mean black and white (limits, or the layer's contrast limits)"
        )
    return 0.0, 1.0


def lightness(values: Tensor) -> Tensor:
    """CIE L* (H, W), 0..100, of sRGB-encoded gray (H, W) or RGB (H, W, 3) values in 0..1."""
    if values.ndim == 3:
        rows = max(1, PIXELS_AT_ONCE // values.shape[1])
        return torch.cat([rgb_to_lab(part.permute(2, 0, 1))[0] for part in values.split(rows)])
    linear = torch.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
    return torch.where(linear > 0.008856, 116 * linear.pow(1 / 3) - 16, 903.3 * linear)


def luma(values: Tensor) -> Tensor:
    """BT.601 luma (H, W), 0..1, of sRGB-encoded gray (H, W) or RGB (..., 3) values in 0..1."""
    if values.ndim == 2:
        return values
    return values @ values.new_tensor([0.299, 0.587, 0.114])


def to_rgb(lightness: Tensor, chroma: Tensor) -> Tensor:
    """Turn L* and wished a*, b* into 8-bit sRGB of the same L*.

    A color outside the gamut loses chroma, at constant hue, until it fits; it never loses lightness, as it would if
    R, G and B were clipped.

    Parameters
    ----------
    lightness : Tensor, (H, W)
        L* in 0..100.
    chroma : Tensor, (2, H, W)
        a* and b*.

    Returns
    -------
    Tensor of uint8, (H, W, 3)
        L* of the result is within 0.5 of `lightness`; with chroma 0 it is the gray of that lightness.
    """
    height, width = lightness.shape
    flat = torch.cat([lightness[None], chroma]).reshape(3, -1)
    parts = [_to_rgb_flat(part) for part in flat.split(PIXELS_AT_ONCE, dim=1)]
    return torch.cat(parts).reshape(height, width, 3)


def _to_rgb_flat(lab: Tensor) -> Tensor:
    """uint8 (n, 3) of Lab (3, n)."""
    rgb = _lab_to_srgb(lab)
    outside = ((rgb < -GAMUT_TOLERANCE) | (rgb > 1 + GAMUT_TOLERANCE)).any(0).nonzero()[:, 0]
    if len(outside):
        rgb[:, outside] = _shrink_chroma(lab[:, outside])
    return (rgb.clamp_(0, 1) * 255).round_().to(torch.uint8).T


def _shrink_chroma(lab: Tensor) -> Tensor:
    """Return sRGB (3, n) of Lab (3, n) with as much chroma as fits into the gamut."""
    low, high = torch.zeros_like(lab[0]), torch.ones_like(lab[0])
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        rgb = _lab_to_srgb(torch.stack([lab[0], lab[1] * middle, lab[2] * middle]))
        inside = ((rgb >= -GAMUT_TOLERANCE) & (rgb <= 1 + GAMUT_TOLERANCE)).all(0)
        low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
    return _lab_to_srgb(torch.stack([lab[0], lab[1] * low, lab[2] * low]))


def _lab_to_srgb(lab: Tensor) -> Tensor:
    return lab_to_rgb(lab[:, None], clip=False)[:, 0]
