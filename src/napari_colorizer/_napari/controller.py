"""The coloring of one viewer: which layers it works on, and what follows from what."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from threading import current_thread, main_thread
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels
from numpy.typing import NDArray
from psygnal import Signal

from napari_colorizer._napari import layers as on_layers
from napari_colorizer._napari.explain import explain
from napari_colorizer._napari.laying import WholePicture, lay_colors, lay_labels, refresh, view_of
from napari_colorizer._napari.news import news
from napari_colorizer._napari.runner import Request, Runner, Work
from napari_colorizer._napari.workbench import Coloring, ModelInfo, Workbench
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.labels import dtype_for
from napari_colorizer.engine.options import ColorizeOptions
from napari_colorizer.models.library import DEFAULT

VERSIONS = {package: version(package) for package in ("napari-colorizer", "torch")}
SLICE_EVENTS = ("point", "order", "ndisplay")
IMAGE_EVENTS = ("data", "contrast_limits")
EDIT_EVENTS = ("paint", "labels_update", "set_data", "data")


class ColorizeController:
    """Keeps the label map and the colors of an image layer in step.

    It holds the state of the dock, which shows it and passes on what the user wants; it needs no window.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
    """

    message = Signal(str)  # what the user should know
    busy = Signal(str)  # what is being done in the background; "" when idle
    layers_changed = Signal()  # another image, label map or model was chosen
    classes_changed = Signal()  # other classes, or other counts of their pixels
    brush_changed = Signal(int)  # another class is painted with
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
        self.counts: dict[int, int] = {}
        self.runner = Runner()
        self.runner.busy.connect(self.busy.emit)
        self.runner.failed.connect(self._explain)
        self._newer = partial(self.runner.comes_next, "color")
        self.bench = Workbench()
        self.generation = 0
        self._complaint = ""  # what the user was told last, if something was wrong
        news.models_changed.connect(self._on_models)
        viewer.layers.events.removed.connect(self._on_removed)
        for name in SLICE_EVENTS:
            getattr(viewer.dims.events, name).connect(self._on_slice)

    def close(self) -> None:
        """Let go of the viewer: nothing is done or shown any more."""
        last = self.runner.take("color")
        self.runner.close()
        with suppress(Exception):  # nobody is there to hear of it
            _finish(self.bench, last)  # nobody comes back to paint the rest
        if self.colors is not None:
            refresh(self.colors)
        news.models_changed.disconnect(self._on_models, missing_ok=True)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        for name in SLICE_EVENTS:
            getattr(self.viewer.dims.events, name).disconnect(self._on_slice)
        self._listen(self.image, IMAGE_EVENTS, on=False)
        self._listen_to_labels(on=False)

    # -- what the user chooses

    def choose_image(self, layer: Image | None) -> None:
        """Work on another image layer, with the label map and the colors that go with it, where there are any."""
        if layer is self.image:
            return
        self._listen(self.image, IMAGE_EVENTS, on=False)
        self._let_go()
        self.image, self.counts = layer, {}
        self.generation += 1
        self._listen(layer, IMAGE_EVENTS, on=True)
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
        on_layers.make_room_for(self.labels, label)
        self.labels.selected_label = label
        if self.labels.mode in ("pan_zoom", "transform", "pick", "erase"):
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
        self.choose_labels(lay_labels(self.viewer, self.image, data, classes))

    # -- classes

    @property
    def classes(self) -> ClassMap:
        """The classes of the label map, or of the model where there is no label map."""
        own = on_layers.class_map_of(self.labels) if self.labels is not None else None
        if own is not None:
            return own
        if self.labels is not None and on_layers.is_regions(self.labels):
            return ClassMap()
        return self.default_classes

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
            self._submit_color(True)

    def follow(self) -> None:
        """Bring counts and, if they follow, colors up to date, in the background."""
        if self.labels is not None:
            self._submit_color(self.following)
        elif self.colors is not None and self.following:
            self._submit_color(True)

    def _submit_color(self, color: bool) -> None:
        if self.image is None or (self.labels is not None and not on_layers.is_settled(self.labels)):
            return
        color = color and bool(self.model.color_ids)
        kind, doing = ("color", "Coloring") if color else ("count", "Counting")
        self.runner.submit(Request(kind, lambda: self._prepare_color(color), self._show_coloring, doing))

    def _prepare_color(self, color: bool) -> Work | None:
        image, labels = self.image, self.labels
        if image is None:
            return None
        picture = on_layers.picture_of(image, self.viewer, self.generation)
        plane = (
            np.zeros(picture.pixels.shape[:2], np.uint8)
            if labels is None
            else on_layers.plane_of(labels, image, self.viewer)
        )
        classes, model, options = self.classes, self.model.name, self.options
        if not color:
            return lambda: (image, self.bench.count(plane))
        view = view_of(self.colors, self.viewer)
        return lambda: (
            image,
            self.bench.color(model, picture, plane, classes, options, view, view is None, self._newer),
        )

    def _show_coloring(self, result: tuple[Image, Coloring]) -> None:
        if self._complaint and result[0] is self.image:
            self._complaint = ""
            self.message.emit("")
        self._show_colors(result)

    def _show_colors(self, result: tuple[Image, Coloring]) -> None:
        image, coloring = result
        if image is not self.image or image not in self.viewer.layers:
            return
        if coloring.counts != self.counts:
            self.counts = coloring.counts
            self.classes_changed.emit()
        if coloring.levels is not None:
            self.colors = lay_colors(self.viewer, image, coloring.levels, self.colors, self._catch_up)
            on_layers.note(self.colors, **coloring.origin, versions=VERSIONS)
        if not coloring.done:
            more = partial(self._prepare_more, image)
            self.runner.submit(Request("more", more, self._show_more, "Coloring", can_wait=True))

    def _prepare_more(self, image: Image) -> Work | None:
        if self.colors is None:
            return None  # the layer was deleted
        view = view_of(self.colors, self.viewer)
        return lambda: (image, self.bench.color_more(view, self._newer))

    def _show_more(self, result: tuple[Image, Coloring]) -> None:
        if self.colors is not None:
            self._show_colors(result)

    def _catch_up(self, picture: WholePicture) -> None:
        """Color an edit that waits now, on the main thread: a picture is to be saved."""
        if self.colors is None or self.colors.data is not picture or current_thread() is not main_thread():
            return
        last = self.runner.take("color")
        if last is not None:
            try:
                self._show_coloring(last())
            except Exception as error:
                self._explain("Coloring", error)
            self._submit_color(True)  # what was begun before the edit may come later

    def _let_go(self) -> None:
        """Bring the colors up to the last edit, in the background, and free their session: another image is chosen."""
        colors, last = self.colors, self.runner.take("color")
        if self.runner.idle and last is None:
            self.bench.clear()
            return

        def show(_done: None) -> None:
            if colors is not None and colors in self.viewer.layers:
                refresh(colors)

        kind = f"finish {self.generation}"  # one for each image: none takes the place of another
        self.runner.submit(Request(kind, lambda: lambda: _finish(self.bench, last), show, "Coloring"))

    # -- what happens around

    def _listen(self, layer: Image | Labels | None, events: tuple[str, ...], on: bool) -> None:
        """Connect or disconnect the events of a layer that may change the colors."""
        react = self._on_image if isinstance(layer, Image) else self._on_edit
        for name in events if layer is not None else ():
            emitter = getattr(layer.events, name)
            (emitter.connect if on else emitter.disconnect)(react)

    def _listen_to_labels(self, on: bool) -> None:
        if self.labels is None:
            return
        self._listen(self.labels, EDIT_EVENTS, on)
        emitter = self.labels.events.selected_label
        (emitter.connect if on else emitter.disconnect)(self._on_brush)

    def _on_edit(self, _event: Any = None) -> None:
        self.follow()

    def _on_image(self, _event: Any = None) -> None:
        self.generation += 1
        self.follow()

    def _on_slice(self, _event: Any = None) -> None:
        if self.image is None or self.image.ndim == 2:
            return
        if self.colors is not None:
            self._submit_color(True)  # whether they follow edits or not: these are the colors of another plane
        else:
            self.follow()

    def _on_brush(self, _event: Any = None) -> None:
        if self.labels is not None:
            self.brush_changed.emit(int(self.labels.selected_label))

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

    def _explain(self, doing: str, error: Exception) -> None:
        self._complaint = explain(doing, error, self.image.name if self.image is not None else "")
        self.message.emit(self._complaint)


def _finish(bench: Workbench, last: Work | None) -> None:
    """Do the last edit of a picture, and let go of it."""
    try:
        if last is not None:
            last()
    finally:
        bench.clear()
