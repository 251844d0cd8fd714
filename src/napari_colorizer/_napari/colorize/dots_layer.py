"""Color dots: a Points layer whose face colors are wishes for what lies under its points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakSet

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Points
from napari.layers.base import ActionType
from numpy.typing import NDArray

from napari_colorizer._napari.colorize.color_updates import has_no_value
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.keys import DOTS, REDO, UNDO
from napari_colorizer._napari.colorize.layer_events import PLACE_EVENTS, listen
from napari_colorizer._napari.colorize.series_source import with_ends
from napari_colorizer._napari.colorize.wished import Dot, lies_in
from napari_colorizer._napari.shared import layer_notes
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layer_transforms import pixels_of, put_on, transform_of
from napari_colorizer.classes import LAYER_NOTES

NAME = "Dots"
FIRST_COLOR = "#e07020"
DOTS_ACROSS, SMALLEST = 60, 5.0  # a dot is a 60th of the longer side, and pixels
NOWHERE = float("inf")  # where a dot without a place is: unlike NaN, that equals itself
GOING_ON_EVENTS = ("set_data",)  # while a dot is dragged
DONE_EVENTS = ("face_color", "current_face_color", "size", "current_size")
DONE = (ActionType.ADDED, ActionType.CHANGED, ActionType.REMOVED)


class DotsLayer:
    """Keeps a Points layer and the dots that are wished for the image of a controller in step, both ways.

    Parameters
    ----------
    controller : ColorizeController

    Attributes
    ----------
    layer : Points, optional
        That of the image.
    """

    def __init__(self, controller: ColorizeController):
        self.controller, self.viewer = controller, controller.viewer
        self.layer: Points | None = None
        self._known: WeakSet[Points] = WeakSet()
        self._showing = False  # what the layer tells is what it was just given
        controller.wishes_changed.connect(self._show)
        controller.place_changed.connect(self._on_place)
        self.viewer.layers.events.removed.connect(self._on_removed)
        self.viewer.bind_key(DOTS, lambda _: self.toggle(), overwrite=True)
        self._show()

    def release(self) -> None:
        """Let go of the viewer; the layer stays."""
        self._listen_to(None)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        self.viewer.bind_key(DOTS, None)

    def toggle(self) -> None:
        """Take the dots in the hand, ready to add one; or the label map again."""
        if self.layer is not None and on_layers.active_layer(self.viewer) is self.layer:
            if self.controller.labels is not None:
                self.viewer.layers.selection.active = self.controller.labels
            return
        if self.controller.image is None:
            self.controller.message.emit("Choose an image layer first")
            return
        layer = self._laid()
        self.viewer.layers.selection.active = layer
        layer.visible, layer.mode = True, "add"

    # -- from the wishes to the layer

    def _show(self) -> None:
        """Show the dots of the image in its layer, where it has any."""
        self._listen_to(dots_of(self.controller.image, self.viewer))
        if self.layer is not None and self.layer not in self._known:
            self._known.add(self.layer)  # it may have been changed while no dock was open
            self._take("")
        dots = self.controller.wishes.now.dots
        if self.layer is None and dots:
            self._laid()
        if self.layer is not None and self._read(self.layer) != dots:
            self._write(dots)

    def _laid(self) -> Points:
        """The layer of the image, laid where there is none."""
        image = self.controller.image
        assert image is not None
        if self.layer is None:
            size = max(SMALLEST, round(max(on_layers.image_shape(image)[-2:]) / DOTS_ACROSS))
            place = transform_of(image, image.ndim)
            layer = Points(
                np.empty((0, image.ndim)), name=NAME, size=size, face_color=FIRST_COLOR, border_color="white", **place
            )
            layer_notes.note(layer, dots=str(layer.unique_id), image=str(image.unique_id))
            on_layers.add_beside(self.viewer, layer, len(self.viewer.layers))
            self._known.add(layer)
            self._listen_to(layer)
        assert self.layer is not None
        return self.layer

    def _listen_to(self, layer: Points | None) -> None:
        if layer is self.layer:
            return
        for known, on in ((self.layer, False), (layer, True)):
            listen(known, (*GOING_ON_EVENTS, *PLACE_EVENTS), self._on_going, on)
            listen(known, DONE_EVENTS, self._on_done, on)
            listen(known, ("data",), self._on_data, on)
        for keys, back in ((UNDO, True), (REDO, False)):
            for key in keys:
                if self.layer is not None:
                    self.layer.bind_key(key, None)
                if layer is not None:
                    layer.bind_key(key, lambda _, back=back: self.controller.step_wishes(back), overwrite=True)
        self.layer = layer

    def _write(self, dots: Sequence[Dot]) -> None:
        """Show dots in the layer, which lies on the image then."""
        assert self.layer is not None
        self._showing = True
        try:
            if self.controller.image is not None:
                put_on(self.layer, self.controller.image)
            if self._read(self.layer) != dots:
                _write(self.layer, dots)
        finally:
            self._showing = False

    def _on_place(self) -> None:
        if self.layer is not None:
            self._write(self.controller.wishes.now.dots)

    # -- from the layer to the wishes

    def _on_going(self, _event: Any = None) -> None:
        self._take("dots")

    def _on_data(self, event: Any) -> None:
        if event.action in DONE:
            self._on_done()

    def _on_done(self, _event: Any = None) -> None:
        controller = self.controller
        if self._take("dots") and controller.image is not None:
            wishes = controller.wishes
            controller.wish(with_ends(controller.image, wishes.before, wishes.now), "dots")
            wishes.settle()

    def _take(self, going_on: str) -> bool:
        """Wish for what the layer shows."""
        if self._showing or self.layer is None or not _is_whole(self.layer):
            return False
        before, dots = self.controller.wishes.now.dots, self._read(self.layer)
        if dots != before:
            self.controller.wish(replace(self.controller.wishes.now, dots=dots), going_on)
            self._say_what_is_off(set(dots).difference(before))
        return True

    def _read(self, layer: Points) -> tuple[Dot, ...]:
        """The dots where they are seen on the image, though somebody has moved the layer."""
        image, places = self.controller.image, np.asarray(layer.data, float)
        if image is not None and layer.ndim == image.ndim:
            places = pixels_of(places, layer, image)
        return _dots(layer, places)

    def _say_what_is_off(self, dots: set[Dot]) -> None:
        """Say which of some dots color nothing."""
        image = self.controller.image
        if image is None or not dots:
            return
        height, width = on_layers.image_shape(image)[-2:]
        outside = [dot for dot in dots if not lies_in(dot, _plane(dot), (height, width))]
        if outside:
            self._say(len(outside), "outside of the image")
        elif empty := [dot for dot in dots if has_no_value(on_layers.full_data(image), dot.place)]:
            self._say(len(empty), "where the image has no value (NaN)")

    def _say(self, count: int, where: str) -> None:
        told = (
            f"{count} dots lie {where}: they color nothing" if count > 1 else f"A dot lies {where}: it colors nothing"
        )
        self.controller.message.emit(told)

    def _on_removed(self, event: Any) -> None:
        """The layer was deleted, and the dots with it; the dock's undo brings both back."""
        if event.value is self.layer and self.layer is not None:
            self._listen_to(None)
            self.controller.wish(replace(self.controller.wishes.now, dots=()))


