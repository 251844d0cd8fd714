"""What the menu of the button ``Save`` says of sittings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from qtpy.QtWidgets import QFileDialog, QMenu, QWidget

from napari_colorizer._napari.colorize.autosave import Autosave
from napari_colorizer._napari.colorize.saving import Saver
from napari_colorizer._napari.colorize.sitting_files import MANIFEST, SittingFiles

Bits = Literal[8, 16]
SITTING_SUFFIX = ".zip"
PNG, TIFF, JPEG = (".png",), (".tif", ".tiff"), (".jpg", ".jpeg")
FORMS: dict[str, tuple[tuple[str, ...], Bits]] = {
    "PNG, 8 bits (*.png)": (PNG, 8),
    "PNG, 16 bits (*.png)": (PNG, 16),
    "TIFF, 8 bits (*.tif *.tiff)": (TIFF, 8),
    "TIFF, 16 bits (*.tif *.tiff)": (TIFF, 16),
    "JPEG (*.jpg *.jpeg)": (JPEG, 8),
}


class SittingMenu:
    """The entries of a menu that save, open and restore sittings, and export their colors.

    Parameters
    ----------
    saver : Saver
    menu : QMenu
    parent : QWidget
        In whose window files are asked for.
    """

    def __init__(self, saver: Saver, menu: QMenu, parent: QWidget):
        self.saver, self.parent = saver, parent
        self.files = SittingFiles(saver)
        menu.addSeparator()
        menu.addAction("Export with profile and provenance…", self.export)
        self.with_labels, self.with_dots = (
            menu.addAction(f"… and the {what} beside it") for what in ("label map", "dots")
        )
        for action in (self.with_labels, self.with_dots):
            action.setCheckable(True)
        menu.addSeparator()
        menu.addAction("Save sitting…", self.save)
        menu.addAction("Open sitting…", self.open)
        self.restore = menu.addAction("Restore the last sitting")

    def connect(self, autosave: Autosave, show_options: Callable[[], None]) -> None:
        """Let an autosave know what is saved, and restore what is not; show options where others may be chosen."""
        self.restore.triggered.connect(lambda: autosave.restore_last())
        self.files.kept.connect(autosave.wishes_kept)
        self.files.opened.connect(show_options)
        autosave.restored.connect(show_options)

    def save(self) -> None:
        """Ask for a file and save the sitting to it."""
        suggested = self.saver.suggestion(SITTING_SUFFIX)
        if suggested is None:
            return
        chosen, _ = QFileDialog.getSaveFileName(self.parent, "Save sitting", str(suggested), "Sittings (*.zip)")
        if chosen:
            path = with_suffix(Path(chosen), (SITTING_SUFFIX,))
            self.files.save(path, agreed=str(path) == chosen)

    def open(self) -> None:
        """Ask for a sitting and open it."""
        folder = str(self.saver.folder or Path.home())
        kinds = f"Sittings (*.zip {MANIFEST})"
        chosen, _ = QFileDialog.getOpenFileName(self.parent, "Open sitting", folder, kinds)
        if chosen:
            self.files.open(Path(chosen))

    def export(self) -> None:
        """Ask for a file and a form, and write the colors to it."""
        suggested = self.saver.suggestion(".color.png")
        if suggested is None:
            return
        chosen, form = QFileDialog.getSaveFileName(self.parent, "Export", str(suggested), ";;".join(FORMS))
        if chosen:
            suffixes, bits = FORMS.get(form, (PNG, 8))
            path = with_suffix(Path(chosen), suffixes)
            beside = self.with_labels.isChecked(), self.with_dots.isChecked()
            self.files.export(path, bits, *beside, agreed=str(path) == chosen)


def with_suffix(path: Path, suffixes: tuple[str, ...]) -> Path:
    """The path with one of these suffixes, in the place of that of another picture, or behind its name."""
    if path.suffix.lower() in suffixes:
        return path
    if path.suffix.lower() in (*PNG, *TIFF, *JPEG):
        return path.with_suffix(suffixes[0])
    return path.with_name(f"{path.name}{suffixes[0]}")
