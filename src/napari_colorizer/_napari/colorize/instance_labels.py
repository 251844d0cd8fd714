"""What the numbers of a labels layer mean that another plugin made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QRadioButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.task_queue import Request, Work
from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.engine.labels import dtype_for
from napari_colorizer.engine.options import SegmentOptions
from napari_colorizer.errors import ColorizerError

LARGEST_TABLE = 300  # rows; what is not in the table follows the suggestion
TIPS = (
    "For labels of objects, such as those of cellpose or StarDist. The layer itself is not changed",
    "For a label map that was made with this model and has lost its classes",
    "For parts of a micrograph, or whatever the model has no class for",
)


def majority_classes(regions: NDArray[np.integer], prediction: NDArray[np.integer]) -> dict[int, int]:
    """The class that most pixels of each region are predicted to have; region 0 is left out."""
    ids, compact = np.unique(regions, return_inverse=True)
    classes, votes = np.unique(prediction, return_inverse=True)
    ballots = compact.ravel() * len(classes) + votes.ravel()
    counts = np.bincount(ballots, minlength=len(ids) * len(classes)).reshape(len(ids), len(classes))
    winners = classes[counts.argmax(1)]
    return {int(label): int(winner) for label, winner in zip(ids, winners, strict=True) if label != UNLABELED}


def to_classes(regions: NDArray[np.integer], table: Mapping[int, int]) -> NDArray[np.uint16]:
    """A label map of classes, from one of regions and the class of each region."""
    ids, compact = np.unique(regions, return_inverse=True)
    values = np.array([table.get(int(label), UNLABELED) for label in ids], np.uint16)
    return values[compact].reshape(regions.shape)


class MeaningDialog(QDialog):
    """Asks what the numbers of a labels layer mean.

    Parameters
    ----------
    name : str
        Of the layer.
    counts : dict
        Pixels of each region.
    classes : ClassMap
        To choose from.
    suggestion : dict
        Class of each region to begin with.
    """

    def __init__(
        self,
        name: str,
        counts: Mapping[int, int],
        classes: ClassMap,
        suggestion: Mapping[int, int],
        parent: QWidget | None = None,
    ):
        super().__init__(parent)
        self.setWindowTitle("What do these labels mean?")
        self.suggestion = dict(suggestion)
        self.map_regions = QRadioButton("Regions or instances: give each a class in a new label map", checked=True)
        self.are_classes = QRadioButton("Class ids of the model's class map")
        self.no_classes = QRadioButton("Regions without a class: colored by the model or with “Color each label”")
        for choice, tip in zip((self.map_regions, self.are_classes, self.no_classes), TIPS, strict=True):
            choice.setToolTip(f"<p>{tip}</p>")
        self.table = self._make_table(counts, classes)
        self.map_regions.toggled.connect(self.table.setEnabled)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(f"The labels layer {name!r} has no class map. Its numbers are:"))
        for widget in (self.map_regions, self.table, self.are_classes, self.no_classes, buttons):
            layout.addWidget(widget)
        self.resize(420, 460)

    def _make_table(self, counts: Mapping[int, int], classes: ClassMap) -> QTableWidget:
        largest = sorted((label for label in counts if label != UNLABELED), key=lambda label: -counts[label])
        table = QTableWidget(min(len(largest), LARGEST_TABLE), 3)
        table.setHorizontalHeaderLabels(["number", "pixels", "class"])
        table.setAccessibleName("Regions and their classes")
        table.setToolTip("<p>The numbers of the layer, and the class that each gets; the largest come first</p>")
        table.verticalHeader().hide()
        table.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        for row, label in enumerate(largest[:LARGEST_TABLE]):
            table.setItem(row, 0, QTableWidgetItem(str(label)))
            table.setItem(row, 1, QTableWidgetItem(f"{counts[label]:,}"))
            choice = QComboBox(accessibleName=f"Class of {label}", toolTip=f"The class that the pixels of {label} get")
            choice.addItem("unlabeled", UNLABELED)
            for item in classes:
                choice.addItem(item.name, item.id)
            choice.setCurrentIndex(max(choice.findData(self.suggestion.get(label, UNLABELED)), 0))
            table.setCellWidget(row, 2, choice)
        return table

    def chosen(self) -> dict[int, int]:
        """Class of each region, as the table says now."""
        result = dict(self.suggestion)
        for row in range(self.table.rowCount()):
            result[int(self.table.item(row, 0).text())] = self.table.cellWidget(row, 2).currentData()
        return result


class InstanceLabels:
    """Settles what the numbers of a labels layer mean, by asking once.

    Parameters
    ----------
    controller : ColorizeController
    parent : QWidget
        Of the dialog.
    """

    def __init__(self, controller: ColorizeController, parent: QWidget):
        self.controller = controller
        self.parent = parent
        self.dialog: MeaningDialog | None = None
        self._layer: Labels | None = None  # what the dialog asks about, or waits for suggestions to ask about
        self.controller.classes_requested.connect(self.ask)

    def ask(self, layer: Labels) -> None:
        """Count the regions and predict suggestions in the background, then open the dialog."""
        if self.dialog is not None and layer is self._layer:
            self.dialog.raise_()
            return
        self._layer = layer
        controller = self.controller

        def prepare() -> Work:
            regions, image, model = on_layers.full_data(layer), controller.image, controller.model
            plane = picture = None
            if image is not None and on_layers.fits(layer, image) and model.has_segmenter:
                plane = on_layers.plane_of(layer, image, controller.viewer)
                picture = controller.picture_of(image)
            options = SegmentOptions(controller.options.working_size, controller.options.device)

            def work() -> tuple[dict[int, int], dict[int, int]]:
                sizes = inference.count(np.asarray(regions))
                return sizes, self._suggest(model.name, picture, plane, options)

            return work

        request = Request("foreign", prepare, lambda found: self._open(layer, *found), "Looking at the labels")
        controller.tasks.submit(request)

    def _suggest(
        self, model: str, picture: on_layers.Picture | None, regions: NDArray[Any] | None, options: SegmentOptions
    ) -> dict[int, int]:
        """The class of each region as far as it can be predicted: without suggestions the question still stands."""
        if picture is None or regions is None:
            return {}
        try:
            return majority_classes(regions, inference.predict(model, picture, options).labels())
        except (ColorizerError, RuntimeError, MemoryError, ImportError):
            return {}

    def _open(self, layer: Labels, sizes: Mapping[int, int], suggestion: Mapping[int, int]) -> None:
        if layer is not self.controller.labels or on_layers.is_settled(layer) or self.dialog is not None:
            return
        self.dialog = MeaningDialog(layer.name, sizes, self.controller.model.classes, suggestion, self.parent)
        self.dialog.finished.connect(lambda accepted: self._settle(layer, bool(accepted)))
        self.dialog.open()

    def _settle(self, layer: Labels, accepted: bool) -> None:
        dialog, self.dialog, self._layer = self.dialog, None, None
        if dialog is None:
            return
        dialog.deleteLater()
        if layer is not self.controller.labels:
            return
        if not accepted:
            self.controller.choose_labels(None)
        elif dialog.are_classes.isChecked():
            on_layers.show_classes(layer, self.controller.model.classes)
            self.controller.labels_settled()
        elif dialog.no_classes.isChecked():
            on_layers.mark_regions(layer)
            self.controller.labels_settled()
        else:
            self._map(layer, dialog.chosen())

    def _map(self, layer: Labels, table: Mapping[int, int]) -> None:
        """Draw the classes on a layer of their own; the regions stay as they are."""
        controller = self.controller
        regions, classes = on_layers.full_data(layer), controller.model.classes

        def work() -> NDArray[np.uint16]:
            return to_classes(np.asarray(regions), table)

        def then(labels: NDArray[np.uint16]) -> None:
            if layer is controller.labels and on_layers.full_data(layer) is regions:
                layer.visible = False
                controller.add_labels(labels.astype(dtype_for(classes)), classes)

        controller.tasks.submit(Request("foreign", lambda: work, then, "Mapping regions to classes"))
