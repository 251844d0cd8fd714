"""Painting with the mouse on the canvas: the colors follow."""

import gc
import threading
import time
import weakref

import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest

from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.session import Session

GRASS, SKY = 36, 50
PATIENCE_MS = 60_000


@pytest.fixture
def canvas(open_dock, photo, wait, make_mouse):
    """A shown viewer with a photo, a label map of grass and sky, and a mouse over its canvas."""
    data = np.full(photo.shape, SKY, np.uint8)
    data[48:] = GRASS
    labels = Labels(data, name="photo labels")
    on_layers.show_classes(labels, ClassMap.pascal_context())
    viewer, widget = open_dock(Image(photo, name="photo"), labels, show=True)
    viewer.layers.selection.active = labels
    labels.brush_size = 12
    return viewer, wait(widget), labels, make_mouse(viewer)


def paint(mouse):
    mouse.drag((70, 30), (72, 60), (74, 90))


def draw_polygon(mouse):
    for corner in ((60, 20), (60, 100), (85, 100)):
        mouse.click(*corner)
    mouse.double_click(85, 20)


def fill(mouse):
    mouse.click(70, 60)


STROKES = {
    "paint": (paint, SKY, (72, 60)),
    "erase": (paint, 0, (72, 60)),
    "fill": (fill, SKY, (90, 5)),
    "polygon": (draw_polygon, SKY, (70, 60)),
}


@pytest.mark.parametrize("mode", STROKES)
def test_colors_follow_the_mouse_and_undo_and_redo(canvas, wait, assert_colored, mode):
    viewer, widget, labels, mouse = canvas
    colors, before = viewer.layers["photo colors"], labels.data.copy()
    stroke, value, painted = STROKES[mode]
    labels.selected_label = SKY
    labels.mode = mode
    stroke(mouse)
    after = labels.data.copy()
    assert labels.data[painted] == value
    np.testing.assert_array_equal(after[:40], before[:40])
    wait(widget)
    assert_colored(colors.data, after)
    for modifiers, state in ((Qt.KeyboardModifier.NoModifier, before), (Qt.KeyboardModifier.ShiftModifier, after)):
        QTest.keyClick(
            viewer.window._qt_viewer.canvas.native, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | modifiers
        )
        wait(widget)
        np.testing.assert_array_equal(labels.data, state)
        assert_colored(colors.data, state)


def test_colors_follow_while_a_stroke_is_still_being_drawn(canvas, wait, assert_colored):
    viewer, widget, labels, mouse = canvas
    colors, strokes = viewer.layers["photo colors"], []
    labels.events.paint.connect(strokes.append)
    labels.selected_label = SKY
    labels.mode = "paint"
    mouse.press(60, 30)
    for point in ((62, 50), (80, 90)):
        before = colors.data.copy()
        mouse.move(*point)
        wait(widget)
        assert_colored(colors.data, labels.data)
        assert not np.array_equal(colors.data, before)
    assert not strokes
    mouse.release(80, 90)
    assert len(strokes) == 1


@pytest.fixture
def held(monkeypatch):
    """Hold each coloring in its thread until the event is set; also gives the threads and label maps."""
    gate, done, edit = threading.Event(), [], Session.edit

    def slow(self, labels=None, *others, **named):
        done.append((threading.current_thread(), labels.copy()))
        assert gate.wait(30), "the window was blocked, or the test forgot to open the gate"
        return edit(self, labels, *others, **named)

    monkeypatch.setattr(Session, "edit", slow)
    yield gate, done
    gate.set()


def test_after_a_burst_of_moves_the_newest_edit_wins_and_stale_ones_are_dropped(canvas, wait, assert_colored, held):
    viewer, widget, labels, mouse = canvas
    gate, done = held
    labels.selected_label = SKY
    labels.mode = "paint"
    steps = [(52 + 0.4 * step, 10 + step) for step in range(100)]
    states = set()
    mouse.press(*steps[0])
    for number, step in enumerate(steps):
        (mouse.nudge if number % 4 else mouse.move)(*step)
        states.add(labels.data.tobytes())
    mouse.release(*steps[-1])
    gate.set()
    wait(widget)
    assert len(states) > 20
    assert len(done) == 2
    np.testing.assert_array_equal(done[-1][1], labels.data)
    assert_colored(viewer.layers["photo colors"].data, labels.data)


