"""The small palette that opens for a class or a region."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QPoint, QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QImage, QPixmap
from qtpy.QtWidgets import (
    QColorDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_colorizer._napari.colorize.chroma_picker import ChromaPicker
from napari_colorizer._napari.colorize.likely_colors import PICTURE_SIZE, Offered
from napari_colorizer._napari.shared.dock import row
from napari_colorizer._napari.shared.focus import show_focus
from napari_colorizer.engine.pins import Pin

ACROSS = 5  # suggestions in a row
SWATCH = 20  # pixels
FACTORS = {"Gray": 0.0, "Weaker": 0.5, "Stronger": 1.5}
FACTOR_TIPS = {
    "Gray": "Removes the color",
    "Weaker": "Half the saturation that the model predicts",
    "Stronger": "One and a half times the saturation that the model predicts",
}
LOOKING = "Looking for likely colors…"
NOTHING_THERE = "It does not occur in the image: its color takes effect once it does"


class ColorPopup(QFrame):
    """Offers colors for one thing; what is chosen closes it."""

    chosen = Signal(object)  # a Pin, or None for the model's own color
    dropper_requested = Signal()

    def __init__(self, parent: QWidget):
        super().__init__(parent, Qt.WindowType.Popup)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.title, self.note = QLabel(), QLabel()
        self.note.setWordWrap(True)
        self.likely, self.last = QWidget(), QWidget()
        self.picker = ChromaPicker()
        self.picker.picked.connect(lambda color: self._choose(Pin(color)))
        self.hex = QLineEdit(placeholderText="#rrggbb", maxLength=9)
        self.hex.setAccessibleName("Color as #rrggbb")
        self.hex.setToolTip("<p>Any color: its hue and saturation are taken, the lightness is that of the image</p>")
        self.hex.returnPressed.connect(self._take_hex)
        self.dropper = _button("Eyedropper", "Picks the color that you click in any RGB layer", self._ask_dropper)
        self.dialog = _button("Dialog…", "Opens the color dialog", self._ask_dialog)
        self.auto = _button("Auto", "Removes the pin: the model chooses the color again", lambda: self._choose(None))
        self.factors = {
            name: _button(name, FACTOR_TIPS[name], partial(self._choose, Pin(factor=factor)))
            for name, factor in FACTORS.items()
        }
        self._lay_out()

    def _lay_out(self) -> None:
        beside = QVBoxLayout()
        for widget in (self.hex, self.dropper, self.dialog):
            beside.addWidget(widget)
        beside.addStretch()
        plane = QHBoxLayout()
        plane.addWidget(self.picker)
        plane.addLayout(beside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.title)
        layout.addWidget(self.note)
        layout.addWidget(self.likely)
        layout.addWidget(self.last)
        layout.addLayout(row(self.auto, *self.factors.values()))
        layout.addLayout(plane)
        self.likely_grid, self.last_grid = _grid(self.likely), _grid(self.last)

    def open_at(self, title: str, last: Sequence[tuple[float, float]], shown: Callable[[Any], str], at: QPoint) -> None:
        """Open for a thing, before it is known what colors are likely.

        Parameters
        ----------
        title : str
        last : sequence of (float, float)
            a*, b* that were chosen last.
        shown : callable
            Gives "#rrggbb" of a*, b*.
        at : QPoint
            On the screen.
        """
        self.hide()
        self.title.setText(f"<b>{title}</b>")
        self.note.setText(LOOKING)
        self.note.show()
        self.hex.clear()
        self.picker.hide()
        _clear(self.likely_grid)
        _clear(self.last_grid)
        for place, color in enumerate(last):
            pixmap = QPixmap(SWATCH, SWATCH)
            pixmap.fill(QColor(shown(color)))
            self._add(self.last_grid, place, len(last), pixmap, color, f"Recently used color {shown(color)}")
        self.move(at)
        self.show()
        self.hex.setFocus()
        self._fit()

    def focusNextPrevChild(self, following: bool) -> bool:  # noqa: N802
        """Go to the next or previous widget, as Tab asks, and show which it is."""
        moved = super().focusNextPrevChild(following)
        show_focus(self)
        return moved

    def show_offered(self, offered: Offered | None) -> None:
        """Show the likely colors; None: nothing of the thing is in the image."""
        self.note.setText(NOTHING_THERE)
        self.note.setVisible(offered is None)
        if offered is not None:
            for place, (color, picture) in enumerate(offered.colors):
                tip = "The most likely color" if place == 0 else f"Likely color {place + 1} of {len(offered.colors)}"
                self._add(self.likely_grid, place, ACROSS, pixmap_of(picture), color, tip)
            self.picker.show_lightness(offered.lightness)
            self.picker.show()
        self._fit()

    def buttons(self) -> list[QToolButton]:
        """Those of the likely colors."""
        return [self.likely_grid.itemAt(place).widget() for place in range(self.likely_grid.count())]

    def last_buttons(self) -> list[QToolButton]:
        """Those of the colors used last."""
        return [self.last_grid.itemAt(place).widget() for place in range(self.last_grid.count())]

    def _add(self, grid: QGridLayout, place: int, across: int, pixmap: QPixmap, color: Any, tip: str) -> None:
        button = QToolButton(toolTip=tip, accessibleName=tip)
        button.setIcon(QIcon(pixmap))
        button.setIconSize(QSize(*(min(side, PICTURE_SIZE) for side in (pixmap.width(), pixmap.height()))))
        button.clicked.connect(lambda: self._choose(Pin(color)))
        grid.addWidget(button, place // across, place % across)
        button.show()  # else the palette would not yet be as large as it is to be

    def _fit(self) -> None:
        """Be as large as what it shows, and on the screen; Tab goes from top to bottom."""
        for before, after in pairwise((*self.buttons(), *self.last_buttons(), self.auto)):
            self.setTabOrder(before, after)
        for widget in (self.likely, self.last, self):
            layout = widget.layout()
            assert layout is not None
            layout.invalidate()
            layout.activate()
        self.adjustSize()
        screen = self.screen().availableGeometry()
        x = min(self.x(), screen.right() - self.width())
        y = min(self.y(), screen.bottom() - self.height())
        self.move(max(x, screen.left()), max(y, screen.top()))

    def _choose(self, pin: Pin | None) -> None:
        self.hide()
        self.chosen.emit(pin)

    def _take_hex(self) -> None:
        try:
            pin = Pin.of(self.hex.text())
        except ValueError as error:
            self.note.setText(str(error))
            self.note.show()
            self._fit()
            return
        self._choose(pin)

    def _ask_dropper(self) -> None:
        self.hide()
        self.dropper_requested.emit()

    def _ask_dialog(self) -> None:
        self.hide()
        color = QColorDialog.getColor(QColor(self.hex.text() or "#cc7733"), self.parentWidget(), "Color")
        if color.isValid():
            self._choose(Pin.of(color.name()))


def pixmap_of(rgb: NDArray[np.uint8]) -> QPixmap:
    """A picture (h, w, 3) for Qt."""
    rgb = np.ascontiguousarray(rgb)
    height, width = rgb.shape[:2]
    return QPixmap.fromImage(QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy())


def _button(text: str, tip: str, act: Callable[[], object]) -> QPushButton:
    button = QPushButton(text, autoDefault=False)
    button.setToolTip(f"<p>{tip}</p>")
    button.clicked.connect(lambda _=False: act())
    return button


def _grid(widget: QWidget) -> QGridLayout:
    grid = QGridLayout(widget)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setSpacing(3)
    grid.setAlignment(Qt.AlignmentFlag.AlignLeft)
    return grid


def _clear(grid: QGridLayout) -> None:
    while (item := grid.takeAt(0)) is not None:
        widget = item.widget()
        widget.setParent(None)
        widget.deleteLater()
