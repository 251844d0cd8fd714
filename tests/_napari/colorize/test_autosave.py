"""Sittings that were not saved."""

import os
import subprocess
import sys

import numpy as np
import pytest
from napari.layers import Image
from PIL import Image as Picture

from napari_colorizer._napari.colorize import running
from napari_colorizer._napari.colorize.autosave_files import unsaved_folder
from napari_colorizer._napari.colorize.running import running_folder
from napari_colorizer._napari.colorize.sitting_wishes import give_wishes, wishes_of
from napari_colorizer.engine.pins import Pins

SKY, TREE = 50, 54
PINS = Pins({50: "#7799cc"})


@pytest.fixture(autouse=True)
def prediction(predicts):
    predicts(lambda shape: np.full(shape, SKY, np.uint8))


def draw(labels, row=70):
    labels.data_setitem((np.full(50, row), np.arange(50)), TREE)
    return labels.data.copy()


def kept():
    return sorted(unsaved_folder().glob("*")) if unsaved_folder().exists() else []


def reopened(bare_dock, photo, name="photo again"):
    return bare_dock(Image(photo.copy(), name=name))


def test_a_map_is_kept_every_minute_and_offered_when_its_image_is_opened_again(bare_predicted, bare_dock, wait, photo):
    viewer, widget = bare_predicted
    assert widget.keeping.isActive()
    assert widget.keeping.interval() == 60_000
    drawn = draw(viewer.layers["photo labels"])
    widget.keeping.timeout.emit()
    wait(widget)
    assert len(kept()) == 1
    _, dock = reopened(bare_dock, photo)
    assert "'photo again' has an unsaved label map" in dock.offer_bar.text.text()
    next(button for button in dock.offer_bar.buttons if button.text() == "Restore").click()
    wait(dock)
    np.testing.assert_array_equal(dock.controller.labels.data, drawn)
    assert dock.controller.classes.has_name("sky")
    assert dock.offer_bar.isHidden()


def test_closing_keeps_what_was_drawn_last(bare_predicted, bare_dock, photo):
    viewer, widget = bare_predicted
    drawn = draw(viewer.layers["photo labels"])
    widget.stop()
    _, dock = reopened(bare_dock, photo)
    np.testing.assert_array_equal(dock.autosave.offer.unsaved.labels, drawn)


def test_turning_to_another_image_keeps_it_too(bare_predicted, bare_dock, wait, photo):
    viewer, widget = bare_predicted
    drawn = draw(viewer.layers["photo labels"])
    other = viewer.add_image(photo[::-1].copy(), name="other")
    widget.controller.choose_image(other)
    wait(widget)
    viewer.layers["photo labels"].data[:] = 0
    _, dock = reopened(bare_dock, photo)
    np.testing.assert_array_equal(dock.autosave.offer.unsaved.labels, drawn)


def test_a_map_that_is_painted_on_while_another_image_is_chosen_is_kept_too(bare_predicted, bare_dock, wait, photo):
    viewer, widget = bare_predicted
    labels = viewer.layers["photo labels"]
    widget.controller.choose_image(viewer.add_image(255 - photo, name="other"))
    wait(widget)
    draw(labels)
    widget.keeping.timeout.emit()
    wait(widget)
    (path,) = kept()
    written = path.stat().st_mtime_ns
    widget.controller.choose_model("default")
    widget.keeping.timeout.emit()
    wait(widget)
    assert kept()[0].stat().st_mtime_ns == written  # nobody has painted on it
    drawn = draw(labels, row=20)
    widget.stop()
    _, dock = reopened(bare_dock, photo)
    next(button for button in dock.offer_bar.buttons if button.text() == "Restore").click()
    wait(dock)
    np.testing.assert_array_equal(dock.controller.labels.data, drawn)


def test_what_was_only_predicted_or_is_saved_is_not_kept(bare_predicted, wait, tmp_path):
    viewer, widget = bare_predicted
    widget.autosave.keep()
    wait(widget)
    assert kept() == []
    draw(viewer.layers["photo labels"])
    widget.autosave.keep()
    wait(widget)
    assert len(kept()) == 1
    widget.saver.save(labels=tmp_path / "a.labels.png")
    wait(widget)
    assert kept() == []
    widget.stop()
    assert kept() == []


def test_another_image_is_offered_nothing_and_a_discarded_map_is_gone(bare_predicted, bare_dock, photo):
    viewer, widget = bare_predicted
    draw(viewer.layers["photo labels"])
    widget.stop()
    _, dock = reopened(bare_dock, photo[::-1])
    assert dock.autosave.offer is None
    _, dock = reopened(bare_dock, photo)
    next(button for button in dock.offer_bar.buttons if button.text() == "Discard").click()
    assert kept() == []


def test_a_map_that_is_offered_is_not_overwritten_by_another(bare_predicted, bare_dock, wait, photo):
    viewer, widget = bare_predicted
    first = draw(viewer.layers["photo labels"])
    widget.stop()
    _, dock = reopened(bare_dock, photo)
    dock.predict_button.click()
    wait(dock)
    draw(dock.controller.labels, row=10)
    dock.autosave.keep()
    wait(dock)
    assert len(kept()) == 2
    dock.autosave.restore()
    wait(dock)
    np.testing.assert_array_equal(dock.controller.labels.data, first)


