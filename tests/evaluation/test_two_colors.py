import numpy as np
import pytest

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.evaluation.sample import Scene
from napari_colorizer.evaluation.two_colors import dot_in_two_colors, parts_of_two_colors

CLASSES = ClassMap([Class(1, "sky", "#87ceeb"), Class(2, "grass", "#4caf50")])


def scene_of(model, *colors, width=20):
    """One label whose columns begin with the first color; the last one fills the rest."""
    rgb = np.empty((60, 80, 3), np.uint8)
    rgb[:] = colors[-1]
    for place, color in enumerate(colors[:-1]):
        rgb[:, place * width : (place + 1) * width] = color
    return Scene(model, Photo("made", rgb, np.ones((60, 80), np.uint8), "", False, True), CLASSES, "cpu")


def test_a_label_of_two_colors_is_found(tiny_model):
    [(small, large)] = parts_of_two_colors(scene_of(tiny_model, (200, 40, 40), (40, 40, 200)))
    assert small[:, :20].all()
    assert not small[:, 20:].any()
    assert (small ^ large).all()


@pytest.mark.parametrize(("colors", "width"), [([(200, 40, 40)], 20), ([(200, 40, 40), (40, 40, 200)], 4)])
def test_one_color_or_hardly_a_second_is_none(tiny_model, colors, width):
    assert not list(parts_of_two_colors(scene_of(tiny_model, *colors, width=width)))


def test_a_dot_takes_the_part_of_another_lightness_alone(tiny_model):
    [(taken, moved)] = dot_in_two_colors(scene_of(tiny_model, (40, 20, 10), (120, 190, 230)))
    assert taken > 0.5
    assert moved < 3
