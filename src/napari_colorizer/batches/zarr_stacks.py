"""Stacks in zarr arrays and OME-Zarr groups, read one image at a time."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from napari_colorizer.boxes import Box
from napari_colorizer.checksums import Stamp
from napari_colorizer.classes import ClassMap
from napari_colorizer.errors import FileError
from napari_colorizer.files import check_image, naming
from napari_colorizer.ome_zarr import MOST_AXES, NAMES, NOTES

SIGNS = ("zarr.json", ".zarray", ".zgroup")


def is_store(path: Path) -> bool:
    """Whether a folder is a zarr array or group."""
    return os.path.isdir(path) and any(os.path.isfile(path / sign) for sign in SIGNS)


class ZarrStack:
    """Images in a zarr array: the axes before the last two count them; OME-Zarr tells their names and scale.

    Attributes
    ----------
    lead : tuple of int
        How many images there are along each axis before y and x.
    axes : str
        A letter for each of these axes, such as ``"tz"``.
    size : (int, int)
        Height and width of each.
    scale : tuple of float
        Of the axes in `axes`, then of y and x.
    units : tuple of str or None
        Likewise.
    classes : ClassMap, optional
        Of label maps that this program has written.

    Raises
    ------
    FileError
        If there is no array, or it is no stack of images.
    """

    def __init__(self, path: Path):
        self.path = path
        with naming(path, "a zarr store"):
            self._array, self.axes, self.scale, self.units = _find_array(path)
            self.classes = _find_classes(path)
        shape = tuple(self._array.shape)
        rgb = len(shape) > len(self.axes) + 2
        plane = 3 if rgb else 2
        self.lead: tuple[int, ...] = shape[:-plane]
        self.size: tuple[int, int] = (shape[-plane], shape[1 - plane])

    def read(self, index: tuple[int, ...]) -> NDArray[np.generic]:
        """The image (H, W) or (H, W, 3 or 4) at a place along the axes before y and x."""
        with naming(self.path, "a zarr store"):
            image = np.asarray(self._array[index])
        return check_image(self.path.name, image)

    def read_box(self, index: tuple[int, ...], box: Box) -> NDArray[np.generic]:
        """A box of pixels of the same."""
        with naming(self.path, "a zarr store"):
            image = np.asarray(self._array[(*index, *box.slices)])
        return check_image(self.path.name, image)

    def numbers(self, index: tuple[int, ...]) -> NDArray[np.generic]:
        """The same, for label maps."""
        return self.read(index)


@lru_cache(maxsize=2)
def open_zarr(path: Path, _stamps: tuple[Stamp, ...] = ()) -> ZarrStack:
    """The stack of a store; the last ones are kept open, until its description has another stamp."""
    return ZarrStack(path)


def _find_array(path: Path) -> tuple[Any, str, tuple[float, ...], tuple[str | None, ...]]:
    """The array, the names of its axes before y and x, and the scales and units of all these."""
    node = zarr.open(path, mode="r")
    if isinstance(node, zarr.Array):
        return _plain(path, node)
    attributes: dict[str, Any] = dict(node.attrs)
    multiscales = attributes.get("ome", attributes).get("multiscales")
    if multiscales:
        return _of_ome(path, node, multiscales[0])
    arrays = dict(node.arrays())
    if len(arrays) == 1 or "0" in arrays:  # levels of a pyramid, the finest first
        return _plain(path, arrays.get("0") or next(iter(arrays.values())))
    names = ", ".join(sorted([*arrays, *node.group_keys()])) or "nothing"
    raise FileError(f"{path.name} is a zarr group that is not a single image: it holds {names}. Name one of its arrays")


def _find_classes(path: Path) -> ClassMap | None:
    told: Any = zarr.open(path, mode="r").attrs.get(NOTES)
    try:
        return ClassMap.from_json(told["classes"])
    except (KeyError, TypeError, ValueError):
        return None


def _plain(path: Path, array: Any) -> tuple[Any, str, tuple[float, ...], tuple[str | None, ...]]:
    shape = array.shape
    rgb = len(shape) > 2 and shape[-1] in (3, 4) and array.dtype.kind in "u"
    lead = len(shape) - (3 if rgb else 2)
    if not 0 <= lead <= MOST_AXES:
        raise FileError(
            f"{path.name} has the shape {shape}: y and x, and up to {MOST_AXES} axes before them, are supported"
        )
    return array, NAMES[lead], (1.0,) * (lead + 2), (None,) * (lead + 2)


def _of_ome(
    path: Path, group: Any, image: dict[str, Any]
) -> tuple[Any, str, tuple[float, ...], tuple[str | None, ...]]:
    first = image["datasets"][0]
    array = group[first["path"]]
    told = [axis if isinstance(axis, dict) else {"name": axis} for axis in image.get("axes", "tczyx")]
    names = "".join(str(axis["name"])[:1].lower() for axis in told)
    if not names.endswith("yx") or len(names) != len(array.shape):
        raise FileError(f"{path.name} has the axes {names!r} and the shape {array.shape}: y and x must be the last")
    steps = [item for item in first.get("coordinateTransformations", ()) if item.get("type") == "scale"]
    scale = tuple(float(step) for step in steps[0]["scale"]) if steps else (1.0,) * len(names)
    return array, names[:-2], scale, tuple(axis.get("unit") for axis in told)
