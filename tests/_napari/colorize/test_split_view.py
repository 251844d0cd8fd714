"""The split view, in windows that are shown: what is on the left and on the right of the divider."""

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_colorizer._napari.colorize.split_view import STEP
from napari_colorizer.engine.pins import Pin, Pins

SKY, PATIENCE_MS = 50, 30_000
GRAY = 150
PLACE = {"rotate": 20, "scale": (2, 3), "translate": (5, 7)}


@pytest.fixture
def plain():
    return np.full((96, 128), GRAY, np.uint8)


@pytest.fixture
def split(open_dock, plain, wait, qtbot):
    """Open a dock on a gray picture that was colored red all over, and split the view."""

    def opened(**place):
        viewer, widget = open_dock(Image(plain, name="photo", contrast_limits=(0, 255), **place), show=True)
        paint(viewer, widget, "#d04040", wait)
        widget.color_tools.split.button.click()
        QApplication.processEvents()
        return viewer, widget, widget.color_tools.split

    return opened


def paint(viewer, widget, color, wait):
    controller = widget.controller
    if controller.labels is None:
        controller.new_labels()
    controller.labels.data_setitem(np.nonzero(np.asarray(controller.labels.data) != SKY), SKY)
    pins = Pins({SKY: Pin.of(color)})
    controller.wish(type(controller.wishes.now)(classes=pins))
    wait(widget)
    controller.labels.visible = False
    viewer.reset_view()


def canvas_of(viewer):
    return viewer.window._qt_viewer.canvas.native


