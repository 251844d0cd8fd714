import numpy as np
import pytest
from PIL import Image

from napari_colorizer.cli.wishes import parse_pins, read_hints
from napari_colorizer.engine.palettes import Palette
from napari_colorizer.engine.pins import Pins
from napari_colorizer.errors import FileError
from napari_colorizer.files import read_image

LABELS = np.repeat(np.array([[1], [2]], np.uint8), 24, 0).repeat(64, 1)


@pytest.fixture
def colorize(run, tiny_model, tmp_path, library):
    tiny_model.save(tmp_path / "tiny.safetensors")
    gray = np.random.default_rng(0).integers(60, 200, (48, 64)).astype(np.uint8)
    Image.fromarray(gray).save(tmp_path / "A.png")
    Image.fromarray(LABELS).save(tmp_path / "map.png")

    def call(*arguments):
        given = ["--labels", tmp_path / "map.png", "--device", "cpu", "--overwrite", *arguments]
        return run("colorize", "-m", tmp_path / "tiny.safetensors", tmp_path / "A.png", *given)

    call.session = tiny_model.session(gray)
    call.result = lambda: read_image(tmp_path / "A.color.png")
    return call


def test_dots_pins_and_adjustments_are_those_of_python(colorize, tmp_path):
    (tmp_path / "dots.csv").write_text("y,x,color,radius\n10,12,#ff8800,4\n\n30, 40, -20, 15\n")
    wished = ["--hints", tmp_path / "dots.csv", "--pins", "Grass=#225522", "--pins", "1=0.5"]
    assert colorize(*wished, "--saturation", 1.2, "--warmth", 0.3).exit_code == 0
    from napari_colorizer.engine.options import Adjustment

    hints = [(10, 12, *Pins({1: "#ff8800"}).classes[1].color, 4), (30, 40, -20, 15, 5)]
    pins, adjustment = {"grass": "#225522", 1: 0.5}, Adjustment(1.2, 0.3)
    wanted = colorize.session.colorize(LABELS, hints, pins=pins, adjustment=adjustment)
    np.testing.assert_array_equal(colorize.result(), wanted)


def test_a_folder_of_dots_may_lack_some(colorize, tmp_path):
    (tmp_path / "dots").mkdir()
    assert colorize("--hints", tmp_path / "dots").exit_code == 0
    np.testing.assert_array_equal(colorize.result(), colorize.session.colorize(LABELS))


def test_a_gimp_palette_and_a_photograph_give_colors(colorize, tmp_path):
    Palette(("#aa3333", "#3333aa")).write(tmp_path / "p.gpl")
    assert colorize("--palette", tmp_path / "p.gpl", "--strength", 0.5).exit_code == 0
    pins = Pins({1: "#aa3333", 2: "#3333aa"}).at_strength(0.5)
    np.testing.assert_array_equal(colorize.result(), colorize.session.colorize(LABELS, pins=pins))
    rgb = np.full((48, 64, 3), (200, 80, 30), np.uint8)
    Image.fromarray(rgb).save(tmp_path / "photo.png")
    assert colorize("--palette", tmp_path / "photo.png").exit_code == 0


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--pins", "sky"), ("class=#rrggbb", "'sky'")),
        (("--pins", "sky=red"), ("class=#rrggbb", "red")),
        (("--warmth", 3), ("warmth", "-1..1")),
        (("--hints", "nowhere.csv"), ("nowhere.csv",)),
        (("--palette", "nowhere.gpl"), ("nowhere.gpl",)),
    ],
)
def test_what_cannot_be_is_said_before_any_work(colorize, options, parts):
    result = colorize(*options)
    assert result.exit_code == 1
    assert all(part in result.stderr for part in parts), result.stderr


def test_pins_of_what_is_not_there_are_told(colorize):
    result = colorize("--pins", "boat=#ff0000", "--pins", "unicorn=0")
    assert result.exit_code == 0
    assert "nothing in it is labeled 'boat'" in result.stderr
    assert "no class 'unicorn'" in result.stderr


def test_dots_outside_of_an_image_are_told(colorize, tmp_path):
    (tmp_path / "dots.csv").write_text("10,12,#ff8800,4\n-5,10,#ff8800,4\n10,900,#ff8800,4\n")
    result = colorize("--hints", tmp_path / "dots.csv")
    assert result.exit_code == 0
    assert "2 of 3 dots lie outside of it and color nothing" in result.stderr


@pytest.mark.parametrize(
    "line", ["1,2", "1,2,3", "1,2,#ff", "a,b,#ff8800,3", "1,2,3,4,5,6", "1,2,3,400,5", "1,2,nan,4,5"]
)
def test_a_row_that_is_no_dot_is_named(tmp_path, line):
    (tmp_path / "dots.csv").write_text(f"1,2,#ff8800,3\n{line}\n")
    with pytest.raises(FileError, match=r"dots\.csv, line 2"):
        read_hints(tmp_path / "dots.csv")


def test_a_name_may_hold_an_equals_sign():
    assert parse_pins(["a=b=#ff0000"]) == Pins({"a=b": "#ff0000"})
