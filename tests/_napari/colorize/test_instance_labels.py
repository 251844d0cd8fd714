"""Labels layers of other plugins: what do their numbers mean?"""

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize.instance_labels import majority_classes, to_classes
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import ClassMap

GRASS, SKY, TREE = 36, 50, 54
PREDICTED = np.full((96, 128), SKY, np.uint8)
PREDICTED[48:] = GRASS


@pytest.fixture(autouse=True)
def prediction(predicts):
    predicts(PREDICTED)


@pytest.fixture
def foreign():
    """Three instances as another plugin gives them: one mostly sky, one mostly grass, one in the grass."""
    data = np.zeros((96, 128), np.int32)
    data[5:55, 5:40] = 1
    data[40:90, 50:90] = 2
    data[60:90, 100:120] = 70_000
    return Labels(data, name="cells")


@pytest.fixture
def asked(bare, foreign, wait):
    """A dock that asks what the foreign labels mean."""
    viewer, widget = bare
    viewer.add_layer(foreign)
    widget.controller.choose_labels(foreign)
    return viewer, wait(widget), foreign


def state(layer):
    return layer.data.copy(), dict(layer.metadata), layer.colormap, layer.name


def assert_as_it_was(layer, before):
    np.testing.assert_array_equal(layer.data, before[0])
    assert (layer.metadata, layer.colormap, layer.name) == before[1:]


def test_most_pixels_decide_on_the_class_of_a_region():
    regions = np.array([[1, 1, 1, 0], [9, 9, 0, 0], [70_000, 70_000, 70_000, 70_000]])
    predicted = np.array([[5, 5, 3, 3], [0, 4, 3, 3], [3, 4, 4, 4]], np.uint8)
    assert majority_classes(regions, predicted) == {1: 5, 9: 0, 70_000: 4}


def test_regions_become_classes_and_those_without_a_class_unlabeled():
    np.testing.assert_array_equal(to_classes(np.array([[0, 1], [9, 70_000]]), {1: 5, 70_000: 300}), [[0, 5], [0, 300]])


def test_the_dialog_suggests_the_predicted_classes_and_nothing_is_colored_yet(asked, wait):
    viewer, widget, _ = asked
    dialog = widget.instance_labels.dialog
    assert dialog.isVisible()
    assert dialog.map_regions.isChecked()
    assert dialog.chosen() == {1: SKY, 2: GRASS, 70_000: GRASS}
    assert [dialog.table.item(row, 0).text() for row in range(3)] == ["2", "1", "70000"]
    assert dialog.table.item(0, 1).text() == "2,000"
    assert dialog.table.cellWidget(1, 2).currentText() == "sky"
    for ask_for_colors in (
        widget.colorize_button.click,
        widget.controller.follow,
        lambda: widget.controller.set_adjustment(saturation=2.0),
    ):
        ask_for_colors()
        wait(widget)
    assert [layer.name for layer in viewer.layers] == ["photo", "cells"]


def test_the_colorize_button_does_not_ask_a_second_time(asked, wait):
    _, widget, _ = asked
    dialog = widget.instance_labels.dialog
    widget.colorize_button.click()
    wait(widget)
    assert widget.instance_labels.dialog is dialog


def test_a_mapping_makes_a_new_label_map_and_leaves_the_foreign_one_as_it_was(asked, wait, assert_colored):
    viewer, widget, foreign = asked
    before, dialog = state(foreign), widget.instance_labels.dialog
    trees = dialog.table.cellWidget(2, 2)
    trees.setCurrentIndex(trees.findData(TREE))
    dialog.accept()
    wait(widget)
    assert_as_it_was(foreign, before)
    labels = viewer.layers["photo labels"]
    assert widget.controller.labels is labels
    assert labels.data.dtype == np.uint8
    np.testing.assert_array_equal(labels.data, to_classes(foreign.data, {1: SKY, 2: GRASS, 70_000: TREE}))
    assert_colored(viewer.layers["photo colors"].data, labels.data)
    assert not foreign.visible


def test_numbers_that_are_class_ids_are_used_as_they_are(bare, wait, assert_colored):
    viewer, widget = bare
    labels = viewer.add_labels(PREDICTED.copy(), name="classes")
    widget.controller.choose_labels(labels)
    wait(widget)
    widget.instance_labels.dialog.are_classes.setChecked(True)
    assert not widget.instance_labels.dialog.table.isEnabled()
    widget.instance_labels.dialog.accept()
    wait(widget)
    assert widget.controller.labels is labels
    np.testing.assert_array_equal(labels.data, PREDICTED)
    assert_colored(viewer.layers["photo colors"].data, PREDICTED)
    assert "sky" in labels.get_status((5, 5), world=True)["value"]


