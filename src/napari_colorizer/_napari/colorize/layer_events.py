"""The events of layers that may change colors."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from napari.layers import Labels, Layer

PLACE_EVENTS = ("scale", "translate", "rotate", "shear", "affine", "units")
IMAGE_EVENTS = ("data", "contrast_limits", "gamma", "colormap")
EDIT_EVENTS = ("paint", "labels_update", "set_data", "data", *PLACE_EVENTS)


def listen(layer: Layer | None, events: tuple[str, ...], react: Callable[[Any], None], on: bool) -> None:
    """Connect or disconnect events of a layer."""
    if on and isinstance(layer, Labels):
        _tell_of_hidden_undo(layer)
    for name in events if layer is not None else ():
        emitter = getattr(layer.events, name)
        (emitter.connect if on else emitter.disconnect)(react)


def _tell_of_hidden_undo(layer: Labels) -> None:
    """Let undo and redo of a hidden label map be told by `set_data`, as those of one that is shown are by napari.

    It stays so, and refers to nobody who listens: several docks may.
    """
    if "undo" in vars(layer):
        return
    known = weakref.ref(layer)

    def told(name: str) -> None:
        labels = known()
        if labels is not None:
            getattr(type(labels), name)(labels)
            if not labels.visible:
                labels.events.set_data()

    layer.undo = lambda: told("undo")
    layer.redo = lambda: told("redo")
