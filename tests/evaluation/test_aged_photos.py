import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_colorizer.color import lightness
from napari_colorizer.engine.session import Session
from napari_colorizer.errors import ModelError
from napari_colorizer.evaluation.aged_photos import aged_copies, evaluate_aged, gray_of
from napari_colorizer.evaluation.metrics.baselines import paint
from napari_colorizer.evaluation.metrics.color import psnr, to_lab

COPIES = ["faded", "noisy", "blurred", "all three"]


@pytest.fixture
def oracle(monkeypatch, photos):
    """Make the models find the true chroma, times a share that depends on whether the gray image is aged."""
    truth = {photo.labels.tobytes(): to_lab(photo.rgb)[..., 1:] for photo in photos}

    def pretend(unaged, aged):
        def chroma(self, labels=None, hints=None, classes=None):
            return truth[labels.tobytes()] * (aged if self._computed.values.ndim == 2 else unaged)

        monkeypatch.setattr(Session, "chroma", chroma)

    return pretend


def test_the_figures_of_each_copy(tiny_model, photos, classes):
    found = evaluate_aged(tiny_model, photos[:2], classes)
    assert found["photos"] == 2
    assert list(found["copies"]) == ["unaged", *COPIES]
    for name in COPIES:
        row = found["copies"][name]
        assert row["loss"] == pytest.approx(found["copies"]["unaged"]["psnr"] - row["psnr"])
    assert "loss" not in found["copies"]["unaged"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_colors_that_age_does_not_touch(tiny_model, photos, classes, oracle):
    oracle(1, 1)
    copies = evaluate_aged(tiny_model, photos, classes)["copies"]
    for row in copies.values():
        assert row["psnr"] > 45  # the true lightness is painted, not the aged one
    assert all(copies[name]["loss"] == 0 for name in COPIES)


def test_colors_that_are_lost_with_age(tiny_model, photos, classes, oracle):
    oracle(1, 0)
    copies = evaluate_aged(tiny_model, photos, classes)["copies"]
    gray = np.mean([psnr(photo.rgb, paint(photo.rgb, np.zeros((*photo.labels.shape, 2)))) for photo in photos])
    for name in COPIES:
        assert copies[name]["psnr"] == pytest.approx(gray)
        assert copies[name]["loss"] == pytest.approx(copies["unaged"]["psnr"] - gray)
        assert copies[name]["loss"] > 10


def test_the_model_s_own_chroma_gain_counts(tiny_model, photos, classes):
    gray, vivid = (
        evaluate_aged(replace(tiny_model, chroma_gain=factor), photos, classes)["copies"] for factor in (0.0, 2.0)
    )
    for name in ("unaged", *COPIES):
        assert vivid[name]["psnr"] != gray[name]["psnr"]
    assert gray["noisy"]["loss"] == pytest.approx(0, abs=1e-3)


def test_gray_of_a_lightness_undoes_lightness():
    gray = np.linspace(0, 1, 1001, dtype=np.float32)[None]
    np.testing.assert_allclose(gray_of(lightness(torch.from_numpy(gray)).numpy()), gray, atol=1e-5)


def test_faded_copies_have_half_the_contrast_and_no_black(photos):
    light = lightness(torch.tensor(photos[0].rgb) / 255).numpy()
    faded = lightness(torch.from_numpy(aged_copies(photos[0])["faded"])).numpy()
    np.testing.assert_allclose(faded, light / 2 + 35, atol=1e-3)


def test_noisy_copies_have_gaussian_noise_of_8_of_255(photos):
    photo = photos[0]
    gray = gray_of(lightness(torch.tensor(photo.rgb) / 255).numpy())
    noise = aged_copies(photo)["noisy"] - gray
    assert noise.std() * 255 == pytest.approx(8, rel=0.03)
    assert noise.mean() * 255 == pytest.approx(0, abs=0.3)
    np.testing.assert_array_equal(aged_copies(photo)["noisy"], aged_copies(photo)["noisy"])
    assert not np.array_equal(aged_copies(photo, seed=1)["noisy"], aged_copies(photo)["noisy"])
    assert not np.array_equal(aged_copies(replace(photo, name="other"))["noisy"], aged_copies(photo)["noisy"])


def test_all_three_is_one_after_the_other(photos):
    photo = photos[0]
    gray = gray_of(lightness(torch.tensor(photo.rgb) / 255).numpy())
    copies = aged_copies(photo)
    np.testing.assert_allclose(copies["blurred"], gaussian_filter(gray, 1))
    noise = copies["noisy"] - gray
    np.testing.assert_allclose(copies["all three"], gaussian_filter(copies["faded"], 1) + noise, atol=1e-6)


def test_copies_are_images_whatever_the_photo(photos):
    contrasty = replace(photos[0], rgb=np.where(photos[0].rgb > 120, 255, 0).astype(np.uint8))
    for copy in aged_copies(contrasty).values():
        assert copy.shape == contrasty.labels.shape
        assert copy.min() >= 0
        assert copy.max() <= 1


def test_gray_photos_and_models_without_a_colorizer_are_left_out(tiny_model, make_model, photos, classes):
    gray = replace(photos[3], gray=True)
    assert evaluate_aged(tiny_model, [gray], classes) == {"photos": 0, "copies": {}}
    assert evaluate_aged(tiny_model, [gray, photos[0]], classes) == evaluate_aged(tiny_model, photos[:1], classes)
    with pytest.raises(ModelError, match="no colorizer"):
        evaluate_aged(make_model(colorizer=False), photos, classes)
