"""Large pictures: a layer of several levels, painted where it is seen."""

import copy
import gc
import threading
import weakref

import numpy as np
import pytest
from napari.layers import Image, Labels
from napari.layers._layer_actions import _duplicate_layer

from napari_colorizer._napari.colorize import inference, result_layers, session_cache
from napari_colorizer._napari.shared import layer_notes
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.task_queue import Request
from napari_colorizer.boxes import Box
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine import levels as levels_module
from napari_colorizer.files import read_image

GRASS, SKY = 36, 50
SHAPE = (600, 800)


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch):
    monkeypatch.setattr(levels_module, "LARGEST_SINGLE", 100_000)
    monkeypatch.setattr(levels_module, "SMALLEST_LEVEL", 100)


@pytest.fixture
def large(open_dock, wait):
    """A shown viewer with a photo and a label map, colored, of a size that counts as large."""
    data = np.full(SHAPE, SKY, np.uint8)
    data[300:] = GRASS
    labels = Labels(data, name="photo labels")
    on_layers.show_classes(labels, ClassMap.pascal_context())
    gray = np.random.default_rng(0).integers(60, 200, SHAPE, np.uint8)
    viewer, widget = open_dock(Image(gray, name="photo"), labels, show=True)
    return viewer, wait(widget), labels


def write(labels, box, label):
    """Change labels in a box, as one undo step."""
    rows, columns = np.mgrid[box.slices]
    labels.data_setitem((rows.ravel(), columns.ravel()), label)


def expected(widget):
    """The colors that a whole pass gives."""
    controller = widget.controller
    gray, classes = controller.image.data, controller.classes
    return inference.load(controller.model.name).colorize(gray, controller.labels.data, classes=classes).astype(int)


def test_a_large_picture_gets_levels_and_is_saved_whole(large, wait, tmp_path):
    viewer, widget, labels = large
    colors = viewer.layers["photo colors"]
    assert [level.shape[0] for level in colors.data] == [600, 300, 150, 75]
    write(labels, Box(0, 150, 0, 200), GRASS)
    wait(widget)
    saved = colors.save(str(tmp_path / "colors.png"))
    assert saved
    assert np.abs(read_image(saved[0]) - expected(widget)).max() <= 1


def test_what_is_left_to_paint_is_painted_before_it_is_saved(large, wait, tmp_path, monkeypatch):
    viewer, widget, labels = large
    controller = widget.controller
    monkeypatch.setattr(
        controller.updates.session_cache, "color_more", lambda *_: session_cache.Coloring(controller.counts)
    )  # never comes
    monkeypatch.setattr("napari_colorizer._napari.colorize.color_updates.view_of", lambda *_: Box(0, 1, 0, 1))
    write(labels, Box(400, 600, 500, 800), SKY)
    wait(widget)
    colors = viewer.layers["photo colors"]
    assert np.abs(colors.data[0] - expected(widget)).max() > 1
    for name in ("colors.png", "colors.tif"):
        (saved,) = colors.save(str(tmp_path / name))
        assert np.abs(read_image(saved) - expected(widget)).max() <= 1


def test_an_edit_that_waits_for_something_else_is_colored_and_shown_before_it_is_saved(
    large, wait, tmp_path, monkeypatch
):
    viewer, widget, labels = large
    gate, tasks = threading.Event(), widget.controller.tasks
    tasks.submit(Request("predict", lambda: lambda: gate.wait(60), lambda _: None, "Predicting"))
    write(labels, Box(400, 600, 500, 800), SKY)
    refreshed = []
    monkeypatch.setattr(result_layers, "refresh", lambda layer, **_: refreshed.append(layer))
    (saved,) = viewer.layers["photo colors"].save(str(tmp_path / "colors.png"))
    right = expected(widget)
    assert np.abs(read_image(saved) - right).max() <= 1
    assert not np.array_equal(right[500, 600], right[350, 600])
    assert refreshed == [viewer.layers["photo colors"]]
    gate.set()
    wait(widget)
    assert np.abs(np.asarray(viewer.layers["photo colors"].data) - right).max() <= 1


@pytest.mark.parametrize("closed", [False, True])
def test_an_edit_that_the_thread_has_not_come_to_is_colored_before_it_is_saved_or_the_dock_closed(
    large, wait, qtbot, monkeypatch, closed
):
    viewer, widget, labels = large
    gate, color, controller = threading.Event(), session_cache.SessionCache.color, widget.controller
    colors = viewer.layers["photo colors"]

    def late(*arguments):
        assert threading.current_thread() is threading.main_thread() or gate.wait(10)
        return color(*arguments)

    monkeypatch.setattr(session_cache.SessionCache, "color", late)
    labels.data[400:, 500:] = SKY
    controller.follow()
    right = expected(widget)
    if closed:
        viewer.window.remove_dock_widget(widget)
    assert np.abs(np.asarray(colors.data) - right).max() <= 1
    gate.set()
    qtbot.waitUntil(lambda: controller.tasks.idle, timeout=60_000)
    assert np.abs(np.asarray(colors.data) - right).max() <= 1


