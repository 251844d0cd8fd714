import json
import shutil

import numpy as np
import pytest
import zarr

from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.pins import Pin
from napari_colorizer.errors import FileError
from napari_colorizer.series.carry import Carried
from napari_colorizer.series.coloring import Slice
from napari_colorizer.series.store import KEY, Place, SeriesStore
from napari_colorizer.series.wishes import SliceWishes

SIZE = (700, 1101)


def a_slice(level=7, size=(24, 32), wishes=None):
    labels = np.full(size, level, np.uint8)
    working = np.full((12, 16), level, np.float32)
    carried = Carried(labels, labels, labels)
    return Slice(
        np.full((*size, 3), level, np.uint8), carried, working, np.stack([working] * 2), wishes or SliceWishes()
    )


def told(path):
    return json.loads((path / "zarr.json").read_text("utf-8"))["attributes"]


def test_it_is_an_ome_zarr_with_a_pyramid(tmp_path):
    place = Place("film", "z", (4.0, 0.5, 0.5), ("micrometer", "micrometer", None))
    store = SeriesStore(tmp_path, (2,), SIZE, place)
    store.write((1,), a_slice(9, SIZE), 5)
    ome = told(tmp_path)["ome"]
    image = ome["multiscales"][0]
    assert (ome["version"], image["name"]) == ("0.5", "film")
    assert [axis["name"] for axis in image["axes"]] == list("czyx")
    assert [axis.get("unit") for axis in image["axes"]] == [None, "micrometer", "micrometer", None]
    scales = [item["coordinateTransformations"][0]["scale"] for item in image["datasets"]]
    assert scales == [[1, 4, 0.5, 0.5], [1, 4, 1, 1], [1, 4, 2, 2]]
    group = zarr.open_group(tmp_path, mode="r")
    levels = [group[item["path"]] for item in image["datasets"]]
    assert [level.shape for level in levels] == [(3, 2, 700, 1101), (3, 2, 350, 551), (3, 2, 175, 276)]
    assert all((level[:, 1] == 9).all() and not level[:, 0].any() for level in levels)


def test_more_axes_than_ome_zarr_has_are_kept_without_its_metadata(tmp_path):
    store = SeriesStore(tmp_path, (2, 1, 2), (24, 32))
    store.write((1, 0, 1), a_slice(), 5)
    assert "ome" not in told(tmp_path)
    again = SeriesStore(tmp_path, (2, 1, 2), (24, 32))
    assert (again.read((1, 0, 1)).rgb == 7).all()


def test_all_that_the_next_slice_needs_is_kept(tmp_path):
    wishes = SliceWishes(Hints([(1, 2, 30, -40, 5)] * 20), {(3, 4): Pin(factor=0)})
    SeriesStore(tmp_path, (3,), (24, 32)).write((0,), a_slice(1), 11)
    SeriesStore(tmp_path, (3,), (24, 32)).write((1,), a_slice(2, wishes=wishes), 12)
    store = SeriesStore(tmp_path, (3,), (24, 32))
    assert [store.mark((number,)) for number in range(3)] == [11, 12, 0]
    first, second = store.read((0,)), store.read((1,))
    assert not first.wishes
    np.testing.assert_array_equal(second.wishes.to_rows(), wishes.to_rows())
    np.testing.assert_array_equal(second.chroma, a_slice(2).chroma)
    np.testing.assert_array_equal(second.carried.overruled, a_slice(2).carried.overruled)
    store.write((1,), a_slice(3), 13)
    assert not store.read((1,)).wishes


def test_a_store_of_a_former_version_is_left_alone_and_says_so(tmp_path):
    group = zarr.open_group(tmp_path, mode="w", zarr_format=3)
    zarr.create_array(tmp_path, name="colors", data=np.full((3, 24, 32, 3), 5, np.uint8))
    group.attrs[KEY] = {"format": 1, "shape": [3, 24, 32]}
    with pytest.raises(FileError, match="another version of this program, and is not changed: choose"):
        SeriesStore(tmp_path, (3,), (24, 32))
    assert (zarr.open_group(tmp_path, mode="r")["colors"][...] == 5).all()


def test_a_store_whose_colors_lie_channels_last_is_continued(tmp_path):
    SeriesStore(tmp_path, (2,), (24, 32)).write((0,), a_slice(4), 5)
    group = zarr.open_group(tmp_path, mode="r+")
    colors = np.moveaxis(group["0"][...], 1, -1)  # as they were stored once
    shutil.move(tmp_path / "0" / ".series", tmp_path / "aside")
    del group["0"]
    layout = {"chunks": (1, 24, 32, 3), "dimension_names": [*"tyxc"]}
    group.create_array("0", shape=colors.shape, dtype=colors.dtype, **layout)[...] = colors
    shutil.move(tmp_path / "aside", tmp_path / "0" / ".series")
    store = SeriesStore(tmp_path, (2,), (24, 32))
    assert (store.mark((0,)), store.done) == (5, 1)
    assert (store.read((0,)).rgb == 4).all()
    store.write((1,), a_slice(6), 7)
    assert (SeriesStore(tmp_path, (2,), (24, 32)).read((1,)).rgb == 6).all()


def test_a_store_that_was_removed_is_told_and_not_half_there_again(tmp_path):
    path = tmp_path / "colors.zarr"
    store = SeriesStore(path, (2,), SIZE)
    with store.writing():
        store.write((0,), a_slice(size=SIZE), 5)
        shutil.rmtree(path)
        with pytest.raises(FileError, match=r"colors\.zarr was removed while"):
            store.write((1,), a_slice(size=SIZE), 6)
    assert not path.exists()
    assert SeriesStore(path, (2,), SIZE).done == 0
