"""Long work in the dock: how far it is, and cancelling it."""

import threading

import numpy as np
import pytest
from napari.layers import Image

from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize.inference import load
from napari_colorizer._napari.shared import work_bar
from napari_colorizer._napari.shared.task_queue import Request
from napari_colorizer.engine import computation
from napari_colorizer.engine.levels import ColorLevels
from napari_colorizer.engine.segment import Segmentation

SKY, TREE = 50, 54
PATIENCE_MS = 30_000
SHAPE = (96, 128)


@pytest.fixture
def large():
    return Image(np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8), name="photo")


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(work_bar, "LEAST_SECONDS", 0.05)


@pytest.fixture
def dock(bare_dock, large):
    return bare_dock(large)


@pytest.fixture
def slow_prediction(monkeypatch):
    """Predict sky everywhere, in steps of which each waits for the event."""
    gate = threading.Event()

    def predict(model, picture, options, tell):
        for step in range(100):
            tell(step / 100)
            gate.wait(0.02)
        return Segmentation(np.full(SHAPE, SKY, np.uint8), np.ones((1, 1), np.float32))

    monkeypatch.setattr(inference, "predict", predict)
    yield gate
    gate.set()


@pytest.fixture
def slow_painting(monkeypatch):
    """Paint small parts, of which each takes its time until the event is set."""
    monkeypatch.setattr(computation, "SIDE_TO_SHOW", 32)
    gate, paint = threading.Event(), ColorLevels.paint

    def slow(self, inside=None, tolerance=0.0, enough=lambda: False):
        return paint(self, inside, tolerance, lambda: bool(gate.wait(0.5) and False) or enough())

    monkeypatch.setattr(ColorLevels, "paint", slow)
    yield gate
    gate.set()


@pytest.fixture
def cancel(qtbot, wait):
    """Press Cancel when some is done; gives what the dock said meanwhile."""

    def press(widget, done=0.15):
        bar = widget.work
        qtbot.waitUntil(
            lambda: not bar.isHidden() and bar.bar.value() > done * bar.bar.maximum() > 0, timeout=PATIENCE_MS
        )
        assert not bar.cancel_button.isHidden()
        shown = bar.text.text()
        bar.cancel_button.click()
        wait(widget)
        assert bar.isHidden()
        assert "canceled" in widget.message.text()
        return shown

    return press


def test_a_prediction_that_is_cancelled_changes_nothing_and_can_be_asked_for_again(
    open_dock, large, slow_prediction, cancel, wait
):
    _, widget = open_dock(large, show=True)
    widget.follow_box.setChecked(False)
    widget.controller.new_labels()
    labels = widget.controller.labels
    labels.data_setitem((np.arange(40), np.arange(40)), TREE)
    wait(widget)
    before = labels.data.copy()
    for _ in range(2):  # once more, while it was cancelled before
        widget.predict_button.click()
        shown = cancel(widget)
        assert shown.startswith("Predicting labels…")
        assert shown.endswith("s left")
        np.testing.assert_array_equal(labels.data, before)
        assert widget.predict_button.isEnabled()
    slow_prediction.set()
    widget.predict_button.click()
    wait(widget)
    assert (labels.data == SKY).all()
    labels.undo()
    np.testing.assert_array_equal(labels.data, before)


def test_a_first_coloring_that_is_cancelled_leaves_none_and_the_next_is_whole(dock, slow_painting, cancel, wait):
    viewer, widget = dock
    widget.colorize_button.click()
    shown = cancel(widget)
    assert shown.startswith("Coloring…")
    assert widget.controller.colors is None
    slow_painting.set()
    widget.controller.updates.submit(True)
    wait(widget)
    expected = load("default").colorize(viewer.layers["photo"].data)
    assert np.abs(widget.controller.colors.data.astype(int) - expected).max() <= 1
    assert widget.message.text() == ""


def test_colors_that_are_cancelled_after_an_edit_are_finished_with_the_next(dock, slow_painting, cancel, wait):
    viewer, widget = dock
    slow_painting.set()
    widget.controller.new_labels()
    labels = widget.controller.labels
    widget.colorize_button.click()
    wait(widget)
    slow_painting.clear()
    labels.data_setitem(np.nonzero(labels.data == 0), SKY)
    cancel(widget)
    assert not widget.controller.updates.session_cache.painted
    slow_painting.set()
    labels.data_setitem((np.array([3]), np.array([3])), TREE)
    wait(widget)
    expected = load("default").colorize(viewer.layers["photo"].data, labels.data)
    assert np.abs(widget.controller.colors.data.astype(int) - expected).max() <= 1
    assert widget.controller.updates.session_cache.painted


def test_the_window_is_not_held_up_by_what_was_left_when_another_image_is_chosen(
    dock, slow_painting, cancel, wait, photo
):
    viewer, widget = dock
    slow_painting.set()
    widget.controller.new_labels()
    labels = widget.controller.labels
    widget.colorize_button.click()
    wait(widget)
    colors = widget.controller.colors
    slow_painting.clear()
    labels.data_setitem(np.nonzero(labels.data == 0), SKY)
    cancel(widget)
    widget.controller.choose_image(viewer.add_image(photo, name="other"))
    assert not widget.controller.tasks.idle
    slow_painting.set()
    wait(widget)
    expected = load("default").colorize(viewer.layers["photo"].data, labels.data)
    assert np.abs(colors.data.astype(int) - expected).max() <= 1


def test_what_is_soon_done_is_not_shown_and_what_tells_nothing_cannot_be_cancelled(dock, wait, qtbot, monkeypatch):
    _, widget = dock
    bar, gate = widget.work, threading.Event()
    monkeypatch.setattr(work_bar, "LEAST_SECONDS", 30)
    widget.controller.tasks.submit(Request("save", lambda: lambda: gate.wait(30), lambda _: None, "Saving"))
    qtbot.wait(3 * work_bar.LOOK_MS)
    assert bar.isHidden()
    monkeypatch.setattr(work_bar, "LEAST_SECONDS", 0.05)
    qtbot.waitUntil(lambda: not bar.isHidden(), timeout=PATIENCE_MS)
    assert bar.text.text() == "Saving…"
    assert bar.cancel_button.isHidden()
    assert bar.bar.maximum() == 0
    gate.set()
    wait(widget)
    assert bar.isHidden()
