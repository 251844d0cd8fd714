"""One image of a folder after the other."""

import shutil

import numpy as np
import pytest
from PIL import Image as Picture
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_colorizer._napari.colorize import folder_browser as folder_module
from napari_colorizer._napari.colorize.folder_browser import kept_as
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.files import read_label_map, write_label_map

GRASS, SKY, TREE = 36, 50, 54


@pytest.fixture(autouse=True)
def prediction(predicts):
    """Predict sky everywhere."""
    predicts(lambda shape: np.full(shape, SKY, np.uint8))


@pytest.fixture
def images(tmp_path, photo):
    """A folder of three images of different sizes."""
    folder = tmp_path / "images"
    folder.mkdir()
    for name, height in (("A.png", 96), ("B.jpg", 90), ("c.tif", 80)):
        Picture.fromarray(photo[:height]).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture
def opened(bare_dock, images, wait):
    viewer, widget = bare_dock()
    widget.folder.open(images)
    return viewer, wait(widget)


@pytest.fixture
def step(wait):
    def stepped(widget, by):
        (widget.folder_bar.next_button if by > 0 else widget.folder_bar.previous_button).click()
        wait(widget)

    return stepped


def draw(viewer, label=TREE):
    """Draw a row of another class into the label map."""
    labels = next(layer for layer in viewer.layers if layer.name.endswith(" labels"))
    labels.data_setitem((np.full(50, 70), np.arange(50)), label)
    return labels.data.copy()


def names(viewer):
    return [layer.name for layer in viewer.layers]


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_first_image_is_opened_predicted_and_colored(opened, images):
    viewer, widget = opened
    assert names(viewer) == ["A", "A colors", "A labels"]
    assert (viewer.layers["A labels"].data == SKY).all()
    assert widget.folder_bar.place.text() == "1 of 3"
    assert files(images) == ["A.png", "B.jpg", "c.tif", "notes.txt"]


def test_label_maps_and_colors_are_saved_on_the_way_and_edits_are_read_back(opened, images, step, wait):
    viewer, widget = opened
    drawn = draw(viewer)
    widget.controller.set_classes(widget.controller.classes.with_class(Class(99, "dragon", "#123456")))
    wait(widget)
    colors = viewer.layers["A colors"].data.copy()
    step(widget, 1)
    assert names(viewer) == ["B", "B colors", "B labels"]
    assert widget.folder_bar.place.text() == "2 of 3"
    saved, classes = read_label_map(images / "A.labels.png")
    np.testing.assert_array_equal(saved, drawn)
    assert classes[99].name == "dragon"
    kept = np.asarray(Picture.open(images / "A.color.png"))
    np.testing.assert_allclose(kept.astype(int), colors.astype(int), atol=1)  # computed anew, as a whole
    step(widget, -1)
    assert sorted(names(viewer)) == ["A", "A colors", "A labels"]
    np.testing.assert_array_equal(viewer.layers["A labels"].data, drawn)
    shown = viewer.layers["A colors"].data
    np.testing.assert_allclose(shown.astype(int), kept.astype(int), atol=1)  # or computed anew again
    assert widget.controller.classes[99].name == "dragon"


def test_own_outputs_are_not_listed_as_images(opened, images, step):
    _, widget = opened
    step(widget, 1)
    step(widget, 1)
    widget.folder.open(images)
    assert [path.name for path in widget.folder.images] == ["A.png", "B.jpg", "c.tif"]


def test_colors_are_saved_even_if_they_do_not_follow_and_are_shown_as_soon_as_they_do(
    opened, images, step, wait, monkeypatch
):
    viewer, widget = opened
    before = viewer.layers["A colors"].data.copy()
    widget.follow_box.setChecked(False)
    viewer.layers["A labels"].data_setitem(np.nonzero(np.ones((96, 128))), GRASS)
    wait(widget)
    with monkeypatch.context() as patch:
        patch.setattr(folder_module, "read_image", fail)
        step(widget, 1)
    saved = np.asarray(Picture.open(images / "A.color.png"))
    np.testing.assert_array_equal(viewer.layers["A colors"].data, before)
    assert not np.array_equal(saved, before)
    widget.follow_box.setChecked(True)
    wait(widget)
    np.testing.assert_array_equal(viewer.layers["A colors"].data, saved)


