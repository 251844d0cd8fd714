"""Pins in the window: the palette of a class, or of the region under the cursor."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from functools import partial
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPoint
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QWidget

from napari_colorizer._napari.colorize.color_popup import ColorPopup
from napari_colorizer._napari.colorize.color_updates import asked_in
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.eyedropper import Eyedropper
from napari_colorizer._napari.colorize.keys import PALETTE
from napari_colorizer._napari.colorize.likely_colors import Offered, Thing, offer, same_region
from napari_colorizer._napari.colorize.pointing import pixel_on
from napari_colorizer._napari.colorize.series_source import with_ends
from napari_colorizer._napari.colorize.wished import Region
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.dock import focus_canvas
from napari_colorizer._napari.shared.task_queue import Request, Work
from napari_colorizer.classes import UNLABELED
from napari_colorizer.engine.pins import Pin

SWATCH_LIGHTNESS = 65.0
MOST_LAST = 8
RIGHT_BUTTON = 2


class PinTool:
    """Opens the palette, and pins what is chosen in it.

    Parameters
    ----------
    controller : ColorizeController
    parent : QWidget
        Of the palette.
    """

    def __init__(self, controller: ColorizeController, parent: QWidget):
        self.controller, self.parent = controller, parent
        self.popup, self.dropper = ColorPopup(parent), Eyedropper(controller)
        self.last: list[tuple[float, float]] = []  # a*, b* that were chosen, the last one first
        self._thing: Thing | None = None
        self._wishes = controller.wishes  # of the image that the thing is in
        controller.wishes_changed.connect(self._on_wishes)
        self.popup.chosen.connect(self._choose)
        self.popup.dropper_requested.connect(self._ask_dropper)
        self.viewer = controller.viewer
        self.viewer.mouse_drag_callbacks.append(self._on_press)
        self.viewer.bind_key(PALETTE, lambda _: self.open_under_cursor(), overwrite=True)

    def release(self) -> None:
        """Let go of the viewer."""
        self.dropper.release()
        self.popup.hide()
        self.viewer.mouse_drag_callbacks.remove(self._on_press)
        self.viewer.bind_key(PALETTE, None)

    # -- what the palette is opened for

    def open_class(self, label: int, at: QPoint) -> None:
        """Open the palette for a class, at a point of the screen."""
        if self.controller.image is None:
            self.controller.message.emit("Choose an image layer first")
        else:
            self._open(label, self._name(label), at)

    def open_under_cursor(self) -> None:
        """Open the palette for the region under the cursor, there."""
        image = self.controller.image
        if image is None:
            self.controller.message.emit("Choose an image layer first")
            return
        pixel = pixel_on(image, self.viewer.cursor.position)
        if pixel is None:
            self.controller.message.emit("Move the cursor over the region whose color you want to choose")
            return
        try:
            region = Region(on_layers.plane_index(image, self.viewer), pixel)
            label = int(self._plane()[pixel])
        except on_layers.LayerError as error:
            self.controller.message.emit(str(error))
            return
        self._open(region, f"{self._name(label)}, this region", QCursor.pos())

    def _on_press(self, _viewer: Any, event: Any) -> Generator[None, None, None]:
        """Open on a click of the right button, where napari has no use for one: it zooms by its drag, and draws."""
        layer = on_layers.active_layer(self.viewer)
        if event.button != RIGHT_BUTTON or (layer is not None and layer.mode != "pan_zoom"):
            return
        dragged = False
        yield
        while event.type == "mouse_move":
            dragged = True
            yield
        if not dragged:
            self.open_under_cursor()

    def _open(self, thing: Thing, title: str, at: QPoint) -> None:
        self._thing, self._wishes = thing, self.controller.wishes
        self.popup.open_at(escape(title), self.last, swatch, at)
        request = Request("suggest", partial(self._prepare, thing), self._show, "Looking for likely colors")
        self.controller.tasks.submit(request)

    def _on_wishes(self) -> None:
        """Close the palette once another image is chosen than the one that it was opened for."""
        if self._thing is not None and self.controller.wishes is not self._wishes:
            self._thing = None
            self.popup.hide()
            self.dropper.release()

    def _prepare(self, thing: Thing) -> Work | None:
        chosen, image = self.controller, self.controller.image
        if image is None or thing != self._thing or not chosen.model.color_ids:
            return None
        picture, plane, asking = chosen.picture_of(image), self._plane(), asked_in(chosen, image)
        how, cache = (chosen.classes, chosen.options, asking), chosen.updates.session_cache
        model = chosen.model.name

        def work() -> tuple[Thing, Offered | None]:
            labels = plane.copy()
            question = partial(offer, picture=picture, labels=labels, thing=thing)
            return thing, cache.ask(model, picture, labels, *how, question)

        return work

    def _show(self, found: tuple[Thing, Offered | None]) -> None:
        thing, offered = found
        if thing == self._thing and self.popup.isVisible():
            self.popup.show_offered(offered)

    # -- what is chosen

    def _ask_dropper(self) -> None:
        self.dropper.ask(lambda color: self._choose(Pin.of(color)))

    def _choose(self, pin: Pin | None) -> None:
        if self._thing is not None:
            self.pin(self._thing, pin)
        focus_canvas(self.parent)

    def pin(self, thing: Thing, pin: Pin | None) -> None:
        """Pin a thing, or let the model color it again: one step of the dock's undo."""
        if pin is not None and pin.color is not None:
            self.last = [pin.color, *(other for other in self.last if other != pin.color)][:MOST_LAST]
        if isinstance(thing, Region):
            self._pin_region(thing, pin)
            return
        wished = self.controller.wishes.now
        classes = wished.classes.without(thing) if pin is None else wished.classes.with_class(thing, pin)
        self.controller.wish(replace(wished, classes=classes))
        if pin is not None and not self.controller.counts.get(thing) and self.controller.labels is not None:
            self.controller.message.emit(
                f"Nothing of {self._name(thing)!r} is in the image: its color takes effect once there is some"
            )

    def _pin_region(self, region: Region, pin: Pin | None) -> None:
        """Pin a region in the place of what was pinned of it from another pixel, found in the background."""
        controller, wishes = self.controller, self.controller.wishes

        def prepare() -> Work | None:
            if controller.wishes is not wishes:
                return None
            others = [other for other, _ in controller.wishes.now.regions]
            plane = self._plane()
            return lambda: same_region(plane.copy(), region, others) if others else []

        def then(same: list[Region]) -> None:
            image, before = controller.image, wishes.now
            if controller.wishes is wishes and image is not None:
                controller.wish(with_ends(image, before, before.with_region(region, pin, same)))

        controller.tasks.submit(Request(f"pin {region}", prepare, then, "Looking for the region"))

    def _plane(self) -> NDArray[Any]:
        """The label map of the plane that is shown; where there is none, nothing is labeled."""
        image, labels = self.controller.image, self.controller.labels
        assert image is not None
        if labels is None:
            return np.zeros(on_layers.image_shape(image)[-2:], np.uint8)
        return on_layers.plane_of(labels, image, self.viewer)

    def _name(self, label: int) -> str:
        if label in self.controller.classes:
            return self.controller.classes[label].name
        return "unlabeled" if label == UNLABELED else f"number {label}"


def swatch(color: tuple[float, float]) -> str:
    """The color #rrggbb that shows a*, b*."""
    from napari_colorizer.engine.palettes import to_hex  # brings torch

    return to_hex((SWATCH_LIGHTNESS, *color))
