"""The coloring of one viewer: which layers it works on, and what follows from what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels
from numpy.typing import NDArray
from psygnal import Signal

from napari_colorizer._napari.colorize.color_updates import ColorUpdates
from napari_colorizer._napari.colorize.label_writing import make_room_for, obstacle, writable
from napari_colorizer._napari.colorize.layer_events import EDIT_EVENTS, IMAGE_EVENTS, PLACE_EVENTS, listen
from napari_colorizer._napari.colorize.model_info import ModelInfo
from napari_colorizer._napari.colorize.result_layers import new_labels_layer
from napari_colorizer._napari.colorize.session_cache import SessionCache
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.error_messages import explain
from napari_colorizer._napari.shared.layer_transforms import put_on
from napari_colorizer._napari.shared.signals import news
from napari_colorizer._napari.shared.task_queue import TaskQueue
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.labels import dtype_for
from napari_colorizer.engine.options import ColorizeOptions
from napari_colorizer.models.library import DEFAULT

MOST_RECENT = 8
SLICE_EVENTS = ("point", "order", "ndisplay")


class ColorizeController:
    """Keeps the label map and the colors of an image layer in step.

    It holds the state of the dock, which shows it and passes on what the user wants; it needs no window.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
    """

    message = Signal(str)  # what the user should know
    layers_changed = Signal()  # another image, label map or model was chosen
    classes_changed = Signal()  # other classes, or other counts of their pixels
    brush_changed = Signal(int)  # another class is painted with
    laid = Signal(object)  # a label map holds what was read or predicted
    offers = Signal(str, object)  # what could be done about something, and what to call for each answer
    asks_classes = Signal(object)  # a labels layer whose numbers may mean anything was chosen

    def __init__(self, viewer: ViewerModel):
        self.viewer = viewer
        self.image: Image | None = None
        self.labels: Labels | None = None
        self.colors: Image | None = None
        self.model = ModelInfo.read(DEFAULT)
        self.default_classes = self.model.classes
        self.options = ColorizeOptions()
        self.following = True
        self.fills = False  # the fill tool is in the hand, and another class leaves it there
        self.counts: dict[int, int] = {}
        self.recent: list[int] = []  # classes, the one that was painted with last first
        self.tasks = TaskQueue()
        self.tasks.failed.connect(self.complain)
        self.tasks.cancelled.connect(self._tell_cancelled)
        self.session_cache = SessionCache()
        self.updates = ColorUpdates(self)
        self.generation = 0  # counts what changes the pixels that are colored
        self.subject = 0  # counts what makes it another picture
        self._complaint = ""  # what the user was told last, if something was wrong
        news.models_changed.connect(self._on_models)
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.layers.events.inserted.connect(self._on_inserted)
        for name in SLICE_EVENTS:
            getattr(viewer.dims.events, name).connect(self._on_slice)

    def close(self) -> None:
        """Let go of the viewer: nothing is done or shown any more."""
        self.updates.close()
        news.models_changed.disconnect(self._on_models, missing_ok=True)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        self.viewer.layers.events.inserted.disconnect(self._on_inserted)
        for name in SLICE_EVENTS:
            getattr(self.viewer.dims.events, name).disconnect(self._on_slice)
        self._listen_to_image(on=False)
        self._listen_to_labels(on=False)

    # -- what the user chooses

    def choose_image(self, layer: Image | None) -> None:
        """Work on another image layer, with the label map and the colors that go with it, where there are any."""
        if layer is self.image:
            return
        self._listen_to_image(on=False)
        self.updates.let_go()
        self.image, self.counts = layer, {}
        self.generation += 1
        self.subject += 1
        self._listen_to_image(on=True)
        self.colors = on_layers.colors_for(layer, self.viewer)
        self.choose_labels(on_layers.labels_for(layer, self.viewer))
        self.layers_changed.emit()

    def choose_labels(self, layer: Labels | None) -> None:
        """Work with another labels layer; one of another plugin's making gives rise to `asks_classes`."""
        if layer is self.labels:
            return
        self._listen_to_labels(on=False)
        self.labels, self.counts = layer, {}
        self._listen_to_labels(on=True)
        if layer is not None and not on_layers.is_settled(layer):
            if not isinstance(layer.data, np.ndarray) or np.any(layer.data):
                self.layers_changed.emit()
                self.asks_classes.emit(layer)
                return
            on_layers.show_classes(layer, self.default_classes)
        self.labels_settled()

    def labels_settled(self) -> None:
        """Go on with the labels layer, now that it is known what its numbers mean."""
        self.layers_changed.emit()
        self.classes_changed.emit()
        if self.labels is not None and self.image is not None:
            on_layers.note_image(self.labels, self.image)
            self.follow()  # (without a label map, the colors stay as they are until something else changes)

    def choose_model(self, name: str) -> None:
        """Predict and color with another model."""
        try:
            self._use(ModelInfo.read(name))
        except ValueError as error:
            self.message.emit(str(error))
            self.layers_changed.emit()

    def _use(self, model: ModelInfo) -> None:
        self.model, self.default_classes = model, model.classes
        self.layers_changed.emit()
        self.classes_changed.emit()
        self.follow()

    def set_options(self, **changes: Any) -> None:
        """Change fields of the `ColorizeOptions`."""
        self.options = replace(self.options, **changes)
        self.follow()

    def set_following(self, following: bool) -> None:
        """Let colors follow edits, or not."""
        self.following = following
        self.follow()

    def choose_brush(self, label: int) -> None:
        """Paint with a class from now on; makes an empty label map where there is none."""
        if self.labels is None:
            self.new_labels()
        if self.labels is None:
            return
        self.viewer.layers.selection.active = self.labels
        if self.labels.multiscale or (obstacle(self.labels) and label > np.iinfo(self.labels.dtype).max):
            writable(self)
        make_room_for(self.labels, label)
        self.labels.selected_label = label
        self.recent = [label, *(other for other in self.recent if other != label)][:MOST_RECENT]
        if self.labels.mode in ("pan_zoom", "transform", "pick", "erase") and not self.fills:
            self.labels.mode = "paint"

    def new_labels(self) -> None:
        """Lay an empty label map on the image."""
        if self.image is None:
            self.message.emit("Choose an image layer first")
            return
        data = np.zeros(on_layers.image_shape(self.image), dtype_for(self.default_classes))
        self.add_labels(data, self.default_classes)

    def add_labels(self, data: NDArray[Any], classes: ClassMap | None) -> None:
        """Lay a new label map on the image; without a class map its meaning is asked for."""
        assert self.image is not None
        layer = new_labels_layer(self.viewer, self.image, data, classes)
        self.laid.emit(layer)
        self.choose_labels(layer)

    # -- classes

    @property
    def classes(self) -> ClassMap:
        """The classes of the label map, or of the model where there is no label map."""
        return on_layers.meaning_of(self.labels, self.default_classes)

    def set_classes(self, classes: ClassMap) -> None:
        """Give the label map other classes."""
        self.default_classes = classes
        if self.labels is not None:
            on_layers.show_classes(self.labels, classes)
        self.classes_changed.emit()
        self.follow()

    # -- work

    def colorize(self) -> None:
        """Color the image now, in the background, even if nothing has changed."""
        if self.image is None:
            self.message.emit("Choose an image layer first")
        elif self.labels is not None and not on_layers.is_settled(self.labels):
            self.asks_classes.emit(self.labels)
        else:
            self.generation += 1  # pixels that were changed in place are told by no event
            self.updates.submit(True)

    def follow(self) -> None:
        """Bring counts and, if they follow, colors up to date, in the background."""
        if self.labels is not None:
            self.updates.submit(self.following)
        elif self.colors is not None and self.following:
            self.updates.submit(True)

    def settle_complaint(self) -> None:
        """Take back what the user was told of something wrong: it is right again."""
        if self._complaint:
            self._complaint = ""
            self.message.emit("")

    def show_counts(self, counts: dict[int, int]) -> None:
        """Note how many pixels each id has."""
        if counts != self.counts:
            self.counts = counts
            self.classes_changed.emit()

    # -- what happens around

    def _listen_to_image(self, on: bool) -> None:
        listen(self.image, IMAGE_EVENTS, self._on_image, on)
        listen(self.image, PLACE_EVENTS, self._on_place, on)

    def _listen_to_labels(self, on: bool) -> None:
        listen(self.labels, EDIT_EVENTS, self._on_edit, on)
        listen(self.labels, ("selected_label",), self._on_brush, on)

    def _on_edit(self, _event: Any = None) -> None:
        self.follow()

    def _on_image(self, event: Any = None) -> None:
        self.generation += 1
        self.subject += getattr(event, "type", "") == "data"
        self.follow()

    def _on_place(self, _event: Any = None) -> None:
        """Let what was laid on the image go with it; another's label map stays where it is."""
        assert self.image is not None
        for layer in (self.colors, self.labels):
            if layer is not None and (layer is self.colors or on_layers.is_laid(layer)):
                put_on(layer, self.image)
        self.follow()

    def _on_slice(self, _event: Any = None) -> None:
        if self.image is None or self.image.ndim == 2:
            return
        if self.colors is not None:
            self.updates.submit(True)  # whether they follow edits or not: these are the colors of another plane
        else:
            self.follow()

    def _on_brush(self, _event: Any = None) -> None:
        if self.labels is not None:
            self.brush_changed.emit(int(self.labels.selected_label))

    def _on_inserted(self, event: Any) -> None:
        """Take the first image that comes."""
        layer = event.value
        if self.image is None and isinstance(layer, Image) and not on_layers.is_colors(layer):
            self.choose_image(layer)

    def _on_removed(self, event: Any) -> None:
        if event.value is self.image:
            self.choose_image(None)
        elif event.value is self.labels:
            self.choose_labels(None)
        elif event.value is self.colors:
            self.colors = None

    def _on_models(self) -> None:
        """Go on with what a model is now that its file has changed, or without one that is gone."""
        try:
            found = ModelInfo.read(self.model.name)
        except (ValueError, OSError) as error:
            self.message.emit(f"{error}\nThe default model is chosen in its place.")
            found = ModelInfo.read(DEFAULT)
        if found == self.model:
            self.layers_changed.emit()
        else:
            self._use(found)

    def _tell_cancelled(self, doing: str) -> None:
        self._complaint = f"{doing} was cancelled: nothing is lost, and it can be asked for again"
        self.message.emit(self._complaint)

    def complain(self, doing: str, error: Exception) -> None:
        """Say what went wrong."""
        self._complaint = explain(doing, error, self.image.name if self.image is not None else "")
        self.message.emit(self._complaint)
