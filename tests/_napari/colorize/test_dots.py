"""Color dots: what is done to the points, the colors follow, and the dock undoes it."""

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from skimage.color import rgb2lab

from napari_colorizer._napari.colorize.inference import load
from napari_colorizer._napari.colorize.widget import ColorizeWidget
from napari_colorizer.engine.pins import Pin

SKY, GRASS = 50, 36
WARM, COOL = "#dca078", "#8cb4dc"


@pytest.fixture
def halves(predicts):
    """Sky at the left, grass at the right."""
    predicts(np.where(np.arange(128) < 64, SKY, GRASS) + np.zeros((96, 1), np.uint8))


@pytest.fixture
def dotted(halves, bare_predicted):
    viewer, widget = bare_predicted
    widget.color_tools.dots_button.click()
    return viewer, widget, viewer.layers["Dots"]


def wished(viewer, widget):
    """What the dots are to bring about, computed apart from the dock."""
    rows = []
    for dot in widget.controller.wishes.now.dots:
        _, a, b = rgb2lab(np.array([[[int(dot.color[i : i + 2], 16) for i in (1, 3, 5)]]], np.uint8))[0, 0]
        rows.append((*dot.place, a, b, dot.size / 2))
    pixels = viewer.layers["photo"].data
    return load("default").session(pixels).colorize(np.asarray(viewer.layers["photo labels"].data), rows)


def assert_followed(viewer, widget):
    got = np.asarray(viewer.layers["photo colors"].data).astype(int)
    assert np.abs(got - wished(viewer, widget)).max() <= 1


def test_the_button_lays_one_layer_that_is_ready_to_add_dots(dotted):
    viewer, widget, dots = dotted
    assert (viewer.layers.selection.active, dots.mode) == (dots, "add")
    widget.color_tools.dots.toggle()
    assert viewer.layers.selection.active is viewer.layers["photo labels"]
    widget.color_tools.dots.toggle()
    assert viewer.layers.selection.active is dots
    assert sum(layer.name.startswith("Dots") for layer in viewer.layers) == 1


def test_colors_follow_dots_that_are_added_moved_recolored_resized_and_deleted(dotted, wait):
    viewer, widget, dots = dotted
    before = viewer.layers["photo colors"].data.copy()

    def recolor(color):
        dots.selected_data = {0}
        dots.current_face_color = color

    def move():
        dots.data = dots.data + np.array([0.0, 70.0])

    def resize():
        dots.selected_data = {0}
        dots.current_size = 30

    changes = [
        lambda: dots.add((20, 20)),
        lambda: dots.add((40, 100)),
        lambda: recolor(COOL),
        lambda: dots.remove([1]),
        move,
        resize,
    ]
    seen = [before.copy()]
    for change in changes:
        change()
        wait(widget)
        assert_followed(viewer, widget)
        now = viewer.layers["photo colors"].data.copy()
        assert not np.array_equal(now, seen[-1])
        seen.append(now)
    for expected in reversed(seen[:-1]):  # each is one step
        widget.color_tools.undo_button.click()
        wait(widget)
        assert np.abs(viewer.layers["photo colors"].data.astype(int) - expected).max() <= 1
    assert len(dots.data) == 0
    assert not widget.color_tools.undo_button.isEnabled()
    for _ in changes:
        widget.color_tools.redo_button.click()
    wait(widget)
    assert np.abs(viewer.layers["photo colors"].data.astype(int) - seen[-1]).max() <= 1
    assert dots.size.tolist() == [30]


def test_dots_and_pins_are_undone_in_their_order(dotted, wait):
    _, widget, dots = dotted
    dots.add((20, 20))
    widget.color_tools.pins.pin(GRASS, None)  # nothing: no step
    widget.color_tools.pins.pin(GRASS, Pin((5.0, 5.0)))
    dots.add((30, 30))
    steps = []
    for _ in range(3):
        widget.color_tools.undo_button.click()
        steps.append((len(dots.data), len(widget.controller.wishes.now.classes)))
    wait(widget)
    assert steps == [(1, 1), (1, 0), (0, 0)]


def test_a_deleted_layer_comes_back_with_undo(dotted, wait):
    viewer, widget, dots = dotted
    dots.current_face_color = WARM
    dots.add((20, 20))
    viewer.layers.remove(dots)
    wait(widget)
    assert not widget.controller.wishes.now
    assert_followed(viewer, widget)
    widget.color_tools.undo_button.click()
    wait(widget)
    assert viewer.layers["Dots"].data.tolist() == [[20, 20]]
    assert_followed(viewer, widget)


def test_dots_count_where_they_are_seen_and_go_with_the_image(dotted, wait):
    viewer, widget, dots = dotted
    dots.add([20, 30])
    wait(widget)
    dots.translate = 40, 60
    wait(widget)
    assert [dot.place for dot in widget.controller.wishes.now.dots] == [(60, 90)]
    assert_followed(viewer, widget)
    dots.add([1, 2])
    wait(widget)
    assert [dot.place for dot in widget.controller.wishes.now.dots] == [(60, 90), (41, 62)]
    viewer.layers["photo"].scale = 2, 2
    viewer.layers["photo"].rotate = 30
    wait(widget)
    assert [dot.place for dot in widget.controller.wishes.now.dots] == [(60, 90), (41, 62)]
    seen = [viewer.layers["photo"].world_to_data(dots.data_to_world(point)) for point in dots.data]
    np.testing.assert_allclose(seen, [(60, 90), (41, 62)], atol=1e-6)
    widget.color_tools.undo_button.click()
    wait(widget)
    assert [dot.place for dot in widget.controller.wishes.now.dots] == [(20, 30)]
    np.testing.assert_array_equal(dots.data, [(20, 30)])
    np.testing.assert_array_equal(dots.rotate, viewer.layers["photo"].rotate)
    assert_followed(viewer, widget)


