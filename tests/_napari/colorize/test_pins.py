"""Pinned colors in the window: the palette of a class and of a region."""

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import QEvent, QPoint, Qt
from qtpy.QtGui import QColor
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QColorDialog
from skimage.color import rgb2lab

from napari_colorizer._napari.colorize.class_rows import COLOR_FIELD
from napari_colorizer._napari.colorize.wished import Region
from napari_colorizer.engine.pins import Pin

SKY, GRASS, WALL = 50, 36, 56
LEFT, RIGHT = np.s_[:, :60], np.s_[:, 68:]


@pytest.fixture
def halves(predicts, photo):
    """Grass between two parts of sky, as the model predicts it."""
    predicts(np.where((np.arange(128) >= 60) & (np.arange(128) < 68), GRASS, SKY) + np.zeros((96, 1), np.uint8))


@pytest.fixture
def sky(halves, bare_predicted):
    return bare_predicted


def chroma(viewer, where=...):
    rgb = np.asarray(viewer.layers["photo colors"].data)
    return rgb2lab(rgb)[..., 1:][where].reshape(-1, 2).mean(0)


def field(widget, label):
    """The index of the color field of a class, as it is now."""
    ids = widget.class_list.visible_ids()
    return widget.class_list.table.model().index(ids.index(label), COLOR_FIELD)


def open_field(widget, label):
    """Click the color field of a class; gives the palette."""
    widget.class_list.table.field_clicked.emit(field(widget, label))
    return widget.color_tools.pins.popup


def test_a_class_is_pinned_to_a_likely_color_and_given_back_to_the_model(sky, wait):
    viewer, widget = sky
    before = viewer.layers["photo colors"].data.copy()
    popup = open_field(widget, SKY)
    assert field(widget, SKY).data() == "auto"
    wait(widget)
    assert 5 <= len(popup.buttons()) <= 9
    popup.buttons()[3].click()
    assert not popup.isVisible()
    wanted = widget.controller.wishes.now.classes.classes[SKY].color
    wait(widget)
    got = chroma(viewer, LEFT)  # as much of it as there is at this lightness
    assert np.dot(got, wanted) > 0.98 * np.linalg.norm(got) * np.linalg.norm(wanted)
    assert field(widget, SKY).data() == ""
    assert not field(widget, SKY).data(Qt.ItemDataRole.DecorationRole).isNull()
    popup = open_field(widget, SKY)
    assert len(popup.last_buttons()) == 1
    popup.auto.click()
    wait(widget)
    assert field(widget, SKY).data() == "auto"
    np.testing.assert_array_equal(viewer.layers["photo colors"].data, before)


def test_each_likely_color_is_shown_on_the_thing_itself(sky, wait):
    _, widget = sky
    popup = open_field(widget, GRASS)
    wait(widget)
    looks = [button.icon().pixmap(64, 64).toImage() for button in popup.buttons()]
    seen = {tuple(look.pixel(x, y) for x in range(0, 64, 2) for y in range(0, 64, 2)) for look in looks}
    assert len(seen) == len(looks)
    assert looks[0].height() > looks[0].width()  # the stripe


def test_gray_weaker_stronger_and_exact_colors(sky, wait):
    viewer, widget = sky
    own = np.linalg.norm(chroma(viewer, LEFT))
    for name, share in (("Gray", 0), ("Weaker", 0.5), ("Stronger", 1.5)):
        popup = open_field(widget, SKY)
        popup.factors[name].click()
        wait(widget)
        assert np.linalg.norm(chroma(viewer, LEFT)) == pytest.approx(share * own, rel=0.25, abs=1)
        assert field(widget, SKY).data() == ("gray" if name == "Gray" else f"{share:.0%}")
    popup = open_field(widget, SKY)
    popup.hex.setText("orange")
    QTest.keyClick(popup.hex, Qt.Key.Key_Return)
    assert popup.isVisible()
    assert "#rrggbb" in popup.note.text()
    popup.hex.setText("#cc8844")
    QTest.keyClick(popup.hex, Qt.Key.Key_Return)
    wait(widget)
    assert widget.controller.wishes.now.classes.classes[SKY] == Pin.of("#cc8844")


