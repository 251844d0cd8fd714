"""Sittings in the dock: saved, opened, and their colors exported."""

import numpy as np
import pytest
import tifffile
from napari.layers import Image
from PIL import Image as Picture
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox

from napari_colorizer import Sitting
from napari_colorizer._napari.colorize.sitting_wishes import give_wishes
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.options import Adjustment
from napari_colorizer.engine.pins import Pins
from napari_colorizer.files import read_image, read_label_map

SKY, TREE = 50, 54
WISHES = {"hints": Hints([(60, 30, 40, 50, 6)]), "pins": Pins({SKY: "#7799cc"}), "adjustment": Adjustment(1.2, 0.3)}


@pytest.fixture(autouse=True)
def prediction(predicts):
    predicts(lambda shape: np.full(shape, SKY, np.uint8))


@pytest.fixture
def answer(monkeypatch):
    """Answer the next file dialog."""

    def chosen(path, form=""):
        for name in ("getSaveFileName", "getOpenFileName"):
            monkeypatch.setattr(QFileDialog, name, lambda *_, **__: (str(path), form))

    return chosen


@pytest.fixture
def menu():
    """Choose an entry of the menu of the button Save."""

    def choose(widget, text):
        next(action for action in widget.save_button.menu().actions() if action.text().startswith(text)).trigger()

    return choose


@pytest.fixture
def photo_file(photo, tmp_path):
    path = tmp_path / "photo.png"
    Picture.fromarray(photo).save(path)
    return path


@pytest.fixture
def worked_on(bare_dock, photo, photo_file, wait):
    """A dock with a photo from a file, of which something was drawn and chosen."""
    viewer, widget = bare_dock(
        Image(photo, name="photo", metadata={"path": str(photo_file)}, contrast_limits=(20, 220))
    )
    widget.predict_button.click()
    wait(widget)
    viewer.layers["photo labels"].data_setitem((np.full(50, 70), np.arange(50)), TREE)
    widget.controller.set_options(chroma_gain=1.5)
    widget.working_size.setValue(96)
    return viewer, wait(widget)


def save(widget, wait, menu, answer, path):
    answer(path)
    menu(widget, "Save sitting")
    wait(widget)
    return Sitting.load(path)


def test_a_saved_sitting_gives_the_colors_of_the_window(worked_on, wait, menu, answer, messages, photo_file, tmp_path):
    viewer, widget = worked_on
    said = messages(widget)
    sitting = save(widget, wait, menu, answer, tmp_path / "mine.zip")
    assert "mine.zip" in said[-1]
    assert sitting.image.path == photo_file
    assert sitting.limits == (20, 220)
    assert (sitting.options.chroma_gain, sitting.options.working_size) == (1.5, 96)
    assert sitting.classes == widget.controller.classes
    np.testing.assert_array_equal(sitting.labels, viewer.layers["photo labels"].data)
    shown = np.asarray(viewer.layers["photo colors"].data).astype(int)
    assert np.abs(shown - sitting.colorize("cpu")).max() <= 1
    widget.saver.save(colors=tmp_path / "saved.png")
    wait(widget)
    np.testing.assert_array_equal(read_image(tmp_path / "saved.png"), sitting.colorize("cpu"))


def test_what_the_file_does_not_give_is_kept_inside(worked_on, wait, menu, answer, photo, tmp_path):
    viewer, widget = worked_on
    viewer.layers["photo"].gamma = 0.5
    wait(widget)
    sitting = save(widget, wait, menu, answer, tmp_path / "mine.zip")
    assert sitting.image.path is None
    shown = np.asarray(viewer.layers["photo colors"].data).astype(int)
    assert np.abs(shown - sitting.colorize("cpu")).max() <= 1


@pytest.mark.parametrize("folder", [False, True])
def test_an_opened_sitting_is_as_it_was(worked_on, bare_dock, wait, menu, answer, messages, tmp_path, folder):
    viewer, widget = worked_on
    give_wishes(widget.controller, widget.controller.image, WISHES)
    sitting = save(widget, wait, menu, answer, tmp_path / "mine.zip")
    assert len(sitting.hints) == 1
    if folder:
        sitting.save(tmp_path / "mine")
    again, dock = bare_dock()
    said = messages(dock)
    answer(tmp_path / "mine" / "sitting.json" if folder else tmp_path / "mine.zip")
    menu(dock, "Open sitting")
    wait(dock)
    np.testing.assert_array_equal(again.layers["photo"].data, viewer.layers["photo"].data)
    assert tuple(again.layers["photo"].contrast_limits) == (20, 220)
    np.testing.assert_array_equal(again.layers["photo labels"].data, viewer.layers["photo labels"].data)
    assert dock.controller.classes == widget.controller.classes
    assert (dock.controller.options.chroma_gain, dock.working_size.value()) == (1.5, 96)
    assert dock.controller.options == widget.controller.options
    assert said[-1] == "Opened mine"
    assert dock.autosave.offer is None
    sitting = save(dock, wait, menu, answer, tmp_path / "again.zip")
    assert sitting.pins == WISHES["pins"]  # none is lost
    np.testing.assert_allclose(sitting.hints.rows, WISHES["hints"].rows, atol=1)  # the color of a dot has 8 bits
    assert [dot.place for dot in dock.controller.wishes.now.dots] == [(60, 30)]
    assert sitting.adjustment == WISHES["adjustment"]


