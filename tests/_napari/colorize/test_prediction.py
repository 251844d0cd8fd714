"""Predicting label maps, and taking the prediction back after edits."""

from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize import label_writing as writing
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import Class, ClassMap

GRASS, SKY, TREE, DRAGON = 36, 50, 54, 100
PREDICTED = np.full((96, 128), SKY, np.uint8)
PREDICTED[48:] = GRASS


@pytest.fixture(autouse=True)
def predictions(predicts):
    """Predict the same sky over grass each time, and count how often."""
    return predicts(PREDICTED)


@pytest.fixture
def edited(bare_predicted, wait):
    """A predicted label map, into which two squares of trees and one of another class were drawn."""
    viewer, widget = bare_predicted
    labels = viewer.layers["photo labels"]
    for corner, label in (((10, 10), TREE), ((60, 80), TREE), ((30, 100), 1)):
        draw_square(labels, corner, label)
    return viewer, wait(widget), labels


def draw_square(labels, corner, label):
    mask = np.zeros(labels.data.shape, bool)
    mask[..., corner[0] : corner[0] + 12, corner[1] : corner[1] + 12] = True
    labels.data_setitem(np.nonzero(mask), label)


@pytest.mark.parametrize(
    ("scope", "left"), [("map", []), ("class", [1]), ("region", [1, TREE])], ids=["map", "class", "region"]
)
def test_a_reset_is_one_undo_step_that_the_colors_follow(edited, wait, assert_colored, scope, left):
    viewer, widget, labels = edited
    before = labels.data.copy()
    widget.prediction.reset(scope, (15.0, 15.0))
    wait(widget)
    after = labels.data.copy()
    reset = PREDICTED.copy()
    np.copyto(reset, before, where=np.isin(before, left))
    if scope == "region":
        reset[10:22, 10:22] = SKY
    np.testing.assert_array_equal(after, reset)
    assert_colored(viewer.layers["photo colors"].data, after)
    labels.undo()
    np.testing.assert_array_equal(labels.data, before)
    labels.redo()
    np.testing.assert_array_equal(labels.data, after)


def test_a_prediction_of_this_session_is_not_computed_again(edited, predictions):
    _, widget, _ = edited
    widget.prediction.reset("map")
    assert widget.controller.tasks.idle or len(predictions) == 1
    assert len(predictions) == 1


def test_a_label_map_that_was_never_predicted_is_predicted_for_its_reset(bare, wait, predictions):
    viewer, widget = bare
    labels = Labels(np.full((96, 128), TREE, np.uint8), name="drawn elsewhere")
    on_layers.show_classes(labels, ClassMap.pascal_context())
    viewer.add_layer(labels)
    widget.controller.choose_labels(labels)
    wait(widget)
    for _ in range(2):
        widget.prediction.reset("map")
        wait(widget)
        np.testing.assert_array_equal(labels.data, PREDICTED)
        labels.undo()
        assert (labels.data == TREE).all()
    assert len(predictions) == 1


def test_a_reset_beside_the_image_or_without_labels_says_what_to_do(edited, messages):
    viewer, widget, labels = edited
    before, said = labels.data.copy(), messages(widget)
    widget.prediction.reset("region", (-5.0, 300.0))
    assert "Move the cursor" in said[-1]
    np.testing.assert_array_equal(labels.data, before)
    viewer.layers.remove(labels)
    widget.prediction.reset("map")
    assert "no label map" in said[-1]
    widget.reset_tool.ask("class")
    assert "no label map" in said[-1]


def test_a_label_map_of_another_shape_is_not_reset(bare, wait, messages):
    viewer, widget = bare
    small = Labels(np.zeros((10, 10), np.uint8), name="small one")
    viewer.add_layer(small)
    widget.controller.choose_labels(small)
    wait(widget)
    said = messages(widget)
    widget.prediction.reset("map")
    assert "'small one'" in said[-1]
    assert not small.data.any()


def test_what_napari_could_not_undo_is_predicted_into_a_copy(edited, wait, monkeypatch, messages):
    viewer, widget, labels = edited
    monkeypatch.setattr(writing, "LARGEST_UNDO", 100)
    before, said = labels.data.copy(), messages(widget)
    widget.prediction.reset("map")
    wait(widget)
    np.testing.assert_array_equal(labels.data, before)
    np.testing.assert_array_equal(viewer.layers["photo labels copy"].data, PREDICTED)
    assert widget.controller.labels is viewer.layers["photo labels copy"]
    assert not labels.visible
    assert any("'photo labels copy'" in text for text in said)