def dots_of(image: Image | None, viewer: ViewerModel) -> Points | None:
    """The layer of dots of an image; a copy that the user made of one is none."""
    for layer in viewer.layers:
        own = layer.metadata.get(LAYER_NOTES, {}).get("dots") == str(layer.unique_id)
        if own and isinstance(layer, Points) and layer_notes.belongs_to(layer, image):
            return layer
    return None


def _is_whole(layer: Points) -> bool:
    """Whether a layer is not just amid a change."""
    return len(layer.data) == len(layer.face_color) == len(layer.size)


def _dots(layer: Points, pixels: NDArray[np.float64]) -> tuple[Dot, ...]:
    """The dots of a layer, whose points are these pixels of the image."""
    places = np.nan_to_num(pixels, nan=NOWHERE, posinf=NOWHERE, neginf=NOWHERE).tolist()
    levels = np.round(np.asarray(layer.face_color)[:, :3] * 255).astype(np.uint8)
    colors = [f"#{value.tobytes().hex()}" for value in levels]
    sizes = np.asarray(layer.size, float).tolist()
    return tuple(Dot(tuple(place), color, size) for place, color, size in zip(places, colors, sizes, strict=True))


def _write(layer: Points, dots: Sequence[Dot]) -> None:
    layer.selected_data = set()
    places = np.array([dot.place for dot in dots]).reshape(len(dots), layer.ndim)
    layer.data = np.where(np.isfinite(places), places, np.nan)
    if dots:
        layer.face_color = [dot.color for dot in dots]
        layer.size = [dot.size for dot in dots]


def _plane(dot: Dot) -> tuple[int, ...]:
    """The plane that a dot lies on."""
    return tuple(round(value) for value in np.nan_to_num(dot.place[:-2]).tolist())
