"""What is chosen in one viewer: the image, its label map, the model, the classes and the options."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from psygnal import Signal

from napari_colorizer._napari.colorize.class_history import ClassState
from napari_colorizer._napari.colorize.layer_events import EDIT_EVENTS, IMAGE_EVENTS, PLACE_EVENTS, listen
from napari_colorizer._napari.colorize.model_info import ModelInfo
from napari_colorizer._napari.colorize.wish_history import WishHistory, history_of
from napari_colorizer._napari.colorize.wished import Wished
from napari_colorizer._napari.shared import layer_notes
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layer_transforms import put_on
from napari_colorizer._napari.shared.signals import shared_signals
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.options import Adjustment, ColorizeOptions
from napari_colorizer.models.library import DEFAULT

SLICE_EVENTS = ("point", "order", "ndisplay")


class Selection:
    """What is chosen in one viewer; it tells what changes, and neither computes nor shows anything.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel

    Attributes
    ----------
    image : Image, optional
    labels : Labels, optional
    model : ModelInfo
    default_classes : ClassMap
        The classes that a new label map gets.
    options : ColorizeOptions
    adjustment : Adjustment
        Saturation and warmth of all colors.
    following : bool
        Whether colors follow edits.
    generation : int
        Counts what changes the pixels that are colored.
    subject : int
        Counts what makes it another picture.
    """

    message = Signal(str)  # what the user should know
    layers_changed = Signal()  # another image, label map or model was chosen
    classes_changed = Signal()  # other classes, or other counts of their pixels
    brush_changed = Signal(int)  # another class is painted with
    classes_requested = Signal(object)  # a labels layer whose numbers may mean anything was chosen
    image_about_to_change = Signal(object)  # another image is about to be chosen: that one, or None
    labels_changed = Signal()  # another label map was chosen; nobody else has heard of it yet
    outdated = Signal()  # counts and colors may be those of what is no more
    plane_changed = Signal()  # another plane of a stack is shown
    place_changed = Signal()  # the image was moved, turned or scaled
    wishes_changed = Signal()  # pins or dots are others, or those of another image

    def __init__(self, viewer: ViewerModel):
        self.viewer = viewer
        self.image: Image | None = None
        self.labels: Labels | None = None
        self.model = ModelInfo.read(DEFAULT)
        self.default_classes = self.model.classes
        self.options, self.adjustment = ColorizeOptions(), Adjustment()
        self.following = True
        self.generation = 0
        self.subject = 0
        shared_signals.models_changed.connect(self._on_models)
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.layers.events.inserted.connect(self._on_inserted)
        for name in SLICE_EVENTS:
            getattr(viewer.dims.events, name).connect(self._on_slice)

    def close(self) -> None:
        """Let go of the viewer: nothing is told any more."""
        shared_signals.models_changed.disconnect(self._on_models, missing_ok=True)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        self.viewer.layers.events.inserted.disconnect(self._on_inserted)
        for name in SLICE_EVENTS:
            getattr(self.viewer.dims.events, name).disconnect(self._on_slice)
        self._listen_to_image(on=False)
        self._listen_to_labels(on=False)

    @property
    def classes(self) -> ClassMap:
        """The classes of the label map, or of the model where there is no label map."""
        return on_layers.meaning_of(self.labels, self.default_classes)

    def picture_of(self, image: Image) -> on_layers.Picture:
        """The plane of an image layer that is on the screen.

        Raises
        ------
        LayerError
            If there is none that could be colored.
        """
        return on_layers.picture_of(image, self.viewer, self.generation)

    @property
    def wishes(self) -> WishHistory:
        """The pins and dots of the image, and what they were."""
        return history_of(self.image)

    # -- what the user chooses

    def choose_image(self, layer: Image | None) -> None:
        """Work on another image layer, with the label map and the colors that go with it, where there are any."""
        if layer is self.image:
            return
        self._listen_to_image(on=False)
        self.image_about_to_change.emit(layer)
        self.image = layer
        self.generation += 1
        self.subject += 1
        self._listen_to_image(on=True)
        self.choose_labels(on_layers.labels_for(layer, self.viewer))
        self.layers_changed.emit()
        self.wishes_changed.emit()

    def choose_labels(self, layer: Labels | None) -> None:
        """Work with another labels layer; one of another plugin's making gives rise to `classes_requested`."""
        if layer is self.labels:
            return
        self._listen_to_labels(on=False)
        self.labels = layer
        self.labels_changed.emit()
        self._listen_to_labels(on=True)
        if layer is not None and not on_layers.is_settled(layer):
            if not isinstance(layer.data, np.ndarray) or np.any(layer.data):
                self.layers_changed.emit()
                self.classes_requested.emit(layer)
                return
            on_layers.show_classes(layer, self.default_classes)
        self.labels_settled()

    def labels_settled(self) -> None:
        """Go on with the labels layer, now that it is known what its numbers mean."""
        self.layers_changed.emit()
        self.classes_changed.emit()
        if self.labels is not None and self.image is not None:
            layer_notes.note_image(self.labels, self.image)
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

    def set_classes(self, classes: ClassMap) -> None:
        """Give the label map other classes."""
        self.default_classes = classes
        if self.labels is not None:
            on_layers.show_classes(self.labels, classes)
        self.classes_changed.emit()
        self.follow()

    @property
    def class_state(self) -> ClassState:
        """What `restore_classes` needs to bring the present classes back."""
        pins = self.wishes.now.classes
        if self.labels is None:
            return ClassState(None, self.default_classes, pins=pins)
        own = on_layers.class_map_of(self.labels)
        return ClassState(own, self.default_classes, on_layers.is_regions(self.labels), pins)

    def restore_classes(self, state: ClassState) -> None:
        """Bring back the classes of before."""
        self.default_classes = state.usual
        if self.labels is not None and state.own is not None:
            on_layers.show_classes(self.labels, state.own)
        elif self.labels is not None:
            on_layers.forget_classes(self.labels)
            if state.regions:
                on_layers.mark_regions(self.labels)
        self.classes_changed.emit()
        self.follow()

    def set_options(self, **changes: Any) -> None:
        """Change fields of the `ColorizeOptions`."""
        self.options = replace(self.options, **changes)
        self.follow()

    def set_adjustment(self, **changes: Any) -> None:
        """Change fields of the `Adjustment`."""
        self.adjustment = replace(self.adjustment, **changes)
        self.follow()

    def wish(self, wished: Wished, going_on: str = "") -> None:
        """Wish something else for the colors of the image; see `WishHistory.note`."""
        if self.image is not None and self.wishes.note(wished, going_on):
            self.wishes_changed.emit()
            self.follow()

    def step_wishes(self, back: bool) -> None:
        """Take back what was wished last, or wish it again."""
        if self.image is not None and (self.wishes.undo() if back else self.wishes.redo()):
            self.wishes_changed.emit()
            self.follow()

    def set_following(self, following: bool) -> None:
        """Let colors follow edits, or not."""
        self.following = following
        self.follow()

    def follow(self) -> None:
        """Bring counts and, if they follow, colors up to date, in the background."""
        self.outdated.emit()

    # -- what happens around

    def _listen_to_image(self, on: bool) -> None:
        listen(self.image, IMAGE_EVENTS, self._on_image, on)
        listen(self.image, PLACE_EVENTS, self._on_place, on)
        listen(self.image, ("metadata",), self._on_notes, on)

    def _listen_to_labels(self, on: bool) -> None:
        listen(self.labels, EDIT_EVENTS, self._on_edit, on)
        listen(self.labels, ("selected_label",), self._on_brush, on)

    def _on_edit(self, _event: Any = None) -> None:
        self.follow()

    def _on_image(self, event: Any = None) -> None:
        self.generation += 1
        self.subject += getattr(event, "type", "") == "data"
        self.follow()

    def _on_notes(self, _event: Any = None) -> None:
        """Another file may be shown in the layer."""
        self.wishes_changed.emit()
        self.follow()

    def _on_place(self, _event: Any = None) -> None:
        """Let what was laid on the image go with it; another's label map stays where it is."""
        assert self.image is not None
        self.place_changed.emit()
        if self.labels is not None and layer_notes.is_laid(self.labels):
            put_on(self.labels, self.image)
        self.follow()

    def _on_slice(self, _event: Any = None) -> None:
        if self.image is not None and self.image.ndim > 2:
            self.plane_changed.emit()

    def _on_brush(self, _event: Any = None) -> None:
        if self.labels is not None:
            self.brush_changed.emit(int(self.labels.selected_label))

    def _on_inserted(self, event: Any) -> None:
        """Take the first image that comes."""
        if self.image is None and _is_image(event.value):
            self.choose_image(event.value)

    def _on_removed(self, event: Any) -> None:
        """Go on with the topmost image that is left."""
        if event.value is self.image:
            self.choose_image(next(filter(_is_image, reversed(self.viewer.layers)), None))
        elif event.value is self.labels:
            self.choose_labels(None)

    def _on_models(self) -> None:
        """Go on with what a model is now that its file has changed, or without one that is gone."""
        try:
            found = ModelInfo.read(self.model.name)
        except (ValueError, OSError) as error:
            self.message.emit(f"{error}\nThe default model is used instead.")
            found = ModelInfo.read(DEFAULT)
        if found == self.model:
            self.layers_changed.emit()
        else:
            self._use(found)


def _is_image(layer: Layer) -> bool:
    """Whether a layer can be colored, and is no result."""
    return isinstance(layer, Image) and not layer_notes.is_colors(layer)
