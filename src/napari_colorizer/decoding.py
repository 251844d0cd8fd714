"""Pixels of image files: as they are meant to be shown, or as the numbers that they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import psutil
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps

from napari_colorizer.color_profiles import NO_COLORS, bend, converted, in_srgb, png_curve
from napari_colorizer.errors import FileError
from napari_colorizer.tiff_unpacking import any_size, unpack

TIFF_BEGINNINGS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
PLAIN = (tifffile.PHOTOMETRIC.MINISWHITE, tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB)
GRAY_ALPHA = ("LA", "La")
FEW_BITS = {"L;2": 85, "L;4": 17}  # how Pillow spreads 2 and 4 bits over 8
DEEP = {  # how Pillow reads the upper and the lower bytes of a PNG of 16 bits, of which it keeps the upper ones alone
    "RGB;16B": ("RGB;16B", "RGB;16L"),
    "RGBA;16B": ("RGBA;16B", "RGBA;16L"),
    "LA;16B": ("RGBA",),  # both bytes of the gray, and then of the alpha
}
BYTES_PER_PIXEL = 16  # that reading and coloring take, at the least
ORIENTATION, PROFILE = 274, 34675  # TIFF tags
TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
}
SIDEWAYS = (5, 6, 7, 8)  # turns that swap height and width


def decode_shown(path: Path) -> NDArray[Any]:
    """The pixels as they are meant to be shown: upright, 0 black, in sRGB; any exception where that fails."""
    if is_tiff(path):
        pixels, profile = _read_tiff(path, "one gray or RGB image")
        return in_srgb(pixels, profile)
    with open_image(path) as image:
        curve = png_curve(image)
        pixels, profile = _deep_png(path, image) or _shown(ImageOps.exif_transpose(image))
    return bend(pixels, curve) if curve else in_srgb(pixels, profile)


def decode_numbers(path: Path, key: str) -> tuple[NDArray[Any], str | None]:
    """The numbers that an upright image holds, such as the indices into its palette, and its text of that key."""
    if is_tiff(path):
        return _read_tiff(path, "a label map")[0], None
    with open_image(path) as image:
        return _stored(image), image.info.get(key)


def is_tiff(path: Path) -> bool:
    """Whether a file begins as a TIFF does, whatever its name."""
    with open(path, "rb") as file:
        return file.read(4) in TIFF_BEGINNINGS


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """Open an image of any size that the memory allows with Pillow."""
    with any_size(), Image.open(path) as image:
        check_memory(path, *image.size)
        yield image


def check_memory(path: Path, width: int, height: int) -> None:
    """Raise `FileError` if the memory does not suffice for an image of that size."""
    needed, free = width * height * BYTES_PER_PIXEL, psutil.virtual_memory().available
    if needed > free:
        raise FileError(
            f"{path.name} has {width} x {height} pixels: coloring it takes {needed / 2**30:.1f} GB of memory, and "
            f"{free / 2**30:.1f} GB are free. Use a smaller copy of it"
        )


# -- TIFF: tifffile keeps every kind of number, Pillow knows every kind of color and compression


def _read_tiff(path: Path, wanted: str) -> tuple[NDArray[Any], bytes | None]:
    """Upright pixels of a TIFF and its color profile; for an image 0 is black, for a label map they are the ids."""
    shown = wanted != "a label map"
    with tifffile.TiffFile(path) as tiff:
        series, page = tiff.series[0], cast(Any, tiff.pages[0])
        check_memory(path, page.imagewidth, max(page.imagelength, series.size // max(1, page.imagewidth)))
        tags = page.tags
        profile = tags[PROFILE].value if PROFILE in tags else None
        pixels, axes = _numbers(series) if _is_known(page) or not shown else None, series.axes
        if pixels is None:
            _refuse_stack(path, series, page, wanted)
            pixels, axes = _unpacked(page, shown), page.axes
        if pixels is None:
            return _read_with_pillow(path, page, shown)
        return _upright(pixels, axes, page, shown, profile), profile


def decode_page(path: Path, page: Any, number: int, shown: bool) -> NDArray[Any]:
    """Upright pixels of one page of an open TIFF, as they are meant to be shown or as numbers; any exception."""
    first = page.keyframe  # it has the tags of those that are like it
    check_memory(path, first.imagewidth, first.imagelength)
    profile = first.tags[PROFILE].value if PROFILE in first.tags else None
    pixels = _numbers(page) if _is_known(first) or not shown else None
    if pixels is None:
        pixels = _unpacked(page, shown)
    if pixels is None:
        pixels, profile = _read_with_pillow(path, first, shown, number)
    else:
        pixels = _upright(pixels, first.axes, first, shown, profile)
    return in_srgb(pixels, profile) if shown else pixels


def _is_known(page: Any) -> bool:
    """Whether it is known here what the numbers of a page show; what others do, Pillow knows."""
    inks = page.photometric == tifffile.PHOTOMETRIC.SEPARATED and page.samplesperpixel >= 4
    return page.photometric in (*PLAIN, tifffile.PHOTOMETRIC.PALETTE) or inks


def _unpacked(page: Any, shown: bool) -> NDArray[Any] | None:
    """The numbers of a page that tifffile cannot read; None where Pillow has to."""
    return unpack(page) if _is_known(page.keyframe) or not shown else None


def _upright(pixels: NDArray[Any], axes: str, page: Any, shown: bool, profile: bytes | None = None) -> NDArray[Any]:
    """Without axes that are no sides of the image, turned as it is to be seen, and if it is shown in gray or RGB."""
    turn = TURNS.get(page.tags[ORIENTATION].value) if ORIENTATION in page.tags else None
    pixels = _without_other_axes(pixels, axes)
    if shown:
        pixels = _seen(pixels, page, profile)
    return turn(pixels) if turn and pixels.ndim in (2, 3) else pixels


def _numbers(part: Any) -> NDArray[Any] | None:
    """What tifffile reads of a series or a page; None where it lacks a library for the compression."""
    try:
        return part.asarray()
    except ImportError:
        return None
    except (ValueError, NotImplementedError) as error:
        if "imagecodecs" in str(error):
            return None
        raise


def _read_with_pillow(path: Path, page: Any, shown: bool, number: int = 0) -> tuple[NDArray[Any], bytes | None]:
    try:
        with open_image(path) as image:
            image.seek(number)
            if shown:
                image.load()  # turns it upright
                pixels, profile = _shown(image)
            else:
                pixels, profile = _stored(image), None
            inverted = image.mode.startswith(("I", "F"))  # these alone Pillow leaves as they are, whatever 0 means
    except FileError:
        raise
    except Exception as error:
        bits, form = page.bitspersample, tifffile.PHOTOMETRIC(page.photometric).name
        raise ValueError(
            f"a TIFF of {form} with {bits} bits, compressed by {tifffile.COMPRESSION(page.compression).name}, that "
            f"is damaged or not supported ({error}). Save it again as an ordinary gray or RGB TIFF"
        ) from error
    if pixels.ndim == 2 and page.samplesperpixel == 1 and page.dtype is not None and page.photometric in PLAIN:
        pixels = pixels.astype(page.dtype)  # Pillow has 32 signed bits for all that is wider than 16
        if shown and inverted:
            pixels = _over_full_range(pixels, page)
    return pixels, profile


def _seen(pixels: NDArray[Any], page: Any, profile: bytes | None) -> NDArray[Any]:
    """Gray or RGB, with 0 for black, of the numbers of a page."""
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        colors = (page.colormap >> 8).astype(np.uint8)
        return np.moveaxis(colors[:, pixels], 0, -1)
    if page.photometric != tifffile.PHOTOMETRIC.SEPARATED:
        return _over_full_range(pixels, page)
    if pixels.dtype.kind != "u":
        raise ValueError(f"inks are whole numbers, not {pixels.dtype}")
    inks = (pixels[..., :4] >> 8 * (pixels.dtype.itemsize - 1)).astype(np.uint8)
    return np.asarray(converted(Image.fromarray(inks, "CMYK"), profile))


def _over_full_range(pixels: NDArray[Any], page: Any) -> NDArray[Any]:
    """With 0 for black, and numbers of fewer bits than their type has spread over its full range."""
    if pixels.dtype.kind == "u" and page.bitspersample < 8 * pixels.dtype.itemsize:
        factor = np.iinfo(pixels.dtype).max / ((1 << page.bitspersample) - 1)
        pixels = np.rint(pixels * factor).astype(pixels.dtype)
    if page.photometric != tifffile.PHOTOMETRIC.MINISWHITE:
        return pixels
    if pixels.dtype.kind == "b":
        return ~pixels
    if pixels.dtype.kind == "f":
        return 1 - pixels
    return ~pixels if pixels.dtype.kind in "ui" else pixels  # the largest number minus it, or for signed ones minus 1


def _without_other_axes(pixels: NDArray[Any], axes: str) -> NDArray[Any]:
    """Without axes of length 1 that are no sides of the image; samples last, and of gray with alpha the gray alone."""
    if "S" in axes and pixels.ndim == len(axes):
        pixels = np.moveaxis(pixels, axes.index("S"), -1)
    while pixels.ndim > 2 and pixels.shape[0] == 1 and not (pixels.ndim == 3 and pixels.shape[-1] in (2, 3, 4)):
        pixels = pixels[0]
    if pixels.ndim == 3 and (pixels.shape[-1] == 1 or (pixels.shape[-1] == 2 and "S" in axes)):
        return pixels[..., 0]
    return pixels[..., :4] if pixels.ndim == 3 and "S" in axes else pixels


def _refuse_stack(path: Path, series: tifffile.TiffPageSeries, page: Any, wanted: str) -> None:
    """Pillow would read the first image of a stack without a word."""
    if series.size > np.prod(page.shape):
        raise FileError(f"{path.name} is not {wanted}: it holds a stack, its shape is {series.shape}")


# -- what Pillow opens


def _shown(image: Image.Image) -> tuple[NDArray[Any], bytes | None]:
    """Gray or RGB pixels, and the profile that they are still to be seen through."""
    profile = image.info.get("icc_profile")
    if image.mode in GRAY_ALPHA:
        image = image.convert("LA").getchannel("L")
    elif image.mode in ("LAB", "CMYK"):
        return np.asarray(converted(image, profile)), None
    elif image.mode in NO_COLORS:
        image = image.convert("RGB")
    return np.asarray(image), profile


def _deep_png(path: Path, image: Image.Image) -> tuple[NDArray[np.uint16], bytes | None] | None:
    """As `_shown`, all 16 bits of a PNG in color or with alpha; None for another image."""
    tiles = getattr(image, "tile", ()) if image.format == "PNG" else ()
    kinds = DEEP.get(str(tiles[0][3])) if tiles else None
    if kinds is None:
        return None
    halves = [_bytes_read_as(path, kind) for kind in kinds]
    if len(halves) == 1:
        upper, lower = halves[0][..., 0], halves[0][..., 1]
    else:
        upper, lower = halves
    turn = TURNS.get(image.getexif().get(ORIENTATION, 1), np.asarray)
    return turn(upper.astype(np.uint16) << 8 | lower), image.info.get("icc_profile")


def _bytes_read_as(path: Path, kind: str) -> NDArray[np.uint8]:
    with open_image(path) as image:
        image.tile = [tile._replace(args=kind) for tile in image.tile]  # type: ignore[attr-defined]
        return np.asarray(image)


def _stored(image: Image.Image) -> NDArray[Any]:
    """The numbers in an image, upright; those of 2 and 4 bits, which Pillow spreads over 8, as they are in the file."""
    tiles = getattr(image, "tile", ())
    parts = (part for tile in tiles for part in (tile[3] if isinstance(tile[3], tuple) else (tile[3],)))
    spread = next((FEW_BITS[str(part)[:3]] for part in parts if str(part)[:3] in FEW_BITS), 1)
    numbers = np.asarray(ImageOps.exif_transpose(image))
    return numbers // spread if spread > 1 else numbers
