"""The dock in a real viewer."""

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_colorizer._napari.shared import layer_notes
from napari_colorizer._napari.shared.signals import shared_signals
from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.engine.options import Adjustment

GRASS, SKY = 36, 50


def test_the_dock_offers_the_photo_the_model_and_its_license(dock):
    _, widget = dock
    assert widget.images.currentText() == "photo"
    assert widget.models.currentText() == "default"
    assert "non-commercial" in widget.models.toolTip()


def test_predict_labels_makes_a_named_label_map_and_colors_on_top_of_the_photo(predicted):
    viewer, widget = predicted
    assert [layer.name for layer in viewer.layers] == ["photo", "photo colors", "photo labels"]
    labels, colors = viewer.layers["photo labels"], viewer.layers["photo colors"]
    assert labels.data.shape == (96, 128)
    assert np.isin(labels.data, widget.controller.classes.ids).all()
    assert colors.rgb
    assert colors.data.shape == (96, 128, 3)
    assert colors.metadata["napari-colorizer"]["model"] == "default"


def test_the_status_bar_names_the_class(predicted):
    viewer, widget = predicted
    labels = viewer.layers["photo labels"]
    name = widget.controller.classes[int(labels.data[5, 5])].name
    assert name in labels.get_status((5, 5), world=True)["value"]


def test_new_layers_lie_where_the_photo_lies(open_dock, photo, wait):
    place = {"scale": (2.0, 3.0), "translate": (5.0, 7.0), "rotate": 30.0, "units": ("um", "um")}
    viewer, widget = open_dock(Image(photo, name="photo", **place))
    widget.predict_button.click()
    wait(widget)
    for name in ("photo labels", "photo colors"):
        np.testing.assert_allclose(
            viewer.layers[name].data_to_world((10, 20)), viewer.layers["photo"].data_to_world((10, 20))
        )
        assert viewer.layers[name].units == viewer.layers["photo"].units


def test_predicting_again_is_one_undo_step(predicted, wait):
    viewer, widget = predicted
    labels = viewer.layers["photo labels"]
    first = labels.data.copy()
    labels.data_setitem(np.nonzero(np.ones_like(first)), GRASS)
    widget.predict_button.click()
    wait(widget)
    np.testing.assert_array_equal(labels.data, first)
    labels.undo()
    assert (labels.data == GRASS).all()


@pytest.mark.parametrize("following", [True, False])
def test_colors_follow_edits_if_wanted(predicted, wait, following):
    viewer, widget = predicted
    widget.follow_box.setChecked(following)
    wait(widget)
    before = viewer.layers["photo colors"].data.copy()
    other = GRASS if (viewer.layers["photo labels"].data[60:] != GRASS).any() else SKY
    viewer.layers["photo labels"].data_setitem(np.nonzero(np.ones((96, 128))), other)
    wait(widget)
    assert np.array_equal(viewer.layers["photo colors"].data, before) != following
    widget.colorize_button.click()
    wait(widget)
    assert not np.array_equal(viewer.layers["photo colors"].data, before)


def test_colors_follow_fill_polygon_erase_undo_redo_and_replacement(predicted, wait, assert_colored):
    viewer, widget = predicted
    labels, colors = viewer.layers["photo labels"], viewer.layers["photo colors"]
    rectangle = [[10, 10], [10, 100], [80, 100], [80, 10]]
    edits = (
        lambda: labels.data_setitem(np.nonzero(np.ones((96, 128))), SKY),
        lambda: labels.paint_polygon(rectangle, GRASS),
        lambda: labels.fill((50, 50), 54),
        lambda: labels.paint((50, 50), 0),
        labels.undo,
        labels.redo,
        lambda: setattr(labels, "data", np.full((96, 128), GRASS, np.uint8)),
    )
    for edit in edits:
        edit()
        wait(widget)
        assert_colored(colors.data, labels.data)


