"""Label maps and models as files in napari, sample photographs, menus."""

from importlib import resources
from pathlib import Path

import napari.layers
import numpy as np
import pytest
import zarr
from napari.layers import Image, Labels
from npe2 import PluginManager, PluginManifest
from npe2.manifest.utils import import_python_name
from PIL import Image as Picture
from skimage import data

from napari_colorizer._napari import actions, io
from napari_colorizer._napari.colorize.widget import ColorizeWidget
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.batches.zarr_stacks import ZarrStack
from napari_colorizer.batches.zarr_stores import create_store, write_image
from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.files import write_label_map
from napari_colorizer.models.library import load_model

PLUGIN = "napari-colorizer"
CLASSES = ClassMap([Class(3, "sky", "#87ceeb"), Class(9, "grass", "#4caf50")])
MAP = np.zeros((20, 30), np.uint8)
MAP[5:], MAP[10:] = 3, 9


@pytest.fixture
def manifest():
    return PluginManifest.from_file(resources.files("napari_colorizer") / "napari.yaml")


@pytest.fixture
def viewer(library, make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def stores(tmp_path):
    """Colors and label maps of a stack of two images, 600 pixels wide, as the shell writes them."""
    zarr.create_array(tmp_path / "V.zarr", data=np.zeros((2, 40, 600), np.uint8))
    stack, found = ZarrStack(tmp_path / "V.zarr"), {}
    for kind, classes in (("color", None), ("labels", CLASSES)):
        found[kind] = tmp_path / f"V.{kind}.zarr"
        create_store(found[kind], "V.zarr", stack, np.dtype(np.uint8), kind == "color", classes)
        image = np.full((40, 600, 3), (200, 100, 50), np.uint8) if kind == "color" else np.full((40, 600), 3, np.uint8)
        write_image(found[kind], (1,), image)
    return found


def test_colors_of_a_stack_that_the_shell_has_written_are_opened_as_one_layer_that_reads_what_is_seen(viewer, stores):
    (colors,) = viewer.open(stores["color"], plugin=PLUGIN)
    assert (colors.name, colors.rgb, colors.multiscale, colors.ndim) == ("V.color", True, True, 3)
    assert (colors.axis_labels, colors.scale.tolist()) == (("t", "y", "x"), [1, 1, 1])
    assert not isinstance(colors.data[0], np.ndarray)
    assert [level.shape for level in colors.data] == [(2, 40, 600, 3), (2, 20, 300, 3)]
    assert np.asarray(colors.data[0][1, 5, 5]).tolist() == [200, 100, 50]
    assert np.asarray(colors.data[1][1, 5, 5]).tolist() == [200, 100, 50]


def test_label_maps_of_a_stack_that_the_shell_has_written_are_opened_with_their_classes(viewer, stores):
    (labels,) = viewer.open(stores["labels"], plugin=PLUGIN)
    assert [level.shape for level in labels.data] == [(2, 40, 600), (2, 20, 300)]
    assert int(labels.data[0][1, 5, 5]) == 3
    assert on_layers.class_map_of(labels) == CLASSES


def test_folders_and_stores_of_others_are_opened_as_napari_does_it(viewer, stores, tmp_path):
    (volume,) = viewer.open(tmp_path / "V.zarr", plugin=PLUGIN)
    assert (volume.rgb, volume.data.shape) == (False, (2, 40, 600))
    (tmp_path / "scans").mkdir()
    for name in "AB":
        Picture.fromarray(data.camera()[::8, ::8]).save(tmp_path / "scans" / f"{name}.png")
    (scans,) = viewer.open(tmp_path / "scans", plugin=PLUGIN)
    assert scans.data.shape == (2, 64, 64)


@pytest.mark.parametrize("factor", [1, 100], ids=["8 bits", "16 bits"])
def test_a_saved_label_map_comes_back_with_its_name_and_classes(viewer, tmp_path, factor):
    labels = viewer.add_labels(MAP.astype(np.uint16) * factor, name="cat labels")
    classes = ClassMap(Class(item.id * factor, item.name, item.color) for item in CLASSES)
    on_layers.show_classes(labels, classes)
    written = viewer.layers.save(str(tmp_path / "cat.labels.png"), plugin=PLUGIN)
    assert written == [str(tmp_path / "cat.labels.png")]
    (again,) = viewer.open(tmp_path / "cat.labels.png", plugin=PLUGIN)
    assert isinstance(again, napari.layers.Labels)
    assert again.name.startswith("cat labels")
    np.testing.assert_array_equal(again.data, MAP.astype(int) * factor)
    assert on_layers.class_map_of(again) == classes
    assert "grass" in again.get_status((15, 15), world=True)["value"]


def test_a_label_map_without_classes_is_saved_and_opened_too(viewer, tmp_path):
    viewer.add_labels(MAP)
    viewer.layers.save(str(tmp_path / "cat.labels.png"), plugin=PLUGIN)
    (again,) = viewer.open(tmp_path / "cat.labels.png", plugin=PLUGIN)
    np.testing.assert_array_equal(again.data, MAP)
    assert on_layers.class_map_of(again) is None


@pytest.mark.parametrize(
    ("labels", "reason"),
    [(np.stack([MAP, MAP]), r"'mine' has 3 axes.*TIFF"), (MAP.astype(np.int32) * 10_000, r"'mine'.*0 to 65535")],
    ids=["stack", "large ids"],
)
def test_labels_that_a_png_cannot_hold_are_refused_by_name_and_nothing_is_written(viewer, tmp_path, labels, reason):
    viewer.add_labels(labels, name="mine")
    with pytest.raises(OSError, match=reason):
        viewer.layers.save(str(tmp_path / "mine.png"), plugin=PLUGIN)
    assert not list(tmp_path.glob("*.png"))


def test_photographs_are_left_to_others(tmp_path):
    photo, named, plain = tmp_path / "photo.png", tmp_path / "A.labels.png", tmp_path / "map.png"
    Picture.fromarray(data.camera()).save(photo)
    Picture.fromarray(MAP).save(named)
    write_label_map(plain, MAP, CLASSES)
    assert io.get_label_map_reader([str(named)]) is None
    assert io.get_label_map_reader(str(tmp_path / "labels.tif")) is None
    assert not offered(photo)
    assert not offered(plain)
    assert offered(named)
    assert offered(tmp_path / "photo labels.png")


def offered(path):
    manager = PluginManager.instance()
    manager.discover()
    readers = manager.iter_compatible_readers([str(path)])
    return any(reader.plugin_name == "napari-colorizer" for reader in readers)


def test_a_photograph_opens_as_an_image(viewer, tmp_path):
    Picture.fromarray(data.camera()[::8, ::8]).save(tmp_path / "photo.png")
    (layer,) = viewer.open(tmp_path / "photo.png")
    assert isinstance(layer, Image)


def test_opening_a_model_file_installs_it(viewer, tmp_path, make_model, library):
    make_model("tiny").save(tmp_path / "anything.safetensors")
    assert viewer.open(tmp_path / "anything.safetensors", plugin=PLUGIN) == []
    assert (library / "tiny.safetensors").is_file()
    assert load_model("tiny").classes.named("boat").id == 7
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Colorize")
    assert widget.models.findText("tiny") >= 0


def test_a_damaged_model_file_is_refused_and_not_installed(tmp_path, library):
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"bad\.safetensors"):
        io.install_model_file(str(tmp_path / "bad.safetensors"))
    assert not list(library.glob("*"))


