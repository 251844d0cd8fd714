"""Where to look first: a layer of doubt, and the doubtful regions one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray
from psygnal import Signal

from napari_colorizer._napari.colorize.fill_preview import FillPreview, place_on
from napari_colorizer._napari.colorize.keys import CHOICES
from napari_colorizer._napari.colorize.known_predictions import Written
from napari_colorizer._napari.colorize.label_writing import writable, write_labels
from napari_colorizer._napari.colorize.prediction import Prediction
from napari_colorizer._napari.colorize.prediction_edits import PredictionEdits
from napari_colorizer._napari.colorize.result_layers import remove_later
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.task_queue import Request, Work
from napari_colorizer.classes import ClassMap

if TYPE_CHECKING:
    from napari_colorizer.engine.doubt import DoubtfulRegion

NAME, REGION_NAME = "doubt", "doubtful region"
OPACITY = 0.6
PREVIEW_SIZE = 512  # pixels of the longer side at which a region is outlined
Choice = tuple[int, float]  # an id of the label map, and how probable it is


class DoubtView:
    """Shows where a prediction is in doubt, and takes the user's word for it.

    Parameters
    ----------
    prediction : Prediction

    Attributes
    ----------
    choices : list of (int, float)
        The likeliest classes of the region that is shown, in the ids of the label map, and how probable they are.
    """

    changed = Signal()  # another region is shown, or none

    def __init__(self, prediction: Prediction):
        self.prediction = prediction
        self.controller = controller = prediction.controller
        self.edits = PredictionEdits(prediction)
        self.choices: list[Choice] = []
        self._preview = FillPreview(controller.viewer, REGION_NAME)
        self._region: DoubtfulRegion | None = None
        self._passed: list[NDArray[np.bool_]] = []  # regions that the user has seen and left as they are
        self._of: Written | None = None  # what they are regions of
        self._layer: Image | None = None
        for signal in (controller.layers_changed, controller.plane_changed):
            signal.connect(self.close)
        controller.classes_changed.connect(self._follow)

    def release(self) -> None:
        """Take all layers away."""
        self.close()
        self.show_layer(False)

    # -- the layer

    def show_layer(self, shown: bool) -> bool:
        """Show or hide the layer of doubt; gives whether it is shown."""
        layer, self._layer = self._layer, None
        if not shown:
            remove_later(self.controller.viewer, layer)
            return False
        amount, image = self._amount(), self.controller.image
        if amount is None or image is None:
            self._say_what_is_missing()
            return False
        place = place_on((amount.shape[0], amount.shape[1]), image)
        self._layer = Image(
            amount,
            name=NAME,
            colormap="magma",
            contrast_limits=(0, 1),
            opacity=OPACITY,
            blending="additive",
            interpolation2d="linear",
            **place,
        )
        on_layers.add_preview(self.controller.viewer, self._layer)
        return True

    def _amount(self) -> NDArray[np.float32] | None:
        known = self.edits.known()
        if known is None or known.written.segmentation.evidence is None:
            return None
        from napari_colorizer.engine.doubt import doubt  # brings torch

        return doubt(known.written.segmentation.evidence)

    def _follow(self) -> None:
        """Show the doubt of now, if it is shown."""
        amount = self._amount() if self._layer is not None else None
        if self._layer is not None and amount is not None and self._layer.data.shape == amount.shape:
            self._layer.data = amount

    def _say_what_is_missing(self) -> None:
        self.controller.message.emit("There is no prediction yet: press Predict labels first")

    # -- region by region

    def go_on(self) -> None:
        """Go to the next doubtful region, the most doubtful first; the one that is shown stays as it is."""
        if self._region is not None:
            self._passed.append(self._region.cells)
        known = self.edits.known()
        if known is None or known.written.segmentation.evidence is None:
            self._say_what_is_missing()
            return
        self.controller.tasks.submit(Request("doubt", self._prepare, self._show, "Looking for doubtful regions"))

    def _prepare(self) -> Work | None:
        known, labels, plane = self.edits.known(), self.controller.labels, self.edits.plane()
        classes = on_layers.class_map_of(labels) if labels is not None else None
        if known is None or plane is None or classes is None:
            return None
        now, counts = plane.copy(), dict(self.controller.counts)

        def work() -> tuple[Written, list[DoubtfulRegion]]:
            from napari_colorizer.engine.doubt import doubtful_regions  # brings torch

            last = known.last(now, classes, counts)
            assert last.segmentation.evidence is not None
            own = last.drawn(now, classes, counts)
            return last, doubtful_regions(last.segmentation.evidence, own, last.confidence, CHOICES)

        return work

    def _show(self, found: tuple[Written, list[DoubtfulRegion]]) -> None:
        written, regions = found
        if self._of is None or written.segmentation is not self._of.segmentation:
            self._of, self._passed = written, []
        regions = [region for region in regions if not any((region.cells & cells).any() for cells in self._passed)]
        image, labels = self.controller.image, self.controller.labels
        if not regions or image is None or labels is None:
            self._passed = []  # asked again, it begins anew
            self.close()
            self.controller.message.emit("No doubtful region is left")
            return
        self._region = regions[0]
        self.choices = self._in_label_map(self._region, written.classes)
        color = labels.get_color(self.choices[0][0]) if self.choices else None
        self._preview.show(self._region.mask(_preview_shape(image)), color, image)
        self._look_at(self._region, image)
        self.changed.emit()

    def _in_label_map(self, region: DoubtfulRegion, classes: ClassMap) -> list[Choice]:
        """The choices for a region, as far as the label map has such classes."""
        ids = {theirs: ours for ours, theirs in self.controller.classes.match(classes).items()}
        return [(ids[label], probability) for label, probability in region.choices if label in ids]

    def _look_at(self, region: DoubtfulRegion, image: Image) -> None:
        """Move the camera to the middle of a region; how near it is stays the user's choice."""
        viewer = self.controller.viewer
        pixel = np.array(region.center) * on_layers.image_shape(image)[-2:] - 0.5
        place = image.data_to_world((*on_layers.plane_index(image, viewer), *pixel))
        viewer.camera.center = (0, *place[-2:])

    def take(self, choice: int) -> None:
        """Give the region that is shown one of its likeliest classes (0 is the likeliest), and go on to the next.

        It is one undo step; what somebody has drawn in it stays.
        """
        if self._region is None or choice >= len(self.choices):
            return
        controller, region, label = self.controller, self._region, self.choices[choice][0]
        known, plane, labels, index = self.edits.known(), self.edits.plane(), controller.labels, self.edits.index()
        classes = on_layers.class_map_of(labels) if labels is not None else None
        if known is None or plane is None or labels is None or index is None or classes is None:
            self.close()
            return
        own = known.last(plane, classes, controller.counts).drawn(plane, classes, controller.counts)
        where = region.mask((plane.shape[0], plane.shape[1])) & ~own
        wanted = np.where(where, np.array(label, np.min_scalar_type(label)), plane)
        write_labels(writable(controller, int(np.count_nonzero(where))), index, wanted)
        self.go_on()

    def close(self, _event: Any = None) -> None:
        """Show no region any more."""
        self._preview.remove()
        self._region, self.choices = None, []
        self.changed.emit()

    @property
    def is_open(self) -> bool:
        """Whether a region is shown."""
        return self._region is not None


def _preview_shape(image: Image) -> tuple[int, int]:
    """The size at which a region is outlined: that of the image, within bounds."""
    height, width = on_layers.image_shape(image)[-2:]
    scale = min(1.0, PREVIEW_SIZE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))
