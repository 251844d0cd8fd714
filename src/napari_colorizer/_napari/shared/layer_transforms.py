"""Where layers lie in the world: a label map must lie on its image."""

from __future__ import annotations

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
        if not np.array_equal(np.asarray(getattr(layer, name), object), np.asarray(value, object)):
            setattr(layer, name, value)


def apart(labels: Labels, image: Image, shape: tuple[int, ...]) -> str:
    """How a label map of the shape of an image lies off it; "" where it lies on it."""
    first, last = np.zeros(len(shape)), np.array(shape, float) - 1
    found = [_pixel(image, _world(labels, corner)) for corner in (first, last)]
    corner = first.copy()
    corner[-1] = last[-1]
    third = _pixel(image, _world(labels, corner))
    if max(np.abs(found[0] - first).max(), np.abs(found[1] - last).max(), np.abs(third - corner).max()) <= MOST_APART:
        return ""
    begin, end = (tuple(round(float(value), 1) for value in where) for where in found)
    wanted = tuple(last.astype(int).tolist())
    return f"its first pixel lies on pixel {begin} of the image, its last on {end} instead of {wanted}"


def _affine(layer: Layer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matrix and offset that bring a position in the world to pixels."""
    offset = np.array(layer.world_to_data(np.zeros(layer.ndim)), float)
    matrix = np.stack([np.array(layer.world_to_data(unit), float) - offset for unit in np.eye(layer.ndim)], axis=1)
    return matrix, offset


def _pixel(layer: Layer, position: NDArray[np.float64]) -> NDArray[np.float64]:
    matrix, offset = _affine(layer)
    return matrix @ position + offset


def _world(layer: Layer, pixel: NDArray[np.float64]) -> NDArray[np.float64]:
    matrix, offset = _affine(layer)
    return np.asarray(np.linalg.solve(matrix, pixel - offset), float)
