"""OME-Zarr 0.5: a chunk for each image, a pyramid of smaller copies, and what tells other programs what they are."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.boxes import Box

NOTES = "napari-colorizer"  # of the attributes that tell our stores from others
CHUNK = 1024  # pixels, each way
SMALLEST_LEVEL = 512  # the longer side of the coarsest
TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
MOST_AXES = 2  # before y and x: OME-Zarr knows time, channel and z
NAMES = {0: "", 1: "t", 2: "tz"}  # of the axes before y and x, where nobody tells them


def create_levels(
    group: Any, axes: str, lead: Sequence[int], size: tuple[int, int], dtype: np.dtype[Any], colors: bool
) -> int:
    """Make the empty arrays ``0``, ``1``... of a pyramid in a zarr group; gives how many they are.

    Parameters
    ----------
    group : zarr.Group
    axes : str
        A letter for each axis before y and x; "" for axes that have no name.
    lead : sequence of int
        How many images there are along each axis before y and x.
    size : (int, int)
        Height and width of each.
    dtype : dtype
    colors : bool
        Whether there is an axis of three channels, the last one, as napari shows RGB.
    """
    last = (3,) if colors else ()
    names = tuple(f"{axes}yx{'c' if colors else ''}") if len(axes) == len(lead) else None
    sizes = _level_sizes(size)
    for level, (height, width) in enumerate(sizes):
        group.create_array(
            str(level),
            shape=(*lead, height, width, *last),
            chunks=(*(1 for _ in lead), min(CHUNK, height), min(CHUNK, width), *last),
            dtype=dtype,
            dimension_names=names,
            fill_value=0,
        )
    return len(sizes)


def levels_of(group: Any) -> list[Any]:
    """The arrays of a pyramid, the finest first."""
    return [
        group[str(number)] for number in itertools.takewhile(lambda number: str(number) in group, itertools.count())
    ]


def write_levels(
    levels: Sequence[Any], place: tuple[int, ...], pixels: NDArray[Any], box: Box | None = None
) -> list[NDArray[Any]]:
    """Write one image, (H, W) or (H, W, 3), into all levels at a place along the axes before y and x; gives those.

    The levels are what `levels_of` gives. With a box the pixels are those of a part of the image,
    whose corner lies at a pixel of each level.
    """
    written = []
    for array in levels:
        box = box or Box.of((pixels.shape[0], pixels.shape[1]))
        array[(*place, *box.slices)] = pixels
        written.append(pixels)
        box, pixels = Box(*((edge + 1) // 2 for edge in box)), _half(pixels)
    return written


def metadata(
    name: str, axes: str, scale: Sequence[float], units: Sequence[str | None], colors: bool, levels: int
) -> dict[str, Any]:
    """The attribute ``ome`` of a group with such levels.

    Parameters
    ----------
    name : str
    axes : str
        A letter for each axis before y and x.
    scale, units : sequence
        Of these axes, then of y and x.
    colors : bool
        Whether there is an axis of channels behind them.
    levels : int
        What `create_levels` gave.
    """
    named = f"{axes}yx"
    steps, unit = dict(zip(named, scale, strict=True)), dict(zip(named, units, strict=True))
    named += "c" if colors else ""
    told = [{"name": axis, "type": TYPES[axis], **({"unit": unit[axis]} if unit.get(axis) else {})} for axis in named]
    datasets = []
    for level in range(levels):
        factors = [float(steps.get(axis, 1.0)) * (2**level if axis in "yx" else 1) for axis in named]
        datasets.append({"path": str(level), "coordinateTransformations": [{"type": "scale", "scale": factors}]})
    return {"version": "0.5", "multiscales": [{"name": name, "axes": told, "datasets": datasets}]}


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
