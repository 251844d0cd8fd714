"""Long work in the dock: how far it is, and cancelling it."""

import threading

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import Qt

from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize.inference import load
from napari_colorizer._napari.shared import work_bar
from napari_colorizer._napari.shared.task_queue import Request
from napari_colorizer.engine.levels import ColorLevels
from napari_colorizer.engine.segment import Segmentation

SKY, TREE = 50, 54
PATIENCE_MS = 20_000
SHAPE = (1200, 1400)


@pytest.fixture
def large():
    return Image(np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8), name="photo")


@pytest.fixture
def window(open_dock, large, monkeypatch):
    monkeypatch.setattr(work_bar, "LEAST_SECONDS", 0.05)
    return open_dock(large, show=True)


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
    """Let each part that is painted take its time until the event is set."""
    gate, paint = threading.Event(), ColorLevels.paint

    def slow(self, inside=None, tolerance=0.0, enough=lambda: False):
        return paint(self, inside, tolerance, lambda: bool(gate.wait(0.1) and False) or enough())

    monkeypatch.setattr(ColorLevels, "paint", slow)
    yield gate
    gate.set()


@pytest.fixture
def cancel(qtbot, wait):
    """Press Cancel when some is done; gives what the dock said meanwhile."""

    def press(widget, done=0.15):
        bar = widget.work
        qtbot.waitUntil(lambda: bar.isVisible() and bar.bar.value() > done * bar.bar.maximum() > 0, timeout=PATIENCE_MS)
        assert bar.cancel_button.isVisible()
        shown = bar.text.text()
        qtbot.mouseClick(bar.cancel_button, Qt.MouseButton.LeftButton)
        wait(widget)
        assert not bar.isVisible()
        assert "cancelled" in widget.message.text()
        return shown

    return press


def test_a_prediction_that_is_cancelled_changes_nothing_and_can_be_asked_for_again(
    window, slow_prediction, cancel, wait
):
    _, widget = window
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


def test_a_first_coloring_that_is_cancelled_leaves_none_and_the_next_is_whole(window, slow_painting, cancel, wait):
    viewer, widget = window
    widget.colorize_button.click()
    shown = cancel(widget)
    assert shown.startswith("Coloring…")
    assert widget.controller.colors is None
    slow_painting.set()
    widget.controller.updates.submit(True)
    wait(widget)
    expected = load("default").colorize(viewer.layers["photo"].data)
    np.testing.assert_array_equal(widget.controller.colors.data, expected)
    assert widget.message.text() == ""


def test_colors_that_are_cancelled_after_an_edit_are_finished_with_the_next(window, slow_painting, cancel, wait):
    viewer, widget = window
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
    window, slow_painting, cancel, wait, photo
):
    viewer, widget = window
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
    np.testing.assert_array_equal(colors.data, expected)


def test_what_is_soon_done_is_not_shown_and_what_tells_nothing_cannot_be_cancelled(window, wait, qtbot, monkeypatch):
    _, widget = window
    bar, gate = widget.work, threading.Event()
    monkeypatch.setattr(work_bar, "LEAST_SECONDS", 30)
    widget.controller.tasks.submit(Request("save", lambda: lambda: gate.wait(30), lambda _: None, "Saving"))
    qtbot.wait(3 * work_bar.LOOK_MS)
    assert not bar.isVisible()
    monkeypatch.setattr(work_bar, "LEAST_SECONDS", 0.05)
    qtbot.waitUntil(bar.isVisible, timeout=PATIENCE_MS)
    assert bar.text.text() == "Saving…"
    assert not bar.cancel_button.isVisible()
    assert bar.bar.maximum() == 0
    gate.set()
    wait(widget)
    assert not bar.isVisible()
