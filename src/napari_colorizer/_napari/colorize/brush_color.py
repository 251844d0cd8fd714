"""The circle of the brush in the color of its class."""

from __future__ import annotations

from typing import Any

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
        for signal in (controller.brush_changed, controller.layers_changed, controller.classes_changed):
            signal.connect(self.show)
        controller.viewer.layers.selection.events.active.connect(self.show)

    def release(self) -> None:
        """Give napari its own circle back."""
        self.controller.viewer.layers.selection.events.active.disconnect(self.show)
        self._paint(USUAL)

    def show(self, _event: Any = None) -> None:
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
