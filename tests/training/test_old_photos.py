import numpy as np
import pytest
import torch
from skimage import data
from skimage.transform import resize

from napari_colorizer.color import lightness, normalize
from napari_colorizer.training import old_photos
from napari_colorizer.training.old_photos import EFFECTS, FILMS, LUMINANCE, film_gray, old_photo

SIZES = [(1, 1), (1, 7), (7, 1), (5, 3), (33, 50)]


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def astronaut():
    return resize(data.astronaut(), (224, 224), preserve_range=True, anti_aliasing=True).astype(np.uint8)


def test_not_aged_it_keeps_the_lightness_of_the_photo():
    rgb = picture(64, 64)
    rgb[:2] = [[[0, 0, 0]], [[255, 255, 255]]]
    rgb[2, :, :] = np.arange(64)[:, None] // 4  # the dark line of sRGB
    gray = old_photo(rgb, 0, np.random.default_rng(0))
    wanted = lightness(torch.from_numpy(normalize(rgb)))
    torch.testing.assert_close(lightness(torch.from_numpy(gray)), wanted, atol=0.01, rtol=0)


def test_the_amount_is_the_share_of_photos_that_are_aged():
    rgb = picture(8, 8)
    plain, rng = film_gray(rgb), np.random.default_rng(0)
    changed = {
        amount: np.mean([not np.array_equal(old_photo(rgb, amount, rng), plain) for _ in range(400)])
        for amount in (0, 0.4, 1)
    }
    assert changed[0] == 0
    assert 0.3 < changed[0.4] < 0.5
    assert changed[1] > 0.95


@pytest.mark.parametrize("amount", [-0.1, 1.1, float("nan")])
def test_an_amount_out_of_range_is_refused(amount):
    with pytest.raises(ValueError, match="amount"):
        old_photo(picture(2, 2), amount, np.random.default_rng(0))


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.__name__)
@pytest.mark.parametrize("size", SIZES)
def test_each_effect_works_on_all_sizes_and_changes_nothing_in_place(effect, size, monkeypatch):
    monkeypatch.setattr(old_photos, "EFFECTS", {effect: 1.0})
    rgb = picture(*size)
    before = rgb.copy()
    for seed in range(10):
        gray = old_photo(rgb, 1, np.random.default_rng(seed))
        assert gray.shape == size
        assert gray.dtype == np.float32
        assert gray.min() >= 0
        assert gray.max() <= 1  # also false for NaN
        given = film_gray(rgb)
        effect(given, np.random.default_rng(seed))
        np.testing.assert_array_equal(given, film_gray(rgb))
    np.testing.assert_array_equal(rgb, before)


@pytest.mark.parametrize("value", [0, 255])
def test_flat_pictures_stay_in_range(value):
    rgb = np.full((9, 12, 3), value, np.uint8)
    for seed in range(100):
        gray = old_photo(rgb, 1, np.random.default_rng(seed))
        assert np.isfinite(gray).all()
        assert gray.min() >= 0
        assert gray.max() <= 1


def test_views_are_taken():
    rgb = picture(20, 30)
    view = rgb[::-1, 3::2]
    for seed in range(20):
        found, wanted = (old_photo(image, 1, np.random.default_rng(seed)) for image in (view, view.copy()))
        np.testing.assert_array_equal(found, wanted)


def test_the_generator_decides_everything():
    rgb = picture(24, 31)
    for seed in range(30):
        first, second = (old_photo(rgb, 1, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(*(old_photo(rgb, 1, np.random.default_rng(seed)) for seed in (1, 2)))


def test_orthochromatic_film_darkens_red_but_not_green():
    colors = np.array([[[200, 40, 40], [40, 160, 40], [128, 128, 128]]], np.uint8)
    eye, film = film_gray(colors)[0], film_gray(colors, FILMS["orthochromatic"])[0]
    assert film[0] < eye[0] - 0.1
    assert (film[1] - film[0]) > (eye[1] - eye[0]) + 0.1
    assert film[2] == pytest.approx(128 / 255, abs=1e-3)


@pytest.mark.parametrize("weights", [*FILMS.values(), LUMINANCE])
def test_white_is_white_on_every_film(weights):
    assert film_gray(np.full((1, 1, 3), 255, np.uint8), weights)[0, 0] == pytest.approx(1, abs=1e-5)


def test_strongly_aged_photos_still_show_what_was_there(astronaut):
    plain, rng = film_gray(astronaut).ravel(), np.random.default_rng(0)
    found = [np.corrcoef(old_photo(astronaut, 1, rng).ravel(), plain)[0, 1] for _ in range(60)]
    assert np.mean(found) > 0.85
    assert np.min(found) > 0.4


@pytest.mark.parametrize("name", ["_blur", "_motion", "_thumbnail", "_halo", "_jpeg"])
def test_nothing_moves(name, astronaut):
    plain = film_gray(astronaut)
    effect = getattr(old_photos, name)
    for seed in range(10):
        aged = effect(plain, np.random.default_rng(seed))
        inner = aged[2:-2, 2:-2]
        distances = {
            (y, x): np.abs(inner - plain[2 + y : 222 + y, 2 + x : 222 + x]).mean()
            for y in (-1, 0, 1)
            for x in (-1, 0, 1)
        }
        assert min(distances, key=distances.get) == (0, 0)