def test_at_the_first_and_last_image_it_says_so_and_saves(opened, images, step, messages):
    viewer, widget = opened
    said = messages(widget)
    step(widget, -1)
    assert said[-1] == "This is the first image"
    for _ in range(2):
        step(widget, 1)
    drawn = draw(viewer)
    step(widget, 1)
    assert said[-1] == "This is the last image"
    assert names(viewer)[0] == "c"
    np.testing.assert_array_equal(read_label_map(images / "c.labels.png")[0], drawn)


def test_without_a_folder_the_buttons_say_what_to_do(bare, step, messages):
    _, widget = bare
    said = messages(widget)
    step(widget, 1)
    step(widget, -1)
    assert said == ["Open a folder of images first"] * 2


@pytest.mark.parametrize("broken", ["B.jpg", "B.labels.png"])
def test_an_unreadable_file_in_the_middle_is_named_once_and_passed_over(opened, images, step, messages, broken):
    viewer, widget = opened
    (images / broken).write_bytes(b"nothing")
    said = messages(widget)
    drawn = draw(viewer)
    step(widget, 1)
    assert len(said) == 1
    assert broken in said[0]
    assert names(viewer)[0] == "c"
    assert widget.folder_bar.place.text() == "3 of 3"
    step(widget, -1)
    assert len(said) == 2
    np.testing.assert_array_equal(viewer.layers["A labels"].data, drawn)
    assert (images / broken).read_bytes() == b"nothing"


def test_where_all_that_follows_is_unreadable_it_stays(opened, images, step, messages):
    viewer, widget = opened
    for name in ("B.jpg", "c.tif"):
        (images / name).write_bytes(b"nothing")
    said, drawn = messages(widget), draw(viewer)
    step(widget, 1)
    assert "B.jpg" in said[-1]
    assert names(viewer)[0] == "A"
    np.testing.assert_array_equal(viewer.layers["A labels"].data, drawn)
    assert widget.folder_bar.place.text() == "1 of 3"


def fail(path, *_):
    raise PermissionError(13, "Permission denied", str(path))


@pytest.mark.parametrize("writer", ["write_label_map", "write_color"])
def test_a_failing_write_loses_nothing_and_stays_on_the_image(opened, step, messages, monkeypatch, writer):
    viewer, widget = opened
    said, drawn = messages(widget), draw(viewer)
    with monkeypatch.context() as patch:
        patch.setattr(folder_module, writer, fail)
        step(widget, 1)
    assert "Permission denied" in said[-1]
    assert "A." in said[-1]
    assert names(viewer)[0] == "A"
    np.testing.assert_array_equal(viewer.layers["A labels"].data, drawn)
    step(widget, 1)
    assert names(viewer)[0] == "B"


def test_a_folder_that_has_disappeared_loses_nothing(opened, images, step, messages):
    viewer, widget = opened
    said, drawn = messages(widget), draw(viewer)
    shutil.rmtree(images)
    step(widget, 1)
    assert "A.png" in said[-1]
    assert "cannot be saved" in said[-1]
    assert names(viewer)[0] == "A"
    np.testing.assert_array_equal(viewer.layers["A labels"].data, drawn)
    widget.folder.open(images)
    assert str(images) in said[-1]
    assert "A" in names(viewer)


def test_an_empty_folder_says_what_is_read(bare, tmp_path, messages):
    _, widget = bare
    said = messages(widget)
    (tmp_path / "empty").mkdir()
    widget.folder.open(tmp_path / "empty")
    assert "PNG" in said[-1]
    assert str(tmp_path / "empty") in said[-1]


def test_a_label_map_of_another_shape_is_neither_lost_nor_overwritten(opened, images, step, messages):
    viewer, widget = opened
    write_label_map(images / "B.labels.png", np.full((10, 10), GRASS, np.uint8), ClassMap.pascal_context())
    said = messages(widget)
    step(widget, 1)
    assert "B.labels.png has the shape (10, 10)" in said[-1]
    assert names(viewer)[0] != "B"
    assert read_label_map(images / "B.labels.png")[0].shape == (10, 10)


def test_a_label_map_without_a_class_map_is_asked_about(opened, images, step):
    viewer, widget = opened
    write_label_map(images / "B.labels.png", np.full((90, 128), GRASS, np.uint8))
    step(widget, 1)
    widget.instance_labels.dialog.are_classes.setChecked(True)
    widget.instance_labels.dialog.accept()
    assert on_layers.class_map_of(viewer.layers["B labels"]) is not None


