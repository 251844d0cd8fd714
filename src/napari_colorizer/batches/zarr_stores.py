"""Results as OME-Zarr 0.5: colors or label maps, a chunk for each image, and a pyramid of smaller copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import numpy as np
import zarr
from numpy.typing import NDArray

from napari_colorizer.batches.stacks import Stack
from napari_colorizer.batches.zarr_stacks import KEY
from napari_colorizer.boxes import Box
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.planes import is_large, tiles
from napari_colorizer.errors import FileError

CHUNK = 1024  # pixels, each way
SMALLEST_LEVEL = 512  # the longer side of the coarsest
TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


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
    if names not in ("", "t", "z", "tz"):
        raise FileError(
            f"{name} has the axes {stack.axes}yx and the shape {(*stack.lead, *stack.size)}: OME-Zarr holds colors of "
            "t, z, y, x at the most; name one channel's array"
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
    axes = f"{names}yx{'c' if colors else ''}"  # channels last, as napari shows RGB
    sizes = {axis: stack.lead[n] for axis, n in zip(names, kept, strict=True)} | {"c": 3}
    group = zarr.open_group(path, mode="w-", zarr_format=3)
    levels = _level_sizes(stack.size)
    for level, size in enumerate(levels):
        lengths = {**sizes, "y": size[0], "x": size[1]}
        chunks = {"t": 1, "z": 1, "c": 3, "y": min(CHUNK, size[0]), "x": min(CHUNK, size[1])}
        group.create_array(
            str(level),
            shape=tuple(lengths[axis] for axis in axes),
            chunks=tuple(chunks[axis] for axis in axes),
            dtype=dtype,
            dimension_names=tuple(axes),
            fill_value=0,
        )
    mark = uuid4().hex
    given = [*(stack.scale[n] for n in kept), *stack.scale[-2:]]
    units = [*(stack.units[n] for n in kept), *stack.units[-2:]]
    attributes: dict[str, Any] = {"ome": _ome(name, axes, given, units, len(levels))}
    attributes[KEY] = {"mark": mark, "kind": "color" if colors else "labels"}
    if classes is not None:
        attributes[KEY]["classes"] = classes.to_json()
    group.attrs.update(attributes)
    return mark


def mark_of(path: Path) -> str:
    """What tells a store of ours from all others; empty for those of others and for what is none."""
    try:
        return str(dict(zarr.open_group(path, mode="r").attrs)[KEY]["mark"])  # type: ignore[index, call-overload]
    except Exception:  # whatever is wrong with it: it is none of ours
        return ""


def write_image(path: Path, place: tuple[int, ...], pixels: NDArray[Any]) -> list[NDArray[Any]]:
    """Write one image, (H, W) or (H, W, 3), into all levels at a place along t and z; gives those levels."""
    levels = _levels(path, "r+")
    return _write_box(levels, place, Box.of(levels[0].shape[len(place) :][:2]), pixels)


def write_plane(path: Path, place: tuple[int, ...], result: Callable[[Box], NDArray[Any]]) -> None:
    """Write one image that is given box by box, tile by tile."""
    levels = _levels(path, "r+")
    for box in tiles(levels[0].shape[len(place) :][:2]):
        _write_box(levels, place, box, result(box))


def read_levels(path: Path, place: tuple[int, ...]) -> Iterator[NDArray[Any]]:
    """All levels of one image as `write_image` gave them, large ones tile by tile."""
    for array in _levels(path, "r"):
        shape = array.shape[len(place) :]
        for box in tiles(shape[:2]) if is_large(shape) else [Box.of(shape[:2])]:
            yield np.asarray(array[(*place, *box.slices)])


def _levels(path: Path, mode: Literal["r", "r+"]) -> list[Any]:
    """The arrays of a store, the finest first."""
    group = zarr.open_group(path, mode=mode)
    return [group[str(number)] for number in range(len(list(group.array_keys())))]


def _write_box(levels: list[Any], place: tuple[int, ...], box: Box, pixels: NDArray[Any]) -> list[NDArray[Any]]:
    """Write a box, whose corner lies at a pixel of each level, into all of them; gives what it is in each."""
    written = []
    for array in levels:
        array[(*place, *box.slices)] = pixels
        written.append(pixels)
        box, pixels = Box(*((edge + 1) // 2 for edge in box)), _half(pixels)
    return written


def _level_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    sizes = [size]
    while max(sizes[-1]) > SMALLEST_LEVEL:
        height, width = sizes[-1]
        sizes.append(((height + 1) // 2, (width + 1) // 2))
    return sizes


def _half(pixels: NDArray[Any]) -> NDArray[Any]:
    """Half as high and wide: colors as means of four pixels, label maps as the first of them."""
    if pixels.ndim == 2:
        return pixels[::2, ::2]
    even = np.pad(pixels, ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0)), mode="edge").astype(np.uint16)
    sums = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    return ((sums + 2) // 4).astype(pixels.dtype)


def _ome(name: str, axes: str, scale: list[float], units: list[str | None], levels: int) -> dict[str, Any]:
    """The metadata of OME-Zarr 0.5."""
    steps = dict(zip(axes.removesuffix("c"), scale, strict=True)) | {"c": 1.0}
    unit = dict(zip(axes.removesuffix("c"), units, strict=True))
    told = [{"name": axis, "type": TYPES[axis], **({"unit": unit[axis]} if unit.get(axis) else {})} for axis in axes]
    datasets = []
    for level in range(levels):
        factors = [steps[axis] * (2**level if axis in "yx" else 1) for axis in axes]
        datasets.append({"path": str(level), "coordinateTransformations": [{"type": "scale", "scale": factors}]})
    return {"version": "0.5", "multiscales": [{"name": name, "axes": told, "datasets": datasets}]}
