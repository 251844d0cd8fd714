"""Takes the color of a pixel in any RGB layer."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
from napari.layers import Image, Layer

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.shared import layers as on_layers

ASKING = "Click a color in any RGB layer; a click elsewhere ends this"
NO_COLOR = "There is no RGB layer under the cursor: no color was picked"


class Eyedropper:
    """Asks for a click on the canvas, and gives the color under it.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        self.controller, self.viewer = controller, controller.viewer
        self._then: Callable[[str], object] | None = None
        self._tool: tuple[Layer, Any] | None = None  # the layer that would take the click, and its mode

    def ask(self, then: Callable[[str], object]) -> None:
        """Call `then` with the "#rrggbb" that is clicked next."""
        self.release()
        self._then = then
        layer = on_layers.active_layer(self.viewer)
        if layer is not None:
            self._tool = layer, layer.mode
            layer.mode = "pan_zoom"  # so that the click does not paint
        self.viewer.mouse_drag_callbacks.append(self._on_press)
        self.controller.message.emit(ASKING)

    def release(self) -> None:
        """Wait no longer for a click, and give the tool back."""
        if self._then is None:
            return
        self._then = None
        self.viewer.mouse_drag_callbacks.remove(self._on_press)
        if self._tool is not None:
            layer, mode = self._tool
            layer.mode, self._tool = mode, None

    def _on_press(self, _viewer: Any, event: Any) -> Generator[None, None, None]:
        position, dragged = tuple(event.position), False
        yield
        while event.type == "mouse_move":
            dragged = True
            yield
        then = self._then
        if dragged or then is None:
            return  # the view was moved
        color = self.color_at(position)
        self.release()
        self.controller.message.emit("" if color else NO_COLOR)
        if color:
            then(color)

    def color_at(self, position: Sequence[float]) -> str:
        """The color, #rrggbb, of the RGB layer at a point of the world: the selected one, or the topmost; else ""."""
        active = on_layers.active_layer(self.viewer)
        layers = [layer for layer in reversed(self.viewer.layers) if isinstance(layer, Image) and layer.rgb]
        for layer in sorted(layers, key=lambda layer: layer is not active):
            color = _color_of(layer, position) if layer.visible else None
            if color is not None:
                return color
        return ""


def _color_of(layer: Image, position: Sequence[float]) -> str | None:
    """The color of a layer at a point of the world; None where it has none there, or is transparent."""
    data = on_layers.full_data(layer)
    index = tuple(round(value) for value in layer.world_to_data(position))
    if not all(0 <= place < side for place, side in zip(index, data.shape, strict=False)):
        return None
    value = np.asarray(data[index])
    most = np.iinfo(value.dtype).max if value.dtype.kind in "iu" else 1
    levels = np.clip(np.nan_to_num(value.astype(float)) / most, 0, 1)
    if len(levels) > 3 and levels[3] == 0:
        return None
    red, green, blue = (round(255 * level) for level in levels[:3].tolist())
    return f"#{red:02x}{green:02x}{blue:02x}"
