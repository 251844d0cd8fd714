"""The fill that ends at edges of the image: what it would fill is shown under the cursor, and filled by a click."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray
from psygnal import Signal

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.fill_preview import FillPreview
from napari_colorizer._napari.colorize.keys import FILL
from napari_colorizer._napari.colorize.label_writing import writable, write_labels
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.task_queue import Request, Work

if TYPE_CHECKING:
    from napari_colorizer.engine.regions import Pixel, Regions

MOST_MOVED = 4  # pixels of the canvas, by a click; more is a drag, which moves the image


class FillTool:
    """Fills the part of the image under the cursor that has one label, with the class of the brush.

    The key takes the tool in the hand; then a click, or the key again, fills what is highlighted. `end` or another
    tool puts it away.

    Parameters
    ----------
    controller : ColorizeController

    Attributes
    ----------
    in_hand : bool
    """

    changed = Signal()  # it was taken in the hand, or put away

    def __init__(self, controller: ColorizeController):
        self.controller = controller
        self.preview = FillPreview(controller.viewer)
        self._bound: Labels | None = None
        self.in_hand = False
        self._mode = "paint"  # of before
        self._regions: tuple[tuple[Any, ...], Regions] | None = None  # of which picture they are
        controller.layers_changed.connect(self._bind)
        self._bind()

    def release(self) -> None:
        """Put the tool away, and unbind the key."""
        self.end()
        if self._bound is not None:
            self._bound.bind_key(FILL, None)
        self._bound = None

    def _bind(self) -> None:
        """Bind the key to the chosen labels layer."""
        labels = self.controller.labels
        if labels is self._bound:
            return
        self.release()
        if labels is not None:
            self._bound = labels
            labels.bind_key(FILL, lambda _: self._press(), overwrite=True)

    def _press(self) -> None:
        if self.in_hand:
            self._fill()
        else:
            self.begin()

    # -- in the hand, and out of it

    def toggle(self) -> None:
        """Take the tool in the hand, or put it away."""
        if self.in_hand:
            self.end()
            return
        if self._bound is not None:
            self.controller.viewer.layers.selection.active = self._bound
        self.begin()

    def begin(self) -> None:
        """Take the tool in the hand."""
        controller, labels = self.controller, self._bound
        if labels is None or controller.image is None:
            controller.message.emit("Choose an image layer and its label map first")
            return
        self._mode, self.in_hand = str(labels.mode), True
        labels.mode = "pan_zoom"  # so that the click does not paint
        labels.cursor = "cross"
        controller.fills = True
        labels.mouse_move_callbacks.append(self._on_move)
        labels.mouse_drag_callbacks.append(self._on_press)
        labels.events.mode.connect(self._on_mode)
        labels.events.selected_label.connect(self._on_move)
        controller.viewer.layers.selection.events.active.connect(self._on_active)
        controller.message.emit("Click, or press Shift+F again, to fill what is highlighted; Esc ends this")
        self._on_move()
        self.changed.emit()

    def end(self) -> None:
        """Put the tool away, and take up that of before."""
        if not self.in_hand or self._bound is None:
            return
        labels = self._bound
        self.in_hand, self.controller.fills = False, False
        labels.mouse_move_callbacks.remove(self._on_move)
        labels.mouse_drag_callbacks.remove(self._on_press)
        labels.events.mode.disconnect(self._on_mode)
        labels.events.selected_label.disconnect(self._on_move)
        self.controller.viewer.layers.selection.events.active.disconnect(self._on_active)
        self.preview.remove()
        if labels.mode == "pan_zoom":
            labels.mode = self._mode
            labels.cursor = labels.cursor if self._mode != "pan_zoom" else "standard"
        self.controller.message.emit("")
        self.changed.emit()

    def _on_mode(self, _event: Any = None) -> None:
        if self._bound is not None and self._bound.mode != "pan_zoom":
            self.end()

    def _on_active(self, _event: Any = None) -> None:
        active = on_layers.active_layer(self.controller.viewer)
        if active is not None and active is not self._bound and not self.preview.is_layer(active):
            self.end()  # (none is the active one for a moment whenever a layer is added)

    # -- under the cursor

    def _on_move(self, *_: Any) -> None:
        """Show what would be filled."""
        found = self._under_cursor()
        if found is None or self._bound is None or self.controller.image is None:
            self.preview.hide()
            return
        regions, pixel, plane = found
        color = self._bound.get_color(self._bound.selected_label)
        self.preview.show(regions.outline(pixel, plane), color, self.controller.image)

    def _on_press(self, _layer: Labels, event: Any) -> Generator[None, None, None]:
        if event.button != 1:
            return
        begun = np.array(event.pos)
        yield
        while event.type == "mouse_move":
            yield
        if np.abs(np.array(event.pos) - begun).max() <= MOST_MOVED:
            self._fill()

    def _fill(self) -> None:
        """Fill what is under the cursor, as one undo step."""
        found, controller = self._under_cursor(), self.controller
        if found is None or self._bound is None:
            return
        regions, pixel, plane = found
        brush = int(self._bound.selected_label)
        where = regions.at(pixel, plane)
        index = on_layers.plane_index(self._bound, controller.viewer)
        labels = writable(controller, int(np.count_nonzero(where)))  # perhaps a copy, which puts the tool away
        write_labels(labels, index, np.where(where, np.array(brush, np.min_scalar_type(brush)), plane))
        self._on_move()

    def _under_cursor(self) -> tuple[Regions, Pixel, NDArray[Any]] | None:
        """The parts of the image, the pixel under the cursor and the plane of the label map.

        None where one of them lacks, or the pixel has the class of the brush already.
        """
        labels, image, viewer = self._bound, self.controller.image, self.controller.viewer
        if labels is None or image is None:
            return None
        try:
            plane = on_layers.plane_of(labels, image, viewer)
            picture = self.controller.picture_of(image)
        except on_layers.LayerError as error:
            self.controller.message.emit(str(error))
            return None
        if self._regions is None or self._regions[0] != picture.key:
            self._look_for_edges(image)
            return None
        pixel = tuple(round(value) for value in labels.world_to_data(viewer.cursor.position)[-2:])
        if not all(0 <= value < size for value, size in zip(pixel, plane.shape, strict=True)):
            return None
        if plane[pixel] == labels.selected_label:
            return None
        return self._regions[1], (pixel[0], pixel[1]), plane

    def _look_for_edges(self, image: Image) -> None:
        """Find the parts of the image in the background, once for each picture."""
        controller = self.controller

        def prepare() -> Work | None:
            if image is not controller.image or not self.in_hand:
                return None
            picture = controller.picture_of(image)
            if self._regions is not None and self._regions[0] == picture.key:
                return None  # asked for more than once
            return lambda: (picture.key, _regions_of(picture))

        def keep(found: tuple[tuple[Any, ...], Regions]) -> None:
            self._regions = found
            if self.in_hand:
                self._on_move()

        controller.tasks.submit(Request("edges", prepare, keep, "Looking for edges"))


def _regions_of(picture: on_layers.Picture) -> Regions:
    from napari_colorizer.engine.regions import Regions  # brings torch

    return Regions(*picture.seen())
