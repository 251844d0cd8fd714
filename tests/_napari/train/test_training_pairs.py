"""The check of the data before a training, and pairs that are collected from the viewer."""

import threading

import numpy as np
import pytest
from napari.layers import Image, Labels
from PIL import Image as Picture
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_colorizer._napari.colorize.training_pairs import collected_folder, count_pairs
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.train.data_check import check_data
from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.datasets.read import read_set
from napari_colorizer.files import write_label_map
from napari_colorizer.training.options import TrainOptions

CLASSES = ClassMap([Class(1, "sky", "#87ceeb"), Class(2, "grass", "#4caf50"), Class(7, "boat", "#b22222")])


@pytest.fixture
def color(rng):
    """A photograph of 40 x 60 pixels."""
    return rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def photos(tmp_path, rng):
    """A labeled set of five images, the last in gray."""
    root = tmp_path / "photos"
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    CLASSES.write(root / "classes.json")
    for number in range(5):
        image = rng.integers(0, 256, (40, 60, 3)[: 2 if number == 4 else 3], dtype=np.uint8)
        Picture.fromarray(image).save(root / "images" / f"{number}.png")
        labels = np.ones((40, 60), np.uint8)
        labels[:10] = 2
        write_label_map(root / "masks" / f"{number}.png", labels)
    return root


def check(root, **options):
    return check_data(TrainOptions(data=str(root), **options), threading.Event())


def test_a_sound_set_is_summed_up(photos):
    found = check(photos, val_share=0.4)
    assert found.obstacle == ""
    assert "Classes: sky 75%, grass 25%" in found.summary
    assert "60 x 40" in found.summary
    counts = [int(word) for word in found.summary.splitlines()[0].split() if word.isdigit()]
    assert sum(counts) == 5
    assert "4.png" in found.summary  # is gray


def test_problems_are_told_by_file_name_and_are_no_obstacle(photos):
    write_label_map(photos / "masks" / "2.png", np.ones((5, 5), np.uint8))
    (photos / "images" / "3.png").write_bytes(b"nothing")
    found = check(photos)
    assert found.obstacle == ""
    problems = found.summary[found.summary.index("Problems") :]
    assert "masks/2.png" in problems
    assert "images/3.png" in problems


def test_a_set_of_which_nothing_can_be_read_cannot_be_trained_on(photos):
    for image in (photos / "images").iterdir():
        image.write_bytes(b"nothing")
    found = check(photos)
    assert "none of its images can be read" in found.obstacle
    assert "images/0.png" in found.summary


@pytest.mark.parametrize(("network", "possible"), [("segmenter", False), ("colorizer", True), ("both", True)])
def test_a_segmenter_needs_label_maps(photos, network, possible):
    for mask in (photos / "masks").iterdir():
        mask.unlink()
    assert (check(photos, network=network).obstacle == "") == possible


def test_what_nobody_can_learn_from_is_an_obstacle(photos):
    gray = np.full((40, 60), 9, np.uint8)
    for number in range(5):
        Picture.fromarray(gray + np.uint8(number)).save(photos / "images" / f"{number}.png")
    assert "gray" in check(photos, network="colorizer").obstacle
    assert check(photos, network="segmenter").obstacle == ""
    assert check(photos).obstacle == ""
    for number in range(5):
        write_label_map(photos / "masks" / f"{number}.png", np.zeros((40, 60), np.uint8))
    assert "any labels" in check(photos, network="segmenter").obstacle
    both = check(photos).obstacle
    assert "gray" in both
    assert "any labels" in both


def test_images_that_must_not_teach_do_not_count(photos):
    for mask in list((photos / "masks").iterdir()):
        mask.unlink()
    assert check(photos, network="colorizer").obstacle == ""
    assert check(photos, network="colorizer", unlabeled=False).obstacle != ""


