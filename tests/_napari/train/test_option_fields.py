"""The generated fields for the options of a training."""

import math
from dataclasses import asdict, fields

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QAbstractSpinBox, QApplication, QLabel

from napari_colorizer._napari.train.option_fields import GROUPS, OptionFields
from napari_colorizer.training.options import RECIPES, TrainOptions

OTHERS = {
    "epoch_size": 123,
    "learning_rate": 0.000025,
    "optimizer": "adam",
    "flips": "both",
    "working_size": 256,
    "freeze_norm": True,
    "balance": False,
    "huber_delta": 1.0,
    "workers": 3,
    "groups": ("person=skin,hair", "plant=tree,grass"),
    "device": "cuda:1",
}


SOME = {"drop_all": 0, "drop_classes": 0, "drop_outside": 0, "batch": 1_000_000}  # fit beside any other


@pytest.fixture
def option_fields(qtbot):
    widget = OptionFields(left_out=("data",))
    qtbot.addWidget(widget)
    return widget


@pytest.mark.parametrize("recipe", RECIPES)
def test_fields_show_options_and_give_them_back(option_fields, recipe):
    options = TrainOptions.of_recipe(recipe)
    option_fields.show_options(options)
    assert TrainOptions.from_dict(option_fields.values()) == options
    assert "data" not in option_fields.values()


def test_every_kind_of_value_survives(option_fields):
    option_fields.show_options(TrainOptions(**OTHERS))
    values = TrainOptions.from_dict(option_fields.values())
    assert OTHERS.items() <= asdict(values).items()


def test_every_field_is_explained(option_fields):
    for item in fields(TrainOptions):
        if item.name != "data":
            assert item.metadata["help"] in option_fields.boxes[item.name].toolTip()


def test_names_are_words_in_groups_and_explained_too(option_fields):
    names = [label.text() for label in option_fields.findChildren(QLabel) if label.toolTip()]
    assert {"Averaging", "Gradient limit", "Shorter side", "Error relative to", "Workers"} <= set(names)
    assert not {"Ema", "Clip", "Squash", "Body"} & set(names)
    layout = option_fields.layout()
    rows = [layout.itemAt(row, layout.ItemRole.LabelRole) for row in range(layout.rowCount())]
    assert sum(row is None for row in rows) == len(GROUPS)  # their titles
    assert len(names) == len(option_fields.boxes) == len({item.name for item in fields(TrainOptions)} - {"data"})


def test_a_number_that_is_still_being_typed_counts(option_fields, qtbot):
    option_fields.show()
    for name in ("learning_rate", "batch"):
        box = option_fields.boxes[name]
        box.selectAll()
        qtbot.keyClicks(box, "8")
    values = option_fields.values()
    assert (values["learning_rate"], values["batch"]) == (8, 8)


def test_numbers_are_written_without_idle_decimals(option_fields):
    decay = option_fields.boxes["weight_decay"]
    for value, text in ((4e-4, "0.0004"), (1, "1"), (0.5, "0.5"), (100, "100"), (0, "0")):
        decay.setValue(value)
        assert decay.text() == text


@pytest.mark.parametrize("end", [-math.inf, math.inf])
def test_no_number_can_be_set_that_would_be_refused(option_fields, end):
    before = option_fields.values()
    for name, box in option_fields.boxes.items():
        if isinstance(box, QAbstractSpinBox):
            box.setValue(box.minimum() if end < 0 else box.maximum())
            TrainOptions.from_dict({**SOME, name: option_fields.values()[name]})
    assert option_fields.values() != before


def test_an_empty_working_size_is_the_model_s_own(option_fields):
    box = option_fields.boxes["working_size"]
    assert (box.text(), option_fields.values()["working_size"]) == ("unchanged", None)
    box.stepUp()
    assert option_fields.values()["working_size"] == 32


def test_the_wheel_scrolls_the_dock_and_changes_nothing(option_fields):
    option_fields.show()
    box = option_fields.boxes["batch"]
    before = box.value()
    turned = QWheelEvent(
        QPointF(5, 5),
        QPointF(box.mapToGlobal(QPoint(5, 5))),
        QPoint(0, 0),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    box.clearFocus()
    QApplication.sendEvent(box, turned)
    assert box.value() == before
