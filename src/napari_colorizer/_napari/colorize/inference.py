"""What is done in the background and keeps nothing: loading models, predicting, coloring, counting. No Qt here."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_colorizer._napari.colorize.wished import NOTHING, Asking
from napari_colorizer._napari.shared.layers import Picture
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.labels import unique_labels
from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
from napari_colorizer.models.library import find_model

if TYPE_CHECKING:
    from napari_colorizer.engine.segment import Segmentation
    from napari_colorizer.models.model import Model


class TorchError(ImportError):
    """PyTorch cannot be loaded."""


def load(name: str) -> Model:
    """Load a model, or take it from memory if its file has not changed since.

    Raises
    ------
    TorchError
        If PyTorch cannot be loaded.
    """
    path = find_model(name)
    try:
        import torch  # noqa: F401
    except (OSError, ImportError) as error:
        raise TorchError(
            "PyTorch could not be loaded. Start napari from an environment where 'python -c \"import torch\"' works; "
            "on Windows, installing the Microsoft Visual C++ Redistributable helps"
        ) from error
    return _load(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _load(path: Path, _modified: int) -> Model:
    from napari_colorizer.engine.compiled import load_compiled
    from napari_colorizer.models.file import read_model

    load_compiled()  # edits are to come
    return read_model(path)


def predict(
    model: str, picture: Picture, options: SegmentOptions, tell: Callable[[float], None] = lambda _: None
) -> Segmentation:
    """The label map of the picture at any confidence; see `Model.segmentation` for `tell`."""
    pixels, limits = picture.seen()
    return load(model).segmentation(pixels, options, limits, tell)


def colorize(
    model: str,
    picture: Picture,
    labels: NDArray[np.integer],
    classes: ClassMap,
    options: ColorizeOptions,
    asking: Asking = NOTHING,
) -> NDArray[np.uint8]:
    """The colors (H, W, 3) of a picture, which is not kept."""
    pixels, limits = picture.seen()
    session = load(model).session(pixels, options, limits)
    return session.colorize(labels, asking.hints, classes, pins=asking.pins, adjustment=asking.adjustment)


def count(labels: NDArray[np.integer]) -> dict[int, int]:
    """How many pixels each id of a label map has."""
    ids, counts = unique_labels(labels)
    return dict(zip(ids.tolist(), counts.tolist(), strict=True))