def test_an_edit_is_colored_before_the_colors_of_the_last_are_shown(canvas, wait, assert_colored, held, qtbot):
    viewer, widget, labels, _ = canvas
    gate, done = held
    labels.paint((60, 60), SKY)
    qtbot.waitUntil(lambda: len(done) == 1, timeout=PATIENCE_MS)
    labels.paint((70, 20), SKY)
    labels.paint((80, 90), SKY)
    gate.set()
    deadline = time.monotonic() + 30
    while len(done) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)  # and the main thread does nothing
    np.testing.assert_array_equal(done[-1][1], labels.data)
    wait(widget)
    assert len(done) == 2
    assert_colored(viewer.layers["photo colors"].data, labels.data)
    assert widget.controller.counts[SKY] == np.count_nonzero(labels.data == SKY)


def test_an_edit_with_other_options_waits_until_the_colors_of_the_last_are_shown(
    canvas, wait, assert_colored, held, qtbot
):
    viewer, widget, labels, _ = canvas
    gate, done = held
    labels.paint((60, 60), SKY)
    qtbot.waitUntil(lambda: len(done) == 1, timeout=PATIENCE_MS)
    widget.controller.set_options(device="cpu")
    gate.set()
    time.sleep(0.5)
    assert len(done) == 1
    wait(widget)
    assert len(done) > 1
    assert_colored(viewer.layers["photo colors"].data, labels.data)


def test_the_window_lives_on_while_colors_are_computed(canvas, wait, qtbot, held):
    _, widget, labels, _ = canvas
    gate, done = held
    ticks = []
    timer = QTimer(interval=5)
    timer.timeout.connect(lambda: ticks.append(1))
    timer.start()
    labels.paint((60, 60), SKY)
    qtbot.waitUntil(lambda: len(done) == 1, timeout=PATIENCE_MS)
    seen = len(ticks)
    qtbot.waitUntil(lambda: len(ticks) > seen + 20, timeout=PATIENCE_MS)
    qtbot.waitUntil(widget.work.isVisible, timeout=PATIENCE_MS)
    assert not gate.is_set()
    assert not widget.controller.tasks.idle
    gate.set()
    wait(widget)
    assert not widget.work.isVisible()
    assert done[0][0] is not threading.main_thread()


def test_prediction_leaves_the_window_no_long_pause(canvas, wait, qtbot):
    _, widget, labels, _ = canvas
    ticks = []
    timer = QTimer(interval=5)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    widget.prediction.predict()
    wait(widget)
    labels.data_setitem(np.nonzero(labels.data), SKY)
    wait(widget)
    timer.start()
    started = time.perf_counter()
    for _ in range(4):
        widget.prediction.predict()
        wait(widget)
        labels.data_setitem(np.nonzero(np.ones_like(labels.data)), SKY)
        wait(widget)
    duration = time.perf_counter() - started
    longest = np.diff([started, *ticks, time.perf_counter()]).max()
    assert longest < max(1, duration / 3)


def test_a_view_that_shows_no_plane_is_a_matter_for_the_message(bare_dock, photo, wait, messages):
    viewer, widget = bare_dock(Image(np.stack([photo] * 3), name="stack"))
    said = messages(widget)
    widget.controller.colorize()
    wait(widget)
    viewer.dims.ndisplay = 3
    wait(widget)
    assert "2D view" in said[-1]
    viewer.dims.ndisplay = 2
    wait(widget)
    assert said[-1] == ""
    viewer.dims.order = (1, 0, 2)
    wait(widget)
    assert "2D view" in said[-1]


def test_an_image_that_was_colored_is_forgotten_once_it_is_gone(bare, wait):
    viewer, widget = bare
    widget.controller.colorize()
    wait(widget)
    image = weakref.ref(viewer.layers["photo"])
    viewer.add_points()  # napari keeps the layer that was selected last
    viewer.layers.remove("photo")
    wait(widget)
    gc.collect()
    assert image() is None
