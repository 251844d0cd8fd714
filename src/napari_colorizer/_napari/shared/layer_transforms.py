"""Where layers lie in the world: a label map must lie on its image."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from numpy.typing import NDArray

MOST_APART = 0.5  # pixels of the image


def transform_of(layer: Layer, ndim: int) -> dict[str, Any]:
    """Where a layer lies in the world: the arguments that give a new layer of its last `ndim` axes the same place."""
    last = slice(layer.ndim - ndim, None)
    affine = np.eye(ndim + 1)
    affine[:-1, :-1] = layer.affine.linear_matrix[last, last]
    affine[:-1, -1] = layer.affine.translate[last]
    return {
        "scale": layer.scale[last],
        "translate": layer.translate[last],
        "rotate": layer.rotate[last, last],
        "shear": _shear(layer, last),
        "affine": affine,
        "units": layer.units[last],
        "axis_labels": layer.axis_labels[last],
    }


def _shear(layer: Layer, last: slice) -> NDArray[np.float64]:
    """The part of the upper-triangular shear values that concerns the last axes."""
    full = np.eye(layer.ndim)
    full[np.triu_indices(layer.ndim, 1)] = layer.shear
    part = full[last, last]
    return part[np.triu_indices(len(part), 1)]


def put_on(layer: Layer, image: Image) -> None:
    """Give a layer the place of an image in the world."""
    for name, value in transform_of(image, layer.ndim).items():
        if not _same(getattr(layer, name), value):
            setattr(layer, name, value)


def _same(one: Any, other: Any) -> bool:
    return np.array_equal(np.asarray(one, object), np.asarray(other, object))


def apart(labels: Labels, image: Image, shape: tuple[int, ...]) -> str:
    """How a label map of the shape of an image lies off it; "" where it lies on it."""
    first, last = np.zeros(len(shape)), np.array(shape, float) - 1
    ends = [np.where(np.arange(len(shape)) == axis, last, 0.0) for axis in range(len(shape))]
    corners = np.stack([first, last, *ends])
    found = pixels_of(corners, labels, image)
    if np.abs(found - corners).max() <= MOST_APART:
        return ""
    begin, end = (tuple(round(float(value), 1) for value in where) for where in found[:2])
    wanted = tuple(last.astype(int).tolist())
    if np.abs(found[:2] - corners[:2]).max() <= MOST_APART:
        return "its axes lie in another order, or are mirrored"
    return f"its first pixel lies on pixel {begin} of the image, its last on {end} instead of {wanted}"


def moved(layer: Layer, image: Image) -> str:
    """What moves a layer that was laid on an image off it; "" where it has the place of the image."""
    for name, wanted in transform_of(image, layer.ndim).items():
        value = getattr(layer, name)
        if not _same(value, wanted):
            return f"its {name} is {_readable(value)} instead of {_readable(wanted)}"
    return ""


def _readable(value: Any) -> str:
    """Short: no more digits than say something."""
    numbers = np.asarray(value)
    if numbers.dtype.kind in "iuf":
        return str(np.round(numbers, 3).tolist())
    return ", ".join(map(str, value))


def pixels_of(points: NDArray[np.float64], layer: Layer, image: Image) -> NDArray[np.float64]:
    """Points of a layer, (N, axes), in pixels of an image with as many axes: where they are seen on it."""
    if not len(points) or not moved(layer, image):
        return points
    (matrix, offset), (own_matrix, own_offset) = _affine(image), _affine(layer)
    world = np.linalg.solve(own_matrix, (points - own_offset).T) * _unit_factors(layer, image)[:, None]
    return np.asarray((matrix @ world).T + offset)


def _unit_factors(layer: Layer, image: Image) -> NDArray[np.float64]:
    """How many units of an image one of a layer is, along each axis; 1 where the two cannot be compared."""
    factors = np.ones(layer.ndim)
    for axis, (own, wanted) in enumerate(zip(layer.units, image.units, strict=True)):
        with suppress(Exception):  # pixels in micrometers, say: napari shows them as if they were the same
            factors[axis] = (1.0 * own).to(wanted).magnitude
    return factors


def _affine(layer: Layer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matrix and offset that bring a position in the world to pixels."""
    offset = np.array(layer.world_to_data(np.zeros(layer.ndim)), float)
    matrix = np.stack([np.array(layer.world_to_data(unit), float) - offset for unit in np.eye(layer.ndim)], axis=1)
    return matrix, offset
