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

from napari_colorizer._napari import layers as on_layers
from napari_colorizer._napari.prediction import PREDICTING, Prediction
from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.engine.frame import unique_labels

LARGEST_TABLE = 300  # rows; what is not in the table follows the suggestion


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
        self.map_regions = QRadioButton("Regions or instances: give each a class, in a new label map", checked=True)
        self.are_classes = QRadioButton("Class ids of the class map of the model")
        self.no_classes = QRadioButton("Regions without a class: the model decides on their colors")
        self.table = self._make_table(counts, classes)
        self.map_regions.toggled.connect(self.table.setEnabled)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(f"The labels layer {name!r} has no class map. Its numbers are"))
        for widget in (self.map_regions, self.table, self.are_classes, self.no_classes, buttons):
            layout.addWidget(widget)
        self.resize(420, 460)

    def _make_table(self, counts: Mapping[int, int], classes: ClassMap) -> QTableWidget:
        largest = sorted((label for label in counts if label != UNLABELED), key=lambda label: -counts[label])
        table = QTableWidget(min(len(largest), LARGEST_TABLE), 3)
        table.setHorizontalHeaderLabels(["number", "pixels", "class"])
        table.verticalHeader().hide()
        table.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        for row, label in enumerate(largest[:LARGEST_TABLE]):
            table.setItem(row, 0, QTableWidgetItem(str(label)))
            table.setItem(row, 1, QTableWidgetItem(f"{counts[label]:,}"))
            choice = QComboBox()
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


class ForeignLabels:
    """Settles what the numbers of a labels layer mean, by asking once.

    Parameters
    ----------
    prediction : Prediction
        Gives the suggestions.
    parent : QWidget
        Of the dialog.
    """

    def __init__(self, prediction: Prediction, parent: QWidget):
        self.prediction = prediction
        self.controller = prediction.controller
        self.parent = parent
        self.dialog: MeaningDialog | None = None
        self._layer: Labels | None = None  # what the dialog asks about, or waits for suggestions to ask about
        self.controller.asks_classes.connect(self.ask)
        self.controller.runner.failed.connect(self._on_failed)

    def ask(self, layer: Labels) -> None:
        """Predict the suggestions in the background, if the model can, and open the dialog."""
        controller = self.controller
        if self.dialog is not None and layer is self._layer:
            self.dialog.raise_()
            return
        self._layer = layer
        if controller.image is None or not on_layers.fits(layer, controller.image):
            self._open(layer, {})
        elif controller.model.has_segmenter:
            self.prediction.request(lambda labels: self._open(layer, self._suggest(layer, labels)))
        else:
            self._open(layer, {})

    def _suggest(self, layer: Labels, prediction: NDArray[Any]) -> dict[int, int]:
        plane = on_layers.plane_of(layer, self.controller.image, self.controller.viewer)
        return majority_classes(plane, prediction)

    def _on_failed(self, doing: str, _error: Exception) -> None:
        """Ask without suggestions where there is no prediction."""
        if doing == PREDICTING and self.dialog is None and self._layer is not None:
            self._open(self._layer, {})

    def _open(self, layer: Labels, suggestion: Mapping[int, int]) -> None:
        if layer is not self.controller.labels or on_layers.is_settled(layer):
            return
        ids, counts = unique_labels(np.asarray(layer.data))
        sizes = dict(zip(ids.tolist(), counts.tolist(), strict=True))
        self.dialog = MeaningDialog(layer.name, sizes, self.controller.model.classes, suggestion, self.parent)
        self.dialog.finished.connect(lambda accepted: self._settle(layer, bool(accepted)))
        self.dialog.open()

    def _settle(self, layer: Labels, accepted: bool) -> None:
        dialog, self.dialog, self._layer = self.dialog, None, None
        if dialog is None or layer is not self.controller.labels:
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
            classes = to_classes(np.asarray(layer.data), dialog.chosen())
            layer.visible = False  # its regions stay as they are; the classes are drawn on a layer of their own
            self.controller.choose_labels(None)
            self.controller.add_labels(classes.astype(np.uint8) if classes.max() < 256 else classes)
