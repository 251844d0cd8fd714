"""The *Keys* page of the dock."""

from __future__ import annotations

from html import escape

from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QLabel, QSizePolicy

from napari_colorizer._napari.colorize.keys import HELP, PAGE, Group, shown, shown_together
from napari_colorizer._napari.shared.dock import Dock, FoldedPart

WIDEST = 14  # letters of the first column


class KeysPage(FoldedPart):
    """A part of the dock that unfolds, by its title or a key, and lists all keys.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
    dock : Dock
        Scrolls to it.
    """

    def __init__(self, viewer: ViewerModel, dock: Dock):
        super().__init__("Keys", f"Show or hide what each key does ({shown(HELP)})")
        self.viewer, self.dock = viewer, dock
        written = f"<table cellspacing='2'>{''.join(map(_written, PAGE))}</table>"
        self.text = QLabel(written, wordWrap=True, textFormat=Qt.TextFormat.RichText)
        self.text.setAccessibleName("Keys")
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.addWidget(self.text)
        self.toggled.connect(lambda _: self._scroll())
        viewer.bind_key(HELP, lambda _: self.open(), overwrite=True)

    def release(self) -> None:
        """Unbind the key."""
        self.viewer.bind_key(HELP, None)

    def open(self) -> None:
        """Unfold it, also where the dock is hidden behind another."""
        above = self.dock.parentWidget()
        if isinstance(above, QDockWidget):
            above.raise_()
        self.expand(animate=False)
        self._scroll()

    def _scroll(self) -> None:
        if self.isExpanded():
            self.dock.reveal(self)


def _written(group: Group) -> str:
    rows = "".join(f"<tr><td><b>{_listed(keys)}</b></td><td>{escape(does)}</td></tr>" for keys, does in group.lines)
    return f"<tr><td colspan='2'><br><i>{escape(group.title)}</i></td></tr>{rows}"


def _listed(keys: tuple[str, ...]) -> str:
    text = escape(shown_together(keys))
    return text if len(text) <= WIDEST else text.replace(", ", ",<br>")
