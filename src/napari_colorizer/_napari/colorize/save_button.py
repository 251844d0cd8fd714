"""The button ``Save`` of the dock."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShowEvent
from qtpy.QtWidgets import QFileDialog, QMenu, QPushButton, QShortcut, QWidget

from napari_colorizer._napari.colorize.keys import SAVE
from napari_colorizer._napari.colorize.saving import Saver
from napari_colorizer._napari.colorize.sitting_menu import SittingMenu
from napari_colorizer._napari.shared.dock import viewer_window
from napari_colorizer._napari.shared.questions import Told, ask_to_overwrite
from napari_colorizer.color_files import SUFFIXES
from napari_colorizer.files import COLOR_SUFFIX, LABELS_SUFFIX


class SaveButton(QPushButton):
    """Saves the label map, the colors, or both.

    Parameters
    ----------
    saver : Saver
    dock : QWidget
        The keys are heard in the window of its viewer, wherever the dock is, floats or lies behind another.
    """

    def __init__(self, saver: Saver, dock: QWidget):
        super().__init__("Save")
        self.saver = saver
        menu = QMenu(self)
        menu.addAction(f"Label map and colors…\t{SAVE}", self.save_both)
        menu.addAction("Label map…", self.save_labels)
        menu.addAction("Colors…", self.save_colors)
        self.sittings = SittingMenu(saver, menu, self)
        self.setMenu(menu)
        self.setToolTip(
            f"<p>Saves the label map as a PNG with its classes inside, and the colors as PNG, JPEG, TIFF, WebP or "
            f"BMP ({SAVE})</p>"
        )
        self.keys = QShortcut(QKeySequence(SAVE), dock)
        self.keys.setContext(Qt.ShortcutContext.WindowShortcut)
        self.keys.activated.connect(self.save_both)
        saver.overwrite_requested.connect(self._ask)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's word that the dock has its place: only now it belongs to a window."""
        super().showEvent(event)
        window = viewer_window(self)
        if window is not None and self.keys.parent() is not window:
            self.keys.setParent(window)

    def release(self) -> None:
        """Hear the keys no more."""
        with suppress(RuntimeError):  # they are gone with the window
            self.keys.setParent(self)
            self.keys.setEnabled(False)

    def _ask(self, paths: list[Path], then: Told) -> None:
        ask_to_overwrite(self.window(), paths, then)

    def save_both(self) -> None:
        """Ask for a folder and save the label map, where there is one, and the colors in it."""
        labels, colors = self.saver.suggestion(LABELS_SUFFIX), self.saver.suggestion(COLOR_SUFFIX)
        if labels is None or colors is None:
            return
        folder = QFileDialog.getExistingDirectory(self, "Save label map and colors in", str(labels.parent))
        if folder:
            here = Path(folder)
            own = self.saver.controller.labels is not None
            self.saver.save(here / labels.name if own else None, here / colors.name)

    def save_labels(self) -> None:
        """Ask for a file and save the label map to it."""
        path = self._ask_file("Save label map", LABELS_SUFFIX, "Label map with its classes (*.png)")
        if path is not None:
            self.saver.save(labels=path, agreed=self._knows(path))

    def save_colors(self) -> None:
        """Ask for a file and save the colors to it."""
        path = self._ask_file("Save colors", COLOR_SUFFIX, f"Pictures ({SUFFIXES})")
        if path is not None:
            self.saver.save(colors=path, agreed=self._knows(path))

    def _ask_file(self, title: str, suffix: str, kinds: str) -> Path | None:
        self._chosen: str = ""
        suggested = self.saver.suggestion(suffix)
        if suggested is None:
            return None
        self._chosen, _ = QFileDialog.getSaveFileName(self, title, str(suggested), kinds)
        if not self._chosen:
            return None
        path = Path(self._chosen)
        needs_png = not path.suffix or (suffix == LABELS_SUFFIX and path.suffix.lower() != ".png")
        return path.with_name(f"{path.name}.png") if needs_png else path

    def _knows(self, path: Path) -> bool:
        """Whether the file dialog has asked about this very file."""
        return str(path) == self._chosen
