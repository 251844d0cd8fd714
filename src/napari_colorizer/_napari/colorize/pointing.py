"""What of a label map or an image lies under the cursor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from napari.layers import Image, Labels

from napari_colorizer._napari.shared.layers import image_shape

Pixel = tuple[int, int]


def pixel_at(labels: Labels, position: Sequence[float]) -> Pixel | None:
    """Row and column of a labels layer at a point of the world; None outside of it."""
    row, column = (round(value) for value in labels.world_to_data(position)[-2:])
    height, width = np.shape(labels.data[0] if labels.multiscale else labels.data)[-2:]
    return (row, column) if 0 <= row < height and 0 <= column < width else None


def pixel_on(image: Image, position: Sequence[float]) -> Pixel | None:
    """Row and column of an image layer at a point of the world; None outside of it."""
    row, column = (round(value) for value in image.world_to_data(position)[-2:])
    height, width = image_shape(image)[-2:]
    return (row, column) if 0 <= row < height and 0 <= column < width else None
