"""Predicted label maps: into a layer, and back to them after edits."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from skimage.segmentation import flood

from napari_colorizer._napari import layers as on_layers
from napari_colorizer._napari.controller import ColorizeController
from napari_colorizer._napari.runner import Request, Work
from napari_colorizer.engine.options import SegmentOptions

Scope = Literal["map", "class", "region"]
Index = tuple[int, ...]
PREDICTING = "Predicting labels"


class Prediction:
    """Predicts the label map of a controller's image and remembers what was predicted.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        self.controller = controller
        self.confidence = 0.0
        self._known: weakref.WeakKeyDictionary[Labels, dict[Index, NDArray[Any]]] = weakref.WeakKeyDictionary()

    def predict(self) -> None:
        """Predict the label map in the background: into a new layer, or as one undo step into the chosen one."""
        if self.controller.image is None:
            self.controller.message.emit("Choose an image layer first")
            return
        self.request(self._show)

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
        try:
            index = on_layers.plane_index(labels, self.controller.viewer)
            on_layers.plane_of(labels, image, self.controller.viewer)
        except on_layers.LayerError as error:
            self.controller.message.emit(str(error))
            return
        known = self._known.get(labels, {}).get(index)
        if known is None:
            self.request(lambda prediction: self._reset(labels, index, prediction, scope, position))
        else:
            self._reset(labels, index, known, scope, position)

    def request(self, then: Callable[[NDArray[Any]], None]) -> None:
        """Predict in the background and pass the label map on, if the image is still the same."""
        controller = self.controller
        image = controller.image
        shown: list[Index] = []

        def prepare() -> Work | None:
            if image is None or image is not controller.image:
                return None
            shown.append(on_layers.plane_index(image, controller.viewer))
            picture = on_layers.picture_of(image, controller.viewer, controller.generation)
            chosen = controller.options
            options = SegmentOptions(chosen.working_size, chosen.device, self.confidence)
            model = controller.model.name
            return lambda: controller.bench.predict(model, picture, options)

        def passed_on(labels: NDArray[Any]) -> None:
            if image is not controller.image or image not in controller.viewer.layers:
                return
            if on_layers.plane_index(image, controller.viewer) == shown[-1]:
                then(labels)
            else:
                controller.message.emit("Another plane was shown before the prediction was done: predict it again")

        controller.runner.submit(Request("predict", prepare, passed_on, PREDICTING))

    def _show(self, prediction: NDArray[Any]) -> None:
        controller = self.controller
        assert controller.image is not None
        index = on_layers.plane_index(controller.image, controller.viewer)
        labels = controller.labels
        if labels is None or not on_layers.fits(labels, controller.image) or on_layers.class_map_of(labels) is None:
            data = np.zeros(on_layers.image_shape(controller.image), prediction.dtype)
            data[index] = prediction
            controller.add_labels(data)
        else:
            on_layers.show_classes(labels, controller.merged_classes())
            on_layers.write_labels(labels, index, prediction)
        assert controller.labels is not None
        self._known.setdefault(controller.labels, {})[index] = prediction
        controller.labels_settled()

    def _reset(
        self,
        labels: Labels | None,
        index: Index,
        prediction: NDArray[Any],
        scope: Scope,
        position: tuple[float, ...] | None,
    ) -> None:
        if labels is None or labels is not self.controller.labels:
            return
        self._known.setdefault(labels, {})[index] = prediction
        plane = np.asarray(labels.data[index])
        if scope != "map":
            pixel = tuple(round(value) for value in labels.world_to_data(position)[-2:])
            if not all(0 <= value < size for value, size in zip(pixel, plane.shape, strict=True)):
                self.controller.message.emit("Point at the image to say what is to be reset")
                return
            where = plane == plane[pixel] if scope == "class" else flood(plane, pixel)
            prediction = np.where(where, prediction, plane)
        on_layers.write_labels(labels, index, prediction)
