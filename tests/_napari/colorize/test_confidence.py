"""How sure the model must be: the slider acts on what was predicted, and on nothing else."""

from itertools import pairwise

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_colorizer._napari.colorize import known_predictions
from napari_colorizer._napari.colorize.confidence_slider import percent
from napari_colorizer._napari.colorize.inference import load
from napari_colorizer._napari.colorize.widget import ColorizeWidget
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.engine.options import SegmentOptions

GRASS, SKY, TREE = 36, 50, 54
PREDICTED = np.full((96, 128), SKY, np.uint8)
PREDICTED[48:] = GRASS
CERTAINTY = np.linspace(0, 1, 96 * 128).reshape(96, 128)  # sure of the ground, not of the sky


@pytest.fixture
def sky_over_grass(predicts):
    return predicts(PREDICTED, CERTAINTY)


@pytest.fixture
def move(wait, qtbot):
    """Move the slider of a dock and let it rest."""

    def to(widget, *values):
        for value in values:
            widget.confidence.setValue(value)
        qtbot.waitUntil(lambda: not widget.confidence.rest.isActive())
        return wait(widget)

    return to


@pytest.fixture
def sure(sky_over_grass, bare_predicted):
    """A prediction at a confidence of 0, and its label map."""
    viewer, widget = bare_predicted
    return widget, viewer.layers["photo labels"]


def at(confidence):
    return np.where(np.float32(confidence) > CERTAINTY.astype(np.float32), 0, PREDICTED)


def draw(labels, rows, columns, label):
    where = np.zeros(labels.data.shape, bool)
    where[..., rows, columns] = True
    labels.data_setitem(np.nonzero(where), label)
    return where


# -- the number


def test_the_number_is_the_model_s_until_the_user_has_one(own_dock, library, make_model):
    library.mkdir()
    for name, confidence in (("sure", 0.62), ("doubtful", 0.15)):
        make_model(name, confidence=confidence).save(library / f"{name}.safetensors")
    widget = own_dock(ColorizeWidget(ViewerModel()))
    assert widget.confidence.value() == pytest.approx(load("default").confidence)
    for name, number in (("sure", 0.62), ("doubtful", 0.15)):
        widget.controller.choose_model(name)
        assert widget.confidence.value() == pytest.approx(number)
        assert widget.prediction.threshold == number
        assert f"{number:g}" in widget.confidence.slider.toolTip()
    widget.confidence.setValue(0.4)
    widget.controller.choose_model("sure")
    assert (widget.confidence.value(), widget.prediction.threshold) == (0.4, 0.4)
    widget.confidence.setValue(0.62)  # the model's own again
    widget.controller.choose_model("doubtful")
    assert widget.confidence.value() == pytest.approx(0.15)


def test_a_model_of_another_confidence_changes_no_labels(sure, make_model, library, move):
    widget, labels = sure
    library.mkdir()
    make_model("sure", confidence=0.9).save(library / "sure.safetensors")
    move(widget, widget.controller.model.confidence)
    before = labels.data.copy()
    widget.controller.choose_model("sure")
    move(widget)
    np.testing.assert_array_equal(labels.data, before)


@pytest.mark.parametrize(("share", "shown"), [(0, 0), (0.0001, 1), (0.334, 33), (0.9999, 99), (1, 100)])
def test_nothing_and_all_are_told_from_nearly_so(share, shown):
    assert percent(share) == shown


# -- moving it


def test_a_move_gives_what_a_new_prediction_would_and_is_one_undo_step(sure, sky_over_grass, move, wait):
    widget, labels = sure
    states = [labels.data.copy()]
    for values in ((0.1, 0.2, 0.3), (0.9,), (0.5,)):
        move(widget, *values)
        np.testing.assert_array_equal(labels.data, at(values[-1]))
        states.append(labels.data.copy())
    assert len(sky_over_grass) == 1
    assert all(not np.array_equal(one, two) for one, two in pairwise(states))
    for state in states[-2::-1]:
        labels.undo()
        np.testing.assert_array_equal(labels.data, state)


def test_it_is_what_the_real_model_would_predict(bare_predicted, photo, move):
    viewer, widget = bare_predicted
    found = load("default").segmentation(photo).certainty
    labels = viewer.layers["photo labels"]
    for value in np.round(np.quantile(found, (0.7, 0.3)), 2).tolist():
        move(widget, value)
        expected = load("default").segment(photo, SegmentOptions(confidence=value))
        np.testing.assert_array_equal(labels.data, expected)
        assert 0 < np.count_nonzero(labels.data) < labels.data.size


