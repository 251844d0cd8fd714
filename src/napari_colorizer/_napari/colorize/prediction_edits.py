"""What changes a label map by what was predicted for it: in the background, as one undo step, around what was drawn."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_colorizer._napari.colorize.inference import count
from napari_colorizer._napari.colorize.known_predictions import Index, Known, Written
from napari_colorizer._napari.colorize.label_writing import writable, write_labels
from napari_colorizer._napari.colorize.prediction import Prediction
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.task_queue import Request, Work
from napari_colorizer.classes import ClassMap

Edited = tuple[NDArray[Any], ClassMap, Written]
Edit = Callable[[Known, NDArray[Any], ClassMap, Container[int]], Edited]  # what `Known.moved` takes, and gives
Result = tuple[Labels, Index, Known, NDArray[Any], Edited, dict[int, int]]


class PredictionEdits:
    """Changes the label map of a controller where it is of a prediction.

    Parameters
    ----------
    prediction : Prediction
    """

    def __init__(self, prediction: Prediction):
        self.prediction = prediction
        self.controller = prediction.controller

    def index(self) -> Index | None:
        """The plane of the label map that is shown."""
        labels, image = self.controller.labels, self.controller.image
        if labels is None or image is None:
            return None
        try:
            return on_layers.plane_index(labels, self.controller.viewer)
        except on_layers.LayerError:
            return None

    def known(self) -> Known | None:
        """What was predicted for the label map, as far as it is still of the image."""
        index = self.index()
        known = self.prediction.known.get(self.controller.labels, index) if index is not None else None
        return known if known is not None and known.image() is self.controller.image else None

    def plane(self) -> NDArray[Any] | None:
        """The plane of the label map that is shown; None where it is not of the image's shape, or lies elsewhere."""
        labels, image = self.controller.labels, self.controller.image
        if labels is None or image is None:
            return None
        try:
            return on_layers.plane_of(labels, image, self.controller.viewer)
        except on_layers.LayerError:
            return None

    def submit(
        self, kind: str, doing: str, choose: Callable[[Known], Edit | None], then: Callable[[], None] = lambda: None
    ) -> None:
        """Change the label map by the edit that is chosen when its turn comes, and call `then`.

        Without a prediction, or an edit, nothing is done.
        """
        request = Request(kind, lambda: self._prepare(choose), lambda result: self._show(result, then), doing)
        self.controller.tasks.submit(request)

    def _prepare(self, choose: Callable[[Known], Edit | None]) -> Work | None:
        known, labels, index, now = self.known(), self.controller.labels, self.index(), self.plane()
        if known is None or labels is None or index is None or now is None:
            return None
        classes, counts = on_layers.class_map_of(labels), dict(self.controller.counts)
        edit, now = choose(known), now.copy()
        if edit is None or classes is None or now.shape != known.predicted.likely.shape:
            return None

        def work() -> Result:
            edited = edit(known, now, classes, counts)
            return labels, index, known, now, edited, count(edited[0])

        return work

    def _show(self, result: Result, then: Callable[[], None]) -> None:
        labels, index, known, before, (wanted, classes, written), counts = result
        controller = self.controller
        if labels is not controller.labels or index != self.index() or known is not self.known():
            return  # something else is shown, or was predicted in the meantime
        now = np.array(on_layers.full_data(labels)[index])
        drawn = now != before
        wanted = np.where(drawn, now, wanted)
        target = writable(controller, int(np.count_nonzero(now != wanted)))
        if classes != on_layers.class_map_of(target):
            on_layers.show_classes(target, classes)
        write_labels(target, index, wanted)
        known.written, known.drawn = written, False
        self.prediction.known.move(known, labels, target, index)
        if not drawn.any():
            controller.show_counts(counts)
        controller.classes_changed.emit()
        then()
