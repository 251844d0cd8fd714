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
from napari_colorizer._napari.colorize.dots_layer import DotsLayer
from napari_colorizer._napari.colorize.pin_tool import PinTool
from napari_colorizer._napari.shared.dock import focus_canvas, row


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
        self.pins, self.dots = PinTool(controller, parent), DotsLayer(controller)
        class_list.table.field_clicked.connect(self._open_palette)
        self._build()
        controller.wishes_changed.connect(self._show_steps)
        self._show_steps()

    def release(self) -> None:
        """Unbind the keys, and let go of the layers."""
        self.pins.release()
        self.dots.release()

    def _build(self) -> None:
        self.dots_button = button(
            "Color dots",
            "Adds a layer of dots (D; again: back to the label map): the color of a dot is what you wish for the thing "
            "under it. Move, recolor and delete dots with napari's own tools",
            self._take_dots,
        )
        self.undo_button = button(
            "↶ Undo",
            "Takes back the last change of pins and dots (Ctrl+Z on the layer of dots)",
            lambda: self._step(True),
        )
        self.redo_button = button("↷ Redo", "Brings back what was taken back (Ctrl+Shift+Z)", lambda: self._step(False))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row(self.dots_button, self.undo_button, self.redo_button))
        self.folded = QCollapsible("Color")
        self.folded.addWidget(self)

    def _take_dots(self) -> None:
        self.dots.toggle()
        focus_canvas(self)

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