def test_what_is_said_of_many_files_is_one_line(photos):
    for number in range(20):
        Picture.fromarray(np.full((40, 60), 10 * number, np.uint8)).save(photos / "images" / f"gray {number:02}.png")
        write_label_map(photos / "masks" / f"gray {number:02}.png", np.ones((40, 60), np.uint8))
    write_label_map(photos / "masks" / "2.png", np.ones((5, 5), np.uint8))
    found = check(photos)
    (line,) = (line for line in found.summary.splitlines() if "no color" in line)
    assert line.startswith("- 21 images have no color")
    assert "gray 00.png" in line
    assert line.endswith("and 16 more")
    assert found.verdict == "The check found 1 problem and 2 notices: see below"


def test_a_check_that_was_cancelled_finds_nothing(photos):
    cancelled = threading.Event()
    cancelled.set()
    assert check_data(TrainOptions(data=str(photos)), cancelled) is None


# -- collecting pairs


@pytest.fixture
def labeled(bare_dock, wait):
    """The dock Colorize with an image and its label map."""

    def opened(image, labels=None, **facts):
        layer = Image(image, name="harbor", rgb=image.shape[-1] == 3, **facts)
        viewer, widget = bare_dock(layer)
        if labels is not None:
            widget.controller.add_labels(labels, CLASSES)
        return viewer, wait(widget)

    return opened


@pytest.fixture
def add(wait, messages):
    """Press Add to training set; gives what the dock says."""

    def pressed(widget):
        said = messages(widget)
        widget.collect_button.click()
        wait(widget)
        return said[-1] if said else ""

    return pressed


@pytest.fixture
def answer(wait, messages):
    """Press a button of the question that is asked; gives what the dock says then."""

    def answered(widget, text):
        said = messages(widget)
        (box,) = (box for box in QApplication.topLevelWidgets() if isinstance(box, QMessageBox) and box.isVisible())
        assert "harbor.png" in box.informativeText()
        next(button for button in box.buttons() if button.text() == text).click()
        wait(widget)
        return said[-1]

    return answered


def some_labels(shape=(40, 60)):
    labels = np.zeros(shape, np.uint8)
    labels[..., :10, :] = 7
    return labels


def read_pair(name):
    data = read_set(collected_folder())
    (pair,) = (pair for pair in data.pairs if pair.image.stem == name)
    return np.asarray(Picture.open(pair.image)), data.read_mask(pair.mask), data.classes


def test_a_color_image_is_saved_with_its_labels(labeled, add, color, library):
    _, widget = labeled(color, some_labels())
    said = add(widget)
    assert "1 pair" in said
    assert str(library.parent / "training set") in said
    assert "gray" not in said
    image, labels, classes = read_pair("harbor")
    np.testing.assert_array_equal(image, color)
    np.testing.assert_array_equal(labels == classes.named("boat").id, some_labels() == 7)


def test_a_gray_image_is_saved_as_it_is_shown_and_serves_the_segmenter_only(labeled, add):
    gray = np.linspace(0, 1000, 40 * 60).reshape(40, 60)
    _, widget = labeled(gray, some_labels(), contrast_limits=(0, 2000))
    assert "not the colorizer" in add(widget)
    image, _, _ = read_pair("harbor")
    np.testing.assert_allclose(image[..., 0], gray / 2000 * 255, atol=0.51)
    assert (image == image[..., :1]).all()


def test_the_plane_that_is_shown_is_saved(labeled, add, rng):
    stack = rng.integers(0, 256, (3, 40, 60, 3), dtype=np.uint8)
    viewer, widget = labeled(stack, some_labels((3, 40, 60)))
    for plane in (2, 1):
        viewer.dims.set_point(0, plane)
        add(widget)
    assert count_pairs(collected_folder()) == 2
    np.testing.assert_array_equal(read_pair("harbor_2")[0], stack[2])
    np.testing.assert_array_equal(read_pair("harbor_1")[0], stack[1])


