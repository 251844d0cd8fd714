"""*Spread strokes*: what was painted on a predicted label map, and the rest of the map follows."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_colorizer._napari.colorize.known_predictions import Known, Predicted
from napari_colorizer._napari.colorize.prediction import Prediction
from napari_colorizer._napari.colorize.prediction_edits import Edit, Edited, PredictionEdits
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import UNLABELED, ClassMap

DOING = "Spreading strokes"
NOTHING_SURE = 2.0  # a confidence at which a prediction leaves all unlabeled


class StrokeSpreading:
    """Spreads what was painted in the label map of a controller.

    Strokes are all pixels that are not as they were predicted: those since the last time and those before. They stay
    as they are.

    Parameters
    ----------
    prediction : Prediction
    """

    def __init__(self, prediction: Prediction):
        self.prediction = prediction
        self.controller = prediction.controller
        self.edits = PredictionEdits(prediction)

    def spread(self) -> None:
        """Spread the strokes in the background, as one undo step; what lacks a prediction is predicted first."""
        controller, known, plane = self.controller, self.edits.known(), self.edits.plane()
        labels = controller.labels
        if labels is None or plane is None or not plane.any():
            controller.message.emit("Paint some strokes first, each in its class, where the label map is wrong")
        elif on_layers.class_map_of(labels) is None:
            controller.message.emit(
                f"The numbers of {labels.name!r} are not classes: strokes cannot be spread over them"
            )
        elif known is not None and known.predicted.evidence is not None:
            self._submit()
        else:
            self.prediction.request(lambda predicted: self._begin(labels, predicted))

    def _begin(self, labels: Labels, predicted: Predicted) -> None:
        """Take a label map that nobody has predicted for one in which nothing was sure enough, with strokes on it."""
        index, plane, image = self.edits.index(), self.edits.plane(), self.controller.image
        if labels is not self.controller.labels or index is None or plane is None or image is None:
            return
        nothing = np.zeros(plane.shape, bool)
        self.prediction.known.note(labels, index, image, replace(predicted, confidence=NOTHING_SURE), nothing)
        self._submit()

    def _submit(self) -> None:
        self.edits.submit("spread", DOING, self._edit)

    def _edit(self, known: Known) -> Edit:
        confidence = self.prediction.threshold

        def edit(known: Known, now: NDArray[Any], classes: ClassMap, taken: Container[int]) -> Edited:
            drawn = known.last(now, classes, taken).drawn(now, classes, taken)
            if not (drawn & (now != UNLABELED)).any():
                raise on_layers.LayerError("there are no strokes: paint where the predicted labels are wrong")
            return known.spread(now, classes, taken, confidence)

        return edit
