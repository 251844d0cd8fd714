"""Stacks: what holds several images of one size."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.batches.tiff_stacks import open_tiff
from napari_colorizer.batches.zarr_stacks import SIGNS, is_store, open_zarr
from napari_colorizer.checksums import stamp
from napari_colorizer.classes import ClassMap
from napari_colorizer.decoding import is_tiff
from napari_colorizer.errors import FileError
from napari_colorizer.files import TIFF_SUFFIXES, naming


class Stack(Protocol):
    """What `TiffStack` and `ZarrStack` have."""

    lead: tuple[int, ...]
    axes: str
    size: tuple[int, int]
    scale: tuple[float, ...]
    units: tuple[str | None, ...]
    classes: ClassMap | None

    def read(self, index: tuple[int, ...]) -> NDArray[np.generic]:
        """The image at a place along the axes before y and x."""

    def numbers(self, index: tuple[int, ...]) -> NDArray[np.generic]:
        """The numbers that it holds, for label maps."""


def open_stack(path: Path) -> Stack | None:
    """The stack of a zarr store or a TIFF of several pages; None for anything else.

    Raises
    ------
    FileError
        If it cannot be read, a zarr store is no stack of images, or the pages of a TIFF differ in size.
    """
    if is_store(path):
        return open_zarr(path, tuple(stamp(path / sign) for sign in SIGNS if (path / sign).is_file()))
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return None
    with naming(path, "an image"):
        stack = open_tiff(path, stamp(path)) if is_tiff(path) else None
    return stack if stack and stack.lead else None


def changed(source: Path) -> FileError:
    """The error that a file or store is not what it was when a job began to read it."""
    return FileError(f"{source.name} was changed while it was read: run this again when it is complete")