def test_colors_follow_undo_and_redo_of_labels_that_are_hidden(predicted, wait, assert_colored):
    viewer, widget = predicted
    labels, colors = viewer.layers["photo labels"], viewer.layers["photo colors"]
    labels.paint_polygon([[10, 10], [10, 100], [80, 100], [80, 10]], 54)
    labels.visible = False
    for step in (labels.undo, labels.redo):
        before = labels.data.copy()
        step()
        wait(widget)
        assert (labels.data != before).any()
        assert_colored(colors.data, labels.data)
        assert widget.controller.counts.get(54, 0) == np.count_nonzero(labels.data == 54)


def test_coloring_never_changes_the_labels(predicted, wait):
    viewer, widget = predicted
    labels = viewer.layers["photo labels"]
    labels.data = np.resize(np.arange(62, dtype=np.uint8), (96, 128))
    before = labels.data.copy()
    for _ in range(5):
        widget.colorize_button.click()
        wait(widget)
    np.testing.assert_array_equal(labels.data, before)


def test_a_color_layer_that_was_deleted_comes_back_with_the_next_edit(predicted, wait):
    viewer, widget = predicted
    viewer.layers.remove("photo colors")
    viewer.layers["photo labels"].paint((20, 20), GRASS)
    wait(widget)
    assert "photo colors" in viewer.layers


def test_removing_the_photo_or_the_labels_leaves_a_working_dock(predicted, wait, messages):
    viewer, widget = predicted
    said = messages(widget)
    viewer.layers.remove("photo labels")
    viewer.layers.remove("photo")
    wait(widget)
    assert widget.images.currentText() == ""
    widget.predict_button.click()
    assert "Choose an image" in said[-1]


def test_a_label_map_of_another_shape_is_refused_by_name(dock, wait, messages):
    viewer, widget = dock
    said = messages(widget)
    other = Labels(np.zeros((10, 10), np.uint8), name="small one")
    viewer.add_layer(other)
    widget.controller.choose_labels(other)
    wait(widget)
    assert "'small one'" in said[-1]
    assert "same shape" in said[-1]


def test_stray_ids_are_magenta_listed_and_harmless(predicted, wait):
    viewer, widget = predicted
    labels = viewer.layers["photo labels"]
    labels.paint((20, 20), 200)
    wait(widget)
    np.testing.assert_allclose(labels.colormap.map(np.array([200]))[0], (1, 0, 1, 1))
    assert widget.controller.counts[200] > 0
    assert 200 in widget.class_list.visible_ids()


def test_saturation_and_warmth_of_the_result(predicted, wait, until):
    viewer, widget = predicted
    viewer.layers["photo labels"].data = np.full((96, 128), GRASS, np.uint8)
    wait(widget)
    before = viewer.layers["photo colors"].data.astype(int)
    sliders = widget.color_tools.adjustment
    sliders.sliders["saturation"].setValue(0)
    until(lambda: widget.controller.adjustment.saturation == 0)
    wait(widget)
    np.testing.assert_array_equal(viewer.layers["photo colors"].data[..., 0], viewer.layers["photo"].data)
    sliders.sliders["warmth"].setValue(100)
    until(lambda: widget.controller.adjustment.warmth == 1)
    wait(widget)
    red, _, blue = viewer.layers["photo colors"].data[70, 20].tolist()
    assert red > blue + 10
    sliders.reset_button.click()
    until(lambda: widget.controller.adjustment == Adjustment())
    wait(widget)
    assert np.abs(viewer.layers["photo colors"].data.astype(int) - before).max() <= 1


def test_contrast_limits_are_those_of_the_layer(open_dock, photo, wait):
    dark = photo.astype(np.uint16) * 4
    viewer, widget = open_dock(Image(dark, name="photo", contrast_limits=(0, 1020)))
    widget.controller.set_adjustment(saturation=0.0)
    widget.predict_button.click()
    wait(widget)
    difference = viewer.layers["photo colors"].data[..., 0].astype(int) - photo
    assert abs(difference).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (10, 10), (1, 700)])
def test_tiny_and_thin_images_work(open_dock, wait, shape):
    viewer, widget = open_dock(Image(np.full(shape, 90, np.uint8), name="small"))
    widget.predict_button.click()
    wait(widget)
    assert viewer.layers["small colors"].data.shape == (*shape, 3)


