"""Palettes, surprises, copies: colors of many things at once."""

import numpy as np
import pytest
from napari.layers import Image, Labels
from PIL import Image as Picture
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QColorDialog, QFileDialog, QMessageBox
from skimage.color import rgb2lab

from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import Class
from napari_colorizer.engine.palettes import Palette
from napari_colorizer.engine.pins import Pin, Pins

SKY, GRASS = 50, 36
PINK, OCHER = (220, 140, 170), (180, 140, 60)


@pytest.fixture
def halves(predicts):
    """Sky at the left, grass at the right, in whatever is predicted."""
    return predicts(lambda shape: np.where(np.arange(shape[1]) < shape[1] / 2, SKY, GRASS) + np.zeros(shape, np.uint8))


@pytest.fixture
def colored(halves, bare_predicted):
    return bare_predicted


def colors_of(viewer, where):
    return rgb2lab(np.asarray(viewer.layers["photo colors"].data))[where][..., 1:].reshape(-1, 2).mean(0)


def pinned(widget):
    return widget.controller.wishes.now.classes.classes


def photo_of(left, right, shape=(40, 60)):
    rgb = np.empty((*shape, 3), np.uint8)
    rgb[:, : shape[1] // 2], rgb[:, shape[1] // 2 :] = left, right
    return rgb


def menu(widget):
    widget.color_tools.palette_menu.aboutToShow.emit()
    return {action.text(): action for action in widget.color_tools.palette_menu.actions()}


# -- palettes


def test_the_colors_of_another_photograph_become_pins_in_one_step(colored, halves, wait):
    viewer, widget = colored
    before = viewer.layers["photo colors"].data.astype(int)
    viewer.add_image(photo_of(PINK, OCHER), rgb=True, name="holiday")
    assert next(iter(menu(widget))) == "holiday"
    menu(widget)["holiday"].trigger()
    wait(widget)
    assert len(halves) == 2  # it was predicted
    assert set(pinned(widget)) == {SKY, GRASS}
    wanted = rgb2lab(np.array([[PINK]], np.uint8))[0, 0, 1:]
    np.testing.assert_allclose(pinned(widget)[SKY].color, wanted, atol=0.01)
    np.testing.assert_allclose(colors_of(viewer, np.s_[:, :60]), wanted, atol=10)
    full = colors_of(viewer, np.s_[:, :60])
    for value in (70, 50, 0, 50):
        widget.color_tools.strength.setValue(value)
    wait(widget)
    half = colors_of(viewer, np.s_[:, :60])
    assert pinned(widget)[SKY].strength == 0.5
    assert 0 < half[0] < full[0]
    widget.color_tools.undo_button.click()
    wait(widget)
    assert not pinned(widget)
    assert np.abs(viewer.layers["photo colors"].data - before).max() <= 1


def test_a_photograph_with_a_label_map_of_its_own(colored, halves, wait):
    viewer, widget = colored
    other = viewer.add_image(photo_of(PINK, OCHER), rgb=True, name="holiday")
    own = Labels(np.full((40, 60), SKY, np.uint8), name="holiday labels")
    on_layers.show_classes(own, widget.controller.classes)
    viewer.add_layer(own)
    widget.color_tools.palette_source.take(other)
    wait(widget)
    assert len(halves) == 1
    assert set(pinned(widget)) == {SKY}


def test_a_palette_is_kept_in_a_file_for_the_next_photograph(colored, wait, tmp_path, monkeypatch, messages, photo):
    viewer, widget = colored
    said, path = messages(widget), tmp_path / "wedding.gpl"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    menu(widget)["Save the pinned colors (.gpl)…"].trigger()
    assert "no palette to save" in said[-1]
    widget.color_tools.pins.pin(SKY, Pin((5.0, -20.0)))
    menu(widget)["Save the pinned colors (.gpl)…"].trigger()
    assert Palette.read(path).names == ("sky",)
    widget.controller.choose_image(viewer.add_image(photo.copy(), name="next"))
    menu(widget)["Palette file (.gpl)…"].trigger()
    np.testing.assert_allclose(pinned(widget)[SKY].color, (5, -20), atol=0.5)
    path.write_text("nonsense")
    menu(widget)["Palette file (.gpl)…"].trigger()
    assert "not a GIMP palette" in said[-1]
    wait(widget)


@pytest.mark.parametrize("name", ["wedding", "wedding.txt", "wedding.of.1920"])
def test_a_palette_whose_file_gets_a_suffix_is_not_written_over_unasked(colored, tmp_path, monkeypatch, name):
    _, widget = colored
    path = tmp_path / f"{name}.gpl"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / name), ""))
    widget.color_tools.pins.pin(SKY, Pin((5.0, -20.0)))
    (tmp_path / "wedding.gpl").write_text("made by hand")
    path.write_text("made by hand")
    for answer, left in (("Keep the old", True), ("Cancel", True), ("Overwrite", False)):
        menu(widget)["Save the pinned colors (.gpl)…"].trigger()
        (box,) = (box for box in widget.window().findChildren(QMessageBox) if box.isVisible())
        assert path.name in box.informativeText()
        next(button for button in box.buttons() if button.text() == answer).click()
        assert (path.read_text() == "made by hand") == left
    assert Palette.read(path).names == ("sky",)
    assert path.name == "wedding.gpl" or (tmp_path / "wedding.gpl").read_text() == "made by hand"


