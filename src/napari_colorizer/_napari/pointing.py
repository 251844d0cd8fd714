"""Pointing at what is to be reset: by a key, or by the next click."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal

from napari.layers import Labels

from napari_colorizer._napari.prediction import Prediction

Pointed = Literal["class", "region"]
KEYS: dict[str, Pointed] = {"Shift-C": "class", "Shift-R": "region"}


class Pointing:
    """Resets the class or region under the cursor to the prediction.

    Parameters
    ----------
    prediction : Prediction
    """

    def __init__(self, prediction: Prediction):
        self.prediction = prediction
        self.controller = prediction.controller
        self._bound: Labels | None = None
        self.controller.layers_changed.connect(self._bind)
        self._bind()

    def _bind(self) -> None:
        """Bind the keys to the chosen labels layer."""
        labels = self.controller.labels
        if labels is None or labels is self._bound:
            return
        self._bound = labels
        for key, scope in KEYS.items():
            labels.bind_key(key, lambda layer, scope=scope: self._reset_under_cursor(layer, scope), overwrite=True)

    def _reset_under_cursor(self, layer: Labels, scope: Pointed) -> None:
        if layer is self.controller.labels:
            self.prediction.reset(scope, tuple(self.controller.viewer.cursor.position))

    def ask(self, scope: Pointed) -> None:
        """Reset what the user clicks next."""
        labels = self.controller.labels
        if labels is None:
            self.prediction.reset(scope)  # says what is missing
            return
        mode = labels.mode
        labels.mode = "pan_zoom"  # so that the click does not paint
        self.controller.viewer.layers.selection.active = labels
        self.controller.message.emit(f"Click the {scope} that is to be as it was predicted")

        def on_click(layer: Labels, event: Any) -> Generator[None, None, None]:
            layer.mouse_drag_callbacks.remove(on_click)
            yield
            layer.mode = mode
            self.controller.message.emit("")
            self.prediction.reset(scope, tuple(event.position))

        labels.mouse_drag_callbacks.append(on_click)
