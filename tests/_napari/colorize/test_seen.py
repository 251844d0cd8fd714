"""What is colored is what is seen, where it is seen."""

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image, Labels
from napari.layers._source import layer_source
from PIL import Image as Picture

from napari_colorizer._napari.colorize.inference import load
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import ClassMap

GRASS, SKY = 36, 50


@pytest.fixture
def labeled(bare_dock, photo, wait):
    """A photo, its label map and its colors."""
    data = np.full(photo.shape, SKY, np.uint8)
    data[48:] = GRASS
    labels = Labels(data, name="mine")
    on_layers.show_classes(labels, ClassMap.pascal_context())
    viewer, widget = bare_dock(Image(photo, name="photo"), labels)
    widget.controller.choose_labels(labels)
    return viewer, wait(widget), labels


def lightness(viewer):
    return np.asarray(viewer.layers["photo colors"].data).mean(axis=2).ravel()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"colormap": "gray_r"}, lambda v: 1 - v),
        ({"gamma": 2.0}, lambda v: v**2),
        ({"gamma": 0.5, "contrast_limits": (50, 220)}, lambda v: np.clip((v * 255 - 50) / 170, 0, 1) ** 0.5),
        ({"colormap": "gray_r", "gamma": 2.0}, lambda v: 1 - v**2),
    ],
    ids=["inverted", "gamma", "gamma and limits", "both"],
)
def test_gamma_and_colormap_are_followed(labeled, wait, photo, change, expected):
    viewer, widget, labels = labeled
    for name, value in change.items():
        setattr(viewer.layers["photo"], name, value)
    wait(widget)
    seen = np.round(expected(photo / 255.0) * 255).astype(np.uint8)
    right = load("default").colorize(seen, labels.data).astype(int)
    got = np.asarray(viewer.layers["photo colors"].data).astype(int)
    assert np.corrcoef(lightness(viewer), seen.ravel())[0, 1] > 0.95
    assert np.abs(got - right).mean() < 1.5


def test_the_lightness_of_a_colored_colormap_is_followed(labeled, wait, photo):
    viewer, widget, _ = labeled
    viewer.layers["photo"].colormap = "magma"
    wait(widget)
    seen = np.asarray(viewer.layers["photo"].colormap.map(photo / 255.0)).reshape(*photo.shape, 4)[..., :3]
    assert np.corrcoef(lightness(viewer), (seen @ [0.2126, 0.7152, 0.0722]).ravel())[0, 1] > 0.95


@pytest.mark.parametrize(
    "place", [{"translate": (0, 10)}, {"scale": (1, 2)}, {"rotate": 30}, {"affine": np.diag([1, -1, 1])}]
)
def test_a_label_map_that_does_not_lie_on_its_image_is_refused(labeled, wait, messages, place):
    viewer, widget, labels = labeled
    before, said = viewer.layers["photo colors"].data.copy(), messages(widget)
    for name, value in place.items():
        setattr(labels, name, value)
    wait(widget)
    assert any("'mine'" in text and "'photo'" in text and "lie" in text for text in said)
    np.testing.assert_array_equal(viewer.layers["photo colors"].data, before)


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0), (1, 2, 0)])
def test_a_label_map_of_a_cube_with_its_axes_in_another_order_is_refused(bare_dock, wait, messages, order):
    viewer, widget = bare_dock(Image(np.random.default_rng(0).integers(0, 255, (40, 40, 40), np.uint8), name="cube"))
    affine = np.eye(4)[[*order, 3]]
    labels = Labels(np.full((40, 40, 40), SKY, np.uint8), name="mine", affine=affine)
    on_layers.show_classes(labels, ClassMap.pascal_context())
    said = messages(widget)
    widget.controller.choose_labels(viewer.add_layer(labels))
    wait(widget)
    assert any("'mine' does not lie on the image 'cube'" in text for text in said)
    assert "cube colors" not in viewer.layers


