"""Classes for the brush without a way to the list: those used last, and that under the cursor."""

from __future__ import annotations

from functools import partial

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.keys import PICK, RECENT
from napari_colorizer._napari.colorize.pointing import pixel_at
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layer_keys import Keys


class BrushKeys:
    """Chooses what a controller paints with.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        self.controller = controller

    def keys(self) -> Keys:
        """What each key does; 1 to 7 alone are napari's tools."""
        recent = {key: partial(self.take_recent, place) for place, key in enumerate(RECENT)}
        return {**recent, PICK: self.pick}

    def take_recent(self, place: int) -> None:
        """Paint with one of the classes used last, which keep their places: 0 is the one that was used last."""
        recent = self.controller.recent
        if place < len(recent):
            self.controller.choose_brush(recent[place], note=False)

    def pick(self) -> None:
        """Paint with the class under the cursor."""
        labels, image, viewer = self.controller.labels, self.controller.image, self.controller.viewer
        if labels is None or image is None or (pixel := pixel_at(labels, viewer.cursor.position)) is None:
            return
        try:
            label = int(on_layers.plane_of(labels, image, viewer)[pixel])
        except on_layers.LayerError as error:
            self.controller.message.emit(str(error))
            return
        self.controller.choose_brush(label)
