"""What the docks are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import QComboBox, QFormLayout, QFrame, QHBoxLayout, QScrollArea, QWidget
from superqt import QCollapsible

from napari_colorizer._napari.shared.focus import show_focus

LEAST_WIDTH = 300
ARROW_COLOR = "#808080"  # legible on light and dark
LAYOUT_MS = 50  # for the layout to settle
WIDTH_EVENTS = (
    QEvent.Type.LayoutRequest,
    QEvent.Type.Show,
    QEvent.Type.StyleChange,
    QEvent.Type.FontChange,
    QEvent.Type.Polish,
)


class Dock(QScrollArea):
    """A dock that scrolls, so that it never forces the window taller, and that hears of its end."""

    def show_content(self, content: QWidget) -> None:
        """Fill the dock."""
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._fit_content()
        self._shown: QWidget | None = None
        self._shown_at = (-1, -1)  # its top and height
        self._show_soon = QTimer(self, singleShot=True, interval=LAYOUT_MS)
        self._show_soon.timeout.connect(self._scroll)

    def reveal(self, widget: QWidget) -> None:
        """Scroll to a part of the content, until it has its place: its size may just be changing."""
        self._shown, self._shown_at = widget, (-1, -1)
        self._show_soon.start()

    def _scroll(self) -> None:
        if self._shown is not None:
            top, height = self._shown.mapTo(self.widget(), QPoint()).y(), self._shown.height()
            for y in (top + height, top):  # (ensureWidgetVisible is content with a text's cursor)
                self.ensureVisible(0, y, 0, 0)
            if (top, height) != self._shown_at:
                self._shown_at = top, height
                self._show_soon.start()

    def focusNextPrevChild(self, following: bool) -> bool:  # noqa: N802
        """Go to the next or previous widget, as Tab asks, and show which it is."""
        moved = super().focusNextPrevChild(following)
        show_focus(self)
        return moved

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Stay as wide as the content must be; a scroll area hears of its content's events."""
        result = bool(super().eventFilter(watched, event))
        if watched is self.widget() and event.type() in WIDTH_EVENTS:
            self._fit_content()
        return result

    def _fit_content(self) -> None:
        beside = self.verticalScrollBar().sizeHint().width() + 2 * self.frameWidth()
        self.setMinimumWidth(max(LEAST_WIDTH, self.widget().minimumSizeHint().width() + beside))

    def event(self, event: QEvent) -> bool:
        """Stop when the dock is closed, and go: napari takes the widget out of the window, but does not delete it."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.stop()
            self.deleteLater()  # PySide6 would keep it for good, for the sake of the functions that its signals call
        return bool(super().event(event))

    def stop(self) -> None:
        """Let go of the viewer: the dock is closed."""
        raise NotImplementedError


def viewer_window(widget: QWidget) -> QWidget | None:
    """The window of the viewer that a widget belongs to, if there is one, also where its dock floats."""
    above: QWidget | None = widget
    while above is not None and not hasattr(above, "_qt_viewer"):
        above = above.parentWidget()
    return above


def canvas_of(widget: QWidget) -> Any:
    """The canvas of the window that a widget belongs to; None where there is none."""
    window: Any = viewer_window(widget)
    return window._qt_viewer.canvas if window is not None else None


def focus_canvas(widget: QWidget) -> None:
    """Give the keys to the canvas of the window that a widget lies in, if there is one."""
    canvas = canvas_of(widget)
    if canvas is not None:
        canvas.native.setFocus()


def form(rows: dict[str, QWidget]) -> QFormLayout:
    """Widgets one below the other, each with its name."""
    layout = QFormLayout()
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for text, widget in rows.items():
        add_row(layout, text, widget)
    return layout


def add_row(layout: QFormLayout, name: str | QWidget, widget: QWidget) -> None:
    """Put one more widget with its name below the others."""
    layout.addRow(name, widget)
    if not widget.accessibleName():
        widget.setAccessibleName(name if isinstance(name, str) else getattr(name, "text", str)())
    if isinstance(widget, QComboBox):  # a long layer name must not widen the dock
        widget.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        widget.setMinimumContentsLength(12)
        widget.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # or a box that the mouse has used would swallow napari's keys


def options_part() -> QCollapsible:
    """A part of a dock that is unfolded by whoever needs it."""
    return FoldedPart("Options", "Show or hide options that you rarely need")


class FoldedPart(QCollapsible):
    """A part of a dock with a title that folds and unfolds it.

    Parameters
    ----------
    title : str
    tip : str
    """

    def __init__(self, title: str, tip: str):
        super().__init__(title)
        button = self.toggleButton()
        button.setToolTip(tip)
        usual, legible = button.palette(), button.palette()
        legible.setColor(QPalette.ColorRole.WindowText, QColor(ARROW_COLOR))
        button.setPalette(legible)  # the arrows are drawn with it, black on the dark theme else
        self.setExpandedIcon("▼")
        self.setCollapsedIcon("▶")
        button.setPalette(usual)


def row(*widgets: QWidget) -> QHBoxLayout:
    """Widgets side by side."""
    layout = QHBoxLayout()
    for widget in widgets:
        layout.addWidget(widget)
    return layout


def fill(box: QComboBox, choices: Sequence[tuple[str, Any]], chosen: Any) -> None:
    """Offer choices (text, data), of which one is chosen, without telling anyone."""
    box.blockSignals(True)
    box.clear()
    for text, value in choices:
        box.addItem(text, value)
    box.setCurrentIndex(next((row for row, (_, value) in enumerate(choices) if value is chosen or value == chosen), 0))
    box.blockSignals(False)