def test_the_units_of_a_place_count(labeled, wait, messages):
    viewer, widget, labels = labeled
    said = messages(widget)
    viewer.layers["photo"].units = "um", "um"  # before, both were in pixels
    labels.units = "mm", "mm"
    wait(widget)
    assert "'mine' does not lie on the image 'photo'" in said[-1]
    labels.scale = 0.001, 0.001
    wait(widget)
    assert said[-1] == ""


def test_colors_that_are_moved_off_their_image_are_named_and_come_back_with_it(bare_predicted, wait, messages):
    viewer, widget = bare_predicted
    said = messages(widget)
    viewer.layers["photo colors"].translate = 30, 30
    assert all(part in said[-1] for part in ("'photo colors'", "'photo'", "translate is [30.0, 30.0]"))
    viewer.layers["photo"].translate = 5, 5
    assert tuple(viewer.layers["photo colors"].translate) == (5, 5)
    wait(widget)


def test_the_same_place_told_otherwise_is_the_same(labeled, wait, messages):
    viewer, widget, labels = labeled
    said = messages(widget)
    viewer.layers["photo"].scale = (2, 2)
    labels.affine = np.diag([2, 2, 1])
    wait(widget)
    assert said[-1] == ""


def test_what_was_laid_on_an_image_goes_with_it(bare_predicted, wait, messages):
    viewer, widget = bare_predicted
    said = messages(widget)
    viewer.layers["photo"].translate = (5, 40)
    viewer.layers["photo"].scale = (0.5, 0.5)
    wait(widget)
    for name in ("photo labels", "photo colors"):
        assert tuple(viewer.layers[name].translate) == (5, 40)
        assert tuple(viewer.layers[name].scale) == (0.5, 0.5)
    assert not any(said)


@pytest.mark.parametrize("shape", [(60, 90), (80, 80)])
def test_a_photograph_that_is_to_be_shown_rotated_is_named_and_upright(bare_dock, wait, tmp_path, messages, shape):
    stored = np.random.default_rng(0).integers(60, 200, shape, np.uint8)
    exif = Picture.Exif()
    exif[274] = 6
    Picture.fromarray(stored).save(tmp_path / "turned.png", exif=exif)
    viewer, widget = bare_dock()
    with layer_source(path=str(tmp_path / "turned.png"), reader_plugin="napari"):
        viewer.add_layer(Image(stored, name="turned"))
    wait(widget)
    assert "rotated" in widget.offer_bar.text.text()
    upright = Labels(np.full(shape[::-1], SKY, np.uint8), name="of the shell")
    on_layers.show_classes(upright, ClassMap.pascal_context())
    said = messages(widget)
    widget.controller.choose_labels(viewer.add_layer(upright))
    wait(widget)
    if shape[0] != shape[1]:
        assert "rotated" in said[-1]
    widget.offer_bar.buttons[0].click()
    wait(widget)
    np.testing.assert_array_equal(widget.controller.image.data, np.rot90(stored, -1))


def test_gray_with_alpha_is_named_and_its_gray_part_offered(bare_dock, wait, photo, messages):
    both = np.dstack([photo, np.full_like(photo, 255)])
    viewer, widget = bare_dock()
    said = messages(widget)
    viewer.add_layer(Image(both, name="scan", rgb=False))
    wait(widget)
    assert "alpha" in widget.offer_bar.text.text()
    widget.predict_button.click()
    wait(widget)
    assert "'scan' is a gray image with an alpha channel" in said[-1]
    widget.offer_bar.buttons[0].click()
    wait(widget)
    np.testing.assert_array_equal(widget.controller.image.data, photo)
    assert widget.offer_bar.isHidden()


