"""The part of the dock that says what colors things are to have."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QModelIndex
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_colorizer._napari.colorize.class_list import ClassList
from napari_colorizer._napari.colorize.class_rows import ID_ROLE
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.pin_tool import PinTool
from napari_colorizer._napari.shared.dock import row


class ColorTools(QWidget):
    """What is wished for colors, in a group that folds away.

    Parameters
    ----------
    controller : ColorizeController
    class_list : ClassList
        Has a color field in each row.
    parent : QWidget
        Of the palette.

    Attributes
    ----------
    folded : QCollapsible
        This, with a title to fold and unfold it.
    """

    def __init__(self, controller: ColorizeController, class_list: ClassList, parent: QWidget):
        super().__init__()
        self.controller = controller
        self.pins = PinTool(controller, parent)
        class_list.table.field_clicked.connect(self._open_palette)
        self._build()
        controller.wishes_changed.connect(self._show_steps)
        self._show_steps()

    def release(self) -> None:
        """Unbind the keys, and let go of the layers."""
        self.pins.release()

    def _build(self) -> None:
        self.undo_button = button("Undo color", "Takes back the last pin or dot", lambda: self._step(True))
        self.redo_button = button("Redo color", "Brings back what was taken back", lambda: self._step(False))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row(self.undo_button, self.redo_button))
        self.folded = QCollapsible("Color")
        self.folded.addWidget(self)

    def _step(self, back: bool) -> None:
        self.controller.step_wishes(back)

    def _show_steps(self) -> None:
        wishes = self.controller.wishes
        self.undo_button.setEnabled(wishes.can_undo)
        self.redo_button.setEnabled(wishes.can_redo)

    def _open_palette(self, field: QModelIndex) -> None:
        self.pins.open_class(int(field.data(ID_ROLE)), QCursor.pos())


def button(text: str, tip: str, act: Callable[[], object]) -> QPushButton:
    """A button with what it tells and does."""
    made = QPushButton(text)
    made.setToolTip(f"<p>{tip}</p>")
    made.clicked.connect(lambda _=False: act())
    return made
