"""The coloring of one viewer: what is chosen, what follows from it in the background, and what the user is told."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from numpy.typing import NDArray
from psygnal import Signal

from napari_colorizer._napari.colorize.color_updates import ColorUpdates
from napari_colorizer._napari.colorize.keys import MOST_RECENT
from napari_colorizer._napari.colorize.label_writing import can_be_painted, make_room_for, obstacle, writable
from napari_colorizer._napari.colorize.result_layers import new_labels_layer
from napari_colorizer._napari.colorize.selection import Selection
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.error_messages import explain
from napari_colorizer._napari.shared.task_queue import TaskQueue
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.labels import dtype_for


class ColorizeController(Selection):
    """Keeps the label map and the colors of the selected image layer in step.

    What is chosen is its own (see `Selection`), what is computed goes through `tasks`, and what comes of it is kept
    and shown by `updates`. The dock shows it and passes on what the user wants; it needs no window.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel

    Attributes
    ----------
    tasks : TaskQueue
        Does all that takes time.
    updates : ColorUpdates
    fills : bool
        The fill tool is in the hand, and another class leaves it there.
    recent : list of int
        Classes, the one that was painted with last first.
    """

    labels_written = Signal(object)  # a label map now holds what was read or predicted
    choices_offered = Signal(str, object)  # what could be done about something, and what to call for each answer

    def __init__(self, viewer: ViewerModel):
        super().__init__(viewer)
        self.fills = False
        self.recent: list[int] = []
        self._all_colors: tuple[Image, Image] | None = None  # an image, and what shows the colors of all its slices
        self.tasks = TaskQueue()
        self.updates = ColorUpdates(self, self.tasks)
        self._complaint = ""  # what the user was told last, if something was wrong
        for source in (self.tasks, self.updates):
            source.failed.connect(self.complain)
        self.tasks.cancelled.connect(self._tell_cancelled)
        self.updates.succeeded.connect(self._settle_complaint)
        self.updates.counts_changed.connect(self.classes_changed)

    def close(self) -> None:
        """Let go of the viewer: nothing is done or shown any more."""
        self.updates.close()
        super().close()

    # -- what is computed

    @property
    def colors(self) -> Image | None:
        """The layer that shows the colors of the image."""
        return self.updates.colors

    @property
    def color_layers(self) -> list[Image]:
        """All layers that show colors of the image: of the slice on the screen, and of all slices."""
        image, everywhere = self._all_colors or (None, None)
        own = self.colors, everywhere if image is self.image else None
        return [layer for layer in own if layer is not None and layer in self.viewer.layers]

    def note_all_colors(self, image: Image, layer: Image) -> None:
        """Note that a layer shows the colors of all slices of an image."""
        self._all_colors = image, layer
        self.updates.colors_changed.emit()

    @property
    def counts(self) -> dict[int, int]:
        """How many pixels of the label map each id has, as far as they are counted."""
        return self.updates.counts

    def show_counts(self, counts: dict[int, int]) -> None:
        """Note how many pixels each id has."""
        self.updates.show_counts(counts)

    def colorize(self) -> None:
        """Color the image now, in the background, even if nothing has changed."""
        if self.image is None:
            self.message.emit("Choose an image layer first")
        elif self.labels is not None and not on_layers.is_settled(self.labels):
            self.classes_requested.emit(self.labels)
        else:
            self.generation += 1  # pixels that were changed in place are told by no event
            self.updates.submit(True)

    # -- what is painted with, and on

    def change_brush(self, label: int) -> None:
        """Let the label map have another class to paint with, whatever tool of napari's is in the hand."""
        if self.labels is None:
            return
        if not can_be_painted(self.labels) or (obstacle(self.labels) and label > np.iinfo(self.labels.dtype).max):
            writable(self)
        make_room_for(self.labels, label)
        self.labels.selected_label = label

    def choose_brush(self, label: int, note: bool = True) -> None:
        """Paint with a class from now on; makes an empty label map where there is none.

        Parameters
        ----------
        label : int
        note : bool
            Whether it is now the class used last.
        """
        if self.labels is None:
            self.new_labels()
        if self.labels is None:
            return
        self.viewer.layers.selection.active = self.labels
        self.change_brush(label)
        if note:
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
        self.labels_written.emit(layer)
        self.choose_labels(layer)

    # -- what the user is told

    def complain(self, doing: str, error: Exception) -> None:
        """Say what went wrong."""
        self._complaint = explain(doing, error, self.image.name if self.image is not None else "")
        self.message.emit(self._complaint)

    def _tell_cancelled(self, doing: str) -> None:
        self._complaint = f"{doing} was canceled: nothing is lost, and you can start it again"
        self.message.emit(self._complaint)

    def _settle_complaint(self) -> None:
        """Take back what the user was told of something wrong: it is right again."""
        if self._complaint:
            self._complaint = ""
            self.message.emit("")
