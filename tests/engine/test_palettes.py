import numpy as np
import pytest
from skimage.color import rgb2lab

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.engine.palettes import Palette, available_colors, color_ids, nearest_available, palette_of
from napari_colorizer.engine.pins import Pins
from napari_colorizer.errors import FileError

CLASSES = ClassMap([Class(1, "sky", "#87ceeb"), Class(2, "grass", "#4caf50")])


def lab_of(palette):
    return rgb2lab(np.array([[list(bytes.fromhex(color[1:])) for color in palette.colors]], np.uint8))[0]


@pytest.mark.parametrize("count", [1, 2, 7, 12, 30])
def test_harmonious_colors_are_far_from_each_other(count):
    lab = lab_of(Palette.harmonious(count, seed=3))
    gaps = np.linalg.norm(lab[:, None] - lab, axis=-1)[~np.eye(count, dtype=bool)]
    assert gaps.size == 0 or gaps.min() > min(15, 150 / count)
    if count <= 12:
        assert np.ptp(np.hypot(lab[:, 1], lab[:, 2])) < 3


def test_a_seed_gives_the_same_colors_again():
    assert Palette.harmonious(5, 1) == Palette.harmonious(5, 1)
    assert Palette.harmonious(5, 1) != Palette.harmonious(5, 2)
    shuffled = Palette.harmonious(9, 1).shuffled(4)
    assert shuffled == Palette.harmonious(9, 1).shuffled(4)
    assert sorted(shuffled.colors) == sorted(Palette.harmonious(9, 1).colors)


def test_gimp_palettes_come_back_as_they_were_written(tmp_path):
    palette = Palette(("#010203", "#ff8000"), ("", "burnt  orange"), "Album")
    palette.write(tmp_path / "a.gpl")
    assert Palette.read(tmp_path / "a.gpl") == Palette(palette.colors, ("Untitled", "burnt orange"), "Album")
    with pytest.raises(FileError, match="already"):
        palette.write(tmp_path / "a.gpl")


@pytest.mark.parametrize("text", ["", "JASC-PAL", "GIMP Palette\n", "GIMP Palette\n1 2\n", "GIMP Palette\n1 2 256 x\n"])
def test_what_is_no_gimp_palette_is_refused(tmp_path, text):
    (tmp_path / "a.gpl").write_text(text)
    with pytest.raises(FileError, match=r"a\.gpl"):
        Palette.read(tmp_path / "a.gpl")


def test_colors_that_bear_names_of_classes_go_to_them():
    palette = Palette(("#010203", "#ff8000"), ("other", "Grass"))
    assert palette.pins(CLASSES, [1, 2]) == Pins({"Grass": "#ff8000"})
    assert Palette(palette.colors).pins(CLASSES, [0, 7, 5, 9]) == Pins({7: "#010203", 5: "#ff8000", 9: "#010203"})


def test_a_photograph_gives_its_classes_their_mean_colors():
    rgb, labels = np.zeros((10, 10, 3), np.uint8), np.repeat([[1], [9]], 5, 0).repeat(10, 1)
    rgb[:5], rgb[5:] = (200, 60, 60), (0, 0, 255)
    pins = palette_of(rgb, labels, CLASSES, strength=0.4)
    assert list(pins.classes) == ["sky"]
    assert pins.classes["sky"].color == pytest.approx(rgb2lab(rgb)[0, 0, 1:], abs=0.1)
    assert pins.classes["sky"].strength == 0.4
    with pytest.raises(ValueError, match="gray"):
        palette_of(rgb[..., 0], labels, CLASSES)


def test_ids_get_their_colors_and_lightness_stays():
    rng = np.random.default_rng(0)
    gray = rng.integers(60, 200, (40, 50)).astype(np.uint8)
    labels = np.zeros((40, 50), np.int32)
    labels[:, 10:30], labels[:, 30:] = 70000, 5
    rgb = color_ids(gray, labels, {70000: "#cc4444", 5: (-30, 20)})
    lab, light = rgb2lab(rgb), rgb2lab(np.stack([gray] * 3, -1))[..., 0]
    assert np.abs(lab[..., 0] - light).max() < 0.6
    assert (rgb[:, :10] == gray[:, :10, None]).all()
    np.testing.assert_allclose(lab[:, 30:, 1:].mean((0, 1)), (-30, 20), atol=2)
    chroma = np.hypot(lab[:, 30:, 1], lab[:, 30:, 2])
    assert np.corrcoef(chroma.ravel(), light[:, 30:].ravel())[0, 1] > 0.9


def test_a_palette_colors_all_ids():
    labels = np.arange(12).reshape(3, 4).repeat(5, 0).repeat(5, 1)
    rgb = color_ids(np.full(labels.shape, 150, np.uint8), labels, Palette.harmonious(11))
    assert len(np.unique(rgb.reshape(-1, 3), axis=0)) == 12


def test_what_there_is_of_a_color_at_a_lightness():
    assert nearest_available(50, (10, 10)) == pytest.approx((10, 10), abs=0.5)
    a, b = nearest_available(95, "#0000ff")
    assert np.hypot(a, b) < 20
    rgb, fits = available_colors(50, 65)
    assert rgb.shape == (65, 65, 3)
    assert fits[32, 32]
    assert not fits[0, 0]
    assert available_colors(0.1, 65)[1].sum() < 10
