import json
import shutil
import weakref

import numpy as np
import pytest
import tifffile
import zarr

from napari_colorizer.batches.recipe import Recipe
from napari_colorizer.batches.zarr_stacks import ZarrStack
from napari_colorizer.batches.zarr_stores import read_levels
from napari_colorizer.errors import FileError


@pytest.fixture
def volume(tmp_path, pages):
    """An OME-Zarr of two times and three depths, in micrometers."""
    images = np.stack([pages[:3], pages[2:]])[:, None]
    group = zarr.open_group(tmp_path / "V.zarr", mode="w", zarr_format=2)
    zarr.create_array(group.store, name="full", data=images, chunks=(1, 1, 1, 16, 32), zarr_format=2)
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "tczyx"]
    datasets = [{"path": "full", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 4, 0.5, 0.5]}]}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    return tmp_path / "V.zarr"


def colors_of(path, *place):
    return list(read_levels(path, place))


def test_an_ome_zarr_becomes_one_of_colors(colorize, volume, pages, expected):
    done = colorize(volume)
    assert done.exit_code == 0, done.stderr
    result = volume.with_name("V.color.zarr")
    assert done.stdout.split() == [str(result)]
    assert zarr.open_group(result, mode="r")["0"].shape == (2, 3, 3, 24, 32)
    np.testing.assert_array_equal(colors_of(result, 1, 2)[0], expected(pages[4]))
    np.testing.assert_array_equal(colors_of(result, 0, 1)[0], expected(pages[1]))
    ome = json.loads((result / "zarr.json").read_text("utf-8"))["attributes"]["ome"]
    assert ome["version"] == "0.5"
    image = ome["multiscales"][0]
    assert [(axis["name"], axis["type"]) for axis in image["axes"]] == [
        *(("t", "time"), ("c", "channel"), ("z", "space"), ("y", "space"), ("x", "space"))
    ]
    assert image["axes"][3]["unit"] == "micrometer"
    assert image["datasets"][0]["coordinateTransformations"][0]["scale"] == [1, 1, 4, 0.5, 0.5]
    assert [(one["label"], one["color"]) for one in ome["omero"]["channels"]] == [
        *(("Red", "FF0000"), ("Green", "00FF00"), ("Blue", "0000FF"))
    ]


def test_label_maps_of_a_zarr_and_colors_that_follow_them(segment, colorize, volume, pages, tiny_model):
    assert segment(volume).exit_code == 0
    labels = volume.with_name("V.labels.zarr")
    assert ZarrStack(labels).classes == tiny_model.classes
    array = zarr.open_group(labels, mode="r+")["0"]
    assert (array.shape, array.dtype) == ((2, 3, 24, 32), np.uint8)
    np.testing.assert_array_equal(array[1, 2], tiny_model.segment(pages[4]))
    array[0, 1] = 7
    assert colorize(volume, "--labels", volume.parent).exit_code == 0
    colors = colors_of(volume.with_name("V.color.zarr"), 0, 1)[0]
    np.testing.assert_array_equal(colors, tiny_model.colorize(pages[1], np.full((24, 32), 7, np.uint8)))


def test_a_pyramid_is_written(colorize, tmp_path, gray):
    zarr.create_array(tmp_path / "V.zarr", data=np.stack([gray(0, (700, 1101))] * 2))
    assert colorize(tmp_path / "V.zarr", "--working-size", 32).exit_code == 0
    levels = colors_of(tmp_path / "V.color.zarr", 1)
    assert [level.shape for level in levels] == [(700, 1101, 3), (350, 551, 3), (175, 276, 3)]
    means = levels[0][:, :1100].reshape(350, 2, 550, 2, 3).mean((1, 3))
    assert np.abs(levels[1][:, :550] - means).max() <= 0.5


def test_a_zarr_goes_on_where_it_stopped_and_keeps_what_a_person_has_changed(colorize, volume, counted, records):
    result = volume.with_name("V.color.zarr")
    assert colorize(volume).exit_code == 0
    assert colorize(volume).exit_code == 0
    assert len(counted) == 6
    manifest = volume.with_name("napari-colorizer.jsonl")
    lines = manifest.read_bytes().splitlines(keepends=True)
    assert [record["slice"] for record in records(volume.parent)] == [
        None,
        *([0, 0, 0], [0, 0, 1], [0, 0, 2], [1, 0, 0], [1, 0, 1], [1, 0, 2]),
    ]
    manifest.write_bytes(b"".join(lines[:4]))
    assert colorize(volume).exit_code == 0
    assert len(counted) == 9
    zarr.open_group(result, mode="r+")["0"][0, :, 1] = 200
    refused = colorize(volume)
    assert refused.exit_code == 1
    assert "V.color.zarr was changed" in refused.stderr
    assert (colors_of(result, 0, 1)[0] == 200).all()
    assert colorize(volume, "--overwrite").exit_code == 0
    assert not (colors_of(result, 0, 1)[0] == 200).all()
    assert len(counted) == 10


def test_a_store_whose_colors_lie_channels_last_is_continued(colorize, volume, counted, pages, expected):
    assert colorize(volume).exit_code == 0
    result, manifest = volume.with_name("V.color.zarr"), volume.with_name("napari-colorizer.jsonl")
    group = zarr.open_group(result, mode="r+")
    colors = np.moveaxis(group["0"][...], 1, -1)  # as they were stored once
    colors[1, 2] = 0
    del group["0"]
    layout = {"chunks": (1, 1, 24, 32, 3), "dimension_names": [*"tzyxc"]}
    group.create_array("0", shape=colors.shape, dtype=colors.dtype, **layout)[...] = colors
    manifest.write_bytes(b"".join(manifest.read_bytes().splitlines(keepends=True)[:-1]))
    assert colorize(volume).exit_code == 0
    assert len(counted) == 6 + 1
    np.testing.assert_array_equal(group["0"][1, 2], expected(pages[4]))


