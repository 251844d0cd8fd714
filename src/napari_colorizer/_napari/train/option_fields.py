"""Fields for the options of a training, made from their dataclass."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QWidget

from napari_colorizer._napari.shared.dock import add_row, form
from napari_colorizer._napari.shared.number_box import number_box, number_in, show_number
from napari_colorizer.option_limits import help_text
from napari_colorizer.training.options import TrainOptions

GROUPS = {"training": "Training", "images": "Images", "color": "Color", "machine": "Machine"}
LONGEST_CHOICE = 8  # letters
SEPARATOR = ";"
UNSET = "unchanged"  # shown for None


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
                    self.boxes[item.name] = box = _make_box(item.name, kinds[item.name])
                    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                    box.installEventFilter(self)
                    name = QLabel(item.metadata["label"] or item.name.replace("_", " ").capitalize())
                    for widget in (name, box):
                        widget.setToolTip(f"<p>{help_text(TrainOptions, item.name)}</p>")
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
        return result

    def eventFilter(self, box: QObject, event: QEvent) -> bool:  # noqa: N802
        """Let the wheel scroll the dock, unless a field has been clicked."""
        if event.type() == QEvent.Type.Wheel and isinstance(box, QWidget) and not box.hasFocus():
            event.ignore()
            return True
        return bool(super().eventFilter(box, event))


def _make_box(name: str, kind: Any) -> QWidget:
    """A field for an option, whose values are of a type."""
    choices = get_args(kind)
    if choices and all(isinstance(choice, str) for choice in choices):
        box = QComboBox()
        box.addItems(choices)
        return box
    if kind is bool:
        return QCheckBox()
    if kind in (float, int) or int in choices:
        return number_box(TrainOptions, name, UNSET * (type(None) in choices))
    return QLineEdit()


def _set(box: QWidget, value: Any) -> None:
    if isinstance(box, QComboBox):
        box.setCurrentText(value)
    elif isinstance(box, QCheckBox):
        box.setChecked(value)
    elif isinstance(box, QLineEdit):
        box.setText(value if isinstance(value, str) else f"{SEPARATOR} ".join(value))
    else:
        show_number(box, value)


def value_of(box: QWidget) -> Any:
    """What a field holds."""
    if isinstance(box, QComboBox):
        return box.currentText()
    if isinstance(box, QCheckBox):
        return box.isChecked()
    if isinstance(box, QLineEdit):
        return box.text().strip()
    return number_in(box)
