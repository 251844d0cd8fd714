"""Lightness of any image, and the way back from lightness and chroma to sRGB.

CIE Lab here is that of scikit-image: sRGB primaries, D65, 2 degree observer; kornia computes the same on any device.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, cast

import numpy as np
import torch
from kornia.color import rgb_to_lab
from numpy.typing import NDArray
from torch import Tensor

WHITE = (0.95047, 1.0, 1.08883)  # D65
XYZ_TO_RGB = tuple(  # sRGB primaries; X, Y and Z are those of the white, times 0..1
    tuple(value * white for value, white in zip(row, WHITE, strict=True))
    for row in (
        (3.2404813432005266, -1.5371515162713185, -0.4985363261688878),
        (-0.9692549499965682, 1.8759900014898907, 0.0415559265582928),
        (0.0556466391351772, -0.2040413383665112, 1.0573110696453443),
    )
)
CHROMA_TO_ROOTS = ((1 / 500, 0.0), (0.0, 0.0), (0.0, -1 / 200))  # a*, b* to what they add to cube roots of X, Y, Z
MOST_CHROMA = 140.0  # no color of sRGB has more than 134
LITTLE_USED = 0.1  # of its range by an image: perhaps it means another one
RANGE_ADVICE = "if it is too dark or lacks contrast, use --limits auto, or --limits {low},{high} for several images"
BLANK = "every pixel has the same value"
NO_VALUE = "holds no value, only NaN or infinity"
BISECTIONS = 6  # before the secant: the share of chroma that fits is mostly found to 1 / 4000, at corners to 1 / 64
MOST_DISTANCE = 0.5 + 1e-5  # of linear values in gamut from 0.5; what that is too much, is nothing in 8 bits
PIXELS_AT_ONCE = 1 << 17  # what is computed of them stays in the cache of a processor
PIXELS_ON_GPU = 1 << 22


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


def auto_limits(image: NDArray[np.generic]) -> tuple[float, float]:
    """The limits that an image itself gives: those of `finite_ends`, and 0 and 1 where it has no finite value."""
    return finite_ends(image) or (0.0, 1.0)


def finite_ends(image: NDArray[np.generic]) -> tuple[float, float] | None:
    """The smallest and the largest finite value of an image, an alpha channel left out; None where there is none."""
    values = np.asarray(image)[..., :3] if np.ndim(image) == 3 else np.asarray(image)
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    return (float(finite.min()), float(finite.max())) if finite.size else None


def range_note(
    image: NDArray[np.generic], advice: str = RANGE_ADVICE, limits: tuple[float, float] | None = None
) -> str:
    """What to tell of an image that uses under a tenth of the range of its type, or of its limits; empty for others.

    Also of one without any value.

    Such are 12 bits in 16, or negative numbers that never come: nearly black, or nearly one gray.

    Parameters
    ----------
    image : array, (H, W), (H, W, 3) or (H, W, 4)
    advice : str
        What to do about it; ``{low}`` and ``{high}`` stand for the values that it uses.
    limits : (float, float), optional
        The values that mean black and white, in place of the range of the type.
    """
    values = np.asarray(image)[..., :3] if np.ndim(image) == 3 else np.asarray(image)
    if values.dtype.kind not in "uif":
        return ""
    ends = finite_ends(values)
    if ends is None:
        return NO_VALUE if values.size else ""
    (low, high), (black, white) = ends, limits or _full_range(values)
    used = max(0.0, min(high, white) - max(low, black)) / (white - black)
    if used >= LITTLE_USED and (limits or not black < 0 <= low):
        return ""
    whole = "the given limits" if limits else "the range of its data type"
    holds = f"uses {used:.0%} of {whole} ({low:.9g} to {high:.9g} of {black:.9g} to {white:.9g})"
    return f"{holds}: {advice.format(low=f'{low:.9g}', high=f'{high:.9g}') if low < high else BLANK}"


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
            "scale it, or say which values mean black and white (--limits low,high or auto; limits in Python; "
            "the layer's contrast limits)"
        )
    return 0.0, 1.0


def lightness(values: Tensor) -> Tensor:
    """CIE L* (H, W), 0..100, of sRGB-encoded gray (H, W) or RGB (H, W, 3) values in 0..1."""
    if values.ndim == 3:
        rows = max(1, PIXELS_AT_ONCE // values.shape[1])
        return torch.cat([rgb_to_lab(part.permute(2, 0, 1))[0] for part in values.split(rows)])
    linear = torch.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
    return torch.where(linear > 0.008856, 116 * linear.pow(1 / 3) - 16, 903.3 * linear)


def gray_of(lightness: Tensor) -> Tensor:
    """The sRGB-encoded gray (H, W), 0..1, that has a CIE L* (H, W) in 0..100: the inverse of `lightness`."""
    linear = torch.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3)
    return torch.where(linear > 0.0031308, 1.055 * linear.pow(1 / 2.4) - 0.055, 12.92 * linear).clamp(0, 1)


def luma(values: Tensor) -> Tensor:
    """BT.601 luma (H, W), 0..1, of sRGB-encoded gray (H, W) or RGB (..., 3) values in 0..1."""
    if values.ndim == 2:
        return values
    return values @ values.new_tensor([0.299, 0.587, 0.114])


def to_rgb(lightness: Tensor, chroma: Tensor, bits: Literal[8, 16] = 8) -> Tensor:
    """Turn L* and wished a*, b* into sRGB of the same L*.

    A color outside the gamut loses chroma, at constant hue, until it fits; it never loses lightness, as it would if
    R, G and B were clipped.

    Parameters
    ----------
    lightness : Tensor, (H, W)
        L* in 0..100.
    chroma : Tensor, (2, H, W)
        a* and b*.
    bits : {8, 16}
        Of each value.

    Returns
    -------
    Tensor of uint8, or of int32 in 0..65535 for 16 bits, (H, W, 3)
        L* of the result is within 0.5 of `lightness`; with chroma 0 it is the gray of that lightness.
    """
    flat, colors = lightness.flatten(), chroma.flatten(1)
    at_once = PIXELS_AT_ONCE if lightness.device.type == "cpu" else PIXELS_ON_GPU
    parts = zip(flat.split(at_once), colors.split(at_once, 1), strict=True)
    return torch.cat([_to_rgb_flat(*part, bits) for part in parts]).reshape(*lightness.shape, 3)


def _to_rgb_flat(lightness: Tensor, chroma: Tensor, bits: int) -> Tensor:
    """Whole numbers of so many bits, (n, 3), of L* (n,) and a*, b* (2, n)."""
    gray, colored = (lightness + 16) / 116, _like(lightness, CHROMA_TO_ROOTS) @ chroma
    rgb = _to_linear(gray + colored)
    outside = (_distance(rgb) > MOST_DISTANCE).nonzero()[:, 0]
    if len(outside):
        much = torch.hypot(*chroma.index_select(1, outside))
        fitting = _shrink_chroma(gray.index_select(0, outside), colored.index_select(1, outside), much)
        rgb[:, outside] = fitting
    values = _encode(rgb.clamp_(0, 1)).mul_((1 << bits) - 1).round_()
    return values.to(torch.uint8 if bits == 8 else torch.int32).T


def _encode(linear: Tensor) -> Tensor:
    """sRGB-encoded values of linear ones in 0..1."""
    bent = linear.clamp(min=0.0031308)  # below it is a line, which meets the curve there
    return linear.sub_(bent).mul_(12.92).add_(bent.pow_(1 / 2.4), alpha=1.055).sub_(0.055)


def _shrink_chroma(gray: Tensor, colored: Tensor, chroma: Tensor) -> Tensor:
    """Linear RGB (3, n) with as much of the chroma as fits into the gamut.

    Parameters
    ----------
    gray : Tensor, (n,)
        Cube roots of X, Y and Z without chroma.
    colored : Tensor, (3, n)
        What the chroma adds to them.
    chroma : Tensor, (n,)
        How much of it there is.
    """
    colored = colored * (MOST_CHROMA / chroma.clamp(min=MOST_CHROMA))  # finer shares of what is far outside
    share, step = torch.zeros_like(gray), 0.5
    for _ in range(BISECTIONS):
        fits = _distance(_to_linear(torch.addcmul(gray, colored, share + step))) <= MOST_DISTANCE
        share = share + step * fits
        step /= 2
    step *= 2  # the edge lies between `share` and `share + step`
    low, high = (_distance(_to_linear(torch.addcmul(gray, colored, share + more))) - 0.5 for more in (0.0, step))
    share += step * (low / (low - high)).clamp_(0, 1).nan_to_num_(0)
    return _to_linear(torch.addcmul(gray, colored, share))


def _distance(rgb: Tensor) -> Tensor:
    """Largest distance of linear RGB (3, n) from 0.5; in gamut at most that."""
    return (rgb - 0.5).abs_().amax(0)


def _to_linear(roots: Tensor) -> Tensor:
    """Linear sRGB (3, n), which may lie outside 0..1, of the cube roots of X, Y and Z."""
    bent = roots.clamp(min=6 / 29)  # below, CIE Lab has the tangent in place of the cube
    xyz = bent.pow(3).add_(roots.sub(bent), alpha=3 * (6 / 29) ** 2)
    return _like(roots, XYZ_TO_RGB) @ xyz


def _like(tensor: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    return _matrix(matrix, tensor.dtype, tensor.device)


@lru_cache
def _matrix(rows: tuple[tuple[float, ...], ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # it is kept, also for who wants gradients
        return torch.tensor(rows, dtype=dtype, device=device)
