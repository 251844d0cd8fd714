import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

import napari_colorizer
from napari_colorizer.batches.manifest import NAME as MANIFEST
from napari_colorizer.cli.shared import print_name
from napari_colorizer.engine.options import SegmentOptions
from napari_colorizer.files import read_image, read_label_map
from napari_colorizer.models.model import Model

CPU = ("--device", "cpu")


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("A", "B", "C"):
        Image.fromarray(gray_image(ord(name))).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def segment(run, model_file):
    return lambda *arguments: run("segment", "--model", model_file, *arguments)


@pytest.fixture
def colorize(run, model_file):
    return lambda *arguments: run("colorize", "--model", model_file, *arguments)


def gray_image(seed):
    smooth = torch.rand(1, 1, 6, 8, generator=torch.Generator().manual_seed(seed))
    return (torch.nn.functional.interpolate(smooth, (48, 64), mode="bilinear")[0, 0] * 255).byte().numpy()


def some_labels():
    labels = np.full((48, 64), 1, np.uint8)
    labels[20:, :30] = 7
    return labels


def refused(result, *parts):
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert all(part in result.stderr for part in parts), result.stderr
    return True


def test_the_command_says_its_version(run):
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"napari-colorizer {napari_colorizer.__version__}\n")


def test_segment_writes_the_label_map_with_its_classes(segment, pictures, tiny_model):
    result = segment(pictures / "A.png", *CPU)
    assert result.exit_code == 0
    assert result.stdout.split() == [str(pictures / "A.labels.png")]
    labels, classes = read_label_map(pictures / "A.labels.png")
    assert classes == tiny_model.classes
    np.testing.assert_array_equal(labels, tiny_model.segment(gray_image(ord("A")), SegmentOptions(device="cpu")))
    assert len(np.unique(labels)) > 1


def test_improbable_pixels_stay_unlabeled(segment, pictures):
    assert segment(pictures / "A.png", "--confidence", 1).exit_code == 0
    assert not read_label_map(pictures / "A.labels.png")[0].any()


def test_the_output_folder_is_made(segment, colorize, pictures, tmp_path):
    folder = tmp_path / "new" / "results"
    assert segment(pictures / "A.png", "--output", folder).exit_code == 0
    assert colorize(pictures / "A.png", "-o", folder).exit_code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["A.color.png", "A.labels.png", MANIFEST]
    assert len(list(pictures.iterdir())) == 3


def test_an_output_folder_that_is_a_file_is_named(segment, pictures, tmp_path):
    (tmp_path / "taken").write_text("a file")
    assert refused(segment(pictures / "A.png", "-o", tmp_path / "taken"), "taken: it is a file")


@pytest.mark.parametrize("name", ["mine.png", "new/folder/mine.PNG"])
def test_an_output_with_the_suffix_of_an_image_is_a_file(segment, colorize, pictures, tmp_path, name, tiny_model):
    target = tmp_path / name
    assert segment(pictures / "A.png", "-o", target).stdout.split() == [str(target)]
    assert read_label_map(target)[1] == tiny_model.classes
    assert refused(colorize(pictures / "A.png", "-o", target), "already exists")
    assert colorize(pictures / "A.png", "-o", target, "--overwrite").exit_code == 0
    assert read_image(target).shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("name", "kind"), [("a.jpg", "JPEG"), ("a.JPEG", "JPEG"), ("a.tif", "TIFF"), ("a.webp", "WEBP"), ("a.bmp", "BMP")]
)
def test_colors_are_written_as_the_suffix_of_the_output_says(colorize, pictures, tmp_path, name, kind):
    assert colorize(pictures / "A.png", "-o", tmp_path / name).exit_code == 0
    with Image.open(tmp_path / name) as image:
        assert (image.format, image.size, image.mode) == (kind, (64, 48), "RGB")
    (tmp_path / name).write_bytes(b"painted over")
    assert refused(colorize(pictures / "A.png", "-o", tmp_path / name), "already exists")