def test_a_prediction_over_a_large_map_drawn_by_hand_is_undone(bare_dock, wait, predicts):
    shape = (4000, 6000)
    drawn = np.full(shape, TREE, np.uint8)
    drawn[: shape[0] // 2] = DRAGON
    predicts(np.full(shape, SKY, np.uint8))
    labels = Labels(drawn.copy(), name="mine")
    on_layers.show_classes(labels, ClassMap.pascal_context())
    _, widget = bare_dock(Image(np.zeros(shape, np.uint8), name="photo"), labels)
    widget.follow_box.setChecked(False)
    widget.controller.choose_labels(labels)
    for act in (widget.prediction.predict, lambda: widget.prediction.reset("map")):
        labels.data_setitem((np.array([0]), np.array([0])), 1)
        act()
        wait(widget)
        assert (labels.data == SKY).all()
        for _ in range(2):
            labels.undo()
        np.testing.assert_array_equal(labels.data, drawn)


def test_wider_ids_do_not_take_the_undo_history(edited, wait):
    _, widget, labels = edited
    before = labels.data.copy()
    draw_square(labels, (70, 10), DRAGON)
    widget.controller.choose_brush(1000)
    assert labels.data.dtype == np.uint16
    labels.undo()
    np.testing.assert_array_equal(labels.data, before)


def test_ids_too_large_for_the_layer_widen_it(bare_predicted, wait, monkeypatch):
    viewer, widget = bare_predicted
    classes = (replace(item, id=item.id * 10) for item in widget.controller.classes)
    widget.controller.set_classes(ClassMap(classes))
    widget.predict_button.click()
    wait(widget)
    np.testing.assert_array_equal(viewer.layers["photo labels"].data, PREDICTED.astype(int) * 10)


def test_predicting_again_keeps_classes_that_the_user_added(edited, wait):
    _, widget, labels = edited
    widget.controller.set_classes(widget.controller.classes.with_class(Class(DRAGON, "dragon", "#123456")))
    widget.predict_button.click()
    wait(widget)
    assert on_layers.class_map_of(labels)[DRAGON].name == "dragon"


def test_a_prediction_for_another_image_is_dropped(bare, wait, photo, monkeypatch):
    viewer, widget = bare
    other = viewer.add_image(photo, name="other")
    widget.prediction.predict()
    widget.controller.choose_image(other)
    wait(widget)
    assert [layer.name for layer in viewer.layers] == ["photo", "other"]


def test_a_failing_prediction_is_told_and_the_next_one_works(bare, wait, messages, monkeypatch):
    viewer, widget = bare
    said = messages(widget)

    def fail(*_):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(inference, "predict", fail)
        widget.predict_button.click()
        wait(widget)
    assert "not enough memory" in said[-1]
    assert len(viewer.layers) == 1
    widget.predict_button.click()
    wait(widget)
    assert "photo labels" in viewer.layers


def test_each_plane_of_a_stack_is_predicted_and_reset_by_itself(bare_dock, photo, wait, predictions):
    stack = np.stack([photo, photo // 2, photo // 3])
    viewer, widget = bare_dock(Image(stack, name="stack"))
    viewer.dims.set_current_step(0, 1)
    widget.predict_button.click()
    wait(widget)
    labels = viewer.layers["stack labels"]
    draw_square(labels, (10, 10), TREE)
    for plane in (0, 1):
        viewer.dims.set_current_step(0, plane)
        before = labels.data.copy()
        widget.prediction.reset("map")
        wait(widget)
        np.testing.assert_array_equal(labels.data[plane], PREDICTED)
        np.testing.assert_array_equal(np.delete(labels.data, plane, 0), np.delete(before, plane, 0))
    labels.undo()
    np.testing.assert_array_equal(labels.data, before)
    assert len(predictions) == 2
    np.testing.assert_array_equal(predictions[1], stack[0])


# -- pointing with the mouse, in a window


@pytest.fixture
def window(open_dock, photo, wait, make_mouse):
    viewer, widget = open_dock(Image(photo, name="photo"), show=True)
    widget.predict_button.click()
    wait(widget)
    labels = viewer.layers["photo labels"]
    for corner in ((10, 10), (60, 80)):
        draw_square(labels, corner, TREE)
    wait(widget)
    viewer.layers.selection.active = labels
    return viewer, widget, labels, make_mouse(viewer)


def test_shift_r_and_shift_c_reset_the_region_and_the_class_under_the_cursor(window, wait):
    viewer, widget, labels, mouse = window
    native = viewer.window._qt_viewer.canvas.native
    for key, left in ((Qt.Key.Key_R, 144), (Qt.Key.Key_C, 0)):
        mouse.hover(15, 15)
        QTest.keyClick(native, key, Qt.KeyboardModifier.ShiftModifier)
        wait(widget)
        assert (labels.data == TREE).sum() == left
        assert labels.data[15, 15] == SKY
        labels.undo()
        assert (labels.data == TREE).sum() == 288


@pytest.mark.parametrize(("scope", "left"), [("class", 0), ("region", 144)])
def test_the_next_click_resets_without_painting_and_the_tool_comes_back(window, wait, messages, scope, left):
    viewer, widget, labels, mouse = window
    said = messages(widget)
    labels.selected_label, labels.mode = 1, "paint"
    viewer.layers.selection.active = viewer.layers["photo"]
    for _ in range(2):  # asking twice is no harm
        widget.reset_tool.ask(scope)
    assert f"Click the {scope}" in said[-1]
    assert labels.mode == "pan_zoom"
    mouse.click(15, 15)
    wait(widget)
    assert (labels.data == TREE).sum() == left
    assert not (labels.data == 1).any()
    assert labels.mode == "paint"
    assert widget.message.text() == ""
    mouse.click(15, 60)
    assert (labels.data == 1).any()
    assert (labels.data == TREE).sum() == left


def test_predicting_keeps_the_users_names_colors_and_numbers(edited, wait):
    _viewer, widget, labels = edited
    mine = ClassMap([Class(1, "nucleus", "#111111"), Class(7, "My sky", "#123456", known_as="sky")])
    widget.controller.set_classes(mine)
    widget.predict_button.click()
    wait(widget)
    classes = on_layers.class_map_of(labels)
    assert list(classes)[:2] == list(mine)
    assert (labels.data[PREDICTED == SKY] == 7).all()
    assert not (labels.data == 1).any()


def test_what_is_drawn_while_the_prediction_runs_stays(edited, wait, monkeypatch):
    _viewer, widget, labels = edited
    widget.predict_button.click()
    assert not widget.controller.tasks.idle
    labels.data_setitem((np.array([3, 4]), np.array([5, 6])), DRAGON)
    wait(widget)
    assert labels.data[3, 5] == labels.data[4, 6] == DRAGON


def test_regions_without_a_class_are_not_reset(bare_predicted, messages):
    _, widget = bare_predicted
    said, labels = messages(widget), widget.controller.labels
    on_layers.mark_regions(labels)
    before = labels.data.copy()
    widget.prediction.reset("map")
    assert labels.name in said[-1]
    np.testing.assert_array_equal(labels.data, before)


def test_renamed_layers_still_belong_together(bare_predicted, wait):
    _viewer, widget = bare_predicted
    photo, labels, colors = widget.controller.image, widget.controller.labels, widget.controller.colors
    for layer, name in ((photo, "foto"), (labels, "Karte"), (colors, "bunt")):
        layer.name = name
    widget.controller.choose_image(None)
    widget.controller.choose_image(photo)
    wait(widget)
    assert (widget.controller.labels, widget.controller.colors) == (labels, colors)
    assert widget.images.currentText() == "foto"


def test_a_model_that_is_sure_of_nothing_says_so(bare, wait, messages, predicts):
    predicts(np.zeros((96, 128), np.uint8))
    viewer, widget = bare
    said = messages(widget)
    widget.predict_button.click()
    wait(widget)
    assert not viewer.layers["photo labels"].data.any()
    assert viewer.layers["photo labels"].selected_label != 0
    assert "not sure of anything in 'photo'" in said[-1]
    assert "lower Options > Confidence" in said[-1]


def test_the_brush_takes_the_most_frequent_class(bare, wait, predicts):
    plane = np.zeros((96, 128), np.uint8)
    plane[:10], plane[20:40] = 50, 36
    predicts(plane)
    viewer, widget = bare
    widget.predict_button.click()
    wait(widget)
    assert viewer.layers["photo labels"].selected_label == 36
