"""Label maps whose data are not NumPy arrays in memory."""

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import ClassMap

GRASS, SKY, TREE = 36, 50, 54
KINDS = ("dask", "zarr", "read-only", "memory map", "levels", "view of a memory map")


@pytest.fixture(autouse=True)
def prediction(predicts):
    predicts(np.full((96, 128), SKY, np.uint8))


@pytest.fixture
def make_labels(tmp_path):
    """A labels layer of some kind, grass above trees."""

    def make(kind):
        data = np.full((96, 128), GRASS, np.uint8)
        data[48:] = TREE
        if kind == "dask":
            given = da.from_array(data, chunks=(32, 64))
        elif kind == "zarr":
            given = pytest.importorskip("zarr").array(data, chunks=(32, 64))
        elif kind == "read-only":
            given = data.copy()
            given.flags.writeable = False
        elif kind == "levels":
            given = [data.copy(), data[::2, ::2].copy()]
        else:
            given = np.memmap(tmp_path / "map.raw", np.uint8, "w+", shape=data.shape)
            given[:] = data
            given = np.asarray(given)[:] if kind.startswith("view") else given
        layer = Labels(given, name="mine", multiscale=kind == "levels")
        on_layers.show_classes(layer, ClassMap.pascal_context())
        return layer, given, data

    return make


def whole(given):
    return np.asarray(given[0] if isinstance(given, list) else given)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_colored_as_it_is(bare_dock, wait, make_labels, assert_colored, photo, kind):
    layer, given, data = make_labels(kind)
    viewer, widget = bare_dock(Image(photo, name="photo"), layer)
    widget.controller.choose_labels(layer)
    wait(widget)
    assert_colored(viewer.layers["photo colors"].data, data)
    assert widget.controller.labels is layer
    if kind != "levels":
        assert layer.data is given


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("act", ["predict", "reset"])
def test_it_is_predicted_into_a_copy_that_is_named(bare_dock, wait, make_labels, messages, photo, kind, act):
    layer, given, data = make_labels(kind)
    viewer, widget = bare_dock(Image(photo, name="photo"), layer)
    widget.controller.choose_labels(layer)
    wait(widget)
    said = messages(widget)
    widget.prediction.predict() if act == "predict" else widget.prediction.reset("map")
    wait(widget)
    np.testing.assert_array_equal(whole(given), data)
    copy = widget.controller.labels
    assert copy is viewer.layers["mine copy"]
    assert (copy.data == SKY).all()
    assert any("'mine'" in text and "'mine copy'" in text for text in said)
    copy.undo()
    np.testing.assert_array_equal(copy.data, data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_brush_paints_wherever_napari_can_and_else_in_a_copy(bare_dock, wait, make_labels, photo, kind):
    layer, given, data = make_labels(kind)
    _, widget = bare_dock(Image(photo, name="photo"), layer)
    widget.controller.choose_labels(layer)
    wait(widget)
    widget.controller.choose_brush(SKY)
    labels = widget.controller.labels
    assert (labels is layer) == (kind not in ("levels", "read-only", "dask"))
    labels.paint((40, 40), SKY)
    labels.fill((3, 3), TREE)
    wait(widget)
    assert {SKY, TREE} <= set(np.unique(labels.data))
    labels.undo()
    labels.undo()
    wait(widget)
    np.testing.assert_array_equal(labels.data, data)
    np.testing.assert_array_equal(whole(given), data)


def test_a_brush_on_several_levels_paints_in_a_copy(bare_dock, wait, make_labels, photo):
    layer, _, data = make_labels("levels")
    _, widget = bare_dock(Image(photo, name="photo"), layer)
    widget.controller.choose_labels(layer)
    wait(widget)
    widget.controller.choose_brush(SKY)
    copy = widget.controller.labels
    assert copy is not layer
    assert copy.mode == "paint"
    np.testing.assert_array_equal(copy.data, data)