def test_colors_are_saved_as_they_are_where_an_edit_cannot_be_colored(large, wait, tmp_path, monkeypatch):
    viewer, widget, labels = large
    gate, tasks, before = threading.Event(), widget.controller.tasks, expected(widget)
    tasks.submit(Request("predict", lambda: lambda: gate.wait(60), lambda _: None, "Predicting"))
    write(labels, Box(400, 600, 500, 800), SKY)
    with monkeypatch.context() as patch:
        patch.setattr(session_cache.SessionCache, "color", lambda *_: 1 / 0)
        (saved,) = viewer.layers["photo colors"].save(str(tmp_path / "colors.png"))
    assert np.abs(read_image(saved) - before).max() <= 1
    assert widget.controller._complaint
    gate.set()
    wait(widget)
    assert np.abs(np.asarray(viewer.layers["photo colors"].data) - expected(widget)).max() <= 1


def test_the_layer_stays_when_another_image_of_its_size_is_colored(large, wait):
    viewer, widget, _ = large
    colors = viewer.layers["photo colors"]
    viewer.layers["photo"].data = viewer.layers["photo"].data[::-1]
    wait(widget)
    assert viewer.layers["photo colors"] is colors
    assert np.abs(np.asarray(colors.data) - expected(widget)).max() <= 1


def test_a_deleted_layer_comes_back_with_the_next_edit(large, wait):
    viewer, widget, labels = large
    viewer.layers.remove("photo colors")
    write(labels, Box(0, 150, 0, 200), GRASS)
    wait(widget)
    assert np.abs(np.asarray(viewer.layers["photo colors"].data) - expected(widget)).max() <= 1


def test_a_copy_that_the_user_made_is_not_painted_on(two, wait):
    viewer, widget = two
    wait(widget)
    colors = viewer.layers["a colors"]
    viewer.layers.selection.active = colors
    _duplicate_layer(viewer.layers)
    copied = viewer.layers["a colors copy"]
    before = np.array(copied.data)
    viewer.layers.remove(colors)
    for name in "ba":
        widget.controller.choose_image(viewer.layers[name])
        wait(widget)
    write(viewer.layers["a labels"], Box(0, 300, 0, 400), SKY)
    wait(widget)
    np.testing.assert_array_equal(np.asarray(copied.data), before)
    assert_both_are_right(viewer)


def test_the_view_is_what_the_canvas_shows(large, wait, qtbot):
    viewer, widget, labels = large
    colors, views, seen = viewer.layers["photo colors"], [], Box(150, 151, 600, 601)
    viewer.scene.camera.center = (150, 600)
    for factor in (8, 1 / 32):  # napari itself goes on with a part that it has when it comes nearer
        viewer.scene.camera.zoom *= factor
        qtbot.wait(200)
        views.append(result_layers.view_of(colors, viewer).within(SHAPE))
        assert views[-1].joined(seen) == views[-1]
    assert views[0].height < views[1].height / 2
    assert views[0].width < views[1].width / 2
    assert result_layers.view_of(None, viewer) is None
    colors.visible = False
    assert result_layers.view_of(colors, viewer).height == 0
    write(labels, Box(0, 150, 0, 200), GRASS)
    wait(widget)
    assert np.abs(np.asarray(colors.data) - expected(widget)).max() <= 1


def photo_of(seed, shape=SHAPE):
    return np.random.default_rng(seed).integers(60, 200, shape, np.uint8)


def colored_apart(image, labels, model="default"):
    return inference.load(model).colorize(image.data, labels.data, classes=ClassMap.pascal_context()).astype(int)


@pytest.fixture(params=["one array", "levels"])
def two(request, bare_dock, monkeypatch):
    """Two photos, each with a label map, of which the first is chosen; without a window."""
    if request.param == "one array":
        monkeypatch.setattr(levels_module, "LARGEST_SINGLE", 10_000_000)
    layers = []
    for number, name in enumerate("ab"):
        labels = Labels(np.full(SHAPE, (GRASS, SKY)[number], np.uint8), name=f"{name} labels")
        on_layers.show_classes(labels, ClassMap.pascal_context())
        layers += [Image(photo_of(number), name=name), labels]
    viewer, widget = bare_dock(*layers)
    widget.controller.choose_image(viewer.layers["a"])
    return viewer, widget


def assert_both_are_right(viewer):
    for name in "ab":
        expected = colored_apart(viewer.layers[name], viewer.layers[f"{name} labels"])
        assert np.abs(np.asarray(viewer.layers[f"{name} colors"].data) - expected).max() <= 1


