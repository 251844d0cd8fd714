"""Correcting the label map: strokes that spread, borders that snap, doubtful regions, keys for the brush."""

import numpy as np
import pytest
import torch
from napari.layers import Image
from napari.utils.key_bindings import coerce_keybinding
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_colorizer._napari.colorize import inference
from napari_colorizer.engine.segment import Segmentation
from napari_colorizer.engine.strokes import Evidence

SKY, GRASS, WALL, TREE = 50, 36, 56, 54
SHAPE = (96, 128)
LEFT, RIGHT, MIDDLE = np.s_[:, :32], np.s_[:, 96:], np.s_[:, 36:92]


@pytest.fixture
def undecided(monkeypatch):
    """A model to which left and right look alike, where it hardly decides on sky; it is sure of grass between."""
    asked = []

    def predict(model, picture, options, tell=None):
        asked.append(picture)
        probabilities = torch.full((3, 24, 32), 0.01)
        probabilities[:, :, :8] = probabilities[:, :, 24:] = torch.tensor([0.5, 0.1, 0.4])[:, None, None]
        probabilities[1, :, 8:24] = 0.98
        looks = torch.zeros(2, 24, 32)
        looks[0, :, :8] = looks[0, :, 24:] = looks[1, :, 8:24] = 1
        evidence = Evidence.of((SKY, GRASS, WALL), probabilities, [looks], 1)
        likely = np.full(SHAPE, SKY, np.uint8)
        likely[:, 32:96] = GRASS
        return Segmentation(likely, probabilities.amax(0).numpy(), evidence)

    monkeypatch.setattr(inference, "predict", predict)
    return asked


@pytest.fixture
def begun(undecided, bare_predicted):
    viewer, widget = bare_predicted
    widget.controller.set_following(False)
    return viewer, widget, widget.controller.labels


def draw(labels, where, label):
    mask = np.zeros(labels.data.shape, bool)
    mask[where] = True
    labels.data_setitem(np.nonzero(mask), label)


STROKE = np.s_[40:60, 5:12]


# -- strokes that spread


def test_strokes_spread_as_one_step_of_undo_and_stay_as_they_are(begun, wait):
    _, widget, labels = begun
    before = labels.data.copy()
    draw(labels, STROKE, WALL)
    painted = labels.data.copy()
    widget.map_tools.spread_button.click()
    wait(widget)
    assert (labels.data[LEFT][:, :28] == WALL).all()
    assert (labels.data[RIGHT][:, 4:] == WALL).all()
    np.testing.assert_array_equal(labels.data[MIDDLE], before[MIDDLE])
    labels.undo()
    np.testing.assert_array_equal(labels.data, painted)


def test_a_stroke_taken_back_tells_nothing_any_more(begun, wait):
    _, widget, labels = begun
    before = labels.data.copy()
    draw(labels, STROKE, WALL)
    widget.map_tools.spreading.spread()
    wait(widget)
    labels.undo()
    labels.undo()
    np.testing.assert_array_equal(labels.data, before)
    draw(labels, np.s_[40:60, 60:70], TREE)  # something else
    widget.map_tools.spreading.spread()
    wait(widget)
    assert WALL not in labels.data
    assert (labels.data[:, 40:88] == TREE).all()


def test_more_strokes_go_on_with_the_first_ones_and_what_was_erased_stays_so(begun, wait):
    _, widget, labels = begun
    draw(labels, STROKE, WALL)
    draw(labels, np.s_[:5, 100:], 0)
    widget.map_tools.spreading.spread()
    wait(widget)
    draw(labels, np.s_[40:60, 60:70], TREE)
    widget.map_tools.spreading.spread()
    wait(widget)
    assert (labels.data[:, :28] == WALL).all()
    assert (labels.data[:, 40:88] == TREE).all()
    assert not labels.data[:5, 100:].any()


def test_strokes_on_an_empty_map_are_spread_over_a_prediction(undecided, bare, wait):
    _, widget = bare
    widget.controller.set_following(False)
    widget.controller.new_labels()
    labels = widget.controller.labels
    draw(labels, STROKE, WALL)
    widget.map_tools.spread_button.click()
    wait(widget)
    assert len(undecided) == 1
    assert (labels.data[:, :28] == WALL).all()
    assert (labels.data[MIDDLE] == GRASS).all()
    labels.undo()
    assert (labels.data == WALL).sum() == 20 * 7


