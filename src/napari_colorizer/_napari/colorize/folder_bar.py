"""The part of the dock that opens a folder and goes through its images."""

from __future__ import annotations

from qtpy.QtWidgets import QFileDialog, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_colorizer._napari.colorize.folder_browser import FolderBrowser
from napari_colorizer._napari.shared.dock import row
from napari_colorizer._napari.shared.questions import ask_to_overwrite


class FolderBar(QWidget):
    """Buttons for the images of a folder, and which of them is open.

    Parameters
    ----------
    folder : FolderBrowser
    """

    def __init__(self, folder: FolderBrowser):
        super().__init__()
        self.folder = folder
        self.open_button = QPushButton("Open folder…")
        self.open_button.setToolTip(
            "<p>Steps through a folder of images, and saves label maps and colors beside them on the way</p>"
        )
        self.previous_button, self.next_button = QPushButton("◀ Previous"), QPushButton("Next ▶")
        self.previous_button.setToolTip("Save, and open the previous image")
        self.next_button.setToolTip("Save, and open the next image")
        self.place = QLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row(self.open_button, self.previous_button, self.next_button, self.place))
        self.open_button.clicked.connect(lambda: self._ask_folder())
        self.previous_button.clicked.connect(lambda: folder.step(-1))
        self.next_button.clicked.connect(lambda: folder.step(1))
        folder.changed.connect(self._show_place)
        folder.overwrite_requested.connect(
            lambda paths, then: ask_to_overwrite(self.window(), paths, then, of_many=True)
        )

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a folder of images")
        if folder:
            self.folder.open(folder)

    def _show_place(self) -> None:
        folder = self.folder
        self.place.setText(f"{folder.position + 1} of {len(folder.images)}" if folder.images else "")
