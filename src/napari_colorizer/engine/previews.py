"""Small pictures of how something would look in another color."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import rgb2lab

from napari_colorizer.color import to_rgb
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.pins import Pin, ResolvedPins
from napari_colorizer.engine.wishes import apply_pins


def preview(rgb: NDArray[np.uint8], labels: NDArray[np.integer], pins: Mapping[int, Pin]) -> NDArray[np.uint8]:
    """A picture with pins on its present colors, array of uint8 (h, w, 3).

    Parameters
    ----------
    rgb : array of uint8, (h, w, 3)
    labels : array of integers, (h, w)
    pins : mapping
        By label.
    """
    lab = rgb2lab(rgb).astype(np.float32)
    shape = (rgb.shape[0], rgb.shape[1])
    resolved = ResolvedPins(dict(pins), {})
    chroma, _ = apply_pins(lab[..., 1:].transpose(2, 0, 1), labels, labels, resolved, Frame.fit(shape, max(shape), 1))
    return to_rgb(torch.from_numpy(lab[..., 0].copy()), torch.from_numpy(chroma.astype(np.float32))).numpy()


def thinned(shape: tuple[int, ...], most: int) -> tuple[slice, slice]:
    """Rows and columns of a picture of that shape that leave at most `most` of each."""
    step = -(-max(shape[:2]) // most)
    rows, columns = (slice(min(step, side) // 2, None, step) for side in shape[:2])
    return rows, columns
