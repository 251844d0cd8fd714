"""Predicted label maps: into a layer, and back to them after edits."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Container
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from skimage.segmentation import flood

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.label_writing import writable, write_labels
from napari_colorizer._napari.colorize.session_cache import ModelInfo
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.task_queue import Request, Work
from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.engine.labels import dtype_for, translate, unique_labels
from napari_colorizer.engine.options import SegmentOptions

DOING = "Predicting labels"
Scope = Literal["map", "class", "region"]
Index = tuple[int, ...]
State = tuple[ModelInfo, int, SegmentOptions]
Known = tuple[State, NDArray[Any]]  # what a prediction depends on, and the prediction


def into_class_map(
    prediction: NDArray[Any], model: ClassMap, classes: ClassMap, taken: Container[int] = ()
) -> tuple[NDArray[np.uint16], ClassMap]:
    """Write a prediction in the ids of another class map, by name; what that lacks is added to it.

    Parameters
    ----------
    prediction : array of integers, (H, W)
        Ids of the class map `model`.
    model, classes : ClassMap
    taken : container of int
        Ids that no new class may get.
    """
    own = {target: label for label, target in classes.match(model).items()}
    for label in unique_labels(prediction)[0].tolist():
        if label in own or label not in model:
            continue
        item = model[label]
        free = label if label not in classes and label not in taken else classes.unused_id(taken)
        name = f"{item.name} (model)" if classes.has_name(item.name) else item.name  # renamed from another class
        classes = classes.with_class(replace(item, id=free, name=name, known_as=item.name if name != item.name else ""))
        own[label] = free
    return translate(prediction, own), classes


class Prediction:
    """Predicts the label map of a controller's image and remembers what was predicted.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        self.controller = controller
        self.confidence: float | None = None
        self._known: weakref.WeakKeyDictionary[Labels, dict[Index, Known]] = weakref.WeakKeyDictionary()

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
                f"The numbers of {labels.name!r} are no classes: there is no prediction that it could be reset to"
            )
            return
        try:
            index = on_layers.plane_index(labels, self.controller.viewer)
            self._plane(labels)
        except on_layers.LayerError as error:
            self.controller.message.emit(str(error))
            return
        known = self._known.get(labels, {}).get(index)
        if known is None or known[0] != self._state():
            self.request(lambda prediction: self._reset(labels, index, prediction, scope, position))
        else:
            self._reset(labels, index, known[1], scope, position)

    def _plane(self, labels: Labels) -> NDArray[Any]:
        return on_layers.plane_of(labels, self.controller.image, self.controller.viewer).copy()

    def _state(self) -> State:
        """What a prediction depends on."""
        controller, chosen = self.controller, self.controller.options
        options = SegmentOptions(chosen.working_size, chosen.device, self.confidence)
        return controller.model, controller.generation, options

    def _remember(self, labels: Labels, index: Index, prediction: NDArray[Any]) -> None:
        self._known.setdefault(labels, {})[index] = self._state(), prediction

    def request(self, then: Callable[[NDArray[Any]], None]) -> None:
        """Predict the plane that is shown, in the background, and pass its label map on.

        If the picture, the model or an option changes meanwhile, it is predicted again; if another image is chosen or
        another plane shown, nothing is passed on.
        """
        controller = self.controller
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
            if image is not controller.image or image not in controller.viewer.layers:
                return False
            if on_layers.plane_index(image, controller.viewer) != plane:
                controller.message.emit("Another plane was shown before the prediction was done: predict it again")
                return False
            return True

        def prepare() -> Work | None:
            if not wanted():
                return None
            picture = on_layers.picture_of(image, controller.viewer, controller.generation)
            asked.append(self._state())
            model, _, options = asked[-1]
            return lambda: controller.bench.predict(model.name, picture, options)

        def passed_on(labels: NDArray[Any]) -> None:
            if wanted():
                self.request(then) if self._state() != asked[-1] else then(labels)

        controller.runner.submit(Request("predict", prepare, passed_on, DOING))

    def _show(self, prediction: NDArray[Any], labels: Labels | None, before: NDArray[Any] | None) -> None:
        controller = self.controller
        assert controller.image is not None
        if labels is not controller.labels:
            return  # another label map was chosen in the meantime
        index = on_layers.plane_index(controller.image, controller.viewer)
        model, classes = controller.model.classes, controller.default_classes
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
            wanted = np.where(now == before, plane, now)
            labels = writable(controller, int(np.count_nonzero(now != wanted)))
            on_layers.show_classes(labels, classes)
            write_labels(labels, index, wanted)
            if labels.ndim == 2 and not now.any():  # nobody has drawn anything
                controller.laid.emit(labels)
                labels.selected_label = _most_frequent(plane) if plane.any() else labels.selected_label
        assert controller.labels is not None
        self._remember(controller.labels, index, prediction)
        controller.labels_settled()
        if not prediction.any():
            controller.message.emit(
                f"The model is not sure of anything in {controller.image.name!r}, and labeled nothing: paint labels "
                "yourself, or choose a lower confidence in Options and predict again"
            )

    def _reset(
        self,
        labels: Labels,
        index: Index,
        prediction: NDArray[Any],
        scope: Scope,
        position: tuple[float, ...] | None,
    ) -> None:
        controller = self.controller
        own = on_layers.class_map_of(labels)
        if labels is not controller.labels or own is None:
            return
        plane = np.asarray(on_layers.full_data(labels)[index])
        wanted, classes = into_class_map(prediction, controller.model.classes, own, controller.counts)
        if scope != "map":
            pixel = tuple(round(value) for value in labels.world_to_data(position)[-2:])
            if not all(0 <= value < size for value, size in zip(pixel, plane.shape, strict=True)):
                controller.message.emit("Point at the image to say what is to be reset")
                return
            where = plane == plane[pixel] if scope == "class" else flood(plane, pixel)
            wanted = np.where(where, wanted, plane)
        labels = writable(controller, int(np.count_nonzero(plane != wanted)))
        self._remember(labels, index, prediction)
        if classes != own:
            on_layers.show_classes(labels, classes)
        write_labels(labels, index, wanted)


def _most_frequent(plane: NDArray[np.unsignedinteger]) -> int:
    """The id that most labeled pixels of a label map have; there are some."""
    ids, counts = unique_labels(plane[plane != UNLABELED])
    return int(ids[counts.argmax()])
