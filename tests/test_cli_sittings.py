"""Sittings in the shell."""

import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_colorizer import Sitting
from napari_colorizer.files import read_image, read_label_map, write_label_map

pytestmark = pytest.mark.usefixtures("library")

CPU = ("--device", "cpu")


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.add.outer(np.arange(48) * 3, np.arange(64)).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def said(tmp_path, tiny_model):
    """Options that say much of an image."""
    labels = np.ones((48, 64), np.uint8)
    labels[20:, :30] = 7
    write_label_map(tmp_path / "map.png", labels, tiny_model.classes)
    (tmp_path / "dots.csv").write_text("y,x,color,radius\n10,20,#ff8800,5\n30,5,0,0\n")
    files = ("--labels", tmp_path / "map.png", "--hints", tmp_path / "dots.csv")
    colors = ("--pins", "sky=#7799cc", "--pins", "boat=2", "--warmth", "0.25", "--chroma-gain", "1.5")
    return *files, *colors, "--limits", "auto"


@pytest.mark.parametrize("name", ["s.zip", "s"])
def test_a_sitting_gives_the_same_file(run, photo, model_file, said, tmp_path, name):
    saving = ("--save-sitting", tmp_path / name, "-o", tmp_path / "first.png", *CPU)
    result = run("colorize", photo, "--model", model_file, *said, *saving)
    assert result.exit_code == 0, result.stderr
    result = run("colorize", "--sitting", tmp_path / name, "-o", tmp_path / "second.png", *CPU)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip() == str(tmp_path / "second.png")
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_predicted_labels_are_kept(run, photo, model_file, tmp_path):
    run("colorize", photo, "--model", model_file, "--save-sitting", tmp_path / "s.zip", "-o", tmp_path / "1.png", *CPU)
    assert Sitting.load(tmp_path / "s.zip").labels.shape == (48, 64)
    assert run("colorize", "--sitting", tmp_path / "s.zip", *CPU).exit_code == 0
    assert (tmp_path / "photo.color.png").read_bytes() == (tmp_path / "1.png").read_bytes()


@pytest.mark.slow
def test_another_process_gives_the_same_bytes(run, photo, model_file, said, tmp_path):
    saving = ("--save-sitting", tmp_path / "s.zip", "-o", tmp_path / "1.png", *CPU)
    run("colorize", photo, "--model", model_file, *said, *saving)
    command = ("colorize", "--sitting", tmp_path / "s.zip", "-o", tmp_path / "2.png", *CPU)
    subprocess.run([sys.executable, "-m", "napari_colorizer", *map(str, command)], check=True)
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()


def test_an_image_that_moved_can_be_named(run, photo, model_file, tmp_path):
    Sitting.of(photo, model_file).save(tmp_path / "s.zip")
    there = tmp_path / "there"
    there.mkdir()
    photo.rename(there / "scan.png")
    result = run("colorize", "--sitting", tmp_path / "s.zip", *CPU)
    assert result.exit_code == 1
    assert "the image of this sitting is missing" in result.stderr
    result = run("colorize", there / "scan.png", "--sitting", tmp_path / "s.zip", *CPU)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (there / "scan.color.png").is_file()
    Image.fromarray(np.full((48, 64), 90, np.uint8)).save(there / "scan.png")
    result = run("colorize", there / "scan.png", "--sitting", tmp_path / "s.zip", "--overwrite", *CPU)
    assert result.exit_code == 0
    assert "scan.png is not the image that s.zip was saved for" in result.stderr


def test_an_image_without_a_file_is_colored_beside_its_sitting(run, model_file, tmp_path):
    Sitting.of(np.full((48, 64), 0.5), model_file).save(tmp_path / "s.zip")
    assert run("colorize", "--sitting", tmp_path / "s.zip", *CPU).stdout.strip() == str(tmp_path / "s.color.png")


def test_what_a_sitting_holds_is_not_said_again(run, photo, model_file, tmp_path):
    Sitting.of(photo, model_file).save(tmp_path / "s.zip")
    result = run("colorize", "--sitting", tmp_path / "s.zip", "--warmth", "0.5", "--pins", "sky=0", *CPU)
    assert result.exit_code == 1
    assert "leave out --pins, --warmth" in result.stderr
    assert not (tmp_path / "photo.color.png").exists()


def test_nothing_is_written_over_unasked(run, photo, model_file, tmp_path):
    Sitting.of(photo, model_file).save(tmp_path / "s.zip")
    before = (tmp_path / "s.zip").read_bytes()
    result = run("colorize", photo, "--model", model_file, "--save-sitting", tmp_path / "s.zip", *CPU)
    assert result.exit_code == 1
    assert (tmp_path / "s.zip").read_bytes() == before
    assert not (tmp_path / "photo.color.png").exists()
    (tmp_path / "photo.color.png").write_bytes(b"mine")
    assert run("colorize", "--sitting", tmp_path / "s.zip", *CPU).exit_code == 1
    assert (tmp_path / "photo.color.png").read_bytes() == b"mine"


def test_a_sitting_is_of_one_image(run, photo, model_file, tmp_path):
    other = tmp_path / "other.png"
    other.write_bytes(photo.read_bytes())
    Sitting.of(photo, model_file).save(tmp_path / "s.zip")
    for option in ("--save-sitting", "--sitting"):
        result = run("colorize", photo, other, option, tmp_path / ("s.zip" if option == "--sitting" else "t.zip"), *CPU)
        assert result.exit_code == 1
        assert "a sitting is for one image, not 2" in result.stderr


def test_neither_images_nor_a_sitting_is_a_wrong_call(run, library):
    result = run("colorize")
    assert result.exit_code == 2
    assert "--sitting" in result.stderr


def test_export_writes_picture_labels_and_dots(run, photo, model_file, said, tmp_path):
    saving = ("--save-sitting", tmp_path / "s.zip", "-o", tmp_path / "1.png", *CPU)
    run("colorize", photo, "--model", model_file, *said, *saving)
    asked = ("--bits", "16", "--labels", "--dots")
    result = run("export", tmp_path / "s.zip", tmp_path / "out.tif", *asked, *CPU)
    assert result.exit_code == 0, result.stderr
    assert [line.rpartition("out")[2] for line in result.stdout.split()] == [".tif", ".labels.png", ".dots.csv"]
    sixteen = tifffile.imread(tmp_path / "out.tif")
    assert np.abs(sixteen / 257 - read_image(tmp_path / "1.png")).max() <= 0.51
    np.testing.assert_array_equal(
        read_label_map(tmp_path / "out.labels.png")[0], read_label_map(tmp_path / "map.png")[0]
    )
    for wrong in (("out.jpg", "--bits", "16"), ("out.png", "--bits", "10"), ("out.exr",), ("out.tif",)):
        assert run("export", tmp_path / "s.zip", tmp_path / wrong[0], *wrong[1:], *CPU).exit_code == 1