def test_several_results_in_one_file_are_refused_before_any_work(segment, colorize, pictures, tmp_path):
    for command in (segment, colorize):
        for given in ([pictures / "A.png", pictures / "B.png"], [pictures]):
            assert refused(command(*given, "-o", tmp_path / "all.png"), "all.png", "name a folder")
    assert not (tmp_path / "all.png").exists()


def test_a_file_that_cannot_hold_the_result_is_refused_and_no_folder_is_made_of_it(
    segment, colorize, pictures, tmp_path
):
    assert refused(segment(pictures / "A.png", "-o", tmp_path / "a.jpg"), "a.png")
    assert refused(segment(pictures / "A.png", "-o", tmp_path / "a.gif"), "a.png")
    assert refused(colorize(pictures / "A.png", "-o", tmp_path / "a.gif"), "a.gif", ".png")
    assert not list(tmp_path.glob("a.*"))


def test_an_existing_folder_with_the_suffix_of_an_image_is_a_folder(segment, pictures, tmp_path):
    folder = tmp_path / "scans.png"
    folder.mkdir()
    assert segment(pictures / "A.png", "-o", folder).stdout.split() == [str(folder / "A.labels.png")]


@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_the_image_itself_is_never_written_over(segment, colorize, pictures, more):
    before = (pictures / "A.png").read_bytes()
    for command in (segment, colorize):
        assert refused(command(pictures / "A.png", "-o", pictures / "A.png", *more), "A.png", "the image itself")
    assert (pictures / "A.png").read_bytes() == before


def test_colors_follow_a_label_file(colorize, pictures, tiny_model):
    Image.fromarray(some_labels()).save(pictures / "mine.png")
    result = colorize(pictures / "A.png", "--labels", pictures / "mine.png", *CPU)
    assert result.exit_code == 0
    assert result.stdout.split() == [str(pictures / "A.color.png")]
    wanted = tiny_model.colorize(gray_image(ord("A")), some_labels())
    np.testing.assert_array_equal(read_image(pictures / "A.color.png"), wanted)
    assert not np.array_equal(wanted, tiny_model.colorize(gray_image(ord("A"))))


def test_colors_follow_the_maps_of_a_folder(colorize, pictures, tmp_path, tiny_model):
    maps = tmp_path / "maps"
    maps.mkdir()
    Image.fromarray(some_labels()).save(maps / "A.labels.png")
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(maps / "A.png")
    Image.fromarray(some_labels().T.reshape(48, 64)).save(maps / "B.png")
    assert colorize(pictures / "A.png", pictures / "B.png", "--labels", maps, *CPU).exit_code == 0
    for name, labels in (("A", some_labels()), ("B", some_labels().T.reshape(48, 64))):
        wanted = tiny_model.colorize(gray_image(ord(name)), labels)
        np.testing.assert_array_equal(read_image(pictures / f"{name}.color.png"), wanted)


def test_an_image_without_a_map_is_named_and_the_others_are_done(colorize, pictures, tmp_path):
    maps = tmp_path / "maps"
    maps.mkdir()
    Image.fromarray(some_labels()).save(maps / "A.png")
    result = colorize(pictures / "B.png", pictures / "A.png", "--labels", maps)
    assert result.exit_code == 1
    assert "B.png: it has no label map" in result.stderr
    assert (pictures / "A.color.png").exists()
    assert not (pictures / "B.color.png").exists()


def test_an_image_is_never_its_own_label_map(colorize, pictures):
    result = colorize(pictures / "A.png", "--labels", pictures)
    assert refused(result, "A.png", "A.labels.png")
    assert not (pictures / "A.color.png").exists()


def test_labels_are_predicted_when_none_are_given(colorize, pictures, tiny_model):
    assert colorize(pictures / "A.png", *CPU).exit_code == 0
    gray = gray_image(ord("A"))
    wanted = tiny_model.colorize(gray, tiny_model.segment(gray))
    np.testing.assert_array_equal(read_image(pictures / "A.color.png"), wanted)
    assert not np.array_equal(wanted, tiny_model.colorize(gray))


