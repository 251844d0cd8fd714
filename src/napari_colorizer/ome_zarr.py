"""OME-Zarr 0.5: chunks of each image, a pyramid of smaller copies, and what tells other programs what they are."""

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
CHANNELS = {"Red": "FF0000", "Green": "00FF00", "Blue": "0000FF"}  # with the colors that others show them in


class Level:
    """An array of a pyramid: label maps (..., H, W), or colors (..., H, W, 3), which are stored channels first.

    It is indexed like an array with the channels last, and read and written as it is indexed, so that napari shows it.

    Parameters
    ----------
    array : zarr.Array
        With an axis of channels at any place, if it holds colors.

    Attributes
    ----------
    shape : tuple of int
    ndim, size : int
    dtype : dtype
    """

    def __init__(self, array: Any):
        self._array = array
        names = array.metadata.dimension_names or ()
        self._channel = names.index("c") if "c" in names else array.ndim - 1  # the last one need not be moved
        self.ndim, self.size, self.dtype = array.ndim, array.size, array.dtype
        before, channels, after = np.split(array.shape, [self._channel, self._channel + 1])
        self.shape = tuple(np.concatenate([before, after, channels]).tolist())

    def __getitem__(self, key: Any) -> NDArray[Any]:
        place, axis = self._moved(key)
        part = np.asarray(self._array[place])
        return part if axis is None else np.moveaxis(part, axis, -1)

    def __setitem__(self, key: Any, pixels: NDArray[Any]) -> None:
        place, axis = self._moved(key)
        self._array[place] = pixels if axis is None else np.moveaxis(pixels, -1, axis)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[...], dtype)

    def _moved(self, key: Any) -> tuple[tuple[Any, ...], int | None]:
        """The same place in the store, and where channels are among the axes that are left; None if they are not."""
        keys = list(key) if isinstance(key, tuple) else [key]
        rest = [slice(None)] * (self.ndim - sum(part is not Ellipsis for part in keys))
        at = next((n for n, part in enumerate(keys) if part is Ellipsis), len(keys))
        keys[at : at + 1] = rest
        channel = keys.pop()
        axis = sum(isinstance(part, slice) for part in keys[: self._channel])
        keys.insert(self._channel, channel)
        return tuple(keys), axis if isinstance(channel, slice) else None


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
        Whether there is an axis of three channels, before those of space. A chunk holds all three.
    """
    names = list(axes) if len(axes) == len(lead) else [None] * len(lead)
    sizes = _level_sizes(size)
    for level, (height, width) in enumerate(sizes):
        told = [*zip(names, lead, itertools.repeat(1)), ("y", height, CHUNK), ("x", width, CHUNK)]
        if colors:
            told.insert(_channel_place(names), ("c", 3, 3))
        group.create_array(
            str(level),
            shape=tuple(length for _, length, _ in told),
            chunks=tuple(min(length, most) for _, length, most in told),
            dtype=dtype,
            dimension_names=tuple(name for name, _, _ in told),
            fill_value=0,
        )
    return len(sizes)


def levels_of(group: Any) -> list[Level]:
    """The arrays of a pyramid, the finest first."""
    numbers = itertools.takewhile(lambda number: str(number) in group, itertools.count())
    return [Level(group[str(number)]) for number in numbers]


def write_levels(
    levels: Sequence[Level], place: tuple[int, ...], pixels: NDArray[Any], box: Box | None = None
) -> list[NDArray[Any]]:
    """Write one image, (H, W) or (H, W, 3), into all levels at a place along the axes before y and x; gives those.

    The levels are what `levels_of` gives. With a box the pixels are those of a part of the image,
    whose corner lies at a pixel of each level.
    """
    written = []
    for level in levels:
        box = box or Box.of((pixels.shape[0], pixels.shape[1]))
        level[(*place, *box.slices)] = pixels
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
        Whether there is an axis of channels, which are red, green and blue.
    levels : int
        What `create_levels` gave.
    """
    named = [*axes, "y", "x"]
    steps, unit = dict(zip(named, scale, strict=True)), dict(zip(named, units, strict=True))
    if colors:
        named.insert(_channel_place(named), "c")
    told = [{"name": axis, "type": TYPES[axis], **({"unit": unit[axis]} if unit.get(axis) else {})} for axis in named]
    datasets = []
    for level in range(levels):
        factors = [float(steps.get(axis, 1.0)) * (2**level if axis in "yx" else 1) for axis in named]
        datasets.append({"path": str(level), "coordinateTransformations": [{"type": "scale", "scale": factors}]})
    about = {"version": "0.5", "multiscales": [{"name": name, "axes": told, "datasets": datasets}]}
    return {**about, "omero": _shown_as_colors()} if colors else about


def _shown_as_colors() -> dict[str, Any]:
    window = {"min": 0, "max": 255, "start": 0, "end": 255}
    channels = [
        {"label": name, "color": color, "active": True, "window": window, "coefficient": 1, "family": "linear"}
        for name, color in CHANNELS.items()
    ]
    return {"channels": channels, "rdefs": {"model": "color"}}


def _channel_place(axes: Sequence[str | None]) -> int:
    """Where OME-Zarr demands channels: behind time, before space; before y and x if nothing is known of the others."""
    return axes.count("t") if any(axes) else len(axes)


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