def test_the_picker_gives_what_can_be_had_at_the_lightness(sky, wait):
    _, widget = sky
    popup = open_field(widget, SKY)
    wait(widget)
    QTest.mouseClick(popup.picker, Qt.MouseButton.LeftButton, pos=QPoint(128, 64))  # no such red
    pin = widget.controller.wishes.now.classes.classes[SKY]
    assert 20 < pin.color[0] < 100
    assert abs(pin.color[1]) < 10


def test_the_color_dialog(sky, wait, monkeypatch):
    _, widget = sky
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor("#3355aa"))
    popup = open_field(widget, SKY)
    popup.dialog.click()
    assert widget.controller.wishes.now.classes.classes[SKY] == Pin.of("#3355aa")


def test_a_region_is_pinned_apart_from_its_class_and_follows_edits(sky, wait):
    viewer, widget = sky
    right = chroma(viewer, RIGHT)
    viewer.cursor.position = (20, 20)
    widget.color_tools.pins.open_under_cursor()
    wait(widget)
    widget.color_tools.pins.popup.chosen.emit(Pin((12.0, 14.0)))
    wait(widget)
    np.testing.assert_allclose(chroma(viewer, LEFT), (12, 14), atol=2)
    np.testing.assert_allclose(chroma(viewer, RIGHT), right, atol=1)
    labels = viewer.layers["photo labels"]
    labels.data_setitem(np.nonzero(labels.data == GRASS), SKY)  # now it is one region
    wait(widget)
    np.testing.assert_allclose(chroma(viewer, RIGHT), (12, 14), atol=2)


def test_a_region_that_is_pinned_from_another_pixel_is_the_same_one(sky, wait):
    _, widget = sky
    pins = widget.color_tools.pins
    for pixel, color in (((20, 20), (12.0, 14.0)), ((70, 50), (0.0, 30.0)), ((20, 100), (5.0, 5.0))):
        pins.pin(Region((), pixel), Pin(color))
        wait(widget)
    assert widget.controller.wishes.now.regions == (
        (Region((), (70, 50)), Pin((0.0, 30.0))),
        (Region((), (20, 100)), Pin((5.0, 5.0))),
    )
    pins.pin(Region((), (1, 1)), None)
    wait(widget)
    assert [region.pixel for region, _ in widget.controller.wishes.now.regions] == [(20, 100)]


def test_pins_are_undone_and_done_again(sky, wait):
    viewer, widget = sky
    tools, before = widget.color_tools, viewer.layers["photo colors"].data.copy()
    assert not tools.undo_button.isEnabled()
    tools.pins.pin(SKY, Pin((12.0, 14.0)))
    wait(widget)
    tools.undo_button.click()
    wait(widget)
    np.testing.assert_array_equal(viewer.layers["photo colors"].data, before)
    assert not tools.undo_button.isEnabled()
    tools.redo_button.click()
    wait(widget)
    np.testing.assert_allclose(chroma(viewer, LEFT), (12, 14), atol=2)


def test_pins_belong_to_their_image(sky, wait, photo):
    viewer, widget = sky
    widget.color_tools.pins.pin(SKY, Pin((12.0, 14.0)))
    wait(widget)
    other = viewer.add_image(photo[::-1].copy(), name="other")
    widget.controller.choose_image(other)
    wait(widget)
    assert not widget.controller.wishes.now
    widget.controller.choose_image(viewer.layers["photo"])
    wait(widget)
    assert widget.controller.wishes.now.classes.classes == {SKY: Pin((12.0, 14.0))}
    viewer.layers["photo"].metadata = {"path": "next.png"}  # as a folder does
    assert not widget.controller.wishes.now