def test_other_layers_of_the_user_are_left_alone_and_edits_saved_all_the_same(opened, images, step, photo, wait):
    viewer, widget = opened
    drawn = draw(viewer)
    mine = viewer.add_image(photo, name="mine")
    widget.controller.choose_image(mine)
    widget.predict_button.click()
    wait(widget)
    step(widget, 1)
    assert {"mine", "mine labels", "mine colors", "B", "B labels"} <= set(names(viewer))
    assert not {"A", "A labels", "A colors"} & set(names(viewer))
    np.testing.assert_array_equal(read_label_map(images / "A.labels.png")[0], drawn)


def test_edits_made_while_it_saves_are_saved_too(opened, images, wait):
    viewer, widget = opened
    widget.folder_bar.next_button.click()
    drawn = draw(viewer)
    wait(widget)
    np.testing.assert_array_equal(read_label_map(images / "A.labels.png")[0], drawn)
    assert names(viewer)[0] == "B"


def test_an_image_that_was_closed_by_hand_does_not_stop_the_tour(opened, step):
    viewer, widget = opened
    viewer.layers.remove("A")
    step(widget, 1)
    assert {"B", "B labels"} <= set(names(viewer))


def test_a_failed_save_is_told_once_and_then_left_behind(opened, step, messages, monkeypatch):
    viewer, widget = opened
    said = messages(widget)
    draw(viewer)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_colorizer._napari.colorize.folder_browser.write_label_map", full)
    step(widget, 1)
    assert "No space left" in said[-1]
    assert names(viewer)[0] == "A"
    step(widget, 1)
    assert names(viewer)[0] == "B"


def test_images_of_one_name_do_not_share_a_label_map(tmp_path):
    images = [tmp_path / "a.jpg", tmp_path / "a.png", tmp_path / "b.png"]
    kept = [kept_as(image, images, ".labels.png").name for image in images]
    assert kept == ["a.jpg.labels.png", "a.png.labels.png", "b.labels.png"]


@pytest.fixture
def answer(qtbot):
    """Press a button of the question that is open."""

    def press(text, for_all=False):
        box = next(box for box in QApplication.topLevelWidgets() if isinstance(box, QMessageBox) and box.isVisible())
        said = f"{box.text()}\n{box.informativeText()}"
        if for_all:
            box.checkBox().setChecked(True)
        next(button for button in box.buttons() if button.text() == text).click()
        return said

    return press


@pytest.mark.parametrize("choice", ["Overwrite", "Keep the old", "Cancel"])
def test_files_of_others_are_asked_about(opened, images, step, wait, answer, choice):
    viewer, widget = opened
    drawn = draw(viewer)
    (images / "A.color.png").write_bytes(b"mine")
    write_label_map(images / "A.labels.png", np.full((96, 128), GRASS, np.uint8))
    step(widget, 1)
    said = answer(choice)
    wait(widget)
    assert "A.color.png" in said
    assert "A.labels.png" in said
    overwritten = choice == "Overwrite"
    assert names(viewer)[0] == ("A" if choice == "Cancel" else "B")
    assert ((images / "A.color.png").read_bytes() != b"mine") == overwritten
    assert (read_label_map(images / "A.labels.png")[0] == (drawn if overwritten else GRASS)).all()


def test_an_answer_may_hold_for_the_rest_of_the_folder(opened, images, step, wait, answer):
    viewer, widget = opened
    for name in ("A", "B"):
        (images / f"{name}.color.png").write_bytes(b"mine")
    step(widget, 1)
    answer("Keep the old", for_all=True)
    wait(widget)
    step(widget, 1)
    assert names(viewer)[0] == "c"
    assert {(images / f"{name}.color.png").read_bytes() for name in "AB"} == {b"mine"}
    assert (images / "B.labels.png").is_file()


def test_what_was_not_changed_is_not_written_again(opened, images, step, wait):
    viewer, widget = opened
    step(widget, 1)
    (images / "A.color.png").write_bytes(b"retouched")
    before = (images / "A.labels.png").stat().st_mtime_ns
    step(widget, -1)
    step(widget, 1)
    assert names(viewer)[0] == "B"
    assert (images / "A.color.png").read_bytes() == b"retouched"
    assert (images / "A.labels.png").stat().st_mtime_ns == before


def test_a_name_too_long_for_its_label_map_is_passed_over(opened, images, step, messages, photo, wait):
    viewer, widget = opened
    Picture.fromarray(photo).save(images / f"{'b' * 250}.png")
    widget.folder.open(images)
    wait(widget)
    said = messages(widget)
    step(widget, 1)
    step(widget, 1)
    assert names(viewer)[0] == "c"
    told = next(text for text in said if "b" * 30 in text)
    assert "rename it" in told
    assert len(told) < 200
    assert str(images) not in told
