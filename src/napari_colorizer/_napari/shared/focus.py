"""Shows which widget has the keys."""

from __future__ import annotations

from qtpy.QtGui import QPainter, QPaintEvent, QPalette, QPen
from qtpy.QtWidgets import QApplication, QFocusFrame, QWidget

PEN = 3  # pixels: what lies around the widget may leave room for only one of them, within it


class FocusFrame(QFocusFrame):
    """A frame around a widget, until another one gets the keys."""

    def __init__(self, widget: QWidget):
        super().__init__(widget.parentWidget())
        self.setWidget(widget)
        QApplication.instance().focusChanged.connect(self._end)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the frame, which Qt's own styles leave out on most systems."""
        painter = QPainter(self)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.WindowText), PEN))
        painter.drawRect(self.rect().adjusted(PEN // 2, PEN // 2, -PEN // 2, -PEN // 2))

    def _end(self) -> None:
        self.hide()
        self.deleteLater()


def show_focus(within: QWidget) -> None:
    """Frame the widget that has the keys, if it lies in another one: napari's themes hardly show which it is."""
    focused = QApplication.focusWidget()
    if focused is not None and within.isAncestorOf(focused):
        FocusFrame(focused).show()