def test_the_prediction_itself_can_still_be_reset_to(begun, wait):
    _, widget, labels = begun
    before = labels.data.copy()
    draw(labels, STROKE, WALL)
    widget.map_tools.spreading.spread()
    wait(widget)
    widget.prediction.reset("map")
    wait(widget)
    np.testing.assert_array_equal(labels.data, before)


def test_another_confidence_acts_on_spread_strokes(begun, wait, qtbot):
    _, widget, labels = begun
    draw(labels, STROKE, WALL)
    widget.map_tools.spreading.spread()
    wait(widget)
    widget.confidence.setValue(0.99)
    qtbot.waitUntil(lambda: not widget.confidence.rest.isActive())
    wait(widget)
    assert (labels.data[STROKE] == WALL).all()
    assert not labels.data[MIDDLE].any()


@pytest.mark.parametrize("empty", [True, False])
def test_without_a_stroke_nothing_changes_and_it_is_said(undecided, bare, wait, messages, empty):
    _, widget = bare
    said = messages(widget)
    if not empty:
        widget.predict_button.click()
        wait(widget)
    widget.map_tools.spread_button.click()
    wait(widget)
    assert "paint" in said[-1].lower()


# -- borders that snap


def test_the_last_stroke_snaps_to_the_edge_near_it(bare, wait):
    viewer, widget = bare
    widget.controller.set_following(False)
    widget.controller.new_labels()
    labels = widget.controller.labels
    draw(labels, np.s_[:46, 10:90], SKY)  # (the sky ends at row 48)
    painted = labels.data.copy()
    viewer.cursor.position = (20, 50)
    labels.events.paint(value=[])
    widget.map_tools.snap_button.click()
    wait(widget)
    assert (labels.data[46:48, 15:85] == SKY).mean() > 0.9
    assert not labels.data[52:].any()
    labels.undo()
    np.testing.assert_array_equal(labels.data, painted)


def test_without_a_stroke_there_is_nothing_to_snap(begun, messages):
    _, widget, _ = begun
    said = messages(widget)
    widget.map_tools.snap_button.click()
    assert "Shift+G" in said[-1]


# -- doubtful regions


def test_doubt_is_a_layer_on_demand_that_follows(begun, wait, until):
    viewer, widget, labels = begun
    widget.map_tools.doubt_button.click()
    layer = viewer.layers["doubt"]
    assert layer.data[:, :7].min() > 0.8 > 0.2 > layer.data[:, 9:23].max()
    assert layer not in widget.image_choices()
    np.testing.assert_allclose(layer.data_to_world((-0.5, -0.5)), (-0.5, -0.5), atol=1e-6)
    draw(labels, STROKE, WALL)
    widget.map_tools.spreading.spread()
    wait(widget)
    assert layer.data[:, :7].max() < 0.5
    widget.map_tools.doubt_button.click()
    until(lambda: "doubt" not in [each.name for each in viewer.layers])


def test_the_next_doubtful_region_offers_its_classes_and_a_click_takes_one(begun, wait):
    viewer, widget, labels = begun
    tools, before = widget.map_tools, labels.data.copy()
    tools.next_button.click()
    wait(widget)
    assert viewer.layers["doubtful region"].visible
    assert not tools.choices.isHidden()
    assert [button.text() for button in tools.choice_buttons[:2]] == ["1  sky  50%", "2  wall  40%"]
    left = tools.doubt._region.cells[:, 0].all()
    draw(labels, np.s_[:3, :3] if left else np.s_[:3, -3:], TREE)  # somebody's own
    tools.choice_buttons[1].click()
    wait(widget)
    done, other = (LEFT, RIGHT) if left else (RIGHT, LEFT)
    assert set(np.unique(labels.data[done])) == {WALL, TREE}
    np.testing.assert_array_equal(labels.data[other], before[other])
    assert tools.doubt.is_open  # the other one
    tools.next_button.click()
    wait(widget)
    assert not tools.doubt.is_open
    assert tools.choices.isHidden()
    labels.undo()
    assert WALL not in labels.data


def test_doubt_needs_a_prediction(bare, messages):
    _, widget = bare
    said = messages(widget)
    widget.map_tools.doubt_button.click()
    assert not widget.map_tools.doubt_button.isChecked()
    widget.map_tools.next_button.click()
    assert said.count("There is no prediction yet: press Predict labels first") == 2


