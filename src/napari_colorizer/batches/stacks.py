"""Stacks: what holds several images of one size."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.batches.checksums import stamp
from napari_colorizer.batches.tiff_stacks import may_be_tiff_stack, open_tiff
from napari_colorizer.batches.zarr_stacks import is_store, open_zarr
from napari_colorizer.files import TIFF_SUFFIXES


class Stack(Protocol):
    """What `TiffStack` and `ZarrStack` have."""

    lead: tuple[int, ...]
    axes: str
    size: tuple[int, int]
    scale: tuple[float, ...]
    units: tuple[str | None, ...]

    def read(self, index: tuple[int, ...]) -> NDArray[np.generic]:
        """The image at a place along the axes before y and x."""

    def numbers(self, index: tuple[int, ...]) -> NDArray[np.generic]:
        """The numbers that it holds, for label maps."""


def open_stack(path: Path) -> Stack | None:
    """The stack of a zarr store or a TIFF of several pages; None for anything else.

    Raises
    ------
    FileError
        If a zarr store is no stack of images, or the pages of a TIFF differ in size.
    """
    if is_store(path):
        return open_zarr(path)
    if path.suffix.lower() in TIFF_SUFFIXES and may_be_tiff_stack(path):
        return open_tiff(path, stamp(path))
    return None
