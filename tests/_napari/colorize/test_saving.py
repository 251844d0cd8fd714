"""The button Save of the dock."""

import numpy as np
import pytest
from napari.layers import Image
from PIL import Image as Picture
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget, QFileDialog, QMessageBox

from napari_colorizer.color_files import write_picture
from napari_colorizer.errors import FileError
from napari_colorizer.files import read_label_map

SKY, TREE = 50, 54


@pytest.fixture(autouse=True)
def prediction(predicts):
    predicts(np.full((96, 128), SKY, np.uint8))


@pytest.fixture
def choose(monkeypatch):
    """Answer the next file dialogs."""
    asked = []

    def chosen(path="", folder=""):
        monkeypatch.setattr(
            QFileDialog, "getSaveFileName", lambda *given, **_: asked.append(given[2]) or (str(path), "")
        )
        monkeypatch.setattr(
            QFileDialog, "getExistingDirectory", lambda *given, **_: asked.append(given[2]) or str(folder)
        )
        return asked

    return chosen


def test_both_are_saved_in_a_folder_that_is_remembered(bare_predicted, wait, choose, messages, tmp_path):
    viewer, widget = bare_predicted
    asked, said = choose(folder=tmp_path), messages(widget)
    widget.save_button.save_both()
    wait(widget)
    labels, classes = read_label_map(tmp_path / "photo.labels.png")
    np.testing.assert_array_equal(labels, viewer.layers["photo labels"].data)
    assert classes.has_name("sky")
    colors = np.asarray(Picture.open(tmp_path / "photo.color.png")).astype(int)
    assert np.abs(colors - viewer.layers["photo colors"].data).max() <= 1
    assert "photo.labels.png and photo.color.png" in said[-1]
    choose(path="")
    widget.save_button.save_labels()
    assert asked[-1] == str(tmp_path / "photo.labels.png")


@pytest.mark.parametrize("suffix", [".JPG", ".jpeg", ".PNG", ".TIF", ".tiff", ".webp", ".bmp", ""])
def test_colors_are_saved_as_any_picture(bare_predicted, wait, choose, tmp_path, suffix):
    viewer, widget = bare_predicted
    choose(path=tmp_path / f"mine{suffix}")
    widget.save_button.save_colors()
    wait(widget)
    saved = np.asarray(Picture.open(tmp_path / f"mine{suffix or '.png'}").convert("RGB")).astype(int)
    assert np.abs(saved - viewer.layers["photo colors"].data).mean() < 4


def test_another_suffix_is_named(tmp_path):
    with pytest.raises(FileError, match=r"mine\.exr.*\.webp"):
        write_picture(tmp_path / "mine.exr", np.zeros((4, 4, 3), np.uint8))


def test_a_file_that_gets_a_suffix_is_not_overwritten_unasked(bare_predicted, wait, choose, tmp_path, qtbot):
    _, widget = bare_predicted
    (tmp_path / "mine.png").write_bytes(b"mine")
    choose(path=tmp_path / "mine")  # the dialog has asked about a file of this name, which is not there
    widget.save_button.save_labels()
    box = next(box for box in QApplication.topLevelWidgets() if isinstance(box, QMessageBox) and box.isVisible())
    next(button for button in box.buttons() if button.text() == "Keep the old").click()
    wait(widget)
    assert (tmp_path / "mine.png").read_bytes() == b"mine"


def test_what_cannot_be_saved_says_why(bare_dock, wait, choose, messages, photo, tmp_path):
    _, widget = bare_dock()
    said = messages(widget)
    widget.save_button.save_both()
    assert "open an image first" in said[-1]
    widget.controller.choose_image(widget.viewer.add_layer(Image(photo, name="photo")))
    choose(path=tmp_path / "gone" / "a.png")
    widget.save_button.save_labels()
    wait(widget)
    assert "'photo' has no label map" in said[-1]
    widget.save_button.save_colors()
    wait(widget)
    assert "a.png cannot be saved in" in said[-1]


@pytest.mark.parametrize("place", ["docked", "floating", "behind", "hidden"])
def test_the_keys_save_in_a_window_wherever_the_dock_is(
    open_dock, open_train, photo, wait, choose, qtbot, tmp_path, place
):
    viewer, widget = open_dock(Image(photo, name="photo"), show=True)
    widget.predict_button.click()
    wait(widget)
    asked = choose(folder=tmp_path)
    window = viewer.window._qt_window
    dock = next(dock for dock in window.findChildren(QDockWidget) if dock.isAncestorOf(widget))
    if place == "floating":
        dock.setFloating(True)
    elif place == "behind":
        open_train(viewer=viewer)
        other = next(other for other in window.findChildren(QDockWidget) if other.windowTitle().startswith("Train"))
        window.tabifyDockWidget(dock, other)
        qtbot.waitUntil(lambda: other.raise_() or widget.visibleRegion().isEmpty(), timeout=10_000)
    elif place == "hidden":
        dock.hide()
    window.activateWindow()
    canvas = viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window, timeout=10_000)
    keys = Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(canvas, *keys)
    wait(widget)
    assert (tmp_path / "photo.labels.png").is_file()
    assert len(asked) == 1
    viewer.window.remove_dock_widget(widget)
    QTest.keyClick(canvas, *keys)
    assert len(asked) == 1


def test_napari_s_own_dialog_saves_colors_of_any_case(predicted, tmp_path):
    import npe2

    viewer, _ = predicted
    manager = npe2.PluginManager.instance()
    writer = next(w for w in manager.iter_compatible_writers(["image"]) if w.command == "napari-colorizer.write_colors")
    for name in ("a.JPG", "b.webp", "c.TIF", "d.PNG"):
        viewer.layers.selection.active = viewer.layers["photo colors"]
        viewer.layers.save(str(tmp_path / name), selected=True, _writer=writer)
        assert Picture.open(tmp_path / name).size == (128, 96)


@pytest.mark.parametrize("suffix", ["PNG", "JPG", "Jpeg", "TIF", "TIFF", "webp", "BMP"])
def test_a_name_that_ends_as_ours_do_needs_no_writer_named(bare_predicted, tmp_path, suffix):
    colors = bare_predicted[0].layers["photo colors"]
    path = tmp_path / f"mine.color.{suffix}"
    assert colors.save(str(path)) == [str(path)]
    saved = np.asarray(Picture.open(path).convert("RGB")).astype(int)
    assert np.abs(saved - colors.data).mean() < 4