def test_what_was_made_from_another_image_is_announced_and_made_again(
    colorize, volume, gray, counted, records, expected
):
    assert colorize(volume).exit_code == 0
    zarr.open_group(volume, mode="r+")["full"][1, 0, 1] = gray(9)
    assert colorize(volume).exit_code == 0
    assert len(counted) == 7
    np.testing.assert_array_equal(colors_of(volume.with_name("V.color.zarr"), 1, 1)[0], expected(gray(9)))
    announced, made = records(volume.parent)[-2:]
    assert (announced["slice"], announced["sha256"]) == (made["slice"], "")
    assert made["sha256"]


def test_a_store_that_was_deleted_is_made_anew(colorize, volume, counted):

    assert colorize(volume).exit_code == 0
    shutil.rmtree(volume.with_name("V.color.zarr"))
    assert colorize(volume).exit_code == 0
    assert len(counted) == 12


def test_a_store_of_somebody_else_is_not_written_into(colorize, volume):
    other = volume.with_name("other.zarr")
    zarr.create_array(other, data=np.ones((3, 4)))
    refused = colorize(volume, "-o", other)
    assert refused.exit_code == 1
    assert "other.zarr already exists" in refused.stderr
    assert (zarr.open_array(other, mode="r")[:] == 1).all()


def test_stacks_go_from_tiff_to_zarr_and_back(colorize, stack, pages, expected):
    assert colorize(stack, "-o", stack.with_name("out.zarr")).exit_code == 0
    np.testing.assert_array_equal(colors_of(stack.with_name("out.zarr"), 3)[0], expected(pages[3]))
    zarr.create_array(stack.with_name("in.zarr"), data=pages)
    assert colorize(stack.with_name("in.zarr"), "-o", stack.with_name("out.tif")).exit_code == 0

    np.testing.assert_array_equal(tifffile.imread(stack.with_name("out.tif"))[3], expected(pages[3]))


@pytest.mark.parametrize(
    ("shape", "lead", "axes"), [((24, 32), (), ""), ((5, 24, 32), (5,), "t"), ((2, 24, 32, 3), (2,), "t")]
)
def test_plain_arrays_are_stacks_and_one_image_is_one(colorize, tmp_path, shape, lead, axes):
    zarr.create_array(tmp_path / "V.zarr", data=np.zeros(shape, np.uint8))
    stack = ZarrStack(tmp_path / "V.zarr")
    assert (stack.lead, stack.axes, stack.size) == (lead, axes, (24, 32))
    assert colorize(tmp_path / "V.zarr").exit_code == 0
    assert zarr.open_group(tmp_path / "V.color.zarr", mode="r")["0"].shape == (*lead, 3, 24, 32)


def test_a_store_of_one_image_becomes_a_tiff_of_one(colorize, tmp_path, gray, expected):
    zarr.save(tmp_path / "one.zarr", gray(0))
    done = colorize(tmp_path / "one.zarr", "-o", tmp_path / "one.tif")
    assert done.exit_code == 0, done.stderr
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "one.tif"), expected(gray(0)))


def test_an_array_within_a_store_has_its_result_outside_of_it(colorize, volume):
    assert colorize(volume / "full").exit_code == 1  # five axes that nobody names
    zarr.create_array(volume, name="one", data=np.zeros((2, 8, 8), np.uint8), zarr_format=2)
    assert colorize(volume / "one").stdout.split() == [str(volume.with_name("one.color.zarr"))]


def test_what_is_no_stack_of_images_is_refused(colorize, tmp_path, scans):
    zarr.create_array(tmp_path / "line.zarr", data=np.zeros(5))
    zarr.open_group(tmp_path / "empty.zarr", mode="w")
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr" / "zarr.json").write_text("{")
    for name in ("line.zarr", "empty.zarr", "broken.zarr"):
        with pytest.raises(FileError, match=name):
            ZarrStack(tmp_path / name)
        result = colorize(tmp_path / name, scans / "A.png")
        assert result.exit_code == 1
        assert name in result.stderr
        assert "1 of 2 files failed" in result.stderr


def test_channels_of_a_series_of_volumes_are_refused_in_one_line(colorize, volume):
    group = zarr.open_group(volume, mode="r+")
    zarr.create_array(group.store, name="full", data=np.zeros((2, 2, 3, 8, 8), np.uint8), zarr_format=2, overwrite=True)
    refused = colorize(volume)
    assert refused.exit_code == 1
    assert "V.zarr has the axes tczyx and the shape (2, 2, 3, 8, 8): OME-Zarr holds colors of at most" in refused.stderr
    assert not volume.with_name("V.color.zarr").exists()


def test_no_more_than_two_images_are_held_whatever_the_length_of_a_stack(colorize, tmp_path, gray, monkeypatch):
    zarr.create_array(tmp_path / "V.zarr", data=np.stack([gray(n) for n in range(12)]))
    held, most, make = weakref.WeakSet(), [], Recipe.make

    class Held(np.ndarray):
        pass

    def making(recipe, image, *arguments):
        result, note = make(recipe, image, *arguments)
        result = result.view(Held)
        held.add(result)
        most.append(len(held))
        return result, note

    Held.__hash__ = object.__hash__
    monkeypatch.setattr(Recipe, "make", making)
    assert colorize(tmp_path / "V.zarr").exit_code == 0
    assert len(most) == 12
    assert max(most) <= 2
