"""What OME-Zarr 0.5 demands of a store, and colors that are stored channels first and seen channels last."""

import numpy as np
import pytest
import zarr

from napari_colorizer.boxes import Box
from napari_colorizer.ome_zarr import CHUNK, TYPES, create_levels, levels_of, metadata, write_levels

SIZE = (700, 1101)
STACKS = [("", ()), ("t", (2,)), ("z", (2,)), ("tz", (2, 3))]
ORDER = ("time", "channel", "space")


@pytest.fixture
def make(tmp_path):
    """A group of colors, or label maps, with its metadata."""

    def make_store(axes, lead, colors=True, size=SIZE):
        group = zarr.open_group(tmp_path / "V.zarr", mode="w", zarr_format=3)
        levels = create_levels(group, axes, lead, size, np.dtype(np.uint8), colors)
        count = len(lead) + 2
        if axes or not lead:
            group.attrs["ome"] = metadata("V", axes, [0.5] * count, ["micrometer"] * count, colors, levels)
        return group

    return make_store


def drawn(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("colors", [True, False], ids=["colors", "labels"])
@pytest.mark.parametrize(("axes", "lead"), STACKS)
def test_axes_are_in_the_order_that_others_demand(make, axes, lead, colors):
    group = make(axes, lead, colors)
    ome = group.attrs["ome"]
    (image,) = ome["multiscales"]
    told = [(axis["name"], axis["type"]) for axis in image["axes"]]
    assert [kind for _, kind in told] == sorted((kind for _, kind in told), key=ORDER.index)
    assert all(TYPES[name] == kind for name, kind in told)
    assert [name for name, kind in told if kind == "space"] == sorted({*axes, "y", "x"} - {"t"}, reverse=True)
    for item in image["datasets"]:
        array = group[item["path"]]
        assert array.metadata.dimension_names == tuple(name for name, _ in told)
        assert len(item["coordinateTransformations"][0]["scale"]) == array.ndim <= 5
    assert ("omero" in ome) is colors
    if colors:
        assert len(ome["omero"]["channels"]) == group["0"].shape[[name for name, _ in told].index("c")] == 3


@pytest.mark.parametrize("colors", [True, False], ids=["colors", "labels"])
@pytest.mark.parametrize(("axes", "lead"), [*STACKS, ("", (2, 1, 2))])
def test_an_image_comes_back_as_it_was_written(make, axes, lead, colors):
    levels = levels_of(make(axes, lead, colors))
    place, pixels = tuple(length - 1 for length in lead), drawn(*SIZE, *((3,) if colors else ()))
    written = write_levels(levels, place, pixels)
    for level, part in zip(levels, written, strict=True):
        assert (level.shape, level.ndim, level.dtype) == ((*lead, *part.shape), len(lead) + part.ndim, np.uint8)
        np.testing.assert_array_equal(level[place], part)
        np.testing.assert_array_equal(np.asarray(level)[place], part)
        np.testing.assert_array_equal(level[(*place, slice(3, 40), slice(5, 9))], part[3:40, 5:9])
        np.testing.assert_array_equal(level[(*place, Ellipsis, 1)], part[..., 1])
        np.testing.assert_array_equal(level[(*place, slice(None), 4)], part[:, 4])


def test_a_tile_is_one_chunk_of_all_channels(make):
    side = 2 * CHUNK
    group = make("t", (1,), size=(side, side))
    write_levels(levels_of(group), (0,), drawn(CHUNK, CHUNK, 3), Box(CHUNK, side, 0, CHUNK))
    assert group["0"].chunks == (1, 3, CHUNK, CHUNK)
    assert group["0"].nchunks_initialized == 1


def test_colors_that_were_stored_channels_last_are_read_and_written_on(make):
    group = make("t", (2,))
    for number in ("0", "1", "2"):
        _, _, height, width = group[number].shape
        del group[number]
        group.create_array(
            number, shape=(2, height, width, 3), chunks=(1, height, width, 3), dtype=np.uint8, dimension_names=[*"tyxc"]
        )
    pixels = drawn(*SIZE, 3)
    write_levels(levels_of(group), (1,), pixels)
    np.testing.assert_array_equal(group["0"][1], pixels)
    np.testing.assert_array_equal(levels_of(group)[0][1], pixels)