def test_another_image_closes_the_palette_and_the_eyedropper(sky, wait, photo):
    viewer, widget = sky
    tool, controller = widget.color_tools.pins, widget.controller
    popup = open_field(widget, SKY)
    viewer.add_layer(Image(photo, name="other"))
    controller.choose_image(viewer.layers["other"])
    assert not popup.isVisible()
    tool.pin(Region((), (20, 20)), Pin.of("#cc8844"))  # found in the background
    controller.choose_image(viewer.layers["photo"])
    wait(widget)
    assert not controller.wishes.now
    popup, idle = open_field(widget, SKY), len(viewer.mouse_drag_callbacks)
    popup.dropper.click()
    assert len(viewer.mouse_drag_callbacks) == idle + 1
    viewer.layers["photo"].metadata = {"path": "next.png"}  # another file in the same layer
    assert len(viewer.mouse_drag_callbacks) == idle
    popup.chosen.emit(Pin.of("#cc8844"))
    assert not controller.wishes.now
    wait(widget)


def test_a_pin_of_what_is_not_in_the_image_waits_and_says_so(sky, wait, messages):
    viewer, widget = sky
    said = messages(widget)
    popup = open_field(widget, WALL)
    wait(widget)
    assert popup.buttons() == []
    assert "takes effect" in popup.note.text()
    widget.color_tools.pins.pin(WALL, Pin((12.0, 14.0)))
    wait(widget)
    assert said[-1] == "Nothing of 'wall' is in the image: its color takes effect once there is some"
    viewer.layers["photo labels"].data_setitem(np.nonzero(np.ones((96, 128))), WALL)
    wait(widget)
    np.testing.assert_allclose(chroma(viewer), (12, 14), atol=2)


def test_the_eyedropper_takes_the_color_of_another_layer(sky, wait, messages):
    viewer, widget = sky
    said = messages(widget)
    shirt = np.zeros((10, 10, 3), np.uint8)
    shirt[:] = 220, 120, 30
    viewer.add_image(shirt, rgb=True, name="shirt", translate=(0, 200))
    dropper = widget.color_tools.pins.dropper
    assert dropper.color_at((5, 205)) == "#dc781e"
    assert dropper.color_at((500, 500)) == ""
    assert dropper.color_at((20, 20)) == "#{:02x}{:02x}{:02x}".format(*viewer.layers["photo colors"].data[20, 20])
    popup = open_field(widget, SKY)
    popup.dropper.click()
    assert "Click a color" in said[-1]


def test_keys_and_mouse_in_the_window(halves, open_dock, photo, wait, make_mouse):
    viewer, widget = open_dock(Image(photo, name="photo"), show=True)
    widget.predict_button.click()
    wait(widget)
    mouse, popup, labels = make_mouse(viewer), widget.color_tools.pins.popup, viewer.layers["photo labels"]
    canvas = viewer.window._qt_viewer.canvas.native
    viewer.layers.selection.active = labels
    labels.mode = "pan_zoom"

    def right_click(*point):
        mouse.hover(*point)
        right = Qt.MouseButton.RightButton
        mouse._send(QEvent.Type.MouseButtonPress, point, right, right)
        mouse._send(QEvent.Type.MouseButtonRelease, point, right, Qt.MouseButton.NoButton)

    zoom = viewer.camera.zoom
    right_click(20, 20)
    assert popup.isVisible()
    assert "sky, this region" in popup.title.text()
    wait(widget)
    popup.buttons()[2].click()
    wait(widget)
    ((region, _),) = widget.controller.wishes.now.regions
    np.testing.assert_allclose(region.pixel, (20, 20), atol=1)
    assert viewer.camera.zoom == zoom
    labels.mode = "fill"  # where napari's right button draws
    right_click(40, 64)
    assert not popup.isVisible()
    labels.undo()
    QTest.keyClick(canvas, Qt.Key.Key_Q)
    assert "grass, this region" in popup.title.text()
    popup.dropper.click()
    before = labels.data.copy()
    mouse.click(20, 20)
    np.testing.assert_array_equal(labels.data, before)
    assert labels.mode == "fill"
    wait(widget)
    wanted = "#{:02x}{:02x}{:02x}".format(*np.asarray(viewer.layers["photo colors"].data)[20, 20])
    assert Pin.of(wanted) in dict(widget.controller.wishes.now.regions).values()
    table, index = widget.class_list.table, field(widget, SKY)
    table.scrollTo(index)
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(index).center())
    assert popup.isVisible()
    assert labels.mode == "fill"  # it chose no class
    popup.hide()