def test_what_is_missing_is_told_and_the_rest_is_there(
    worked_on, bare_dock, wait, menu, answer, messages, photo, photo_file, tmp_path
):
    viewer, widget = worked_on
    save(widget, wait, menu, answer, tmp_path / "mine.zip")
    photo_file.unlink()
    again, dock = bare_dock()
    said = messages(dock)
    menu(dock, "Open sitting")
    wait(dock)
    assert "the image of this sitting is missing" in said[-1]
    drawn = viewer.layers["photo labels"].data
    np.testing.assert_array_equal(again.layers["label map of a sitting"].data, drawn)
    other, dock = bare_dock(Image(photo, name="the same"))
    menu(dock, "Open sitting")
    wait(dock)
    np.testing.assert_array_equal(other.layers["the same labels"].data, drawn)


def test_a_file_that_is_no_sitting_changes_nothing(bare_predicted, wait, menu, answer, messages, tmp_path):
    viewer, widget = bare_predicted
    (tmp_path / "bad.zip").write_bytes(b"nothing")
    before, said = list(viewer.layers), messages(widget)
    answer(tmp_path / "bad.zip")
    menu(widget, "Open sitting")
    wait(widget)
    assert "bad.zip is not a sitting" in said[-1]
    assert list(viewer.layers) == before
    menu(widget, "Save sitting")
    wait(widget)
    assert (tmp_path / "bad.zip").read_bytes() == b"nothing"


def test_a_sitting_that_is_saved_needs_no_autosave(worked_on, wait, menu, answer, tmp_path):
    _, widget = worked_on
    save(widget, wait, menu, answer, tmp_path / "mine.zip")
    widget.autosave.keep()
    wait(widget)
    assert widget.autosave._files == {}


def test_export_writes_the_colors_and_what_lies_beside_them(worked_on, wait, menu, answer, messages, tmp_path):
    viewer, widget = worked_on
    said = messages(widget)
    give_wishes(widget.controller, widget.controller.image, WISHES)
    menu(widget, "… and the label map")
    menu(widget, "… and the dots")
    answer(tmp_path / "out", "TIFF, 16 bits (*.tif *.tiff)")
    menu(widget, "Export")
    wait(widget)
    assert "out.tif and out.labels.png and out.dots.csv" in said[-1]
    sixteen = tifffile.imread(tmp_path / "out.tif")
    assert sixteen.dtype == np.uint16
    sitting = save(widget, wait, menu, answer, tmp_path / "mine.zip")
    assert np.abs(sixteen / 257 - sitting.colorize("cpu")).max() <= 0.51
    labels, classes = read_label_map(tmp_path / "out.labels.png")
    np.testing.assert_array_equal(labels, viewer.layers["photo labels"].data)
    assert classes == widget.controller.classes


def test_export_asks_before_it_writes_over_what_lies_beside(worked_on, wait, menu, answer, tmp_path):
    _, widget = worked_on
    (tmp_path / "out.labels.png").write_bytes(b"mine")
    menu(widget, "… and the label map")
    answer(tmp_path / "out.png", "PNG, 8 bits (*.png)")
    menu(widget, "Export")
    box = next(box for box in QApplication.topLevelWidgets() if isinstance(box, QMessageBox) and box.isVisible())
    next(button for button in box.buttons() if button.text() == "Keep the old").click()
    wait(widget)
    assert (tmp_path / "out.labels.png").read_bytes() == b"mine"
    assert not (tmp_path / "out.png").exists()


def test_without_an_image_there_is_nothing_to_save(bare_dock, menu, messages, answer, tmp_path):
    _, widget = bare_dock()
    said = messages(widget)
    answer(tmp_path / "a.zip")
    for entry in ("Save sitting", "Export"):
        menu(widget, entry)
        assert "open an image first" in said.pop()
