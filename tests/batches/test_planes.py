"""Planes of zarr stores that are too large to be held: the same result, tile by tile."""

from itertools import pairwise

import numpy as np
import pytest
import zarr

from napari_colorizer.batches.recipe import Recipe
from napari_colorizer.engine import planes
from napari_colorizer.ome_zarr import levels_of

SIZE = ("--working-size", 64)


@pytest.fixture
def plane(tmp_path, gray):
    """A store of one plane that takes several tiles of another height and width."""
    zarr.create_array(tmp_path / "P.zarr", data=gray(3, (300, 421)), chunks=(64, 100))
    return tmp_path / "P.zarr"


@pytest.fixture
def tiled(monkeypatch):
    """As if the memory were small; a tile begins at a pixel of each level."""
    monkeypatch.setattr(planes, "LARGE", 10000)
    monkeypatch.setattr(planes, "SIDE", 64)
    monkeypatch.setattr(Recipe, "make", lambda *_: pytest.fail("the whole of it was held"))


@pytest.fixture
def both(plane, monkeypatch, request):
    """Run a command on the whole plane and tile by tile; the finest levels of both results."""

    def run(command, *options):
        assert command(plane, "-o", plane.with_name("whole.zarr"), *options).exit_code == 0
        request.getfixturevalue("tiled")
        done = command(plane, "-o", plane.with_name("tiled.zarr"), *options)
        assert done.exit_code == 0, done.stderr
        return [colors_of(plane.with_name(name)) for name in ("whole.zarr", "tiled.zarr")]

    return run


def colors_of(path):
    return zarr.open_group(path, mode="r")["0"][:]


def far(one, other):
    return np.abs(one.astype(int) - other).max()


@pytest.mark.parametrize("limits", [(), ("--limits", "auto"), ("--limits", "20,200")])
def test_colors_are_those_of_the_whole(both, colorize, limits):
    whole, tiled = both(colorize, *SIZE, *limits)
    assert far(whole, tiled) <= 1


def test_tiles_without_a_value_say_nothing_of_black_and_white(both, colorize, plane, gray):
    values = gray(3, (300, 421)).astype(np.float32) + 500
    values[:128, :128] = np.nan
    zarr.create_array(plane, data=values, chunks=(64, 100), overwrite=True)
    whole, tiled = both(colorize, *SIZE, "--limits", "auto")
    assert far(whole, tiled) <= 1
    assert np.ptp(tiled) > 100


def test_label_maps_are_those_of_the_whole(both, segment):
    whole, tiled = both(segment, *SIZE, "--confidence", 0.2)
    assert len(np.unique(whole)) > 1
    assert (whole != tiled).mean() < 0.001


def test_wishes_and_label_maps_that_are_given_count(both, colorize, plane, tmp_path):
    labels = np.zeros((300, 421), np.uint8)
    labels[:150], labels[150:, 200:] = 1, 2
    zarr.create_array(tmp_path / "L.zarr", data=labels)
    (tmp_path / "dots.csv").write_text("40,60,#ff8800,20\n250,300,#0088ff,30\n9999,9999,#ffffff,5\n")
    wished = ("--pins", "grass=#225522", "--hints", tmp_path / "dots.csv", "--saturation", 1.3)
    whole, tiled = both(colorize, *SIZE, "--labels", tmp_path / "L.zarr", *wished)
    assert (np.abs(whole.astype(int) - tiled) > 1).mean() < 0.01
    assert far(whole, tiled) <= 8  # a hint has one radius at working size
    plain = plane.with_name("plain.zarr")
    assert colorize(plane, "-o", plain, *SIZE).exit_code == 0
    assert far(tiled, colors_of(plain)) > 20


def test_it_goes_on_keeps_what_a_person_changed_and_follows_the_source(colorize, plane, tiled, monkeypatch, gray):
    made = []
    write = planes.ShrunkPlane.painter
    monkeypatch.setattr(planes.ShrunkPlane, "painter", lambda *what: made.append(1) or write(*what))
    assert colorize(plane, *SIZE).exit_code == 0
    again = colorize(plane, *SIZE)
    assert (again.exit_code, len(made)) == (0, 1)
    assert "1 already done" in again.stderr
    zarr.open_array(plane, mode="r+")[:100] = 7
    assert colorize(plane, *SIZE).exit_code == 0
    assert len(made) == 2
    result = plane.with_name("P.color.zarr")
    zarr.open_group(result, mode="r+")["0"][:, 250:, 400:] = 1
    refused = colorize(plane, *SIZE)
    assert refused.exit_code == 1
    assert "P.color.zarr was changed" in refused.stderr


def test_a_plane_that_is_replaced_while_it_is_read_is_told(colorize, plane, tiled, monkeypatch):
    def replace_and_paint(*what):
        zarr.open_array(plane, mode="r+")[250:] = 7
        return paint(*what)

    paint = planes.ShrunkPlane.painter
    monkeypatch.setattr(planes.ShrunkPlane, "painter", replace_and_paint)
    stopped = colorize(plane, *SIZE)
    assert stopped.exit_code == 1
    assert "P.zarr was changed while it was read: run this again" in stopped.stderr
    monkeypatch.setattr(planes.ShrunkPlane, "painter", paint)
    assert colorize(plane, *SIZE).exit_code == 0
    assert colorize(plane, "-o", plane.with_name("whole.zarr"), *SIZE).exit_code == 0
    np.testing.assert_array_equal(colors_of(plane.with_name("P.color.zarr")), colors_of(plane.with_name("whole.zarr")))


def test_the_pyramid_is_that_of_the_whole(colorize, tmp_path, gray, monkeypatch):
    monkeypatch.setattr(planes, "LARGE", 10000)
    monkeypatch.setattr(planes, "SIDE", 256)
    zarr.create_array(tmp_path / "P.zarr", data=gray(0, (701, 1101)))
    assert colorize(tmp_path / "P.zarr", *SIZE).exit_code == 0
    group = zarr.open_group(tmp_path / "P.color.zarr", mode="r")
    levels = [level[...] for level in levels_of(group)]
    assert [level.shape for level in levels] == [(701, 1101, 3), (351, 551, 3), (176, 276, 3)]
    for fine, coarse in pairwise(levels):
        even = np.pad(fine, ((0, fine.shape[0] % 2), (0, fine.shape[1] % 2), (0, 0)), mode="edge").astype(int)
        means = even.reshape(coarse.shape[0], 2, coarse.shape[1], 2, 3).mean((1, 3))
        assert np.abs(coarse - means).max() <= 0.5
    assert levels[0].std() > 1


def test_a_label_map_of_another_size_is_refused(colorize, plane, tmp_path, tiled):
    zarr.create_array(tmp_path / "L.zarr", data=np.zeros((300, 400), np.uint8))
    result = colorize(plane, *SIZE, "--labels", tmp_path / "L.zarr")
    assert result.exit_code == 1
    assert "L.zarr does not fit P.zarr" in result.stderr