def columns(viewer):
    """Which columns of the middle row of the canvas are colored, and which are gray; those of the picture."""
    QApplication.processEvents()
    middle = viewer.screenshot(flash=False)[..., :3].astype(int)
    row = middle[len(middle) // 2]
    chroma = np.ptp(row, 1)
    return np.flatnonzero(chroma > 40), np.flatnonzero((chroma < 8) & (abs(row[:, 0] - GRAY) < 4))


def assert_split_at(viewer, share):
    colored, gray = columns(viewer)
    at = share * canvas_of(viewer).width()
    assert len(gray) > 20
    assert len(colored) > 20
    assert gray.max() < at + 2
    assert colored.min() > at - 2
    assert colored.min() - gray.max() <= 3


def assert_whole(viewer):
    colored, gray = columns(viewer)
    assert len(colored) > 60
    assert len(gray) == 0


@pytest.mark.parametrize("place", [{}, PLACE], ids=["plain", "turned"])
def test_the_image_is_gray_on_the_left_and_colored_on_the_right(split, place, plain, wait):
    viewer, widget, view = split(**place)
    saved = np.array(widget.controller.colors.data)
    assert_split_at(viewer, 0.5)
    view.move(0.4)
    assert_split_at(viewer, 0.4)
    viewer.camera.zoom *= 2
    viewer.camera.center = (*viewer.camera.center[:-1], viewer.camera.center[-1] + 3)
    assert_split_at(viewer, 0.4)
    np.testing.assert_array_equal(widget.controller.colors.data, saved)
    assert np.ptp(saved[:, 5].astype(int), -1).min() > 40  # whole, also where it is not shown
    view.button.click()
    assert_whole(viewer)
    view.button.click()
    assert_split_at(viewer, 0.4)  # where it was


def test_colors_follow_edits_in_the_same_layer(split, wait):
    viewer, widget, view = split()
    layer, cut = widget.controller.colors, view._cut
    before = np.array(layer.data)
    paint(viewer, widget, "#4060d0", wait)
    assert widget.controller.colors is layer
    assert view._cut is cut
    assert (np.asarray(layer.data)[..., 2] > before[..., 2]).all()
    assert_split_at(viewer, 0.5)


def test_the_divider_is_dragged_and_moved_by_keys(split, qtbot):
    viewer, widget, view = split()
    canvas, divider = canvas_of(viewer), view.divider
    labels = np.array(widget.controller.labels.data)
    start = divider.rect().center()
    QTest.mousePress(divider, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(divider, start + QPoint(round(0.1 * canvas.width()), 0))
    QTest.mouseRelease(divider, Qt.MouseButton.LeftButton, pos=divider.rect().center())
    assert view.share == pytest.approx(0.6, abs=0.01)
    assert divider.geometry().center().x() == pytest.approx(view.share * canvas.width(), abs=1)
    assert_split_at(viewer, view.share)
    np.testing.assert_array_equal(widget.controller.labels.data, labels)  # nothing was painted by it
    share = view.share
    QTest.keyClick(canvas, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert view.share == pytest.approx(share - STEP)
    view.move(-3)
    assert view.share == 0
    divider.resize(5, 5)
    viewer.window.resize(900, 500)
    qtbot.waitUntil(lambda: divider.height() == canvas.height(), timeout=PATIENCE_MS)


def test_a_key_splits_and_says_what_lacks(open_dock, plain, wait, messages, qtbot):
    viewer, widget = open_dock(Image(plain, name="photo", contrast_limits=(0, 255)), show=True)
    said, view = messages(widget), widget.color_tools.split
    QTest.keyClick(canvas_of(viewer), Qt.Key.Key_W)
    assert "no colors yet" in said[-1]
    assert not view.on
    assert not view.button.isChecked()
    paint(viewer, widget, "#d04040", wait)
    QTest.keyClick(canvas_of(viewer), Qt.Key.Key_W)
    assert view.on
    assert view.button.isChecked()
    assert_split_at(viewer, 0.5)


def test_it_ends_with_the_dock(split):
    viewer, widget, view = split()
    viewer.window.remove_dock_widget(widget)
    assert_whole(viewer)
    assert view.divider is None
    QTest.keyClick(canvas_of(viewer), Qt.Key.Key_W)
    assert_whole(viewer)


def test_colors_that_are_removed_take_the_divider_along_until_there_are_others(split, wait):
    viewer, widget, view = split()
    divider = view.divider
    viewer.layers.remove(widget.controller.colors)
    assert view.divider is None
    assert divider.isHidden()
    colored, gray = columns(viewer)
    assert len(colored) == 0
    assert len(gray) > 60
    widget.colorize_button.click()
    wait(widget)
    assert_split_at(viewer, 0.5)


def test_another_image_is_split_too_and_the_former_is_whole_again(split, plain, wait):
    viewer, widget, view = split()
    first = viewer.layers["photo colors"]
    other = viewer.add_image(plain.copy(), name="other", contrast_limits=(0, 255))
    widget.controller.choose_image(other)
    assert view.divider is None
    other.visible = False
    assert_whole(viewer)
    first.visible, other.visible = False, True
    paint(viewer, widget, "#4060d0", wait)
    assert_split_at(viewer, 0.5)


def test_two_viewers_are_split_apart(split, open_dock):
    first, _, view = split()
    second, _, other = split()
    other.move(0.7)
    assert_split_at(first, 0.5)
    assert_split_at(second, 0.7)
    view.toggle()
    assert_whole(first)
    assert_split_at(second, 0.7)


def test_the_colors_of_all_slices_are_split_too_and_a_key_hides_them(open_dock, plain, wait, qtbot):
    film = Image(np.stack([plain] * 2), name="film", contrast_limits=(0, 255))
    viewer, widget = open_dock(film, show=True)
    paint(viewer, widget, "#d04040", wait)
    widget.series.color_all()
    qtbot.waitUntil(lambda: widget.series.tasks.idle, timeout=60_000)
    wait(widget)
    whole = viewer.layers["film colors (all)"]
    assert [layer.visible for layer in (whole, widget.controller.colors)] == [True, False]
    assert_whole(viewer)
    widget.color_tools.split.button.click()
    assert_split_at(viewer, 0.5)
    widget.color_tools.split.button.click()
    assert_whole(viewer)
    held = widget.compare_keys._before(viewer)
    next(held)
    assert not whole.visible
    next(held, None)
    assert whole.visible


def test_nothing_is_split_in_3d(split):
    viewer, _, view = split()
    viewer.dims.ndisplay = 3
    assert view.divider is None
    viewer.dims.ndisplay = 2
    assert view.divider.isVisible()
    assert_split_at(viewer, 0.5)
