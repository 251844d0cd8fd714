"""Another picture in the layers of the last one, in a window that is drawn."""

import numpy as np
import pytest
from napari.layers import Labels
from PIL import Image as Picture
from qtpy.QtWidgets import QApplication

from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.files import write_label_map

SKY = 50
SHAPES = {"a.png": (96, 128), "b.png": (70, 128), "c.png": (96, 128, 3), "d.png": (128, 60)}


@pytest.fixture
def mixed(tmp_path, predicts):
    """A folder of gray and color images of several sizes; one has a label map of classes of its own."""
    predicts(lambda shape: np.full(shape, SKY, np.uint8))
    folder, rng = tmp_path / "mixed", np.random.default_rng(0)
    folder.mkdir()
    for name, shape in SHAPES.items():
        Picture.fromarray(rng.integers(60, 200, shape, np.uint8)).save(folder / name)
    write_label_map(folder / "c.labels.png", np.ones((96, 128), np.uint8), ClassMap([Class(1, "moss", "#335522")]))
    return folder


def turn(count=15):
    for _ in range(count):
        QApplication.processEvents()


def test_a_folder_of_all_kinds_of_images_is_gone_through_in_a_window(open_dock, mixed, wait, qtbot):
    viewer, widget = open_dock(show=True)
    widget.folder.open(mixed)
    wait(widget)
    viewer.camera.zoom *= 2
    for by in (1, 1, 1, -1, -1, -1, 1, 1):
        (widget.folder_bar.next_button if by > 0 else widget.folder_bar.previous_button).click()
        wait(widget)
        turn()
        qtbot.wait(100)
        name = widget.folder.current.stem
        assert sorted(layer.name for layer in viewer.layers) == [name, f"{name} colors", f"{name} labels"]
        height, width = SHAPES[widget.folder.current.name][:2]
        assert viewer.layers[f"{name} labels"].data.shape == (height, width)
        assert np.asarray(viewer.layers[f"{name} colors"].data).shape == (height, width, 3)
        assert (viewer.layers[f"{name} labels"].data == (1 if name == "c" else SKY)).all()
        assert widget.controller.classes.has_name("moss") == (name == "c")
        assert viewer.layers.index(viewer.layers[name]) == 0


def test_colors_of_another_size_take_the_place_of_those_before(open_dock, photo, wait, qtbot):
    from napari.layers import Image

    viewer, widget = open_dock(Image(photo, name="photo"), show=True)
    widget.colorize_button.click()
    wait(widget)
    turn()
    viewer.layers["photo"].data = photo[:50]
    wait(widget)
    turn()
    qtbot.wait(100)
    assert [layer.name for layer in viewer.layers] == ["photo", "photo colors"]
    assert viewer.layers["photo colors"].data.shape == (50, 128, 3)


def test_a_label_map_of_the_user_keeps_its_data_when_the_next_image_comes(open_dock, mixed, wait):
    viewer, widget = open_dock()
    widget.folder.open(mixed)
    wait(widget)
    mine = Labels(np.full((96, 128), 9, np.uint8), name="mine")
    on_layers.show_classes(mine, ClassMap([Class(9, "nine", "#112233")]))
    viewer.add_layer(mine)
    widget.controller.choose_labels(mine)
    wait(widget)
    widget.folder_bar.next_button.click()
    wait(widget)
    assert (mine.data == 9).all()
    assert mine.data.shape == (96, 128)
    assert widget.controller.labels is not mine


def test_colors_that_were_asked_for_another_picture_are_not_laid_on_the_one_that_came(open_dock, photo, wait):
    from napari.layers import Image

    viewer, widget = open_dock(Image(photo, name="photo"))
    widget.follow_box.setChecked(False)
    widget.predict_button.click()
    wait(widget)
    widget.colorize_button.click()  # runs while the picture is exchanged
    viewer.layers["photo"].data = photo[::-1]
    wait(widget)
    gray = np.asarray(viewer.layers["photo colors"].data).mean(axis=2)
    assert np.corrcoef(gray.ravel(), photo[::-1].ravel())[0, 1] > 0.95