def test_nothing_is_predicted_when_told_not_to(colorize, pictures, tiny_model):
    assert colorize(pictures / "A.png", "--no-predict", *CPU).exit_code == 0
    wanted = tiny_model.colorize(gray_image(ord("A")))
    np.testing.assert_array_equal(read_image(pictures / "A.color.png"), wanted)


def test_help_says_what_a_chroma_gain_of_1_means(colorize):
    assert "1 as predicted" in colorize("--help").stdout


def test_the_colors_can_be_turned_off(colorize, pictures):
    assert colorize(pictures / "A.png", "--chroma-gain", 0).exit_code == 0
    gray = gray_image(ord("A"))
    np.testing.assert_array_equal(read_image(pictures / "A.color.png"), np.stack([gray] * 3, -1))


def test_a_model_that_only_colors_colors_without_labels(run, pictures, tmp_path, make_model):
    make_model(segmenter=False).save(tmp_path / "colors.safetensors")
    assert run("colorize", "-m", tmp_path / "colors.safetensors", pictures / "A.png").exit_code == 0
    assert (pictures / "A.color.png").exists()
    assert refused(
        run("segment", "-m", tmp_path / "colors.safetensors", pictures / "A.png"),
        "error: the model 'tiny' has no segmenter",
    )


def test_a_model_that_only_segments_does_not_color(run, pictures, tmp_path, make_model):
    make_model(colorizer=False).save(tmp_path / "labels.safetensors")
    assert refused(
        run("colorize", "-m", tmp_path / "labels.safetensors", pictures / "A.png"),
        "error: the model 'tiny' has no colorizer",
    )


def test_a_tiff_of_16_bits_is_colored(colorize, tmp_path):
    tifffile.imwrite(tmp_path / "deep.tif", gray_image(0).astype(np.uint16) * 257)
    assert colorize(tmp_path / "deep.tif", "--chroma-gain", 0).exit_code == 0
    np.testing.assert_array_equal(read_image(tmp_path / "deep.color.png")[..., 1], gray_image(0))


@pytest.mark.parametrize("command", ["segment", "colorize"])
def test_a_bad_file_is_named_and_the_others_are_done(run, model_file, pictures, command):
    whole = (pictures / "B.png").read_bytes()
    (pictures / "B.png").write_bytes(whole[: len(whole) // 2])
    files = [pictures / name for name in ("A.png", "B.png", "gone.png", "C.png")]
    result = run(command, "-m", model_file, *files)
    assert result.exit_code == 1
    suffix = {"segment": "labels", "colorize": "color"}[command]
    assert result.stdout.split() == [str(pictures / f"{name}.{suffix}.png") for name in "AC"]
    assert "B.png cannot be read as an image" in result.stderr
    assert "gone.png" in result.stderr
    assert "2 of 4 files failed" in result.stderr


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("no memory left"), RuntimeError("not enough memory")])
def test_an_image_too_large_for_the_memory_is_named(segment, pictures, monkeypatch, error):
    whole_segment = Model.segment

    def segment_or_fail(model, gray, *arguments):
        if np.array_equal(gray, gray_image(ord("A"))):
            raise error
        return whole_segment(model, gray, *arguments)

    monkeypatch.setattr(Model, "segment", segment_or_fail)
    result = segment(pictures / "A.png", pictures / "B.png")
    assert result.exit_code == 1
    assert f"A.png: {error}" in result.stderr
    assert (pictures / "B.labels.png").exists()


def test_label_maps_that_do_not_fit_are_named(colorize, pictures, tmp_path):
    tifffile.imwrite(tmp_path / "probabilities.tif", np.zeros((48, 64), np.float32))
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(tmp_path / "colors.png")
    Image.fromarray(np.zeros((10, 10), np.uint8)).save(tmp_path / "small.png")
    (tmp_path / "text.png").write_text("no image")
    wrongs = {
        "probabilities.tif": ("probabilities.tif", "float32"),
        "colors.png": ("colors.png", "(48, 64, 3)"),
        "small.png": ("A.png", "(10, 10)"),
        "text.png": ("text.png", "cannot be read"),
    }
    for name, parts in wrongs.items():
        assert refused(colorize(pictures / "A.png", "--labels", tmp_path / name), *parts)
    assert refused(colorize(pictures / "A.png", "--labels", tmp_path / "gone"), "no label map or folder", "gone")


