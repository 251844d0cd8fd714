"""How sure of its labels the model must be: a choice that acts on what was predicted already."""

from __future__ import annotations

from napari_colorizer._napari.colorize.known_predictions import Known
from napari_colorizer._napari.colorize.prediction import Prediction
from napari_colorizer._napari.colorize.prediction_edits import Edit, PredictionEdits
from napari_colorizer.classes import UNLABELED


class Confidence:
    """Brings a predicted label map to another confidence, without predicting anew.

    Parameters
    ----------
    prediction : Prediction
    """

    def __init__(self, prediction: Prediction):
        self.prediction = prediction
        self.controller = prediction.controller
        self.edits = PredictionEdits(prediction)

    def choose(self, value: float) -> None:
        """Let pixels that the model is less sure of (0..1) be unlabeled; with the model's own number, follow the model.

        What is predicted already follows with `apply`.
        """
        self.prediction.confidence = value if value != self.controller.model.confidence else None

    def apply(self) -> None:
        """Bring the label map to the chosen confidence, in the background, as one undo step.

        Only pixels that hold what was predicted are changed; without a prediction, nothing is.
        """
        if self.edits.known() is not None:
            self.edits.submit("confidence", "Choosing labels", self._edit, self._catch_up)

    def _edit(self, known: Known) -> Edit | None:
        confidence = self.prediction.threshold
        if confidence == known.confidence:
            return None
        return lambda known, now, classes, taken: known.moved(now, classes, taken, confidence)

    def _catch_up(self) -> None:
        """Go on if the confidence was moved meanwhile."""
        known = self.edits.known()
        if known is not None and known.confidence != self.prediction.threshold:
            self.apply()

    def labeled(self) -> float | None:
        """The share of the pixels (0..1) of the label map that have a label; None where there is nothing to tell.

        Until the label map has come to the chosen confidence, it is estimated.
        """
        counts, known = self.controller.counts, self.edits.known()
        total = sum(counts.values())
        if known is None:
            return 1 - counts.get(UNLABELED, 0) / total if total else None
        found, threshold = known.written.segmentation, self.prediction.threshold
        if not total:
            return found.labeled(threshold)
        change = found.labeled(threshold) - found.labeled(known.confidence) if threshold != known.confidence else 0.0
        return min(max(1 - counts.get(UNLABELED, 0) / total + change, 0.0), 1.0)
