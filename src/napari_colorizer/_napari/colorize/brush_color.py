"""The circle of the brush in the color of its class."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.dock import canvas_of

USUAL = "white"  # napari's own; its second, black circle within stays, so that the brush is seen on all colors


class BrushColor:
    """Colors the circle that napari draws for the brush, where napari has one to color: that is none of its promises.

    Parameters
    ----------
    controller : ColorizeController
    dock : QWidget
        In the window of the canvas.
    """

    def __init__(self, controller: ColorizeController, dock: QWidget):
        self.controller, self.dock = controller, dock
        self.soon = QTimer(dock, singleShot=True, interval=0)  # napari draws the circle when it is first needed
        self.soon.timeout.connect(self.show)
        for signal in (controller.brush_changed, controller.layers_changed, controller.classes_changed):
            signal.connect(self._later)
        for event in self._events():
            event.connect(self._later)

    def release(self) -> None:
        """Give napari its own circle back."""
        for event in self._events():
            event.disconnect(self._later)
        self.soon.stop()
        self._paint(USUAL)

    def _events(self) -> tuple[Any, ...]:
        viewer = self.controller.viewer
        return viewer.layers.selection.events.active, viewer.cursor.events.style

    def _later(self, _event: Any = None) -> None:
        self.soon.start()

    def show(self) -> None:
        """Show the class of the brush, if it is that of the label map."""
        labels = self.controller.labels
        ours = labels is not None and on_layers.active_layer(self.controller.viewer) is labels
        color = labels.get_color(labels.selected_label) if labels is not None and ours else None
        self._paint(USUAL if color is None or not color[-1] else color)

    def _paint(self, color: Any) -> None:
        shown = getattr(canvas_of(self.dock), "_viewer_overlay_to_visual", {})
        for circles in list(shown.values()):
            for circle in circles if isinstance(circles, list) else [circles]:
                if hasattr(circle, "_white_circle"):
                    circle._white_circle.border_color = color
