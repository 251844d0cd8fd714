"""Validation pictures: gray, labels, color, truth, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_colorizer.classes import LARGEST_ID, ClassMap
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
from napari_colorizer.evaluation.metrics.baselines import paint
from napari_colorizer.files import replacing
from napari_colorizer.models.model import Model

RGB = NDArray[np.uint8]
GAP = 4


def overlay(gray: RGB, labels: NDArray[Any], classes: ClassMap) -> RGB:
    """A label map (H, W), half transparent in the colors of its classes, on a gray image (H, W, 3)."""
    colors = np.zeros((LARGEST_ID + 1, 3))
    for item in classes:
        colors[item.id] = item.rgb
    return np.where(labels[..., None] > 0, 0.5 * gray + 0.5 * colors[labels], gray).astype(np.uint8)


def draw_picture(model: Model, photo: Photo, part: str, device: str) -> RGB:
    """Gray, labels, color, truth of one photo.

    The labels are the predicted ones where the segmenter is trained, and the true ones where the colorizer is, since
    each is to show what its network does; a model without a colorizer leaves the color gray.
    """
    gray = to_gray(photo.rgb)
    labels = photo.labels
    if part == "segmenter":
        labels = model.segment(photo.rgb, SegmentOptions(device=device))
    color = gray
    if model.colorizer is not None:
        color = model.colorize(photo.rgb, labels, options=ColorizeOptions(device=device))
    gap = np.full((len(gray), GAP, 3), 255, np.uint8)
    return np.hstack([gray, gap, overlay(gray, labels, model.classes), gap, color, gap, photo.rgb])


def to_gray(rgb: RGB) -> RGB:
    """The gray image (H, W, 3) of the same lightness."""
    return paint(rgb, np.zeros((*rgb.shape[:2], 2)))


def write_pictures(
    model: Model, photos: Sequence[Photo], part: str, device: str, folder: Path, epoch: int
) -> list[Path]:
    """Write the picture of each photo as ``epoch-0003-1-NAME.png``; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, photo in enumerate(photos, 1):
        files.append(folder / f"epoch-{epoch:04}-{number}-{photo.name[:40]}.png")
        with replacing(files[-1]) as temporary:
            Image.fromarray(draw_picture(model, photo, part, device)).save(temporary, "PNG")
    return files