def test_each_of_two_images_of_one_size_keeps_its_colors(two, wait):
    viewer, widget = two
    for name in "abab":
        wait(widget)
        widget.controller.choose_image(viewer.layers[name])
    wait(widget)
    assert_both_are_right(viewer)
    names = [layer.name for layer in viewer.layers if layer_notes.is_colors(layer)]
    assert sorted(names) == ["a colors", "b colors"]


@pytest.mark.parametrize("two", ["levels"], indirect=True)
def test_what_is_left_of_one_image_is_painted_when_another_is_chosen(two, wait, qtbot, monkeypatch):
    viewer, widget = two
    cache = wait(widget).controller.updates.session_cache
    with monkeypatch.context() as patch:
        idle = []  # rounds in which nothing more is painted
        patch.setattr(cache, "color_more", lambda *_: idle.append(1) or session_cache.Coloring({}, None, done=False))
        viewer.layers["a colors"].visible = False  # so that all of it is left for later
        write(viewer.layers["a labels"], Box(0, 300, 0, 400), SKY)
        qtbot.waitUntil(lambda: len(idle) > 2, timeout=60_000)
        assert not cache._at_hand.levels.painted
        widget.controller.choose_image(viewer.layers["b"])
    wait(widget)
    assert_both_are_right(viewer)


def test_the_last_edit_is_not_lost_when_another_image_is_chosen_or_the_dock_closed(two, wait, qtbot):
    viewer, widget = two
    wait(widget)
    widget.controller.choose_image(viewer.layers["b"])
    wait(widget)
    widget.controller.choose_image(viewer.layers["a"])
    wait(widget)
    write(viewer.layers["a labels"], Box(0, 100, 0, 100), SKY)
    assert not widget.controller.tasks.idle
    write(viewer.layers["a labels"], Box(100, 250, 100, 250), SKY)
    widget.controller.choose_image(viewer.layers["b"])
    write(viewer.layers["b labels"], Box(0, 100, 0, 100), GRASS)
    write(viewer.layers["b labels"], Box(100, 250, 100, 250), GRASS)
    wait(widget)
    assert_both_are_right(viewer)
    write(viewer.layers["b labels"], Box(0, 50, 300, 350), GRASS)
    write(viewer.layers["b labels"], Box(250, 300, 100, 250), GRASS)
    widget.controller.close()
    assert_both_are_right(viewer)


@pytest.mark.parametrize("two", ["one array"], indirect=True)
def test_a_picture_of_one_array_is_painted_at_once(two, wait):
    viewer, widget = two
    cache = wait(widget).controller.updates.session_cache
    viewer.layers["a colors"].visible = False
    write(viewer.layers["a labels"], Box(0, 300, 0, 400), SKY)
    wait(widget)
    assert cache._at_hand.levels.painted
    expected = colored_apart(viewer.layers["a"], viewer.layers["a labels"])
    assert np.abs(viewer.layers["a colors"].data - expected).max() <= 1


def test_an_array_made_of_a_large_layer_is_a_copy(large, wait):
    viewer, widget, labels = large
    whole = np.array(viewer.layers["photo colors"].data)
    before = whole.copy()
    write(labels, Box(0, 300, 0, 400), GRASS)
    wait(widget)
    assert np.array_equal(whole, before)


def test_a_copied_large_layer_is_whole_and_stays_as_it_was(large, wait, tmp_path):
    viewer, widget, labels = large
    before = expected(widget)
    copied = copy.deepcopy(viewer.layers["photo colors"].data)
    write(labels, Box(0, 300, 0, 400), GRASS)
    wait(widget)
    assert np.abs(np.asarray(copied) - before).max() <= 1
    assert len(copied) == 4


def test_a_large_layer_keeps_what_the_user_set(two, wait):
    viewer, widget = two
    wait(widget)
    colors = viewer.layers["a colors"]
    colors.opacity, colors.name = 0.5, "my colors"
    for name in "ba":
        widget.controller.choose_image(viewer.layers[name])
        wait(widget)
    write(viewer.layers["a labels"], Box(0, 300, 0, 400), SKY)
    wait(widget)
    assert viewer.layers["my colors"] is colors
    assert colors.opacity == 0.5
    expected = colored_apart(viewer.layers["a"], viewer.layers["a labels"])
    assert np.abs(np.asarray(colors.data) - expected).max() <= 1
    assert "a colors" not in viewer.layers


def test_the_session_of_an_image_is_freed_when_another_is_chosen(two, wait):
    viewer, widget = two
    wait(widget)
    first = weakref.ref(widget.controller.updates.session_cache._at_hand.session)
    widget.controller.choose_image(viewer.layers["b"])
    wait(widget)
    gc.collect()
    assert first() is None
    second = weakref.ref(widget.controller.updates.session_cache._at_hand.session)
    viewer.layers.remove("b")  # its colors stay
    wait(widget)
    gc.collect()
    assert second() is None
