"""The events of layers that may change colors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.layers import Layer

PLACE_EVENTS = ("scale", "translate", "rotate", "shear", "affine")
IMAGE_EVENTS = ("data", "contrast_limits", "gamma", "colormap")
EDIT_EVENTS = ("paint", "labels_update", "set_data", "data", *PLACE_EVENTS)


def listen(layer: Layer | None, events: tuple[str, ...], react: Callable[[Any], None], on: bool) -> None:
    """Connect or disconnect events of a layer."""
    for name in events if layer is not None else ():
        emitter = getattr(layer.events, name)
        (emitter.connect if on else emitter.disconnect)(react)