# -- the brush


def test_the_classes_used_last_have_keys_that_do_not_move(begun):
    _, widget, labels = begun
    for label in (SKY, GRASS, TREE):
        widget.controller.choose_brush(label)
    keys = widget.map_tools.brush_keys
    for _ in range(2):
        keys.take_recent(1)
        assert labels.selected_label == GRASS
    keys.take_recent(8)  # not so many yet
    assert labels.selected_label == GRASS


def test_the_class_under_the_cursor_is_picked(begun):
    viewer, widget, labels = begun
    widget.controller.choose_brush(TREE)
    viewer.cursor.position = (50, 50)
    widget.map_tools.brush_keys.pick()
    assert labels.selected_label == GRASS
    viewer.cursor.position = (500, 50)
    widget.map_tools.brush_keys.pick()
    assert labels.selected_label == GRASS


# -- in the window


def test_keys_and_mouse_in_the_window(undecided, open_dock, photo, wait, make_mouse):
    viewer, widget = open_dock(Image(photo, name="photo"), show=True)
    widget.controller.set_following(False)
    widget.predict_button.click()
    wait(widget)
    labels, canvas = widget.controller.labels, viewer.window._qt_viewer.canvas.native
    viewer.layers.selection.active = labels
    widget.controller.choose_brush(WALL)
    labels.brush_size = 6
    pointer = make_mouse(viewer)
    pointer.drag((40, 10), (60, 12))
    QTest.keyClick(canvas, Qt.Key.Key_S, Qt.KeyboardModifier.ShiftModifier)
    wait(widget)
    assert (labels.data[:, :28] == WALL).all()
    (circle,) = [
        each
        for shown in viewer.window._qt_viewer.canvas._viewer_overlay_to_visual.values()
        for each in (shown if isinstance(shown, list) else [shown])
        if hasattr(each, "_white_circle")
    ]
    np.testing.assert_allclose(circle._white_circle.border_color.rgba, labels.get_color(WALL), atol=0.01)
    pointer.hover(50, 60)
    QTest.keyClick(canvas, Qt.Key.Key_E, Qt.KeyboardModifier.ShiftModifier)
    assert labels.selected_label == GRASS
    QTest.keyClick(canvas, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    assert labels.selected_label == WALL
    labels.undo()
    labels.undo()
    QTest.keyClick(canvas, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    wait(widget)
    QTest.keyClick(canvas, Qt.Key.Key_2)
    wait(widget)
    assert (labels.data == WALL).any()
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert not widget.map_tools.doubt.is_open
    QTest.keyClick(canvas, Qt.Key.Key_1)
    assert labels.mode == "erase"  # napari's own again


def test_how_much_is_below_the_confidence_is_said_and_offered(begun, wait, qtbot):
    _, widget, labels = begun
    tools = widget.map_tools
    assert tools.below.isHidden()
    widget.confidence.setValue(0.6)
    qtbot.waitUntil(lambda: not widget.confidence.rest.isActive())
    wait(widget)
    share = np.count_nonzero(labels.data == 0) / labels.data.size
    assert tools.below.text() == f"{share:.0%} of the pixels are below the confidence, and stay unlabeled".replace(
        "%", " %", 1
    )
    tools.next_button.click()
    wait(widget)
    tools.choice_buttons[0].click()
    wait(widget)
    assert (labels.data == SKY).mean() == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("fill_first", [True, False])
def test_escape_ends_fill_object_and_a_doubtful_region_whichever_came_first(begun, wait, fill_first):
    _, widget, labels = begun
    filling, doubt = widget.filling, widget.map_tools.doubt
    for begin in (filling.toggle, doubt.go_on)[:: 1 if fill_first else -1]:
        begin()
        wait(widget)
    assert filling.in_hand
    assert doubt.is_open
    doubt.close()
    labels.keymap[coerce_keybinding("Escape")](labels)
    assert not filling.in_hand
    filling.toggle()
    doubt.go_on()
    wait(widget)
    filling.end()
    labels.keymap[coerce_keybinding("Escape")](labels)
    assert not doubt.is_open
    assert coerce_keybinding("Escape") not in labels.keymap
