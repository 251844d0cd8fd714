"""A copy of the present result, to compare with."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from napari.layers import Image

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.keys import KEPT_COPY
from napari_colorizer._napari.shared import layer_notes
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layer_transforms import transform_of


class HeldCopy:
    """Lays copies of the colors above them, hidden until they are compared.

    Parameters
    ----------
    controller : ColorizeController

    Attributes
    ----------
    layer : Image, optional
        The last copy.
    """

    def __init__(self, controller: ColorizeController):
        self.controller, self.viewer = controller, controller.viewer
        self.layer: Image | None = None
        self.viewer.bind_key(KEPT_COPY, self._compare, overwrite=True)

    def release(self) -> None:
        """Unbind the key."""
        self.viewer.bind_key(KEPT_COPY, None)

    def hold(self) -> None:
        """Copy the present colors to a layer of their own."""
        image, colors = self.controller.image, self.controller.colors
        if image is None or colors is None:
            self.controller.message.emit("There are no colors to keep a copy of yet: press Colorize first")
            return
        copied = np.array(colors.data)
        name = f"{on_layers.colors_name(image)} (kept)"
        layer = Image(copied, rgb=True, name=name, visible=False, **transform_of(colors, 2))
        layer_notes.note(layer, colors="kept")  # it is no image to color
        on_layers.add_beside(self.viewer, layer, self.viewer.layers.index(colors) + 1)
        self.layer = layer
        self.controller.message.emit(
            f"Hold {KEPT_COPY} to see the colors as they are now; they are kept in the layer {layer.name!r}"
        )

    def _compare(self, _viewer: Any) -> Generator[None, None, None]:
        layer, labels = self.layer, self.controller.labels
        if layer is None or layer not in self.viewer.layers:
            self.controller.message.emit("There is no copy of the colors yet: press Keep a copy first")
            return
        hidden = [other for other in (labels,) if other is not None and other.visible]
        layer.visible = True
        for other in hidden:
            other.visible = False
        yield
        layer.visible = False
        for other in hidden:
            other.visible = True
