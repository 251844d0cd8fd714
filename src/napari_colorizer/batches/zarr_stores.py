"""Results as OME-Zarr: colors or label maps of stacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import zarr
from numpy.typing import NDArray

from napari_colorizer.batches.stacks import Stack
from napari_colorizer.boxes import Box
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.planes import is_large, tiles
from napari_colorizer.errors import FileError
from napari_colorizer.ome_zarr import NOTES, create_levels, levels_of, metadata, write_levels


def kept_axes(stack: Stack, name: str) -> tuple[str, tuple[int, ...]]:
    """Names of the axes before y and x in a result, and their positions in the stack: colors have one for channels.

    A channel axis of the stack is left out if it has one channel, and is else taken for time or z.

    Raises
    ------
    FileError
        If there are more axes than OME-Zarr has.
    """
    kept = tuple(n for n, axis in enumerate(stack.axes) if axis != "c" or stack.lead[n] > 1)
    names = "".join(stack.axes[n] for n in kept)
    free = next((axis for axis in "tz" if axis not in names), "")
    names = names.replace("c", free)
    if names not in ("", "t", "z", "tz") or len(names) != len(kept):
        raise FileError(
            f"{name} has the axes {stack.axes}yx and the shape {(*stack.lead, *stack.size)}: OME-Zarr holds colors "
            "of at most t, z, y, x: save one channel by itself"
        )
    return names, kept


def create_store(
    path: Path, name: str, stack: Stack, dtype: np.dtype[Any], colors: bool, classes: ClassMap | None
) -> str:
    """Make an empty store for the results of a stack; returns what `mark_of` will tell of it.

    Parameters
    ----------
    path : Path
        Where there is nothing yet.
    name : str
        Of the source.
    stack : Stack
    dtype : dtype
    colors : bool
        Whether it holds colors, with an axis of channels, or label maps.
    classes : ClassMap, optional
        Of label maps.
    """
    names, kept = kept_axes(stack, name)
    group = zarr.open_group(path, mode="w-", zarr_format=3)
    levels = create_levels(group, names, [stack.lead[n] for n in kept], stack.size, dtype, colors)
    mark = uuid4().hex
    scale = [*(stack.scale[n] for n in kept), *stack.scale[-2:]]
    units = [*(stack.units[n] for n in kept), *stack.units[-2:]]
    notes = {"mark": mark, "kind": "color" if colors else "labels"}
    if classes is not None:
        notes["classes"] = classes.to_json()
    group.attrs.update({"ome": metadata(name, names, scale, units, colors, levels), NOTES: notes})
    return mark


def mark_of(path: Path) -> str:
    """What tells a store of ours from all others; empty for those of others and for what is none."""
    try:
        return str(dict(zarr.open_group(path, mode="r").attrs)[NOTES]["mark"])  # type: ignore[index, call-overload]
    except Exception:  # whatever is wrong with it: it is none of ours
        return ""


def write_image(path: Path, place: tuple[int, ...], pixels: NDArray[Any]) -> list[NDArray[Any]]:
    """Write one image, (H, W) or (H, W, 3), into all levels at a place along t and z; gives those levels."""
    return write_levels(levels_of(zarr.open_group(path, mode="r+")), place, pixels)


def write_plane(path: Path, place: tuple[int, ...], result: Callable[[Box], NDArray[Any]]) -> None:
    """Write one image that is given box by box, tile by tile."""
    levels = levels_of(zarr.open_group(path, mode="r+"))
    height, width, *_ = levels[0].shape[len(place) :]
    for box in tiles((height, width)):
        write_levels(levels, place, result(box), box)


def read_levels(path: Path, place: tuple[int, ...]) -> Iterator[NDArray[Any]]:
    """All levels of one image as `write_image` gave them, large ones tile by tile."""
    for level in levels_of(zarr.open_group(path, mode="r")):
        height, width, *_ = level.shape[len(place) :]
        for box in tiles((height, width)) if is_large((height, width)) else [Box.of((height, width))]:
            yield level[(*place, *box.slices)]
