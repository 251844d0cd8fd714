import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from napari_colorizer.evaluation.metrics.color import ClassMean, ciede2000, colorfulness, psnr, ssim, to_lab


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    truth = rng.integers(30, 220, (40, 50, 3)).astype(np.uint8)
    return truth, (truth + rng.integers(-9, 10, truth.shape)).astype(np.uint8)


def test_psnr_is_that_of_all_three_channels(pair):
    assert psnr(*pair) == pytest.approx(peak_signal_noise_ratio(*pair))


def test_psnr_of_equal_images_is_finite_and_no_image_has_more(pair):
    nearly = pair[0].copy()
    nearly[3, 4, 1] += 1
    assert psnr(pair[0], pair[0]) == psnr(pair[0], nearly) < 120
    nearly[3, 5, 1] += 1
    assert psnr(pair[0], nearly) < psnr(pair[0], pair[0])


def test_ssim_is_1_for_equal_images_and_falls_with_noise(pair):
    worse = np.random.default_rng(1).permuted(pair[0], axis=0)
    assert ssim(pair[0], pair[0]) == pytest.approx(1)
    assert 0.95 < ssim(*pair) < 1
    assert ssim(pair[0], worse) < 0.3


@pytest.mark.parametrize("size", [(1, 1), (5, 30), (30, 5)])
def test_ssim_of_small_images(size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    assert ssim(image, image) == pytest.approx(1)
    assert ssim(image, 255 - image) < 0.9


@pytest.mark.parametrize(
    ("first", "second", "published"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1, 2), (50, 0, 0), 2.3669),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
    ],
)
def test_ciede2000_gives_the_figures_of_sharma_and_others(first, second, published):
    difference = ciede2000(*(np.array([[lab]], np.float32) for lab in (first, second)))
    assert difference.shape == (1, 1)
    assert difference[0, 0] == pytest.approx(published, abs=2e-4)


def test_lab_of_known_colors():
    lab = to_lab(np.array([[(255, 255, 255), (255, 0, 0), (0, 0, 0)]], np.uint8))
    np.testing.assert_allclose(lab[0], [(100, 0, 0), (53.24, 80.09, 67.2), (0, 0, 0)], atol=0.02)


def test_colorfulness_by_hand():
    assert colorfulness(np.full((8, 8, 3), 77, np.uint8)) == 0
    half_red = np.zeros((2, 2, 3), np.uint8)
    half_red[0, :, 0] = 200  # rg is 200 or 0, yb is 100 or 0
    assert colorfulness(half_red) == pytest.approx(np.hypot(100, 50) + 0.3 * np.hypot(100, 50))


def test_the_balanced_mean_is_over_classes_of_the_whole_set():
    mean = ClassMean()
    assert mean.plain is None
    assert mean.balanced is None
    mean.add(np.array([[1.0, 1.0, 1.0, 100.0]]), np.array([[5, 5, 5, 0]], np.uint8))
    assert mean.balanced == 1, "unlabeled pixels belong to no class"
    mean.add(np.array([[9.0, 20.0]]), np.array([[5, 300]], np.uint16))
    assert mean.plain == pytest.approx((3 + 100 + 9 + 20) / 6)
    assert mean.by_class == {5: 3, 300: 20}
    assert mean.balanced == pytest.approx(11.5)