def test_a_damaged_file_is_passed_over(bare_predicted, bare_dock, photo):
    viewer, widget = bare_predicted
    draw(viewer.layers["photo labels"])
    widget.stop()
    kept()[0].write_bytes(b"nothing")
    _, dock = reopened(bare_dock, photo)
    assert dock.autosave.offer is None


@pytest.fixture
def from_file(bare_dock, photo, wait, tmp_path):
    """A dock with a photo from a file, on whose label map something was drawn, and more was chosen and wished."""

    def opened():
        Picture.fromarray(photo).save(tmp_path / "photo.png")
        image = Image(photo.copy(), name="photo", metadata={"path": str(tmp_path / "photo.png")})
        viewer, widget = bare_dock(image)
        widget.predict_button.click()
        wait(widget)
        draw(viewer.layers["photo labels"])
        widget.controller.set_options(chroma_gain=1.5)
        image.contrast_limits = (10, 230)
        give_wishes(widget.controller, image, {"pins": PINS})
        widget.autosave.keep()
        wait(widget)
        return viewer, widget

    return opened


def crashed():
    """As if a program had ended without closing its docks."""
    running_folder().mkdir(parents=True, exist_ok=True)
    (running_folder() / "999999999-1").touch()


def restored(dock, viewer, drawn):
    np.testing.assert_array_equal(viewer.layers["photo labels"].data, drawn)
    assert dock.controller.options.chroma_gain == 1.5
    assert wishes_of(dock.controller, dock.controller.image)["pins"] == PINS


def test_what_was_chosen_and_wished_comes_back_too(from_file, bare_dock, wait, photo):
    viewer, _ = from_file()
    again, dock = reopened(bare_dock, photo, "photo")
    assert dock.controller.options.chroma_gain == 1
    next(button for button in dock.offer_bar.buttons if button.text() == "Restore").click()
    restored(wait(dock), again, viewer.layers["photo labels"].data)


def test_after_a_crash_the_last_sitting_is_offered_with_its_image(from_file, bare_dock, wait):
    viewer, _ = from_file()
    crashed()
    again, dock = bare_dock()
    assert "napari ended unexpectedly. The last sitting ('photo', " in dock.offer_bar.text.text()
    next(button for button in dock.offer_bar.buttons if button.text() == "Restore").click()
    wait(dock)
    np.testing.assert_array_equal(again.layers["photo"].data, viewer.layers["photo"].data)
    assert tuple(again.layers["photo"].contrast_limits) == (10, 230)
    restored(dock, again, viewer.layers["photo labels"].data)
    assert dock.offer_bar.isHidden()
    _, third = bare_dock()
    assert third.autosave.offer is None  # it is told once


def test_without_a_crash_the_last_sitting_waits_in_the_menu(from_file, bare_dock, wait, messages, tmp_path):
    viewer, _ = from_file()
    again, dock = bare_dock()
    assert dock.autosave.offer is None
    dock.save_button.sittings.restore.trigger()
    restored(wait(dock), again, viewer.layers["photo labels"].data)
    assert len(kept()) == 1
    dock.save_button.sittings.files.save(tmp_path / "mine.zip")
    wait(dock)
    assert kept() == []
    said = messages(dock)
    dock.save_button.sittings.restore.trigger()
    wait(dock)
    assert said == ["There is no sitting to restore: everything is saved"]


def test_a_label_map_that_is_saved_alone_leaves_what_was_wished(from_file, wait, tmp_path):
    _, widget = from_file()
    widget.saver.save(labels=tmp_path / "a.labels.png")
    wait(widget)
    assert len(kept()) == 1


def test_a_crash_is_told_by_what_its_program_left(bare_dock, library):
    _, widget = bare_dock()
    assert len(list(running_folder().iterdir())) == 1
    assert not running.begin()  # this program still runs
    crashed()
    assert running.begin()
    assert not running.begin()
    widget.stop()


SCRIPT = """
import time
import napari, numpy as np
from qtpy.QtWidgets import QApplication
for end in {ends!r}:
    viewer = napari.Viewer()
    viewer.add_image(np.arange(96 * 128, dtype=np.uint16).reshape(96, 128) + len(end), name="photo")
    _, dock = viewer.window.add_plugin_dock_widget("napari-colorizer", "Colorize")
    dock.controller.choose_brush(36)
    while not dock.controller.tasks.idle:
        QApplication.processEvents()
        time.sleep(0.01)
    viewer.layers["photo labels"].data_setitem((np.arange(40), np.arange(40)), 36)
    exec(end)
"""


@pytest.mark.viewer
@pytest.mark.parametrize("ends", [[""], ["viewer.close()", "viewer.window._qt_window.close()"]])
def test_any_end_of_napari_keeps_the_map(library, ends):
    # Qt may crash while the interpreter takes an open window apart, on a busy machine: that must not cost the map
    subprocess.run([sys.executable, "-c", SCRIPT.format(ends=ends)], check=False, timeout=300, env=os.environ)
    assert len(kept()) == len(ends)
