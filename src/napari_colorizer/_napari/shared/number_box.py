"""Boxes for the options that are numbers, made from what their dataclass says of them."""

from __future__ import annotations

from typing import get_type_hints

from qtpy.QtCore import QLocale
from qtpy.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QSpinBox

from napari_colorizer.option_limits import Limits, help_text, option_field

LARGEST = 1_000_000
DECIMALS = 6


class FloatBox(QDoubleSpinBox):
    """Shows no more decimals than a number has."""

    def textFromValue(self, value: float) -> str:  # noqa: N802
        """Qt's question how a number is written."""
        return f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".")


def number_box(kind: type, name: str, unset: str = "") -> QSpinBox | FloatBox:
    """A box for a number, with its limits, its step and its explanation.

    Parameters
    ----------
    kind : type
        The dataclass of the option.
    name : str
        The option, whose limits it says.
    unset : str
        What stands in the box for None; it is the number before the least one.
    """
    limits: Limits = option_field(kind, name).metadata["limits"]
    if get_type_hints(kind)[name] is float:
        box, unit = FloatBox(decimals=DECIMALS, keyboardTracking=False), 10**-DECIMALS
        box.setLocale(QLocale.c())
        if limits.step is None:
            box.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        else:
            box.setSingleStep(limits.step)
    else:
        box, unit = QSpinBox(keyboardTracking=False), 1
    least, most = max(limits.least, -LARGEST), min(limits.most, LARGEST)
    box.setRange(
        least + unit * (limits.least in limits.without) - unit * bool(unset),
        most - unit * (limits.most in limits.without),
    )
    if unset:
        box.setSpecialValueText(unset)
    box.setToolTip(f"<p>{help_text(kind, name)}</p>")
    return box


def number_in(box: QSpinBox | FloatBox) -> float | None:
    """The number in a box, of which some may still be being typed; None where it is unset."""
    box.interpretText()
    value: float = box.value()
    return None if box.specialValueText() and value == box.minimum() else value


def show_number(box: QSpinBox | FloatBox, value: float | None) -> None:
    """Show a number in a box, or that it is unset."""
    box.setValue(box.minimum() if value is None else value)
