"""Pointing at what is to be reset: by a key, or by the next click."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any, Literal

from napari.layers import Labels
from qtpy.QtWidgets import QMenu, QPushButton

from napari_colorizer._napari.colorize.keys import RESET_CLASS, RESET_REGION, shown
from napari_colorizer._napari.colorize.prediction import Prediction

ClickScope = Literal["class", "region"]
KEYS: dict[str, ClickScope] = {RESET_CLASS: "class", RESET_REGION: "region"}


class ResetButton(QPushButton):
    """Offers what can be reset.

    Parameters
    ----------
    tool : ResetTool
    """

    def __init__(self, tool: ResetTool):
        super().__init__("Reset to prediction")
        menu = QMenu(self)
        menu.addAction("Whole map", lambda: tool.prediction.reset("map"))
        for key, scope in KEYS.items():
            text = f"{scope.capitalize()} that I click ({shown(key)}: under the cursor)"
            menu.addAction(text, partial(tool.ask, scope))
        self.setMenu(menu)
        self.setToolTip("<p>Restores the predicted labels: everywhere, or of the class or region that you click</p>")


class ResetTool:
    """Resets the class or region under the cursor to the prediction.

    Parameters
    ----------
    prediction : Prediction
    """

    def __init__(self, prediction: Prediction):
        self.prediction = prediction
        self.controller = prediction.controller
        self._bound: Labels | None = None
        self._asked: tuple[Labels, Callable[..., Any], str] | None = None  # who waits for a click, and with which tool
        self.controller.layers_changed.connect(self._bind)
        self._bind()

    def _bind(self) -> None:
        """Bind the keys to the chosen labels layer."""
        labels = self.controller.labels
        if labels is self._bound:
            return
        self.release()
        if labels is None:
            return
        self._bound = labels
        for key, scope in KEYS.items():
            labels.bind_key(key, lambda layer, scope=scope: self._reset_under_cursor(layer, scope), overwrite=True)

    def release(self) -> None:
        """Unbind the keys, and wait no longer for a click."""
        self._take_back()
        if self._bound is not None:
            for key in KEYS:
                self._bound.bind_key(key, None)
        self._bound = None

    def _reset_under_cursor(self, layer: Labels, scope: ClickScope) -> None:
        if layer is self.controller.labels:
            self.prediction.reset(scope, tuple(self.controller.viewer.cursor.position))

    def ask(self, scope: ClickScope) -> None:
        """Reset what the user clicks next."""
        labels = self.controller.labels
        if labels is None:
            self.prediction.reset(scope)  # says what is missing
            return
        self._take_back()
        self.controller.viewer.layers.selection.active = labels
        self.controller.message.emit(f"Click the {scope} to reset to the prediction")

        def on_click(_layer: Labels, event: Any) -> Generator[None, None, None]:
            position = tuple(event.position)
            yield
            while event.type == "mouse_move":
                yield
            self._take_back()
            self.controller.message.emit("")
            self.prediction.reset(scope, position)

        self._asked = labels, on_click, labels.mode
        labels.mode = "pan_zoom"  # so that the click does not paint
        labels.mouse_drag_callbacks.append(on_click)

    def _take_back(self) -> None:
        """Wait no longer for a click, and give the tool back."""
        if self._asked is None:
            return
        layer, on_click, mode = self._asked
        self._asked = None
        layer.mouse_drag_callbacks.remove(on_click)
        layer.mode = mode
