"""The fill that ends at edges of the image."""

import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

GRASS, SKY = 36, 50
PREVIEW = "what is filled"


@pytest.fixture
def halves():
    """A bright half above a dark one, with some noise."""
    image = np.full((96, 128), 190, np.uint8)
    image[48:] = 60
    return image + np.random.default_rng(0).integers(0, 10, image.shape, dtype=np.uint8)


@pytest.fixture
def begun(bare_dock, wait):
    """The tool in the hand, with the cursor at a point of the world, without a window."""

    def begin(*layers, at=(20, 60), brush=SKY):
        viewer, widget = bare_dock(*layers)
        controller = widget.controller
        controller.set_following(False)
        mine = [layer for layer in layers if isinstance(layer, Labels)]
        if mine:
            controller.choose_labels(mine[0])
        else:
            controller.new_labels()
        controller.choose_brush(brush)
        viewer.cursor.position = at
        widget.filling._press()
        return viewer, wait(widget)

    return begin


def point(viewer, widget, *at):
    viewer.cursor.position = at
    widget.filling._on_move()


def shown(viewer):
    return viewer.layers[PREVIEW].data[..., 3] > 0


def test_what_is_shown_is_filled_as_one_step_of_undo_and_nothing_else(begun, halves):
    viewer, widget = begun(Image(halves, name="halves"))
    labels = widget.controller.labels
    upper = shown(viewer)
    assert upper[:45].all()
    assert not upper[51:].any()
    assert not labels.data.any()
    widget.filling._press()
    np.testing.assert_array_equal(labels.data, np.where(upper, SKY, 0))
    point(viewer, widget, 80, 60)
    widget.controller.choose_brush(GRASS)
    assert labels.mode == "pan_zoom"  # still the fill
    widget.filling._press()
    np.testing.assert_array_equal(labels.data == SKY, upper)
    assert (labels.data[51:] == GRASS).all()
    labels.undo()
    np.testing.assert_array_equal(labels.data, np.where(upper, SKY, 0))
    labels.undo()
    assert not labels.data.any()


def test_colors_that_come_meanwhile_do_not_put_it_away(begun, halves, wait):
    viewer, widget = begun(Image(halves, name="halves"))
    widget.controller.colorize()
    wait(widget)
    assert "halves colors" in viewer.layers
    assert viewer.layers.selection.active == widget.controller.labels
    assert widget.controller.labels.mode == "pan_zoom"
    point(viewer, widget, 20, 60)
    wait(widget)
    widget.filling._press()
    assert (widget.controller.labels.data[:45] == SKY).all()


def test_the_preview_has_the_color_of_the_brush_and_lies_on_the_image(begun, halves):
    place = {"scale": (2, 3), "translate": (5, 7), "rotate": 20}
    viewer, widget = begun(Image(np.kron(halves, np.ones((8, 8), np.uint8)), name="halves", **place), at=(0, 0))
    image, labels = viewer.layers["halves"], widget.controller.labels
    point(viewer, widget, *labels.data_to_world((100, 500)))
    preview = viewer.layers[PREVIEW]
    assert preview.data.shape == (384, 512, 4)
    inside = preview.data[shown(viewer)]
    np.testing.assert_allclose(inside[:, :3], np.round(labels.get_color(SKY)[:3] * 255)[None] + 0 * inside[:, :3])
    np.testing.assert_allclose(preview.data_to_world((-0.5, -0.5)), image.data_to_world((-0.5, -0.5)), atol=1e-6)
    np.testing.assert_allclose(preview.data_to_world((383.5, 511.5)), image.data_to_world((767.5, 1023.5)), atol=1e-6)


def test_the_preview_is_no_image_to_be_colored_and_goes_with_the_tool(begun, halves, until):
    viewer, widget = begun(Image(halves, name="halves"))
    assert [layer.name for layer in widget.image_choices()] == ["halves"]
    assert viewer.layers.selection.active.name == "halves labels"
    labels = widget.controller.labels
    labels.mode = "erase"
    until(lambda: PREVIEW not in viewer.layers and len(viewer.layers) == 2)
    assert labels.mode == "erase"
    assert not labels.mouse_move_callbacks or widget.filling._on_move not in labels.mouse_move_callbacks
    widget.filling.begin()
    viewer.layers.selection.active = viewer.layers["halves"]
    until(lambda: len(viewer.layers) == 2)
    assert labels.mode == "erase"


def test_nothing_is_shown_or_filled_where_there_is_nothing_to_fill(begun, halves):
    viewer, widget = begun(Image(halves, name="halves"), at=(500, 500))
    labels = widget.controller.labels
    assert PREVIEW not in viewer.layers
    widget.filling._press()
    assert not labels.data.any()
    point(viewer, widget, 20, 60)
    widget.filling._press()
    assert not viewer.layers[PREVIEW].visible  # it has that class now
    steps = len(labels._undo_history)
    widget.filling._press()
    assert len(labels._undo_history) == steps


def test_another_picture_has_other_edges(begun, halves, wait):
    viewer, widget = begun(Image(np.stack([halves, halves[::-1]]), name="stack"), at=(0, 20, 60))
    for plane in (1, 0):
        viewer.dims.set_point(0, plane)
        point(viewer, widget, plane, 20, 60)
        wait(widget)
        widget.filling._press()
        labels = widget.controller.labels.data
        assert (labels[plane, :45] == SKY).all()
        assert not labels[plane, 51:].any()
    assert (labels[1, :45] == SKY).all()


def test_labels_that_cannot_be_written_into_are_filled_in_a_copy(begun, halves):
    fixed = Labels(np.zeros(halves.shape, np.uint8), name="mine")
    fixed.data.flags.writeable = False
    viewer, widget = begun(Image(halves, name="halves"), fixed)
    assert widget.controller.labels is viewer.layers["mine copy"]
    widget.filling._press()
    assert not fixed.data.any()
    assert (viewer.layers["mine copy"].data[:45] == SKY).all()


def test_key_click_and_escape_in_a_window(open_dock, halves, wait, make_mouse, qtbot):
    viewer, widget = open_dock(Image(halves, name="halves"), show=True)
    controller = widget.controller
    controller.choose_brush(SKY)
    labels = controller.labels
    window, canvas = viewer.window._qt_window, viewer.window._qt_viewer.canvas.native
    window.activateWindow()
    canvas.setFocus()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window, timeout=20_000)
    mouse = make_mouse(viewer)
    mouse.hover(20, 60)
    QTest.keyClick(canvas, Qt.Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
    wait(widget)
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=20_000)
    assert shown(viewer)[:45].all()
    mouse.drag((20, 60), (30, 80))  # moves the image
    assert not labels.data.any()
    mouse.click(20, 60)
    assert (labels.data[:45] == SKY).all()
    assert not labels.data[51:].any()
    mouse.hover(80, 60)
    controller.choose_brush(GRASS)
    QTest.keyClick(canvas, Qt.Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
    assert (labels.data[51:] == GRASS).all()
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert labels.mode == "paint"
    qtbot.waitUntil(lambda: PREVIEW not in viewer.layers, timeout=20_000)
    wait(widget)