def test_only_model_files_are_taken_for_models():
    assert io.get_model_reader("a.safetensors") is not None
    assert io.get_model_reader("a.png") is None
    assert io.get_model_reader(["a.safetensors"]) is None


def test_every_sample_opens_as_a_gray_photograph(viewer, manifest):
    samples = [sample.key for sample in manifest.contributions.sample_data]
    assert sorted(samples) == sorted(io.SAMPLES)
    for key in samples:
        (layer,) = viewer.open_sample(PLUGIN, key)
        assert isinstance(layer, Image)
        assert (layer.ndim, layer.rgb, layer.data.dtype) == (2, False, np.uint8)
        assert np.ptp(layer.data) > 150
        assert layer.name == key
        assert layer.metadata["credit"]


def test_the_old_photograph_is_gray_itself_and_its_file_names_the_photographer_and_the_terms():
    ((pixels, facts, _),) = io.battery_park()
    assert pixels.ndim == io.sample_pixels("battery_park").ndim == 2
    with Picture.open(Path(io.__file__).with_name("battery_park.jpg")) as file:
        written = " ".join(str(value) for value in file.getexif().values()).lower()
    for text in ("1961", "jack e. boucher", "national park service", "public domain"):
        assert text in written
        assert text in facts["metadata"]["credit"].lower()


def test_everything_that_the_manifest_names_is_there(manifest):
    commands = {command.id: command for command in manifest.contributions.commands}
    for command in commands.values():
        assert callable(import_python_name(command.python_name))
    contributions = manifest.contributions
    named = [item.command for items in (contributions.widgets, contributions.readers) for item in items]
    named += [item.command for items in (contributions.writers, contributions.sample_data) for item in items]
    named += [item.command for items in contributions.menus.values() for item in items]
    assert set(named) == set(commands)


def test_the_menus_open_one_dock_on_the_selected_photo(viewer, photo, qtbot):
    first = viewer.add_image(photo, name="first")
    viewer.add_image(photo // 2, name="second")
    widget = actions.open_colorize(viewer)
    assert isinstance(widget, ColorizeWidget)
    assert widget.controller.image is viewer.layers["second"]
    viewer.layers.selection.active = first
    assert actions.open_colorize(viewer) is widget
    assert widget.controller.image is first
    actions.new_label_map(viewer)
    assert not viewer.layers["first labels"].data.any()
    viewer.layers.selection.active = viewer.layers["second"]
    widget.confidence.setValue(0)
    actions.predict_labels(viewer)
    qtbot.waitUntil(lambda: widget.controller.tasks.idle, timeout=60_000)
    assert viewer.layers["second labels"].data.any()
    assert not viewer.layers["first labels"].data.any()


def test_menus_without_a_photo_say_what_is_missing(viewer):
    widget = actions.open_colorize(viewer)
    for action in (actions.predict_labels, actions.new_label_map):
        widget.message.clear()
        action(viewer)
        assert "Choose an image" in widget.message.text()


def test_a_label_map_opened_with_its_classes_is_used_as_it_is(viewer, tmp_path, photo, qtbot):
    write_label_map(tmp_path / "cat.labels.png", np.full(photo.shape, 9, np.uint8), CLASSES)
    viewer.add_image(photo, name="cat")
    viewer.open(tmp_path / "cat.labels.png", plugin=PLUGIN)
    viewer.layers.selection.active = viewer.layers["cat"]
    widget = actions.open_colorize(viewer)
    qtbot.waitUntil(lambda: widget.controller.tasks.idle, timeout=60_000)
    assert isinstance(widget.controller.labels, Labels)
    assert widget.instance_labels.dialog is None
    assert widget.controller.classes == CLASSES
    assert "cat colors" in viewer.layers