def test_one_label_map_does_not_serve_two_images(colorize, pictures, tmp_path):
    Image.fromarray(some_labels()).save(tmp_path / "one.png")
    result = colorize(pictures / "A.png", pictures / "B.png", "--labels", tmp_path / "one.png")
    assert refused(result, "one label map cannot be used for several images")


@pytest.mark.parametrize("command", ["segment", "colorize"])
@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--device", "toaster", "there is no device 'toaster'"),
        ("--device", "cuda:77", "there is no device 'cuda:77'"),
        ("--model", "no-such-model", "there is no model 'no-such-model'"),
        ("--working-size", 5, "32..4096 pixels, not 5"),
        ("--working-size", 99999, "not 99999"),
    ],
)
def test_a_bad_option_is_named_before_any_work(run, library, model_file, pictures, command, option, value, complaint):
    assert refused(run(command, pictures / "A.png", "-m", model_file, option, value), complaint)
    assert len(list(pictures.iterdir())) == 3


@pytest.mark.parametrize("value", [-1, 4.5, "nan", "inf"])
def test_a_factor_out_of_range_is_refused(colorize, segment, pictures, value):
    assert refused(colorize(pictures / "A.png", "--chroma-gain", value), "chroma_gain must lie in 0..4")
    assert refused(segment(pictures / "A.png", "--confidence", value), "confidence must lie in 0..1")


@pytest.mark.parametrize("arguments", [(), ("--chroma-gain", "much"), ("--working-size", "1.5"), ("--no-such-option",)])
def test_wrong_usage_is_explained(run, pictures, arguments):
    result = run("colorize", *arguments, *([pictures / "A.png"] if arguments else []))
    assert result.exit_code == 2
    assert "Usage" in result.stderr


@pytest.mark.parametrize("command", ["segment", "colorize"])
def test_images_with_one_result_are_not_taken_together(run, model_file, pictures, tmp_path, command):
    tifffile.imwrite(pictures / "A.tif", gray_image(1))
    together = run(command, "-m", model_file, pictures / "A.png", pictures / "A.tif")
    assert refused(together, "A.png", "A.tif", "same file")
    (tmp_path / "other").mkdir()
    Image.fromarray(gray_image(1)).save(tmp_path / "other" / "A.png")
    files = pictures / "A.png", tmp_path / "other" / "A.png"
    assert refused(run(command, "-m", model_file, *files, "-o", tmp_path / "out"), "same file")
    assert not (tmp_path / "out").exists()
    assert run(command, "-m", model_file, *files).exit_code == 0


# -- what is there already, and what goes in


@pytest.mark.parametrize("command", ["segment", "colorize"])
def test_what_is_there_is_written_over_only_if_asked(run, model_file, pictures, command):
    name = {"segment": "A.labels.png", "colorize": "A.color.png"}[command]
    (pictures / name).write_bytes(b"corrected by hand")
    files = ("-m", model_file, pictures / "A.png", pictures / "B.png", *CPU)
    result = run(command, *files)
    assert result.exit_code == 1
    assert f"{name} already exists" in result.stderr
    assert "--overwrite" in result.stderr
    assert (pictures / name).read_bytes() == b"corrected by hand"
    assert (pictures / name.replace("A", "B")).exists()
    again = run(command, "--overwrite", *files)
    assert again.exit_code == 0
    assert read_image(pictures / name).shape[:2] == (48, 64)