def test_other_labels_of_the_same_image_replace_the_first_ones_only_if_that_is_wanted(labeled, add, answer, color):
    viewer, widget = labeled(color, some_labels())
    add(widget)
    assert "already, with these labels" in add(widget)
    viewer.layers["harbor labels"].data_setitem((np.array([30]), np.array([30])), 2)
    for button in ("Keep the old", "Cancel"):
        add(widget)
        assert "stays in the training set with its old labels" in answer(widget, button)
        assert read_pair("harbor")[1][30, 30] == 0
    add(widget)
    assert "replaced" in answer(widget, "Overwrite")
    assert count_pairs(collected_folder()) == 1
    _, labels, classes = read_pair("harbor")
    assert labels[30, 30] == classes.named("grass").id


def test_the_question_may_be_answered_when_the_dock_is_closed(open_dock, wait, add, color):
    viewer, widget = open_dock(Image(color, name="harbor", rgb=True))
    widget.controller.add_labels(some_labels(), CLASSES)
    add(wait(widget))
    widget.controller.labels.data_setitem((np.array([30]), np.array([30])), 2)
    add(widget)
    (box,) = (box for box in QApplication.topLevelWidgets() if isinstance(box, QMessageBox) and box.isVisible())
    viewer.window.remove_dock_widget(widget)
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    next(button for button in box.buttons() if button.text() == "Keep the old").click()
    assert read_pair("harbor")[1][30, 30] == 0


def test_another_image_of_the_same_name_is_another_pair(labeled, add, color):
    for image in (color, 255 - color):
        _, widget = labeled(image, some_labels())
        said = add(widget)
    assert "2 pairs" in said
    np.testing.assert_array_equal(read_pair("harbor")[0], color)
    np.testing.assert_array_equal(read_pair("harbor_2")[0], 255 - color)


def test_another_image_in_the_same_layer_is_another_pair(labeled, add, color):
    viewer, widget = labeled(color, some_labels())
    add(widget)
    viewer.layers["harbor"].data = 255 - color
    assert "added" in add(widget)
    np.testing.assert_array_equal(read_pair("harbor")[0], color)
    np.testing.assert_array_equal(read_pair("harbor_2")[0], 255 - color)


def test_the_same_image_opened_again_is_the_same_pair(labeled, add, answer, color):
    _, widget = labeled(color, some_labels())
    add(widget)
    _, widget = labeled(color.copy(), np.full((40, 60), 2, np.uint8))
    add(widget)
    assert "replaced" in answer(widget, "Overwrite")
    assert count_pairs(collected_folder()) == 1
    _, labels, classes = read_pair("harbor")
    assert (labels == classes.named("grass").id).all()


def test_what_cannot_be_added_is_told(labeled, add, color, bare_dock, wait):
    _, widget = bare_dock()
    assert "Choose the image" in add(widget)
    _, widget = labeled(color)
    assert "no label map" in add(widget)
    _, widget = labeled(color, np.zeros((40, 60), np.uint8))
    assert "'harbor labels' is empty" in add(widget)
    strange = some_labels()
    strange[0, 0] = 99
    _, widget = labeled(color, strange)
    assert "99" in add(widget)
    viewer, widget = labeled(color, some_labels())
    on_layers.mark_regions(viewer.layers["harbor labels"])
    assert "not classes" in add(widget)
    small = Labels(some_labels((10, 60)), name="small")
    on_layers.show_classes(small, CLASSES)
    viewer.add_layer(small)
    widget.controller.choose_labels(small)
    wait(widget)
    assert "'small' has the shape" in add(widget)
    assert count_pairs(collected_folder()) == 0


def test_a_full_disk_is_told(labeled, add, color, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_colorizer.datasets.collect.write_label_map", full)
    _, widget = labeled(color, some_labels())
    said = add(widget)
    assert "'harbor' cannot be added" in said
    assert "No space left" in said
    assert count_pairs(collected_folder()) == 0


def test_the_dock_train_counts_the_pairs_and_takes_them_as_data(labeled, add, color, bare_train):
    _, train = bare_train()
    assert train.collected_button.text() == "Collected pairs (0)"
    assert not train.collected_button.isEnabled()
    _, widget = labeled(color, some_labels())
    add(widget)
    assert train.collected_button.text() == "Collected pairs (1)"
    train.collected_button.click()
    assert train.values()["data"] == str(collected_folder())
