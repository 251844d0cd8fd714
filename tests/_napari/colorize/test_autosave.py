"""Label maps that were not saved."""

import os
import subprocess
import sys

import numpy as np
import pytest
from napari.layers import Image

from napari_colorizer._napari.colorize.autosave_files import unsaved_folder

SKY, TREE = 50, 54


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
    assert "'photo again' has a label map that was not saved" in dock.offer_bar.text.text()
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


SCRIPT = """
import napari, numpy as np
from qtpy.QtWidgets import QApplication
viewer = napari.Viewer()
viewer.add_image(np.arange(96 * 128, dtype=np.uint16).reshape(96, 128), name="photo")
_, dock = viewer.window.add_plugin_dock_widget("napari-colorizer", "Colorize")
dock.controller.choose_brush(36)
while not dock.controller.tasks.idle:
    QApplication.processEvents()
viewer.layers["photo labels"].data_setitem((np.arange(40), np.arange(40)), 36)
{end}
"""


@pytest.mark.viewer
@pytest.mark.parametrize("end", ["", "viewer.close()", "viewer.window._qt_window.close()"])
def test_any_end_of_napari_keeps_the_map(library, end):
    # Qt may crash while the interpreter takes an open window apart, on a busy machine: that must not cost the map
    subprocess.run([sys.executable, "-c", SCRIPT.format(end=end)], check=False, timeout=300, env=os.environ)
    assert len(kept()) == 1
