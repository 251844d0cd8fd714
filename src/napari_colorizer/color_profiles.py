"""Color profiles and gamma of image files: pixels as a screen should show them, in sRGB."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

NO_COLORS = ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV")  # modes whose values are not gray or RGB
SCREEN_GAMMA, LIKE_SCREEN = 1 / 2.2, 0.05  # of a PNG's gAMA, and how far from it still means sRGB
SRGB = ImageCms.createProfile("sRGB")
Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def converted(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An image of CIE Lab or CMYK as sRGB; without a usable profile CMYK counts as plain ink."""
    try:
        source: Any = io.BytesIO(profile) if profile else ImageCms.createProfile("LAB")
        return cast(Image.Image, ImageCms.profileToProfile(image, source, SRGB, outputMode="RGB"))
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB")


def in_srgb(pixels: NDArray[Any], profile: bytes | None) -> NDArray[Any]:
    """Gray or RGB pixels as a screen should show them; unchanged without a profile, or through a damaged one."""
    if not profile or pixels.dtype.kind not in "uf" or pixels.ndim not in (2, 3):
        return pixels
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if pixels.ndim == 2 and space == "GRAY":
            return bend(pixels, _curve_of(source))
        if (
            pixels.ndim == 3
            and space == "RGB"
            and pixels.dtype.kind == "u"
            and "srgb" not in (source.profile.profile_description or "").lower()
        ):
            return _seen_through(pixels, source)
    except (ImageCms.PyCMSError, OSError, ValueError):
        pass
    return pixels


def _curve_of(source: ImageCms.ImageCmsProfile) -> Curve:
    """What a profile of gray images makes of a gray."""
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    exact = ImageCms.Flags.NOOPTIMIZE  # else a coarse table stands for the curve, where it is dark
    seen: Any = ImageCms.profileToProfile(ramp, source, SRGB, outputMode="RGB", flags=exact)
    table = np.asarray(seen)[0, :, 1] / 255.0
    return lambda values: np.interp(values, np.linspace(0, 1, 256), table)


def _seen_through(pixels: NDArray[Any], source: ImageCms.ImageCmsProfile) -> NDArray[np.uint8]:
    """RGB in sRGB, with 8 bits; other channels are left out."""
    eight = pixels[..., :3] if pixels.dtype == np.uint8 else (pixels[..., :3] >> (8 * (pixels.dtype.itemsize - 1)))
    image = Image.fromarray(np.ascontiguousarray(eight, np.uint8))
    return np.asarray(ImageCms.profileToProfile(image, source, SRGB))


def png_curve(image: Image.Image) -> Curve | None:
    """What a PNG's gAMA makes of a value, where it says something else than sRGB and nothing goes before it."""
    gamma = image.info.get("gamma")
    if not gamma or "srgb" in image.info or "icc_profile" in image.info:
        return None
    if abs(gamma - SCREEN_GAMMA) < LIKE_SCREEN * SCREEN_GAMMA:
        return None

    def seen(values: NDArray[np.float64]) -> NDArray[np.float64]:
        linear = values ** (1 / gamma)
        return np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)

    return seen


def bend(pixels: NDArray[Any], curve: Curve) -> NDArray[Any]:
    """Apply a curve on 0..1 to unsigned integers over the full range of their type, or to floats within 0..1.

    An alpha channel stays, and so do floats that lie elsewhere: what of them is black and white is not known.
    """
    if pixels.ndim == 3 and pixels.shape[-1] == 4:
        return np.concatenate([bend(pixels[..., :3], curve), pixels[..., 3:]], -1)
    if pixels.dtype.kind == "f":
        elsewhere = bool(((pixels < 0) | (pixels > 1)).any())
        return pixels if elsewhere else curve(pixels.astype(np.float64)).astype(pixels.dtype)
    if pixels.dtype.kind != "u" or pixels.dtype.itemsize > 4:
        return pixels
    most = np.iinfo(pixels.dtype).max
    by_table = pixels.dtype.itemsize <= 2  # a larger one would fill the memory
    values = np.arange(most + 1) if by_table else pixels
    bent = np.rint(np.clip(curve(values / most), 0, 1) * most).astype(pixels.dtype)
    return bent[pixels] if by_table else bent
