"""What is chosen in a viewer, without a window and without anything that is computed."""

import json

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels
from safetensors.numpy import load_file, save_file

from napari_colorizer._napari.colorize.selection import Selection
from napari_colorizer.models.header import METADATA_KEY, read_header

PIXELS = np.zeros((20, 30), np.uint8)


@pytest.fixture
def selection():
    viewer = ViewerModel()
    viewer.add_layer(Image(PIXELS, name="photo"))
    chosen = Selection(viewer)
    yield chosen
    chosen.close()


def listen(selection, *names):
    """A list that gets the name of each signal that is sent, and what is chosen then."""
    told = []
    for name in names:
        getattr(selection, name).connect(lambda *_, name=name: told.append((name, selection.image, selection.labels)))
    return told


def test_that_another_image_is_chosen_is_told_before_and_after(selection):
    told = listen(selection, "image_about_to_change", "labels_changed", "layers_changed", "outdated")
    photo = selection.viewer.layers["photo"]
    selection.choose_image(photo)
    assert told == [("image_about_to_change", None, None), ("layers_changed", photo, None)]
    labels = selection.viewer.add_layer(Labels(PIXELS.copy(), name="map"))
    told.clear()
    selection.choose_labels(labels)
    assert told[0] == ("labels_changed", photo, labels)
    assert told[-2:] == [("layers_changed", photo, labels), ("outdated", photo, labels)]
    told.clear()
    selection.viewer.layers.remove(photo)
    assert told[0] == ("image_about_to_change", photo, labels)
    assert told[-1] == ("layers_changed", None, None)


def test_pixels_of_an_image_are_told_apart_from_how_they_are_shown(selection):
    photo = selection.viewer.layers["photo"]
    selection.choose_image(photo)
    told, pictures = listen(selection, "outdated"), [(selection.subject, selection.picture_of(photo).key)]
    for change in (lambda: setattr(photo, "contrast_limits", (0, 9)), lambda: setattr(photo, "data", PIXELS + 1)):
        told.clear()
        change()
        assert told
        pictures.append((selection.subject, selection.picture_of(photo).key))
    subjects, keys = zip(*pictures, strict=True)
    assert subjects == (subjects[0], subjects[0], subjects[0] + 1)
    assert len(set(keys)) == 3


def test_nothing_is_told_any_more_once_it_is_closed(selection):
    photo = selection.viewer.layers["photo"]
    selection.choose_image(photo)
    told = listen(selection, "outdated", "layers_changed", "image_about_to_change", "place_changed")
    selection.close()
    photo.contrast_limits = 0, 9
    photo.scale = 2, 2
    selection.viewer.layers.remove(photo)
    assert not told


def test_when_the_chosen_image_goes_the_topmost_of_the_others_is_chosen(selection):
    viewer, photo = selection.viewer, selection.viewer.layers["photo"]
    below, top = (viewer.add_layer(Image(PIXELS, name=name)) for name in ("below", "top"))
    viewer.add_layer(Labels(PIXELS, name="map"))
    selection.choose_image(photo)
    for gone, next_one in ((photo, top), (top, below), (below, None)):
        assert selection.image is gone
        viewer.layers.remove(gone)
        assert selection.image is next_one


def lay_link_to_nothing(path):
    path.symlink_to(path.with_name("moved away"))


def lay_link_to_itself(path):
    path.symlink_to(path.name)


def lay_folder(path):
    path.mkdir()


def lay_nothing(path):
    path.touch()


@pytest.mark.parametrize("lay", [lay_link_to_nothing, lay_link_to_itself, lay_folder, lay_nothing])
def test_a_model_that_is_none_is_told_and_the_one_of_before_stays(selection, library, lay):
    library.mkdir()
    lay(library / "mine.safetensors")
    check_refused(selection)


@pytest.mark.parametrize("value", [10**400, -1, 2, float("nan"), "x", None, [], {}])
def test_a_model_whose_confidence_is_none_is_told_and_the_one_of_before_stays(selection, library, tiny_model, value):
    library.mkdir()
    path = library / "mine.safetensors"
    tiny_model.save(path)
    header = read_header(path) | {"confidence": value}
    save_file(load_file(path), path, {METADATA_KEY: json.dumps(header)})
    check_refused(selection)


def check_refused(selection):
    said = []
    selection.message.connect(said.append)
    selection.choose_model("mine")
    assert selection.model.name == "default"
    assert len(said) == 1
    assert "mine" in said[0]
