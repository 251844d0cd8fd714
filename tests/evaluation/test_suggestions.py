from dataclasses import replace

import numpy as np
import pytest
from skimage.color import rgb2lab

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.evaluation.suggestions import PIXELS_OF_A_PHOTO, color_suggestions

CAR, SKY = 7, 300
CLASSES = ClassMap([Class(CAR, "car", "#101010"), Class(SKY, "sky", "#202020"), Class(8, "cow", "#303030")])
RED, BLUE, GREEN = (190, 30, 40), (40, 70, 190), (40, 160, 60)


def stripes(colors, name="photo", label=CAR, noise=3):
    """Rows of colors, 40 pixels each, all of one class."""
    rng = np.random.default_rng(0)
    rgb = np.array(colors)[:, None].repeat(40, 1) + rng.integers(-noise, noise + 1, (len(colors), 40, 3))
    return Photo(name, rgb.clip(0, 255).astype(np.uint8), np.full(rgb.shape[:2], label, np.uint16))


def chroma(color):
    return rgb2lab(np.array([[color]], np.uint8))[0, 0, 1:]


def test_the_colors_of_a_class_are_found_with_their_weights():
    found = color_suggestions([stripes([RED] * 6 + [BLUE] * 3 + [GREEN])], CLASSES)
    assert list(found) == [CAR]
    assert [weight for *_, weight in found[CAR]] == pytest.approx([0.6, 0.3, 0.1], abs=0.03)
    for (a, b, _), color in zip(found[CAR], (RED, BLUE, GREEN), strict=True):
        np.testing.assert_allclose((a, b), chroma(color), atol=1.5)


def test_at_most_four_and_the_weights_sum_to_1():
    hues = [RED, BLUE, GREEN, (200, 190, 30), (180, 40, 170), (30, 170, 170), (120, 120, 120)]
    found = color_suggestions([stripes(hues * 2)], CLASSES)[CAR]
    assert 2 <= len(found) <= 4
    weights = [weight for *_, weight in found]
    assert sum(weights) == pytest.approx(1)
    assert weights == sorted(weights, reverse=True)


def test_shades_that_look_alike_are_one_color_and_specks_are_none():
    found = color_suggestions([stripes([(90, 120, 200)] * 20 + [(95, 122, 196)] * 20 + [RED])], CLASSES)[CAR]
    assert len(found) == 1
    assert found[0][2] == 1


@pytest.mark.parametrize("noise", [0, 1])
def test_a_class_of_one_color_has_one_suggestion(noise):
    ((a, b, weight),) = color_suggestions([stripes([BLUE] * 2, noise=noise)], CLASSES)[CAR]
    np.testing.assert_allclose((a, b), chroma(BLUE), atol=1)
    assert weight == 1


def test_classes_are_apart_and_unlabeled_or_foreign_pixels_have_no_say():
    photos = [stripes([RED]), stripes([BLUE], label=SKY), stripes([GREEN], label=0), stripes([GREEN], label=99)]
    found = color_suggestions(photos, CLASSES)
    assert list(found) == [CAR, SKY]
    assert [len(rows) for rows in found.values()] == [1, 1]
    np.testing.assert_allclose(found[SKY][0][:2], chroma(BLUE), atol=1.5)


def test_gray_photos_are_left_out():
    gray = replace(stripes([(99, 99, 99)] * 3, noise=0), gray=True)
    assert color_suggestions([gray], CLASSES) == {}
    assert len(color_suggestions([gray, stripes([RED])], CLASSES)[CAR]) == 1


def test_a_close_up_counts_no_more_than_a_view():
    large = stripes([RED] * (PIXELS_OF_A_PHOTO // 10), "large")
    views = [stripes([BLUE] * (PIXELS_OF_A_PHOTO // 40 + 1), f"view-{index}") for index in range(3)]
    (first, second) = color_suggestions([large, *views], CLASSES)[CAR]
    np.testing.assert_allclose(first[:2], chroma(BLUE), atol=1.5)
    assert (first[2], second[2]) == pytest.approx((0.75, 0.25))


def test_the_seed_decides():
    photos = [stripes(np.random.default_rng(5).integers(0, 256, (40, 3)))]
    assert color_suggestions(photos, CLASSES, 1) == color_suggestions(photos, CLASSES, 1)
    assert color_suggestions(photos, CLASSES, 1) != color_suggestions(photos, CLASSES, 2)