def test_colors_without_names_go_to_the_things_in_turn(colored, wait, tmp_path, monkeypatch):
    _, widget = colored
    path = tmp_path / "two.gpl"
    Palette(("#dc8caa", "#b48c3c")).write(path)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    menu(widget)["Palette file (.gpl)…"].trigger()
    assert pinned(widget) == Pins({GRASS: "#dc8caa", SKY: "#b48c3c"}).classes
    wait(widget)


# -- things without a class


def test_every_number_gets_a_color_that_can_be_shuffled_and_replaced(bare_dock, photo, wait, monkeypatch):
    cells = Labels(1 + np.arange(128)[None] // 32 + np.zeros((96, 1), int), name="cells")
    on_layers.mark_regions(cells)
    viewer, widget = bare_dock(Image(photo, name="photo"), cells)
    widget.controller.choose_labels(cells)
    wait(widget)
    tools = widget.color_tools
    assert tools.swatches.isHidden()
    assert cells.contour == 0
    tools.things_button.click()
    wait(widget)
    assert cells.contour > 0  # or it would hide the colors
    first = dict(pinned(widget))
    assert set(first) == {1, 2, 3, 4}
    for label, pin in first.items():
        got = colors_of(viewer, np.s_[50:, 32 * (label - 1) + 4 : 32 * label - 4])
        assert np.dot(got, pin.color) > 0.9 * np.linalg.norm(got) * np.linalg.norm(pin.color)
    assert sum(not swatch.isHidden() for swatch in tools.swatch_buttons) == 4
    tools.shuffle_button.click()
    assert pinned(widget) != first
    assert {pin.color for pin in pinned(widget).values()} == {pin.color for pin in first.values()}
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor("#123456"))
    tools.swatch_buttons[1].click()
    assert pinned(widget)[2] == Pin.of("#123456")
    tools.undo_button.click()
    tools.undo_button.click()
    assert pinned(widget) == first
    wait(widget)


def test_numbers_that_are_too_large_are_told(bare_dock, photo, wait, messages):
    cells = Labels(np.where(np.arange(128) < 64, 7, 70_000) + np.zeros((96, 1), np.int32), name="cells")
    on_layers.mark_regions(cells)
    _, widget = bare_dock(Image(photo, name="photo"), cells)
    widget.controller.choose_labels(cells)
    wait(widget)
    said = messages(widget)
    widget.color_tools.things_button.click()
    assert set(pinned(widget)) == {7}
    assert "ids above 65535 are not colored (1 here)" in said[-1]
    wait(widget)


def test_of_known_classes_only_those_of_ones_own_get_a_color(colored, wait, messages):
    viewer, widget = colored
    classes = widget.controller.classes
    widget.controller.set_classes(classes.with_class(Class(90, "spaceship", "#ffffff")))
    viewer.layers["photo labels"].data_setitem(np.nonzero(np.arange(96)[:, None] + np.zeros(128) < 20), 90)
    wait(widget)
    widget.color_tools.things_button.click()
    assert set(pinned(widget)) == {90}
    wait(widget)


def test_nothing_to_color_is_said(bare, wait, messages):
    _, widget = bare
    said = messages(widget)
    widget.color_tools.things_button.click()
    assert "no labels to color" in said[-1]


# -- surprises and copies


