"""What the dock Train does before a training starts."""

import threading

import pytest

from napari_colorizer._napari.train import controller as train_controller
from napari_colorizer._napari.train.data_check import CheckedData
from napari_colorizer.errors import DataError

IDLE = ["Check data", "Start", "Resume"]


def test_what_is_wrong_with_the_options_is_told(bare_train, enabled):
    _, widget = bare_train()
    widget.fields.boxes["squash"].setValue(16)
    widget.fields.boxes["crop"].setValue(64)
    widget.start_button.click()
    assert widget.message.text() == "crop must be at most squash (16), not 64"
    widget.fields.boxes["squash"].setValue(0)
    widget.data.clear()
    widget.start_button.click()
    assert "Choose the folder" in widget.message.text()
    assert enabled(widget) == IDLE


@pytest.mark.parametrize("button", ["check_button", "start_button"])
def test_an_obstacle_keeps_it_from_starting(bare_train, until, monkeypatch, button, enabled):
    monkeypatch.setattr(train_controller, "check_data", lambda *_: CheckedData("a.png: broken", "no image can be read"))
    _, widget = bare_train(("never",))
    getattr(widget, button).click()
    until(lambda: widget.message.text())
    assert widget.message.text() == "no image can be read"
    assert widget.record.toPlainText() == "a.png: broken"
    assert enabled(widget) == IDLE


@pytest.mark.parametrize(("name", "words"), [("tiny", "already a model 'tiny'"), ("a/b", "cannot be the name")])
def test_a_name_that_cannot_be_is_told_before_the_check(
    bare_train, monkeypatch, library, tiny_model, name, words, enabled
):
    monkeypatch.setattr(train_controller, "check_data", lambda *_: pytest.fail("checked"))
    library.mkdir()
    tiny_model.save(library / "tiny.safetensors")
    _, widget = bare_train()
    widget.name.setText(name)
    widget.start_button.click()
    assert words in widget.message.text()
    assert enabled(widget) == IDLE


@pytest.mark.parametrize(("verdict", "shown"), [("2 problems", "2 problems"), ("", "The check found no problems")])
def test_a_check_says_what_it_found(bare_train, until, monkeypatch, verdict, shown):
    monkeypatch.setattr(train_controller, "check_data", lambda *_: CheckedData("a.png", "", verdict))
    _, widget = bare_train()
    widget.check_button.click()
    until(lambda: widget.message.text())
    assert widget.message.text() == shown


def test_checking_alone_starts_nothing(bare_train, sound_data, until):
    _, widget = bare_train(("never",))
    widget.check_button.click()
    until(lambda: widget.record.toPlainText() == "2 labeled images")
    until(lambda: widget.controller.phase == "idle")
    assert not widget.controller.process.running


def test_a_set_that_is_none_is_told(bare_train, until, monkeypatch, enabled):
    def no_set(*_):
        raise DataError("photos is not a labeled set")

    monkeypatch.setattr(train_controller, "check_data", no_set)
    _, widget = bare_train()
    widget.start_button.click()
    until(lambda: widget.message.text())
    assert widget.message.text() == "photos is not a labeled set"
    assert enabled(widget) == IDLE


def test_a_check_can_be_stopped_and_then_starts_nothing(bare_train, until, monkeypatch, enabled):
    entered = threading.Event()

    def slow(_options, cancelled):
        entered.set()
        assert cancelled.wait(30)

    monkeypatch.setattr(train_controller, "check_data", slow)
    _, widget = bare_train(("never",))
    widget.start_button.click()
    assert enabled(widget) == ["Stop"]
    until(entered.is_set)
    widget.stop_button.click()
    assert enabled(widget) == IDLE
    until(lambda: widget.controller.tasks.idle)
    assert widget.controller.phase == "idle"


# -- models
