"""Large pictures: a layer of several levels, painted where it is seen."""

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_colorizer._napari import layers as on_layers
from napari_colorizer._napari import laying, workbench
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
    return workbench.load(controller.model.name).colorize(gray, controller.labels.data, classes=classes).astype(int)


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
    monkeypatch.setattr(controller.bench, "color_more", lambda *_: workbench.Coloring(controller.counts))  # never comes
    monkeypatch.setattr("napari_colorizer._napari.controller.view_of", lambda *_: Box(0, 1, 0, 1))
    write(labels, Box(400, 600, 500, 800), SKY)
    wait(widget)
    colors = viewer.layers["photo colors"]
    assert np.abs(colors.data[0] - expected(widget)).max() > 1
    for name in ("colors.png", "colors.tif"):
        (saved,) = colors.save(str(tmp_path / name))
        assert np.abs(read_image(saved) - expected(widget)).max() <= 1


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


def test_the_view_is_what_the_canvas_shows(large, wait, qtbot):
    viewer, widget, labels = large
    colors, views, seen = viewer.layers["photo colors"], [], Box(150, 151, 600, 601)
    viewer.scene.camera.center = (150, 600)
    for factor in (8, 1 / 32):  # napari itself goes on with a part that it has when it comes nearer
        viewer.scene.camera.zoom *= factor
        qtbot.wait(200)
        views.append(laying.view_of(colors, viewer).within(SHAPE))
        assert views[-1].joined(seen) == views[-1]
    assert views[0].height < views[1].height / 2
    assert views[0].width < views[1].width / 2
    assert laying.view_of(None, viewer) is None
    colors.visible = False
    assert laying.view_of(colors, viewer).height == 0
    write(labels, Box(0, 150, 0, 200), GRASS)
    wait(widget)
    assert np.abs(np.asarray(colors.data) - expected(widget)).max() <= 1
