"""How sure of its labels the model must be: a choice that acts on what was predicted already."""

from __future__ import annotations

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
from napari_colorizer.classes import UNLABELED, ClassMap

Moved = tuple[NDArray[Any], ClassMap, Written]


class Confidence:
    """Brings a predicted label map to another confidence, without predicting anew.

    Parameters
    ----------
    prediction : Prediction
    """

    def __init__(self, prediction: Prediction):
        self.prediction = prediction
        self.controller = prediction.controller

    def choose(self, value: float) -> None:
        """Let pixels that the model is less sure of (0..1) be unlabeled; with the model's own number, follow the model.

        What is predicted already follows with `apply`.
        """
        self.prediction.confidence = value if value != self.controller.model.confidence else None

    def apply(self) -> None:
        """Bring the label map to the chosen confidence, in the background, as one undo step.

        Only pixels that hold what was predicted are changed; without a prediction, nothing is.
        """
        if self._known() is None:
            return
        self.controller.tasks.submit(Request("confidence", self._prepare, self._show, "Choosing labels"))

    def labeled(self) -> float | None:
        """The share of the pixels (0..1) of the label map that have a label; None where there is nothing to tell.

        Until the label map has come to the chosen confidence, it is estimated.
        """
        counts, known = self.controller.counts, self._known()
        total = sum(counts.values())
        if known is None:
            return 1 - counts.get(UNLABELED, 0) / total if total else None
        found, threshold = known.segmentation, self.prediction.threshold
        if not total:
            return found.labeled(threshold)
        change = found.labeled(threshold) - found.labeled(known.confidence) if threshold != known.confidence else 0.0
        return min(max(1 - counts.get(UNLABELED, 0) / total + change, 0.0), 1.0)

    def _index(self) -> Index | None:
        labels, image = self.controller.labels, self.controller.image
        if labels is None or image is None:
            return None
        try:
            return on_layers.plane_index(labels, self.controller.viewer)
        except on_layers.LayerError:
            return None

    def _known(self) -> Known | None:
        """What was predicted for the label map, as far as it is still of the image."""
        index = self._index()
        known = self.prediction.known.get(self.controller.labels, index) if index is not None else None
        return known if known is not None and known.image() is self.controller.image else None

    def _prepare(self) -> Work | None:
        controller, known, confidence = self.controller, self._known(), self.prediction.threshold
        labels, index, image = controller.labels, self._index(), controller.image
        if known is None or labels is None or index is None or image is None or confidence == known.confidence:
            return None
        classes, counts = on_layers.class_map_of(labels), dict(controller.counts)
        now = on_layers.plane_of(labels, image, controller.viewer).copy()
        if classes is None or now.shape != known.segmentation.likely.shape:
            return None

        def work() -> tuple[Labels, Index, Known, NDArray[Any], Moved, dict[int, int]]:
            moved = known.moved(now, classes, counts, confidence)
            return labels, index, known, now, moved, count(moved[0])

        return work

    def _show(self, result: tuple[Labels, Index, Known, NDArray[Any], Moved, dict[int, int]]) -> None:
        labels, index, known, before, (wanted, classes, written), counts = result
        controller = self.controller
        if labels is not controller.labels or index != self._index() or known is not self._known():
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
        if self.prediction.threshold != known.confidence:
            self.apply()
