"""What the docks are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QComboBox, QFormLayout, QFrame, QHBoxLayout, QLabel, QScrollArea, QWidget


class Dock(QScrollArea):
    """A dock that scrolls, so that it never forces the window taller, and that hears of its end."""

    def show_content(self, content: QWidget) -> None:
        """Fill the dock."""
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        beside = self.verticalScrollBar().sizeHint().width()
        self.setMinimumWidth(max(300, content.minimumSizeHint().width() + beside))

    def event(self, event: QEvent) -> bool:
        """Stop when the dock is closed: napari takes the widget out of the window, but does not delete it."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.stop()
        return bool(super().event(event))

    def stop(self) -> None:
        """Let go of the viewer: the dock is closed."""
        raise NotImplementedError


def form(rows: dict[str, QWidget]) -> QFormLayout:
    """Widgets one below the other, each with its name."""
    layout = QFormLayout()
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for text, widget in rows.items():
        layout.addRow(text, widget)
        if isinstance(widget, QComboBox):  # a long layer name must not widen the dock
            widget.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            widget.setMinimumContentsLength(12)
    return layout


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


def message_label() -> QLabel:
    """A place for what the user should know, from which it can be copied."""
    return QLabel(
        wordWrap=True,
        textFormat=Qt.TextFormat.PlainText,
        textInteractionFlags=Qt.TextInteractionFlag.TextSelectableByMouse,
    )