def test_the_colors_follow_and_the_dock_says_how_much_is_labeled(sure, move, assert_colored):
    widget, labels = sure
    assert widget.confidence.labeled.text() == "100 % labeled"
    widget.confidence.setValue(0.75)
    assert widget.confidence.labeled.text() == "25 % labeled"
    np.testing.assert_array_equal(labels.data, PREDICTED)  # not yet at rest
    move(widget)
    assert widget.confidence.labeled.text() == "25 % labeled"
    assert_colored(widget.controller.colors.data, labels.data)
    draw(labels, slice(0, 48), slice(None), TREE)
    move(widget)
    assert widget.confidence.labeled.text() == "75 % labeled"


@pytest.mark.parametrize("label", [TREE, SKY, GRASS, 0])
def test_what_the_user_has_drawn_stays_whatever_it_is(sure, move, label):
    widget, labels = sure
    move(widget, 0.3)
    where = draw(labels, slice(10, 60), slice(20, 90), label)
    drawn = labels.data.copy()
    mine = where & (drawn != at(0.3))
    for value in (0.8, 0, 0.95, 0.3):
        move(widget, value)
        np.testing.assert_array_equal(labels.data[mine], drawn[mine])
        np.testing.assert_array_equal(labels.data[~where], at(value)[~where])


def test_what_was_filled_by_hand_with_what_the_prediction_had_stays(sure, move):
    widget, labels = sure
    move(widget, 0.9)
    labels.data_setitem(np.nonzero(labels.data != PREDICTED), PREDICTED[labels.data != PREDICTED])
    np.testing.assert_array_equal(labels.data, PREDICTED)
    filled = at(0.9) == 0
    move(widget, 1)
    np.testing.assert_array_equal(labels.data[filled], PREDICTED[filled])


def test_after_an_undo_it_goes_on_from_what_was_brought_back(sure, move):
    widget, labels = sure
    where = draw(labels, slice(10, 60), slice(20, 90), TREE)
    move(widget, 0.4)
    move(widget, 0.9)
    labels.undo()
    labels.undo()
    move(widget, 0.6)
    np.testing.assert_array_equal(labels.data[~where], at(0.6)[~where])
    assert (labels.data[where] == TREE).all()
    for _ in range(2):
        labels.undo()  # the move, and the drawing
    move(widget, 0.2)
    np.testing.assert_array_equal(labels.data, at(0.2))


def test_a_map_that_was_drawn_by_hand_before_comes_back_unharmed(bare, sky_over_grass, move, wait):
    _, widget = bare
    widget.controller.new_labels()
    labels = widget.controller.labels
    draw(labels, slice(None), slice(None), SKY)
    drawn = labels.data.copy()
    widget.predict_button.click()
    wait(widget)
    labels.undo()
    np.testing.assert_array_equal(labels.data, drawn)
    move(widget, 0.9)
    np.testing.assert_array_equal(labels.data, drawn)


def test_what_is_drawn_while_the_labels_are_chosen_stays(sure, move, wait):
    widget, labels = sure
    widget.confidence.setValue(0.9)
    widget.confidence.confidence.apply()
    assert not widget.controller.tasks.idle
    where = draw(labels, slice(0, 20), slice(0, 20), TREE)
    move(widget, 0.9)
    move(widget, 0.5)
    assert (labels.data[where] == TREE).all()
    np.testing.assert_array_equal(labels.data[~where], at(0.5)[~where])


def test_a_move_while_it_is_predicted_acts_when_the_prediction_is_there(bare, sky_over_grass, move, wait):
    viewer, widget = bare
    widget.predict_button.click()
    widget.confidence.setValue(0.5)
    move(widget)
    np.testing.assert_array_equal(viewer.layers["photo labels"].data, at(0.5))
    assert len(sky_over_grass) == 1


