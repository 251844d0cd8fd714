"""Stacks in TIFF and BigTIFF files, read and written one page at a time."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_colorizer.checksums import Stamp
from napari_colorizer.classes import ClassMap
from napari_colorizer.decoding import ORIENTATION, SIDEWAYS, decode_page
from napari_colorizer.errors import FileError
from napari_colorizer.files import check_image, naming

CLASSIC = 2**32 - 2**25  # bytes that a TIFF of 32 bits holds for sure
ZLIB_LEVEL = 6


class TiffStack:
    """The pages of a TIFF; small copies of images for previews are none.

    Attributes
    ----------
    lead : tuple of int
        How many pages there are along each axis before y and x; ``()`` if there is one page.
    axes : str
        A letter for each of these axes, such as ``"tz"``.
    size : (int, int)
        Height and width of each page.
    scale, units, classes
        As of `napari_colorizer.batches.zarr_stacks.ZarrStack`.

    Raises
    ------
    FileError
        If the file cannot be read, or its pages differ in size.
    """

    def __init__(self, path: Path):
        self.path = path
        with naming(path, "an image"):
            self._tiff = tifffile.TiffFile(path)
            series = self._tiff.series
            self._pages = [page for part in series for page in part.pages if page is not None and not _is_small(page)]
            pages = [page.keyframe for page in self._pages]
        shapes = {page.shape for page in pages}
        if len(shapes) > 1:
            raise FileError(f"{path.name} has pages of several sizes, such as {_two(shapes)}: save them one by one")
        first = pages[0]
        turned = ORIENTATION in first.tags and first.tags[ORIENTATION].value in SIDEWAYS
        sides = (first.imagewidth, first.imagelength) if turned else (first.imagelength, first.imagewidth)
        self.size: tuple[int, int] = sides
        lead = tuple(series[0].shape[: len(series[0].shape) - len(first.shape)]) if len(series) == 1 else ()
        if math.prod(lead) != len(pages):
            lead = (len(pages),)
        self.lead: tuple[int, ...] = lead if len(pages) > 1 else ()
        self.axes = _letters(series[0].axes, len(self.lead))
        self.classes: ClassMap | None = None  # a TIFF does not tell
        self.scale = (1.0,) * (len(self.lead) + 2)
        self.units: tuple[str | None, ...] = (None,) * (len(self.lead) + 2)

    def read(self, index: tuple[int, ...]) -> NDArray[np.generic]:
        """The page, (H, W) or (H, W, 3 or 4), at a place along the axes before y and x, as it is meant to be shown."""
        image = check_image(self.path.name, self._decode(index, shown=True))
        if image.shape[:2] != self.size:
            raise FileError(f"{self.path.name} has pages with different orientations: save them one by one")
        return image

    def numbers(self, index: tuple[int, ...]) -> NDArray[np.generic]:
        """The numbers that the page holds, for label maps."""
        return self._decode(index, shown=False)

    def _decode(self, index: tuple[int, ...], shown: bool) -> NDArray[Any]:
        number = int(np.ravel_multi_index(index, self.lead)) if index else 0
        with naming(self.path, f"a TIFF at page {number + 1}"):
            return decode_page(self.path, self._pages[number], number, shown)


@lru_cache(maxsize=2)
def open_tiff(path: Path, _stamp: Stamp | None = None) -> TiffStack:
    """The stack of a file; the last ones are kept open, until the file has another stamp."""
    return TiffStack(path)


def encode_page(pixels: NDArray[np.generic]) -> bytes:
    """A page as `write_tiff_stack` takes it."""
    return zlib.compress(np.ascontiguousarray(pixels).data, ZLIB_LEVEL)


def write_tiff_stack(
    path: Path, parts: Sequence[Path], shape: tuple[int, ...], dtype: np.dtype[Any], axes: str
) -> None:
    """Write encoded pages, a file each, as one TIFF; a BigTIFF if they are many bytes.

    Parameters
    ----------
    path : Path
    parts : sequence of Path
        What `encode_page` gave for each page.
    shape : tuple of int
        Of all pages together: (..., H, W) or (..., H, W, 3).
    dtype : dtype
    axes : str
        A letter for each of the axes that count pages.
    """
    rgb = len(shape) == len(axes) + 3
    height = shape[-3] if rgb else shape[-2]
    with tifffile.TiffWriter(path, bigtiff=sum(part.stat().st_size for part in parts) > CLASSIC) as tiff:
        tiff.write(
            _bytes_of(parts),
            shape=shape,
            dtype=dtype,
            photometric="rgb" if rgb else "minisblack",
            compression="zlib",
            rowsperstrip=height,
            metadata={"axes": f"{axes.upper()}YX{'S' if rgb else ''}"},
        )


def _bytes_of(parts: Sequence[Path]) -> Iterator[bytes]:
    for part in parts:
        yield part.read_bytes()


def _is_small(page: Any) -> bool:
    return bool(page.keyframe.is_reduced)


def _two(shapes: set[tuple[int, ...]]) -> str:
    return " and ".join(map(str, sorted(shapes)[:2]))


def _letters(axes: str, count: int) -> str:
    """Letters of the first axes, as OME-Zarr has them where the file tells them; else t, or t and z."""
    told = axes[:count].lower()
    if len(told) == count and set(told) <= set("tcz") and len(set(told)) == count:
        return told
    return {0: "", 1: "t", 2: "tz"}.get(count, "qrtcz"[-count:])
