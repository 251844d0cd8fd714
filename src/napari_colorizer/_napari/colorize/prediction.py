"""Predicted label maps: into a layer, and back to them after edits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from skimage.segmentation import flood

from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.known_predictions import (
    Index,
    KnownPredictions,
    Predicted,
    State,
    into_class_map,
)
from napari_colorizer._napari.colorize.label_writing import writable, write_labels
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.progress import Progress
from napari_colorizer._napari.shared.task_queue import Request, Work
from napari_colorizer.classes import UNLABELED
from napari_colorizer.engine.labels import dtype_for, unique_labels
from napari_colorizer.engine.options import SegmentOptions

DOING = "Predicting labels"
Scope = Literal["map", "class", "region"]


class Prediction:
    """Predicts the label map of a controller's image and remembers what was predicted.

    Parameters
    ----------
    controller : ColorizeController

    Attributes
    ----------
    confidence : float, optional
        Pixels that the model is less sure of stay unlabeled. None: the model's own.
    known : KnownPredictions
    """

    def __init__(self, controller: ColorizeController):
        self.controller = controller
        self.confidence: float | None = None
        self.known = KnownPredictions()

    @property
    def threshold(self) -> float:
        """The confidence that is in force: what the user has chosen, or the model's own."""
        return self.controller.model.confidence if self.confidence is None else self.confidence

    def predict(self) -> None:
        """Predict the label map in the background: into a new layer, or as one undo step into the chosen one.

        What is drawn while the prediction runs stays as it was drawn.
        """
        controller = self.controller
        if controller.image is None:
            controller.message.emit("Choose an image layer first")
            return
        labels, before = controller.labels, None
        if labels is not None and on_layers.fits(labels, controller.image):
            try:
                before = self._plane(labels)
            except on_layers.LayerError as error:
                controller.message.emit(str(error))
                return
        self.request(lambda prediction: self._show(prediction, labels, before))

    def reset(self, scope: Scope, position: tuple[float, ...] | None = None) -> None:
        """Take the prediction back, as one undo step.

        Parameters
        ----------
        scope : {"map", "class", "region"}
            Everything, or the class or the connected region at `position`.
        position : tuple of float, optional
            In world coordinates.
        """
        labels, image = self.controller.labels, self.controller.image
        if labels is None or image is None:
            self.controller.message.emit("There is no label map to reset: choose one, or press Predict labels")
            return
        if on_layers.class_map_of(labels) is None:
            self.controller.message.emit(
                f"The numbers of {labels.name!r} are not classes: it cannot be reset to a prediction"
            )
            return
        try:
            index = on_layers.plane_index(labels, self.controller.viewer)
            self._plane(labels)
        except on_layers.LayerError as error:
            self.controller.message.emit(str(error))
            return
        known, state, threshold = self.known.get(labels, index), self._state(), self.threshold
        if known is None or known.state != state:
            self.request(lambda predicted: self._reset(labels, index, predicted, scope, position))
        else:
            found = known.predicted
            predicted = Predicted(state, found, threshold, found.labels(threshold))
            self._reset(labels, index, predicted, scope, position)

    def _plane(self, labels: Labels) -> NDArray[Any]:
        return on_layers.plane_of(labels, self.controller.image, self.controller.viewer).copy()

    def _state(self) -> State:
        """What a segmentation depends on."""
        controller, chosen = self.controller, self.controller.options
        return controller.model, controller.generation, SegmentOptions(chosen.working_size, chosen.device)

    def request(self, then: Callable[[Predicted], None]) -> None:
        """Predict the plane that is shown, in the background, and pass its label map on.

        If the picture, the model or an option changes meanwhile, it is predicted again; if another image is chosen or
        another plane shown, nothing is passed on.
        """
        controller, progress = self.controller, Progress()
        image = controller.image
        asked: list[State] = []
        if image is None:
            return
        try:
            plane = on_layers.plane_index(image, controller.viewer)
        except on_layers.LayerError as error:
            controller.complain(DOING, error)
            return

        def wanted() -> bool:
            if progress.cancelled or image is not controller.image or image not in controller.viewer.layers:
                return False
            if on_layers.plane_index(image, controller.viewer) != plane:
                controller.message.emit(
                    "Another plane was shown before the prediction was done: press Predict labels again"
                )
                return False
            return True

        def prepare() -> Work | None:
            if not wanted():
                return None
            asked.append(self._state())
            picture = controller.picture_of(image)
            return partial(self._predict, picture, asked[-1], self.threshold, progress)

        def passed_on(predicted: Predicted) -> None:
            if wanted():
                self.request(then) if self._state() != asked[-1] else then(predicted)

        controller.tasks.submit(Request("predict", prepare, passed_on, DOING, progress=progress))

    def _predict(self, picture: on_layers.Picture, state: State, confidence: float, progress: Progress) -> Predicted:
        """In the background: predict a picture."""
        model, _, options = state
        progress.tell(0.0)
        found = inference.predict(model.name, picture, options, progress.tell)
        return Predicted(state, found, confidence, found.labels(confidence))

    def _show(self, predicted: Predicted, labels: Labels | None, before: NDArray[Any] | None) -> None:
        controller = self.controller
        assert controller.image is not None
        if labels is not controller.labels:
            return  # another label map was chosen in the meantime
        index, prediction = on_layers.plane_index(controller.image, controller.viewer), predicted.labels
        model, classes = controller.model.classes, controller.default_classes
        now, drawn = None, np.zeros(prediction.shape, bool)
        own = labels is not None and before is not None and on_layers.class_map_of(labels)
        if labels is None or before is None or not own:
            plane, classes = into_class_map(prediction, model, classes)
            data = np.zeros(on_layers.image_shape(controller.image), dtype_for(classes))
            data[index] = plane
            controller.add_labels(data, classes)
            assert controller.labels is not None
            if plane.any():
                controller.labels.selected_label = _most_frequent(plane)  # a brush that is of use here
        else:
            now = self._plane(labels)
            if now.shape != before.shape:
                return  # another map was put into the layer
            plane, classes = into_class_map(prediction, model, own, controller.counts)
            drawn = now != before
            wanted = np.where(drawn, now, plane)
            labels = writable(controller, int(np.count_nonzero(now != wanted)))
            on_layers.show_classes(labels, classes)
            write_labels(labels, index, wanted)
            if labels.ndim == 2 and not now.any():  # nobody has drawn anything
                controller.labels_written.emit(labels)
                labels.selected_label = _most_frequent(plane) if plane.any() else labels.selected_label
        assert controller.labels is not None
        self.known.note(controller.labels, index, controller.image, predicted, drawn, now)
        controller.labels_settled()
        if not prediction.any():
            controller.message.emit(
                f"The model is not sure of anything in {controller.image.name!r} and labeled nothing: paint labels "
                "yourself, or lower Options > Confidence"
            )

    def _reset(
        self,
        labels: Labels,
        index: Index,
        predicted: Predicted,
        scope: Scope,
        position: tuple[float, ...] | None,
    ) -> None:
        controller = self.controller
        own = on_layers.class_map_of(labels)
        if labels is not controller.labels or own is None or controller.image is None:
            return
        plane = np.array(on_layers.full_data(labels)[index])
        wanted, classes = into_class_map(predicted.labels, controller.model.classes, own, controller.counts)
        kept = np.zeros(plane.shape, bool)
        if scope != "map":
            pixel = tuple(round(value) for value in labels.world_to_data(position)[-2:])
            if not all(0 <= value < size for value, size in zip(pixel, plane.shape, strict=True)):
                controller.message.emit("Move the cursor over the class or region that you want to reset")
                return
            where = plane == plane[pixel] if scope == "class" else flood(plane, pixel)
            kept = ~where & self._drawn(labels, index, plane)
            wanted = np.where(where, wanted, plane)
        labels = writable(controller, int(np.count_nonzero(plane != wanted)))
        if classes != own:
            on_layers.show_classes(labels, classes)
        write_labels(labels, index, wanted)
        self.known.note(labels, index, controller.image, predicted, kept, plane)

    def _drawn(self, labels: Labels, index: Index, plane: NDArray[Any]) -> NDArray[np.bool_]:
        """Which pixels of a plane are not of the prediction that was written into it last, as far as that is known."""
        known, classes = self.known.get(labels, index), on_layers.class_map_of(labels)
        if known is None or classes is None or known.confidence != self.threshold:
            return np.ones(plane.shape, bool)
        return known.last(plane, classes, self.controller.counts).drawn(plane, classes, self.controller.counts)


def _most_frequent(plane: NDArray[np.unsignedinteger]) -> int:
    """The id that most labeled pixels of a label map have; there are some."""
    ids, counts = unique_labels(plane[plane != UNLABELED])
    return int(ids[counts.argmax()])