def test_a_result_that_came_meanwhile_is_not_written_over(segment, pictures, monkeypatch):
    whole_segment = Model.segment

    def segment_slowly(model, *arguments):
        (pictures / "A.labels.png").write_bytes(b"saved meanwhile")
        return whole_segment(model, *arguments)

    monkeypatch.setattr(Model, "segment", segment_slowly)
    assert refused(segment(pictures / "A.png"), "A.labels.png already exists")
    assert (pictures / "A.labels.png").read_bytes() == b"saved meanwhile"
    assert not list(pictures.glob(".*"))


def test_a_folder_stands_for_its_images(colorize, pictures, tmp_path):
    for name in ("A.color.png", "B.labels.png", "notes.txt"):
        (pictures / name).write_text("of no interest")
    result = colorize(pictures, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == [f"{name}.color.png" for name in "ABC"]
    assert result.stderr == ""


def test_an_image_that_is_named_twice_is_worked_on_once(segment, pictures):
    result = segment(pictures / "A.png", pictures, pictures / "A.png")
    assert (result.exit_code, len(result.stdout.split())) == (0, 3)


@pytest.mark.parametrize("command", ["segment", "colorize"])
def test_a_folder_without_images_is_named(run, model_file, tmp_path, command):
    (tmp_path / "empty").mkdir()
    assert refused(run(command, "-m", model_file, tmp_path / "empty"), "there is no image in", "empty")


@pytest.mark.parametrize("name", ["A.color.png", "A.labels.png", "A.color.tif"])
def test_results_are_no_images_to_work_on(colorize, pictures, name):
    Image.fromarray(gray_image(0)).save(pictures / name)
    result = colorize(pictures / name, pictures / "B.png")
    assert result.exit_code == 0
    assert f"{name} is skipped" in result.stderr
    assert not (pictures / "A.color.color.png").exists()
    alone = colorize(pictures / name)
    assert alone.exit_code == 1
    assert "there is no image in" in alone.stderr


def test_an_image_whose_result_has_too_long_a_name_is_named_and_the_others_are_done(colorize, pictures):
    long = f"{'x' * 250}.png"
    (pictures / "B.png").rename(pictures / long)
    result = colorize(pictures)
    assert result.exit_code == 1
    assert long in result.stderr
    assert (pictures / "C.color.png").exists()


def test_a_confidence_is_for_predicted_labels_that_are_colored(colorize, pictures, tiny_model):
    assert colorize(pictures / "A.png", "--confidence", 1, *CPU).exit_code == 0
    wanted = tiny_model.colorize(gray_image(ord("A")), np.zeros((48, 64), np.uint8))
    np.testing.assert_array_equal(read_image(pictures / "A.color.png"), wanted)


# -- which values are black and white


@pytest.mark.parametrize(
    ("kind", "factor", "offset"),
    [(np.uint16, 16, 0), (np.int16, 16, 0), (np.uint32, 1000, 0), (np.int32, 1000, -70000), (np.float32, 1, 0)],
)
def test_limits_say_what_is_black_and_white(colorize, tmp_path, kind, factor, offset):
    gray = gray_image(0)
    tifffile.imwrite(tmp_path / "deep.tif", (gray.astype(np.int64) * factor + offset).astype(kind))
    limits = f"{offset},{255 * factor + offset}"
    assert colorize(tmp_path / "deep.tif", "--chroma-gain", 0, "--limits", limits, *CPU).exit_code == 0
    np.testing.assert_array_equal(read_image(tmp_path / "deep.color.png")[..., 1], gray)
    auto = colorize(tmp_path / "deep.tif", "--chroma-gain", 0, "--limits", "auto", "--overwrite", *CPU)
    assert (auto.exit_code, auto.stderr) == (0, "")
    shown = read_image(tmp_path / "deep.color.png")[..., 1]
    assert (shown.min(), shown.max()) == (0, 255)


@pytest.mark.parametrize(
    ("kind", "factor"), [(np.uint16, 16), (np.int16, 16), (np.uint32, 1000), (np.int16, 128), (np.float32, 1 / 8000)]
)
@pytest.mark.parametrize("command", ["segment", "colorize"])
def test_an_image_that_uses_little_of_its_range_is_pointed_out(run, model_file, tmp_path, command, kind, factor):
    tifffile.imwrite(tmp_path / "dark.tif", (gray_image(0) * np.float64(factor)).astype(kind))
    result = run(command, "-m", model_file, tmp_path / "dark.tif", *CPU)
    assert result.exit_code == 0
    assert "warning: dark.tif uses" in result.stderr
    assert "--limits auto" in result.stderr
    told = result.stderr.split("--limits ")[-1].split()[0]
    assert run(command, "-m", model_file, tmp_path / "dark.tif", "--limits", told, "--overwrite", *CPU).stderr == ""


def test_floats_outside_their_range_name_the_option_that_helps(colorize, tmp_path):
    tifffile.imwrite(tmp_path / "wide.tif", gray_image(0).astype(np.float32))
    assert refused(colorize(tmp_path / "wide.tif"), "wide.tif", "--limits low,high")


def test_limits_that_leave_an_image_black_are_told(colorize, pictures):
    result = colorize(pictures / "A.png", "--limits", "0,4095", *CPU)
    assert result.exit_code == 0
    assert "A.png uses" in result.stderr
    assert "0 to 4095" in result.stderr


@pytest.mark.parametrize("limits", ["dark", "1", "5,1", "3,3", "1,2,3", "nan,1", "0,inf", "-inf,inf", "1e308,-1e308"])
@pytest.mark.parametrize("command", ["segment", "colorize"])
def test_limits_that_are_none_are_refused_before_any_work(run, model_file, pictures, command, limits):
    assert refused(
        run(command, "-m", model_file, pictures / "A.png", "--limits", limits), "--limits must be auto, or two"
    )


# -- label maps that do not lie on their images


def test_a_map_of_the_image_before_it_was_turned_is_told_apart(colorize, pictures, tmp_path):
    Image.fromarray(some_labels().T.copy()).save(tmp_path / "turned.png")
    result = colorize(pictures / "A.png", "--labels", tmp_path / "turned.png")
    assert refused(result, "turned.png does not fit A.png", "(64, 48)", "(48, 64)", "turned by 90 degrees")


def test_a_photograph_that_is_to_be_turned_and_its_own_map_fit(segment, colorize, tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(gray_image(0)).save(tmp_path / "photo.jpg", exif=exif)
    assert segment(tmp_path / "photo.jpg", *CPU).exit_code == 0
    assert read_label_map(tmp_path / "photo.labels.png")[0].shape == (64, 48)
    assert colorize(tmp_path / "photo.jpg", "--labels", tmp_path, *CPU).exit_code == 0
    assert read_image(tmp_path / "photo.color.png").shape == (64, 48, 3)


def test_the_map_of_an_image_among_others_of_its_stem_has_its_whole_name(colorize, pictures, tiny_model):
    Image.fromarray(some_labels()).save(pictures / "A.png.labels.png")
    assert colorize(pictures / "A.png", "--labels", pictures, *CPU).exit_code == 0
    wanted = tiny_model.colorize(gray_image(ord("A")), some_labels())
    np.testing.assert_array_equal(read_image(pictures / "A.color.png"), wanted)


# -- ends


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_is_told_by_the_exit_code_and_leaves_nothing_half_written(start, pictures, model_file, name):
    for number in range(200):
        Image.fromarray(gray_image(number)).save(pictures / f"{number}.png")
    process = start("segment", "-m", model_file, *CPU, pictures, quick=name != "SIGTERM")
    process.stdout.readline()  # it works by now
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + getattr(signal, name)
    assert errors.splitlines()[-1] == f"error: ended by {name}"
    assert "Traceback" not in errors
    assert not list(pictures.glob(".*"))
    for path in pictures.glob("*.labels.png"):
        read_label_map(path)


def test_warnings_are_one_line_each_as_long_as_a_command_runs(run, model_file, pictures, monkeypatch):
    def warn(*_arguments):
        warnings.filterwarnings("always", category=DeprecationWarning)  # as numcodecs does with its own
        warnings.warn("a library is out of date", DeprecationWarning, stacklevel=1)
        warnings.warn("the GPU is small", stacklevel=1)
        return np.zeros((4, 4), np.uint8)

    monkeypatch.setattr(Model, "segment", warn)
    before = warnings.showwarning
    result = run("segment", "-m", model_file, pictures / "A.png", *CPU)
    assert "warning: the GPU is small\n" in result.stderr
    assert "out of date" not in result.stderr
    assert warnings.showwarning is before


# -- what is printed, where nobody can read it


def in_shell(line, *arguments):
    """Run a line of bash; "$@" in it is the command line of this program with those arguments."""
    command = [sys.executable, "-m", "napari_colorizer", *map(str, arguments)]
    return subprocess.run(["bash", "-c", line, "", *command], capture_output=True, text=True, timeout=120, check=False)


needs_bash = pytest.mark.skipif(sys.platform == "win32", reason="written for bash")


@pytest.mark.slow
@needs_bash
@pytest.mark.parametrize("line", ['"$@" | head -n 1; exit ${PIPESTATUS[0]}', '"$@" | true; exit ${PIPESTATUS[0]}'])
def test_images_are_done_though_nobody_reads_their_names(pictures, model_file, tmp_path, line):
    done = in_shell(line, "segment", "-m", model_file, pictures, "-o", tmp_path / "out", *CPU)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list((tmp_path / "out").glob("*.png"))) == 3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is a thing of Linux")
def test_names_that_find_no_room_are_told_once_and_are_no_failure(pictures, model_file, tmp_path):
    done = in_shell('"$@" > /dev/full', "segment", "-m", model_file, pictures, "-o", tmp_path / "out", *CPU)
    assert done.returncode == 0
    assert done.stderr.startswith("warning: the names of the results cannot be printed")
    assert done.stderr.count("\n") == 1
    assert len(list((tmp_path / "out").glob("*.png"))) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is a thing of Linux")
def test_tables_that_find_no_reader_or_no_room_end_without_a_traceback():
    for line, code in (('"$@" | true; exit ${PIPESTATUS[0]}', 0), ('"$@" > /dev/full', 1)):
        done = in_shell(line, "models", "list")
        assert done.returncode == code
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == code, done.stderr


def test_folders_within_a_folder_are_not_looked_into_and_that_is_said(segment, pictures):
    assert refused(segment(pictures.parent), "there is no image", "subfolders")


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (("colorize", ""), "colorize"),
        (("segment", "A.png", "", "--overwrite"), "A.png"),
        (("colorize", "A.png", "--output", ""), "--output"),
        (("colorize", "A.png", "--labels="), "--labels"),
        (("train", ""), "train"),
        (("dataset", "check", ""), "check"),
        (("models", "export", "default", ""), "default"),
        (("evaluate", "default", ""), "default"),
    ],
)
def test_an_empty_argument_is_not_the_folder_that_one_is_in(run, pictures, monkeypatch, arguments, place):
    monkeypatch.chdir(pictures)
    before = sorted(pictures.iterdir())
    result = run(*arguments)
    assert result.exit_code == 2
    assert f"empty argument after {place}: is a shell variable" in result.stderr
    assert sorted(pictures.iterdir()) == before


def test_the_folder_that_one_is_in_has_a_name(segment, pictures, monkeypatch):
    monkeypatch.chdir(pictures)
    assert segment(".", "--output", ".", *CPU).exit_code == 0
    assert len(list(pictures.glob("*.labels.png"))) == 3


@pytest.mark.skipif(os.name == "nt", reason="there, no file has such a name")
@pytest.mark.parametrize(("terminal", "printed"), [(False, b"a\x1b[2J\xff.png"), (True, rb"a\x1b[2J\udcff.png")])
def test_the_name_of_a_result_is_escaped_where_people_read_it(monkeypatch, capfdbinary, terminal, printed):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    print_name(Path(os.fsdecode(b"a\x1b[2J\xff.png")))
    sys.stdout.flush()
    assert capfdbinary.readouterr().out.strip() == printed