@pytest.mark.parametrize("scope", ["map", "class", "region"])
def test_a_reset_is_to_the_confidence_that_is_shown_and_keeps_what_else_is_drawn(sure, sky_over_grass, move, scope):
    widget, labels = sure
    move(widget, 0.5)
    reset = draw(labels, slice(60, 70), slice(0, 10), TREE)
    kept = draw(labels, slice(60, 70), slice(50, 60), 1)
    widget.prediction.reset(scope, (65.0, 5.0))
    np.testing.assert_array_equal(labels.data[reset], at(0.5)[reset])
    move(widget, 0.9)
    left = kept & (scope != "map")
    assert (labels.data[left] == 1).all()
    np.testing.assert_array_equal(labels.data[~left], at(0.9)[~left])
    assert len(sky_over_grass) == 1


# -- of which image


def test_each_image_has_its_own_prediction(sure, photo, move, wait):
    widget, labels = sure
    viewer, first = widget.viewer, widget.controller.image
    other = viewer.add_image(photo, name="other")
    widget.controller.choose_image(other)
    move(widget, 0.7)
    np.testing.assert_array_equal(labels.data, PREDICTED)
    widget.controller.choose_image(first)
    move(widget, 0.4)
    np.testing.assert_array_equal(labels.data, at(0.4))


def test_another_picture_in_the_layer_is_not_given_the_labels_of_the_last(sure, photo, move):
    widget, labels = sure
    widget.controller.image.data = photo // 2
    move(widget, 0.7)
    np.testing.assert_array_equal(labels.data, PREDICTED)


def test_each_plane_has_its_own_prediction(bare_dock, sky_over_grass, photo, move, wait):
    viewer, widget = bare_dock(Image(np.stack([photo, photo // 2]), name="stack"))
    for plane in (0, 1):
        viewer.dims.set_current_step(0, plane)
        widget.predict_button.click()
        wait(widget)
    move(widget, 0.4)
    labels = viewer.layers["stack labels"].data
    np.testing.assert_array_equal(labels[1], at(0.4))
    np.testing.assert_array_equal(labels[0], PREDICTED)
    viewer.dims.set_current_step(0, 0)
    move(widget, 0.8)
    np.testing.assert_array_equal(labels[0], at(0.8))


def test_of_many_planes_no_more_is_kept_than_has_room(bare_dock, sky_over_grass, photo, wait, monkeypatch):
    viewer, widget = bare_dock(Image(np.stack([photo] * 4), name="stack"))
    monkeypatch.setattr(known_predictions, "MOST_BYTES", 3 * photo.size)
    for plane in range(4):
        viewer.dims.set_current_step(0, plane)
        widget.predict_button.click()
        wait(widget)
    known = widget.prediction.known
    assert [known.get(viewer.layers["stack labels"], (plane,)) is not None for plane in range(4)] == [False] * 2 + [
        True
    ] * 2


def test_the_ids_are_those_of_the_label_map(sure, move, wait):
    widget, labels = sure
    widget.controller.set_classes(
        ClassMap([Class(7, "My sky", "#123456", known_as="sky"), Class(8, "lawn", "#00ff00", known_as="grass")])
    )
    move(widget, 0.9)
    widget.predict_button.click()
    move(widget, 0.2)
    assert set(np.unique(labels.data)) == {0, 7, 8}
    np.testing.assert_array_equal(labels.data > 0, at(0.2) > 0)
    assert len(on_layers.class_map_of(labels)) == 2


def test_without_a_prediction_a_move_changes_nothing(bare, move):
    _, widget = bare
    assert widget.confidence.labeled.text() == ""
    move(widget, 0.7)
    widget.controller.new_labels()
    draw(widget.controller.labels, slice(0, 48), slice(None), SKY)
    before = widget.controller.labels.data.copy()
    move(widget, 0.2)
    np.testing.assert_array_equal(widget.controller.labels.data, before)
    assert widget.confidence.labeled.text() == "50 % labeled"


def test_keys_move_it_in_a_window(open_dock, sky_over_grass, photo, move, wait):
    viewer, widget = open_dock(Image(photo, name="photo"), show=True)
    widget.predict_button.click()
    wait(widget)
    for _ in range(3):
        QTest.keyClick(widget.confidence.slider, Qt.Key.Key_PageUp)
    move(widget)
    assert widget.confidence.value() == pytest.approx(0.3)
    np.testing.assert_array_equal(viewer.layers["photo labels"].data, at(0.3))
    viewer.layers["photo labels"].undo()
    np.testing.assert_array_equal(viewer.layers["photo labels"].data, PREDICTED)
