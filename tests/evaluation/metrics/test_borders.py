import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from napari_colorizer.evaluation.metrics.borders import REACH, Borders

LEFT, RIGHT = np.array((10.0, -20.0)), np.array((40.0, 20.0))  # 50 apart
HEIGHT, WIDTH = 12, 40


@pytest.fixture
def labels():
    labels = np.full((HEIGHT, WIDTH), 1, np.uint8)
    labels[:, WIDTH // 2 :] = 9
    return labels


@pytest.fixture
def chroma(labels):
    return np.where(labels[..., None] == 1, LEFT, RIGHT)


def test_a_sharp_border_counts_once_for_each_pair_across_it(labels, chroma):
    assert Borders(labels).steps(chroma) == pytest.approx(HEIGHT * REACH * 50)
    assert Borders(labels.T).steps(chroma.swapaxes(0, 1)) == pytest.approx(HEIGHT * REACH * 50)


def test_blurred_colors_bleed_and_are_not_monochrome(labels, chroma):
    borders = Borders(labels)
    blurred = uniform_filter(chroma, (1, 9, 0), mode="nearest")
    assert borders.steps(blurred) / borders.steps(chroma) == pytest.approx(REACH / 9)
    assert borders.distances(blurred) / borders.distances(chroma) > 0.85


def test_pale_colors_are_lower_in_both(labels, chroma):
    borders, pale = Borders(labels), chroma * 0.3 + 4
    assert borders.steps(pale) / borders.steps(chroma) == pytest.approx(0.3)
    assert borders.distances(pale) / borders.distances(chroma) == pytest.approx(0.3)


def test_noise_within_regions_leaves_the_distance_of_classes(labels, chroma):
    noise = np.random.default_rng(0).normal(0, 20, chroma.shape)
    noise -= noise[:, : WIDTH // 2].mean((0, 1))
    noise[:, WIDTH // 2 :] -= noise[:, WIDTH // 2 :].mean((0, 1))
    assert Borders(labels).distances(chroma + noise) == pytest.approx(50)


@pytest.mark.parametrize(("band", "counted"), [(1, 2), (2, 1), (3, 0)])
def test_a_thin_unlabeled_band_may_lie_between_two_classes(labels, chroma, band, counted):
    labels[:, WIDTH // 2 : WIDTH // 2 + band] = 0
    assert Borders(labels).steps(chroma) == pytest.approx(HEIGHT * counted * 50)
    assert Borders(labels).distances(chroma) == pytest.approx(50 if counted else 0)


def test_the_border_to_the_unlabeled_is_none(labels, chroma):
    labels[labels == 9] = 0
    assert Borders(labels).steps(chroma) == 0
    assert Borders(labels).distances(chroma) == 0


def test_only_classes_that_touch_are_compared():
    labels = np.array([1] * 10 + [2] * 10 + [3] * 10, np.uint16)[None].repeat(4, 0) * 1000
    chroma = np.zeros((4, 30, 2))
    chroma[:, 10:20, 0], chroma[:, 20:, 0] = 7, 30
    assert Borders(labels).distances(chroma) == pytest.approx(7 + 23)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 9)])
def test_images_without_borders(size):
    borders = Borders(np.ones(size, np.uint8))
    assert borders.steps(np.ones((*size, 2))) == borders.distances(np.ones((*size, 2))) == 0
