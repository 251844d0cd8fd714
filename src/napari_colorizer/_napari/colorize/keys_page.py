"""The *Keys* page of the dock."""

from __future__ import annotations

from html import escape

from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QLabel, QSizePolicy
from superqt import QCollapsible

from napari_colorizer._napari.colorize.keys import HELP, PAGE, Group, shown, shown_together
from napari_colorizer._napari.shared.dock import Dock


class KeysPage(QCollapsible):
    """A part of the dock that unfolds, by its title or a key, and lists all keys.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
    dock : Dock
        Scrolls to it.
    """

    def __init__(self, viewer: ViewerModel, dock: Dock):
        super().__init__("Keys")
        self.viewer, self.dock = viewer, dock
        self.toggleButton().setToolTip(f"Show or hide what each key does ({shown(HELP)})")
        self.text = QLabel("".join(map(_written, PAGE)), wordWrap=True, textFormat=Qt.TextFormat.RichText)
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
    rows = "".join(
        f"<tr><td width='82'><b>{escape(shown_together(keys))}</b></td><td>{escape(does)}</td></tr>"
        for keys, does in group.lines
    )
    return f"<p><i>{escape(group.title)}</i></p><table cellspacing='2'>{rows}</table>"