def test_regions_without_a_class_are_left_to_the_model(asked, wait, assert_colored):
    viewer, widget, foreign = asked
    before = foreign.data.copy()
    widget.instance_labels.dialog.no_classes.setChecked(True)
    widget.instance_labels.dialog.accept()
    wait(widget)
    assert widget.controller.labels is foreign
    np.testing.assert_array_equal(foreign.data, before)
    assert_colored(viewer.layers["photo colors"].data, np.zeros((96, 128), np.uint8))
    assert len(widget.controller.classes) == 0


def test_canceling_lets_go_of_the_layer_and_changes_nothing(asked, wait):
    viewer, widget, foreign = asked
    before = state(foreign)
    widget.instance_labels.dialog.reject()
    wait(widget)
    assert_as_it_was(foreign, before)
    assert widget.controller.labels is None
    assert widget.label_maps.currentText() == "(new)"
    assert [layer.name for layer in viewer.layers] == ["photo", "cells"]


@pytest.mark.parametrize("choice", ["map_regions", "are_classes", "no_classes"])
def test_the_question_is_asked_once(asked, wait, choice):
    _, widget, _ = asked
    getattr(widget.instance_labels.dialog, choice).setChecked(True)
    widget.instance_labels.dialog.accept()
    wait(widget)
    settled = widget.controller.labels
    widget.controller.choose_labels(None)
    widget.controller.choose_labels(settled)
    wait(widget)
    assert widget.instance_labels.dialog is None
    assert widget.controller.labels is settled


def test_an_empty_labels_layer_is_adopted_without_asking(bare, photo, wait):
    viewer, widget = bare
    labels = viewer.add_labels(np.zeros(photo.shape, np.uint8), name="Labels")
    widget.controller.choose_labels(labels)
    wait(widget)
    assert widget.instance_labels.dialog is None
    assert on_layers.class_map_of(labels) == widget.controller.model.classes
    assert "photo colors" in viewer.layers


def test_predicting_instead_of_answering_leaves_the_foreign_layer_alone(bare, foreign, wait):
    viewer, widget = bare
    viewer.add_layer(foreign)
    before = state(foreign)
    widget.controller.choose_labels(foreign)
    widget.predict_button.click()
    wait(widget)
    assert_as_it_was(foreign, before)
    np.testing.assert_array_equal(viewer.layers["photo labels"].data, PREDICTED)


def test_it_is_asked_without_suggestions_where_there_is_no_prediction(bare, foreign, wait, make_model, library):
    make_model("colors-only", segmenter=False).save(library / "colors-only.safetensors")
    viewer, widget = bare
    widget.controller.choose_model("colors-only")
    viewer.add_layer(foreign)
    widget.controller.choose_labels(foreign)
    wait(widget)
    assert widget.instance_labels.dialog.chosen() == {1: 0, 2: 0, 70_000: 0}


def test_it_is_asked_without_suggestions_where_the_prediction_fails(bare, foreign, wait, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(inference, "predict", fail)
    viewer, widget = bare
    viewer.add_layer(foreign)
    widget.controller.choose_labels(foreign)
    wait(widget)
    assert widget.instance_labels.dialog.chosen() == {1: 0, 2: 0, 70_000: 0}


def test_a_stack_of_regions_becomes_a_stack_of_classes(bare_dock, photo, foreign, wait):
    stack = Labels(np.stack([foreign.data, np.zeros_like(foreign.data)]), name="cells")
    viewer, widget = bare_dock(Image(np.stack([photo, photo]), name="stack"), stack)
    viewer.dims.set_current_step(0, 0)
    widget.controller.choose_labels(stack)
    wait(widget)
    widget.instance_labels.dialog.accept()
    wait(widget)
    labels = viewer.layers["stack labels"]
    assert labels.data.shape == (2, 96, 128)
    assert labels.data[0, 20, 20] == SKY
    assert not labels.data[1].any()


def test_of_many_regions_only_the_largest_are_in_the_table_and_the_rest_follow_the_suggestion(bare, wait):
    viewer, widget = bare
    labels = viewer.add_labels(np.arange(1, 96 * 128 + 1).reshape(96, 128), name="crumbs")
    widget.controller.choose_labels(labels)
    wait(widget)
    assert widget.instance_labels.dialog.table.rowCount() == 300
    widget.instance_labels.dialog.accept()
    wait(widget)
    np.testing.assert_array_equal(viewer.layers["photo labels"].data, PREDICTED)


def test_the_class_map_of_a_saved_label_map_is_believed(bare, wait):
    viewer, widget = bare
    labels = Labels(PREDICTED.copy(), name="saved")
    on_layers.show_classes(labels, ClassMap.pascal_context())
    viewer.add_layer(labels)
    widget.controller.choose_labels(labels)
    wait(widget)
    assert widget.instance_labels.dialog is None
    assert "photo colors" in viewer.layers