@pytest.mark.parametrize("kind", ["16 bits", "dask", "levels", "stack", "placed"])
def test_the_gray_part_is_taken_of_whatever_has_one(bare_dock, wait, photo, kind):
    both = np.dstack([photo, np.full_like(photo, 255)])
    given = {
        "16 bits": both.astype(np.uint16) * 257,
        "dask": da.from_array(both, chunks=(32, 32, 2)),
        "levels": [both, both[::2, ::2]],
        "stack": np.stack([both, 255 - both]),
        "placed": both,
    }[kind]
    scale = (2, 3, 1) if kind == "placed" else None
    viewer, widget = bare_dock()
    viewer.add_layer(Image(given, name="scan", rgb=False, multiscale=kind == "levels", scale=scale))
    wait(widget)
    widget.offer_bar.buttons[0].click()
    wait(widget)
    image = widget.controller.image
    assert image.name == "scan gray"
    wanted = np.asarray(given[0] if kind == "levels" else given)[..., 0]
    np.testing.assert_array_equal(image.data, wanted)
    assert tuple(image.scale[-2:]) == ((2, 3) if kind == "placed" else (1, 1))
    widget.predict_button.click()
    wait(widget)
    assert "scan gray colors" in viewer.layers


def test_the_gray_part_of_what_is_to_be_rotated_is_upright(bare_dock, wait, tmp_path):
    gray = np.random.default_rng(0).integers(60, 200, (40, 60), np.uint8)
    both, exif = np.dstack([gray, np.full_like(gray, 255)]), Picture.Exif()
    exif[274] = 6
    Picture.fromarray(both, "LA").save(tmp_path / "turned.png", exif=exif)
    viewer, widget = bare_dock()
    with layer_source(path=str(tmp_path / "turned.png"), reader_plugin="napari"):
        viewer.add_layer(Image(both, name="scan", rgb=False))
    wait(widget)
    assert "alpha" in widget.offer_bar.text.text()
    widget.offer_bar.buttons[0].click()
    wait(widget)
    np.testing.assert_array_equal(widget.controller.image.data, np.rot90(gray, -1))


def test_a_prediction_of_another_picture_or_model_is_asked_for_again(bare, wait, photo, predicts):
    predicted = predicts(np.full(photo.shape, SKY, np.uint8))
    viewer, widget = bare
    widget.predict_button.click()
    viewer.layers["photo"].data = np.full_like(photo, 7)
    wait(widget)
    assert [pixels[0, 0] for pixels in predicted] == [photo[0, 0], 7]
    assert (viewer.layers["photo labels"].data == SKY).all()


def test_the_first_image_that_comes_is_taken_and_messages_go_with_their_image(bare_dock, wait, photo):
    viewer, widget = bare_dock()
    widget.predict_button.click()
    assert "Choose an image layer first" in widget.message.text()
    first = viewer.add_image(photo, name="first")
    wait(widget)
    assert widget.controller.image is first
    assert widget.images.currentText() == "first"
    assert widget.message.text() == ""
    widget.controller.message.emit("about the first")
    viewer.add_image(photo, name="second")
    assert widget.controller.image is first
    assert widget.message.text() == "about the first"
    widget.controller.choose_image(viewer.layers["second"])
    assert widget.message.text() == ""


@pytest.mark.parametrize("how", ["another", "removed", "chosen"])
def test_an_offer_goes_with_its_image(bare_dock, wait, photo, how):
    viewer, widget = bare_dock()
    usual = viewer.add_image(photo, name="usual") if how == "chosen" else None
    scan = viewer.add_image(np.stack([photo, np.full_like(photo, 255)], -1), name="scan", rgb=False)
    widget.controller.choose_image(scan)
    wait(widget)
    assert not widget.offer_bar.isHidden()
    if how == "removed":
        viewer.layers.remove(scan)
    else:
        widget.controller.choose_image(usual or viewer.add_image(photo, name="another"))
    wait(widget)
    assert widget.offer_bar.isHidden()
    assert not widget.offer_bar.buttons


def test_what_is_said_of_a_map_that_does_not_fit_is_true_and_legible(bare_dock, wait, messages):
    viewer, widget = bare_dock()
    viewer.add_image(np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8), name="square")
    said = messages(widget)
    for name, data, translate in (("deep", np.ones((3, 40, 40), int), None), ("moved", np.ones((40, 40), int), (5, 5))):
        layer = Labels(data, name=name, translate=translate)
        on_layers.show_classes(layer, ClassMap.pascal_context())
        widget.controller.choose_labels(viewer.add_layer(layer))
        wait(widget)
        assert repr(name) in said[-1]
        assert "rotated by" not in said[-1]
        assert "np." not in said[-1]
