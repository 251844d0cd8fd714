"""The part of the dock for series and volumes; hidden where there is one picture only."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_colorizer._napari.colorize.series import SeriesColoring
from napari_colorizer._napari.shared.dock import row
from napari_colorizer._napari.shared.number_box import number_box
from napari_colorizer._napari.shared.work_bar import WorkBar
from napari_colorizer.series.options import SeriesOptions

LOOK_MS = 500


class SeriesBar(QWidget):
    """Buttons for all slices.

    Parameters
    ----------
    series : SeriesColoring
    """

    def __init__(self, series: SeriesColoring):
        super().__init__()
        self.series = series
        self.carry_button = QPushButton("Carry forward ▶")
        self.carry_button.setToolTip(
            "<p>Carries the labels and dots of this slice to the next one, following what moves in the image. What "
            "you have labeled there yourself is kept; Ctrl+Z undoes it</p>"
        )
        self.color_button = QPushButton("Color all slices")
        self.color_button.setToolTip(
            "<p>Colors all slices that are not colored yet, and those after a correction. Slices that you have "
            "labeled are key frames: their labels and dots are carried to the slices after them; pins of classes "
            "hold for all slices</p>"
        )
        self.steadiness = number_box(SeriesOptions, "steadiness")
        self.steadiness.setAccessibleName("Steadiness")
        self.steadiness.setValue(series.options.steadiness)
        self.folder_button = QPushButton("Folder…")
        self.folder_button.setToolTip(
            "<p>Where the colors of all slices are saved; until you choose a folder, in a temporary one</p>"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row(self.carry_button, self.color_button))
        layout.addLayout(row(QLabel("Steadiness"), self.steadiness, self.folder_button))
        layout.addWidget(WorkBar(series.tasks))
        self.carry_button.clicked.connect(lambda: series.forward.carry())
        self.color_button.clicked.connect(lambda: series.color_all())
        self.folder_button.clicked.connect(lambda: self._ask_folder())
        self.steadiness.valueChanged.connect(self._on_steadiness)
        self._looking = QTimer(self, interval=LOOK_MS)
        self._looking.timeout.connect(series.look)
        series.tasks.busy.connect(self._on_busy)
        series.controller.layers_changed.connect(self._on_layers)
        self._on_layers()

    def _on_layers(self) -> None:
        self.setVisible(self.series.offered)
        self.color_button.setEnabled(bool(self.series.controller.model.color_ids))

    def _on_steadiness(self, value: float) -> None:
        self.series.options = SeriesOptions(steadiness=round(value, 2))

    def _on_busy(self, doing: str) -> None:
        self._looking.start() if doing else self._looking.stop()

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Save the colors of all slices in a folder")
        if folder:
            self.series.folder = Path(folder)
            self.folder_button.setToolTip(f"<p>The colors of all slices are saved in {folder}</p>")