def test_black_and_missing_pixels_work(open_dock, wait):
    image = np.zeros((40, 40), np.float32)
    image[:5] = np.nan
    viewer, widget = open_dock(Image(image, name="black"))
    widget.predict_button.click()
    wait(widget)
    assert viewer.layers["black colors"].data.max() < 60


def test_rgb_images_give_their_lightness(open_dock, wait, photo):
    viewer, widget = open_dock(Image(np.dstack([photo, photo // 2, photo]), rgb=True, name="pink"))
    widget.predict_button.click()
    wait(widget)
    assert viewer.layers["pink labels"].data.shape == photo.shape
    assert viewer.layers["pink colors"].data.shape == (*photo.shape, 3)


def test_a_stack_is_colored_plane_by_plane(open_dock, wait, photo):
    stack = np.stack([photo, 255 - photo, photo // 2])
    viewer, widget = open_dock(Image(stack, name="stack"))
    viewer.dims.set_current_step(0, 1)
    widget.predict_button.click()
    wait(widget)
    labels = viewer.layers["stack labels"]
    assert labels.data.shape == stack.shape
    assert labels.data[1].any()
    assert not labels.data[[0, 2]].any()
    first = viewer.layers["stack colors"].data.copy()
    viewer.dims.set_current_step(0, 0)
    wait(widget)
    assert not np.array_equal(viewer.layers["stack colors"].data, first)


def test_a_model_without_a_segmenter_only_colors(dock, make_model, wait, library):
    _, widget = dock
    make_model("colors-only", segmenter=False).save(library / "colors-only.safetensors")
    widget.reset_choices()
    widget.controller.choose_model("colors-only")
    wait(widget)
    assert not widget.predict_button.isEnabled()
    assert widget.colorize_button.isEnabled()


def test_a_damaged_model_is_named_and_the_old_one_kept(dock, library, messages):
    _, widget = dock
    said = messages(widget)
    library.mkdir(exist_ok=True)
    (library / "broken.safetensors").write_bytes(b"nothing")
    widget.reset_choices()
    widget.controller.choose_model("broken")
    assert "broken.safetensors" in said[-1]
    assert widget.models.currentText() == "default"


@pytest.fixture
def mine(bare, make_model, library, wait):
    """A photo that is colored with the installed model "mine"."""
    library.mkdir()
    make_model("mine", working_size=64).save(library / "mine.safetensors")
    viewer, widget = bare
    widget.reset_choices()
    widget.controller.choose_model("mine")
    widget.controller.add_labels(np.ones((96, 128), np.uint8), widget.controller.classes)
    return viewer, wait(widget)


def test_a_model_that_was_trained_anew_is_taken_at_once(mine, make_model, library, wait):
    viewer, widget = mine
    before = viewer.layers["photo colors"].data.copy()
    model = make_model("mine", seed=1, segmenter=False, working_size=64)
    model.classes = ClassMap([*model.classes, Class(9, "crane", "#ffaa00")])
    model.save(library / "mine.safetensors")
    shared_signals.models_changed.emit()
    wait(widget)
    assert widget.models.currentText() == "mine"
    assert "crane" in {item.name for item in widget.controller.default_classes}
    assert not widget.predict_button.isEnabled()
    assert (viewer.layers["photo colors"].data != before).any()


def test_news_of_another_model_changes_nothing(mine, make_model, library, wait):
    _, widget = mine
    controller = widget.controller
    controller.default_classes = edited = ClassMap([*controller.classes, Class(9, "crane", "#ffaa00")])
    make_model("other").save(library / "other.safetensors")
    shared_signals.models_changed.emit()
    assert widget.models.findText("other") >= 0
    assert controller.default_classes is edited
    assert controller.tasks.idle


def test_a_model_that_is_gone_gives_way_to_the_default(mine, library, wait, messages):
    _, widget = mine
    said = messages(widget)
    (library / "mine.safetensors").unlink()
    shared_signals.models_changed.emit()
    wait(widget)
    assert widget.models.currentText() == widget.controller.model.name == "default"
    assert "'mine'" in said[0]
    assert "default" in said[0]


def test_two_viewers_do_not_meddle(open_dock, photo, wait):
    first, one = open_dock(Image(photo, name="photo"))
    second, two = open_dock(Image(photo, name="photo"))
    one.predict_button.click()
    wait(one)
    assert len(first.layers) == 3
    assert len(second.layers) == 1
    two.predict_button.click()
    wait(two)
    assert len(second.layers) == 3


def test_a_viewer_closed_in_mid_run_is_no_error(dock, qtbot):
    viewer, widget = dock
    controller = widget.controller
    widget.predict_button.click()
    assert not controller.tasks.idle
    viewer.close()
    qtbot.wait(2000)
    assert controller.labels is None


def test_closing_the_dock_stops_it(predicted, qtbot):
    viewer, widget = predicted
    controller = widget.controller
    viewer.window.remove_dock_widget(widget)
    widget.deleteLater()
    qtbot.wait(100)
    before = viewer.layers["photo colors"].data.copy()
    viewer.layers["photo labels"].data = np.full((96, 128), GRASS, np.uint8)
    qtbot.wait(500)
    assert controller.tasks.idle
    np.testing.assert_array_equal(viewer.layers["photo colors"].data, before)


def test_the_dock_never_forces_the_window_taller_than_a_laptop(dock):
    _, widget = dock
    assert widget.minimumSizeHint().height() < 300


@pytest.mark.parametrize("kind", ["photo", "labels"])
def test_a_renamed_or_moved_layer_stays_chosen_under_its_name(bare_predicted, photo, kind):
    viewer, widget = bare_predicted
    viewer.add_image(photo, name="another")
    box, layer = (
        (widget.images, widget.controller.image) if kind == "photo" else (widget.label_maps, widget.controller.labels)
    )
    layer.name = "renamed"
    assert (box.currentText(), box.currentData()) == ("renamed", layer)
    viewer.layers.move(viewer.layers.index(layer), len(viewer.layers))
    assert (box.currentText(), box.currentData()) == ("renamed", layer)
    assert widget.controller.image is viewer.layers["renamed" if kind == "photo" else "photo"]


def test_color_layers_are_not_offered_as_images(predicted):
    viewer, widget = predicted
    assert layer_notes.is_colors(viewer.layers["photo colors"])
    assert [layer.name for layer in widget.image_choices()] == ["photo"]


def test_the_x_of_the_dock_stops_it_and_lets_it_go(predicted, wait, qtbot):
    viewer, widget = predicted
    listeners = len(viewer.layers.events.inserted.callbacks)
    labels = viewer.layers["photo labels"]
    keys = dict(labels.keymap)
    viewer.window.remove_dock_widget(widget)  # what the button calls
    before = viewer.layers["photo colors"].data.copy()
    labels.data = np.full((96, 128), GRASS, np.uint8)
    qtbot.wait(300)
    assert widget.controller.tasks.idle
    np.testing.assert_array_equal(viewer.layers["photo colors"].data, before)
    assert len(viewer.layers.events.inserted.callbacks) < listeners
    assert len(labels.keymap) < len(keys)
    _, again = viewer.window.add_plugin_dock_widget("napari-colorizer", "Colorize")
    wait(again)
    labels.data = np.full((96, 128), SKY, np.uint8)
    wait(again)
    assert not np.array_equal(viewer.layers["photo colors"].data, before)


def test_without_a_label_map_the_colors_follow_the_options(dock, wait):
    viewer, widget = dock
    widget.colorize_button.click()
    wait(widget)
    widget.controller.set_adjustment(saturation=0.0)
    wait(widget)
    np.testing.assert_array_equal(viewer.layers["photo colors"].data[..., 0], viewer.layers["photo"].data)


def test_a_complaint_goes_away_when_all_is_well_again(predicted, wait):
    viewer, widget = predicted
    good = widget.controller.labels
    widget.controller.choose_labels(viewer.add_labels(np.zeros((5, 5), np.uint8), name="tiny"))
    wait(widget)
    assert "tiny" in widget.message.text()
    widget.controller.choose_labels(good)
    wait(widget)
    assert widget.message.text() == ""
