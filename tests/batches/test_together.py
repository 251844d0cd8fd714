"""Several images at once: what one by one gives, in the same order, with the same manifest."""

import time
from threading import Event

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_colorizer.batches import together
from napari_colorizer.batches.recipe import Recipe
from napari_colorizer.files import read_image, read_label_map

BATCH = ("--batch", 4)


@pytest.fixture
def mixed(scans, gray):
    """Seven images of three sizes, of which one is in color."""
    for number, name in enumerate("DEF"):
        Image.fromarray(gray(number + 3, (40, 32))).save(scans / f"{name}.png")
    Image.fromarray(np.dstack([gray(n) for n in (6, 7, 8)])).save(scans / "G.png")
    return scans


@pytest.fixture
def batches(monkeypatch):
    """How many images went through the networks at once, each time."""
    sizes, make = [], Recipe.make_together
    monkeypatch.setattr(Recipe, "make_together", lambda recipe, given: sizes.append(len(given)) or make(recipe, given))
    return sizes


def facts(records):
    return [{name: value for name, value in one.items() if name not in ("sha256", "time")} for one in records]


def test_colors_are_those_of_one_by_one_in_the_same_order(colorize, mixed, stack, tmp_path, records, batches):
    alone = colorize(mixed, stack, "-o", tmp_path / "alone")
    assert batches == []
    together = colorize(mixed, stack, "-o", tmp_path / "together", *BATCH)
    assert (together.exit_code, batches) == (0, [4, 4, 4])
    assert together.stdout == alone.stdout.replace("alone", "together")
    assert facts(records(tmp_path / "together")) == facts(records(tmp_path / "alone"))
    for path in (tmp_path / "alone").glob("*.*"):
        if path.suffix in (".png", ".tif"):
            read = read_image if path.suffix == ".png" else tifffile.imread
            one, other = (read(tmp_path / name / path.name).astype(int) for name in ("alone", "together"))
            assert np.abs(one - other).max() <= 1


def test_label_maps_are_those_of_one_by_one(segment, mixed, tmp_path):
    assert segment(mixed, "-o", tmp_path / "alone", "--confidence", 0.2).exit_code == 0
    assert segment(mixed, "-o", tmp_path / "together", "--confidence", 0.2, *BATCH).exit_code == 0
    maps = [read_label_map(path)[0] for path in sorted((tmp_path / "alone").glob("*.png"))]
    assert len(maps) == 7
    assert len(np.unique(np.concatenate([each.ravel() for each in maps]))) > 1
    for one, path in zip(maps, sorted((tmp_path / "together").glob("*.png")), strict=True):
        assert (one != read_label_map(path)[0]).mean() < 0.01


def test_wishes_and_given_labels_count_for_each_image_by_itself(colorize, mixed, tmp_path):
    maps = tmp_path / "maps"
    maps.mkdir()
    for number, path in enumerate(sorted(mixed.glob("*.png"))):
        shape = read_image(path).shape[:2]
        Image.fromarray(np.full(shape, number % 3, np.uint8)).save(maps / path.name)
    (mixed / "B.csv").write_text("10,12,#ff8800,4\n")
    wished = ("--labels", maps, "--hints", mixed, "--pins", "grass=#225522", "--limits", "auto", "--saturation", 1.2)
    alone = colorize(mixed, "-o", tmp_path / "alone", *wished)
    together = colorize(mixed, "-o", tmp_path / "together", *wished, *BATCH)
    assert (together.exit_code, together.stderr) == (0, alone.stderr)
    for path in (tmp_path / "alone").glob("*.png"):
        other = read_image(tmp_path / "together" / path.name)
        assert np.abs(read_image(path).astype(int) - other).max() <= 1


def test_what_is_done_is_not_done_again_and_what_fails_is_told_while_the_rest_is_done(
    colorize, mixed, tmp_path, batches, tree
):
    (mixed / "C.png").write_text("no image")
    first = colorize(mixed, "-o", tmp_path / "out", *BATCH)
    assert (first.exit_code, batches) == (1, [3, 3])
    assert "C.png cannot be read as an image" in first.stderr
    assert "1 of 7 files failed" in first.stderr
    made = tree(tmp_path / "out")
    assert len(made) == 6
    (tmp_path / "out" / "E.color.png").unlink()
    again = colorize(mixed, "-o", tmp_path / "out", *BATCH)
    assert (again.exit_code, batches[2:]) == (1, [1])
    assert "5 already done" in again.stderr
    assert tree(tmp_path / "out").keys() == made.keys()


def test_an_image_that_cannot_be_made_does_not_take_its_neighbors_with_it(colorize, mixed, tmp_path):
    tifffile.imwrite(mixed / "bright.tif", np.full((24, 32), 9, np.float32))
    result = colorize(mixed, "-o", tmp_path / "out", *BATCH)
    assert result.exit_code == 1
    assert "bright.tif: a float image must lie in 0..1" in result.stderr
    assert len(list((tmp_path / "out").glob("*.png"))) == 7


def test_a_stack_in_a_store_is_followed(colorize, tmp_path, gray):
    zarr = pytest.importorskip("zarr")
    zarr.create_array(tmp_path / "V.zarr", data=np.stack([gray(n) for n in range(6)]))
    for batch in (1, 4):
        assert colorize(tmp_path / "V.zarr", "-o", tmp_path / f"{batch}.zarr", "--batch", batch).exit_code == 0
    zarr.open_array(tmp_path / "V.zarr", mode="r+")[2] = gray(9)
    assert colorize(tmp_path / "V.zarr", "-o", tmp_path / "4.zarr", *BATCH).exit_code == 0
    assert colorize(tmp_path / "V.zarr", "-o", tmp_path / "1.zarr").exit_code == 0
    one, four = (zarr.open_group(tmp_path / name, mode="r")["0"][:].astype(int) for name in ("1.zarr", "4.zarr"))
    assert np.abs(one - four).max() <= 1


def test_batches_are_for_one_process(colorize, scans):
    result = colorize(scans, *BATCH, "--workers", 2)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "--batch works only without --workers" in result.stderr


def test_a_job_that_is_stopped_does_not_wait_for_the_end_of_a_video(monkeypatch):
    told, begun = [], Event()

    def film(_task, tell):
        for _ in range(500):
            begun.set()
            tell(1)
            time.sleep(0.01)

    def tasks():
        yield "film"
        assert begun.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(together, "begin", film)
    with pytest.raises(KeyboardInterrupt):
        list(together.Together(2).outcomes(tasks(), told.append))
    assert len(told) < 400