def test_dots_of_another_image_are_its_own(dotted, wait, photo):
    viewer, widget, dots = dotted
    dots.add((20, 20))
    other = viewer.add_image(photo[::-1].copy(), name="other")
    widget.controller.choose_image(other)
    widget.color_tools.dots.toggle()
    assert len(viewer.layers["Dots [1]"].data) == 0
    viewer.layers["Dots [1]"].add((5, 5))
    widget.controller.choose_image(viewer.layers["photo"])
    wait(widget)
    assert [dot.place for dot in widget.controller.wishes.now.dots] == [(20, 20)]
    viewer.layers["photo"].metadata = {"path": "next.png"}  # as a folder does
    assert len(dots.data) == 0
    viewer.layers["photo"].metadata = {}
    assert dots.data.tolist() == [[20, 20]]
    wait(widget)


def test_a_dock_that_is_closed_and_opened_again_goes_on_with_the_dots_and_pins_of_now(dotted, wait, own_dock):
    viewer, widget, dots = dotted
    dots.add((20, 20))
    widget.color_tools.pins.pin(GRASS, Pin((5.0, 5.0)))
    wait(widget)
    widget.stop()
    dots.add((30, 90))
    again = wait(own_dock(ColorizeWidget(viewer)))
    assert [dot.place for dot in again.controller.wishes.now.dots] == [(20, 20), (30, 90)]
    assert set(again.controller.wishes.now.classes.classes) == {GRASS}
    dots.remove([0])
    assert len(again.controller.wishes.now.dots) == 1
    wait(again)


def test_dots_without_a_label_map_color_the_image(bare, wait):
    viewer, widget = bare
    widget.color_tools.dots_button.click()
    viewer.layers["Dots"].add((20, 20))
    wait(widget)
    _, a, b = rgb2lab(np.asarray(viewer.layers["photo colors"].data))[20, 20]
    assert (a, b) > (10, 20)  # orange


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")  # napari's own
def test_dots_that_color_nothing_are_named(bare_dock, photo, wait, messages):
    pixels = photo / 255.0
    pixels[:10, :10] = np.nan
    viewer, widget = bare_dock(Image(pixels, name="photo"))
    said = messages(widget)
    widget.color_tools.dots_button.click()
    dots = viewer.layers["Dots"]
    dots.add((20, 20))
    wait(widget)
    before = viewer.layers["photo colors"].data.copy()
    for places, text in (
        ([(-30, 20)], "A dot lies outside of the image: it colors nothing"),
        ([(500, 20), (np.nan, 20)], "2 dots lie outside of the image: they color nothing"),
        ([(5, 5)], "A dot lies where the image has no value (NaN): it colors nothing"),
    ):
        dots.add(np.array(places, float))
        wait(widget)
        assert text in said
    assert np.abs(viewer.layers["photo colors"].data[20:].astype(int) - before[20:]).max() <= 1


def test_a_thousand_dots(dotted, wait):
    viewer, widget, dots = dotted
    places = np.random.default_rng(0).uniform((0, 0), (95, 127), (1000, 2))
    dots.add(places)
    wait(widget)
    assert_followed(viewer, widget)
    widget.color_tools.undo_button.click()
    assert len(dots.data) == 0
    wait(widget)


def test_a_dot_lies_on_one_plane_of_a_stack(bare_dock, photo, wait):
    viewer, widget = bare_dock(Image(np.stack([photo, photo]), name="photo"))
    widget.color_tools.dots_button.click()
    viewer.layers["Dots"].add((1, 20, 20))
    viewer.dims.set_point(0, 0)
    widget.colorize_button.click()
    wait(widget)
    plain = viewer.layers["photo colors"].data.copy()
    viewer.dims.set_point(0, 1)
    wait(widget)
    assert not np.array_equal(viewer.layers["photo colors"].data, plain)


def test_keys_and_mouse_in_the_window(halves, open_dock, photo, wait, make_mouse):
    viewer, widget = open_dock(Image(photo, name="photo", scale=(2, 2), translate=(10, 30)), show=True)
    widget.predict_button.click()
    wait(widget)
    mouse, canvas = make_mouse(viewer), viewer.window._qt_viewer.canvas.native
    QTest.keyClick(canvas, Qt.Key.Key_D)
    dots = viewer.layers["Dots"]
    mouse.click(10 + 2 * 20, 30 + 2 * 20)
    wait(widget)
    np.testing.assert_allclose(dots.data, [[20, 20]], atol=1)
    assert_followed(viewer, widget)
    dots.mode = "select"
    mouse.drag((50, 70), (70, 100), (90, 110))
    wait(widget)
    np.testing.assert_allclose(dots.data, [[40, 40]], atol=1)
    assert_followed(viewer, widget)
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_allclose(dots.data, [[20, 20]], atol=1)  # the drag is one step
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    np.testing.assert_allclose(dots.data, [[40, 40]], atol=1)
    QTest.keyPress(canvas, Qt.Key.Key_R)
    assert not dots.visible
    QTest.keyRelease(canvas, Qt.Key.Key_R)
    assert dots.visible
    wait(widget)
    QTest.keyClick(canvas, Qt.Key.Key_D)
    assert viewer.layers.selection.active is viewer.layers["photo labels"]
