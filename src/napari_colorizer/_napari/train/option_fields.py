"""Fields for the options of a training, made from their dataclass."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from qtpy.QtCore import QEvent, QLocale, QObject, Qt
from qtpy.QtWidgets import QAbstractSpinBox, QCheckBox, QComboBox, QDoubleSpinBox, QLabel, QLineEdit, QSpinBox, QWidget

from napari_colorizer._napari.shared.dock import add_row, form
from napari_colorizer.training.options import TrainOptions

GROUPS = {"training": "Training", "images": "Images", "color": "Color", "machine": "Machine"}
LARGEST = 1_000_000
LONGEST_CHOICE = 8  # letters
DECIMALS = 6
SEPARATOR = ";"


class FloatBox(QDoubleSpinBox):
    """Shows no more decimals than a number has."""

    def textFromValue(self, value: float) -> str:  # noqa: N802
        """Qt's question how a number is written."""
        return f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")


class OptionFields(QWidget):
    """A field for each option but some, with its explanation as tool tip, in groups.

    Parameters
    ----------
    left_out : collection of str
        Options that are chosen elsewhere.
    """

    def __init__(self, left_out: Collection[str]):
        super().__init__()
        kinds = get_type_hints(TrainOptions)
        self.boxes: dict[str, QWidget] = {}
        layout = form({})
        for group, title in GROUPS.items():
            layout.addRow(QLabel(f"<b>{title}</b>"))
            for item in fields(TrainOptions):
                if item.metadata["group"] == group and item.name not in left_out:
                    self.boxes[item.name] = box = _make_box(kinds[item.name])
                    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                    box.installEventFilter(self)
                    name = QLabel(item.metadata["label"] or item.name.replace("_", " ").capitalize())
                    for widget in (name, box):
                        widget.setToolTip(f"<p>{item.metadata['help']}</p>")
                    add_row(layout, name, box)
                    if isinstance(box, QComboBox):
                        box.setMinimumContentsLength(LONGEST_CHOICE)
        self.setLayout(layout)
        self.show_options(TrainOptions())

    def show_options(self, options: TrainOptions) -> None:
        """Fill the fields."""
        for name, box in self.boxes.items():
            _set(box, getattr(options, name))

    def values(self) -> dict[str, Any]:
        """What the fields hold, by the name of the option."""
        result = {name: value_of(box) for name, box in self.boxes.items()}
        if "groups" in result:
            result["groups"] = tuple(text.strip() for text in result["groups"].split(SEPARATOR) if text.strip())
        if "working_size" in result:
            result["working_size"] = result["working_size"] or None
        return result

    def eventFilter(self, box: QObject, event: QEvent) -> bool:  # noqa: N802
        """Let the wheel scroll the dock, unless a field has been clicked."""
        if event.type() == QEvent.Type.Wheel and isinstance(box, QWidget) and not box.hasFocus():
            event.ignore()
            return True
        return bool(super().eventFilter(box, event))


def _make_box(kind: Any) -> QWidget:
    """A field for values of a type."""
    choices = get_args(kind)
    if choices and all(isinstance(choice, str) for choice in choices):
        box = QComboBox()
        box.addItems(choices)
        return box
    if kind is bool:
        return QCheckBox()
    if kind is float:
        number = FloatBox(decimals=DECIMALS, maximum=LARGEST, keyboardTracking=False)
        number.setLocale(QLocale.c())
        number.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        return number
    if kind is int or int in choices:
        whole = QSpinBox(minimum=-1 if kind is int else 0, maximum=LARGEST, keyboardTracking=False)
        if kind is not int:  # None is shown as 0 would be
            whole.setSpecialValueText("unchanged")
        return whole
    return QLineEdit()


def _set(box: QWidget, value: Any) -> None:
    if isinstance(box, QComboBox):
        box.setCurrentText(value)
    elif isinstance(box, QCheckBox):
        box.setChecked(value)
    elif isinstance(box, QLineEdit):
        box.setText(value if isinstance(value, str) else f"{SEPARATOR} ".join(value))
    else:
        box.setValue(value or 0)


def value_of(box: QWidget) -> Any:
    """What a field holds."""
    if isinstance(box, QComboBox):
        return box.currentText()
    if isinstance(box, QCheckBox):
        return box.isChecked()
    if isinstance(box, QLineEdit):
        return box.text().strip()
    box.interpretText()  # what is still being typed counts, too
    return box.value()