def test_four_colorings_of_which_one_is_taken(colored, wait):
    viewer, widget = colored
    tools = widget.color_tools
    assert tools.surprise.isHidden()
    tools.surprise_button.click()
    wait(widget)
    shown = tools.surprise.variants
    assert len(shown) == 4
    assert len({variant.picture.tobytes() for variant in shown}) == 4
    tools.surprise.buttons[2].click()
    wait(widget)
    assert pinned(widget) == shown[2].pins
    small = rgb2lab(shown[2].picture)[..., 1:]
    got = rgb2lab(np.asarray(viewer.layers["photo colors"].data))[..., 1:]
    np.testing.assert_allclose(small[:, :50].mean((0, 1)), got[:, :50].mean((0, 1)), atol=2)
    tools.surprise_button.click()
    wait(widget)
    assert {str(variant.pins) for variant in tools.surprise.variants} != {str(variant.pins) for variant in shown}
    tools.undo_button.click()
    assert not pinned(widget)
    wait(widget)


def test_what_was_asked_for_one_file_does_not_color_the_next_in_its_layer(colored, wait):
    viewer, widget = colored
    surprise, image = widget.color_tools.surprise, viewer.layers["photo"]
    viewer.add_image(photo_of(PINK, OCHER), rgb=True, name="holiday")
    widget.color_tools.surprise_button.click()
    wait(widget)
    assert not surprise.isHidden()
    menu(widget)["holiday"].trigger()
    image.metadata = {"path": "next.png"}
    assert surprise.isHidden()
    wait(widget)
    assert not pinned(widget)
    widget.color_tools.surprise_button.click()
    image.metadata = {}
    wait(widget)
    assert surprise.isHidden()


def test_surprises_color_the_image_first(halves, bare, wait, messages):
    _, widget = bare
    said = messages(widget)
    widget.color_tools.surprise_button.click()
    wait(widget)
    assert "nothing to vary" in said[-1]  # nothing is labeled
    assert widget.color_tools.surprise.isHidden()


def test_a_copy_is_kept_and_shown_while_a_key_is_held(halves, open_dock, photo, wait, messages):
    viewer, widget = open_dock(Image(photo, name="photo"), show=True)
    said = messages(widget)
    widget.color_tools.hold_button.click()
    assert "no colors to keep" in said[-1]
    widget.predict_button.click()
    wait(widget)
    before = viewer.layers["photo colors"].data.copy()
    widget.color_tools.hold_button.click()
    widget.color_tools.pins.pin(SKY, Pin((5.0, -20.0)))
    wait(widget)
    kept = viewer.layers["photo colors (kept)"]
    assert not kept.visible
    np.testing.assert_array_equal(kept.data, before)
    assert widget.images.count() == 2  # nothing and the photo: a copy is no image to color
    canvas = viewer.window._qt_viewer.canvas.native
    QTest.keyPress(canvas, Qt.Key.Key_Y)
    assert (kept.visible, viewer.layers["photo labels"].visible) == (True, False)
    QTest.keyRelease(canvas, Qt.Key.Key_Y)
    assert (kept.visible, viewer.layers["photo labels"].visible) == (False, True)


# -- what is saved


def test_what_is_wished_is_in_the_files(colored, wait, tmp_path, monkeypatch):
    viewer, widget = colored
    widget.color_tools.pins.pin(SKY, Pin((5.0, -20.0)))
    widget.color_tools.dots.toggle()
    viewer.layers["Dots"].add((70, 100))
    wait(widget)
    saved = widget.saver._colors(viewer.layers["photo"], viewer.layers["photo labels"].data)()
    assert np.abs(saved.astype(int) - viewer.layers["photo colors"].data).max() <= 1


def test_a_folder_saves_what_is_wished_for_each_of_its_images(halves, bare_dock, wait, tmp_path, photo):
    viewer, widget = bare_dock()
    for name in ("a", "b"):
        Picture.fromarray(photo if name == "a" else photo[::-1]).save(tmp_path / f"{name}.png")
    widget.folder.open(tmp_path)
    wait(widget)
    widget.predict_button.click()
    wait(widget)
    widget.color_tools.pins.pin(SKY, Pin((5.0, -20.0)))
    wait(widget)
    shown = viewer.layers["a colors"].data.astype(int)
    widget.folder.step(1)
    wait(widget)
    assert not pinned(widget)
    assert np.abs(np.asarray(Picture.open(tmp_path / "a.color.png")) - shown).max() <= 1
    widget.folder.step(-1)
    wait(widget)
    assert set(pinned(widget)) == {SKY}
