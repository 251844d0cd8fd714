from dataclasses import replace

import numpy as np
import pytest

from napari_colorizer.engine.session import Session
from napari_colorizer.errors import DataError
from napari_colorizer.training.metrics.color import colorfulness, to_lab
from napari_colorizer.training.vivid import FACTORS, VividCurve, cautious_factor, vivid_curve


def curve(psnr, colorfulness=(5, 10, 20, 40), truth=20.0):
    return VividCurve((0.5, 1.0, 2.0, 4.0), colorfulness, psnr, truth)


def test_a_dull_model_is_to_be_made_as_vivid_as_photographs_are(tiny_model, photos, classes, monkeypatch):
    half = {id(photo.rgb): to_lab(photo.rgb)[..., 1:] / 2 for photo in photos}
    shown = []

    def chroma(self, labels=None, hints=None, classes=None):
        return half[shown[-1]].astype(np.float32)

    real = type(tiny_model).session
    monkeypatch.setattr(
        type(tiny_model), "session", lambda self, rgb, options: shown.append(id(rgb)) or real(self, rgb)
    )
    monkeypatch.setattr(Session, "chroma", chroma)
    found = vivid_curve(tiny_model, photos, classes)
    colored = [photo.rgb for photo in photos if not photo.gray]
    assert found.true_colorfulness == pytest.approx(np.mean([colorfulness(rgb) for rgb in colored]))
    assert np.argmax(found.psnr) == FACTORS.index(2.0)
    assert found.colorfulness[FACTORS.index(2.0)] == pytest.approx(found.true_colorfulness, rel=0.03)
    assert 1.5 < found.calibrated(least_psnr=0) < 2


def test_the_factor_reaches_85_percent_of_the_true_colorfulness():
    assert curve((20, 22, 21, 15)).calibrated(least_psnr=20) == 1.7


def test_the_factor_is_smaller_where_psnr_would_fall_too_low():
    factor = curve((20, 22, 21, 15)).calibrated(least_psnr=21.5)
    assert factor == pytest.approx(1.5, abs=0.02)


def test_a_model_that_is_too_colorful_is_made_duller():
    assert curve((20, 22, 21, 15), truth=7.0).calibrated(least_psnr=0) < 1


def test_a_model_that_never_is_good_enough_stays_as_it_is():
    assert curve((20, 22, 21, 15)).calibrated(least_psnr=30) == 1.0


def test_a_model_that_predicts_gray_stays_as_it_is():
    assert curve((20, 20, 20, 20), colorfulness=(0, 0, 0, 0)).calibrated(least_psnr=19) == 1.0


def test_gray_photos_tell_nothing_and_are_refused(tiny_model, photos, classes):
    gray = [replace(photo, gray=True) for photo in photos]
    with pytest.raises(DataError, match="none of the 4 photographs has color"):
        vivid_curve(tiny_model, gray, classes)
    assert vivid_curve(tiny_model, [photos[0], *gray], classes) == vivid_curve(tiny_model, photos[:1], classes)


def test_models_are_compared_at_equal_colorfulness():
    assert curve((20, 22, 21, 15)).psnr_at(15) == pytest.approx(21.5)
    assert np.isnan(curve((20, 22, 21, 15)).psnr_at(50))


@pytest.mark.parametrize(("share", "factor"), [(1.0, 1.0), (-1.0, 0.05)])
def test_unlabeled_colors_are_as_vivid_as_the_worst_source_allows(
    tiny_model, photos, classes, monkeypatch, share, factor
):
    truth = {photo.rgb.tobytes(): to_lab(photo.rgb)[..., 1:] for photo in photos}
    worst = photos[0].rgb.tobytes()
    sessions = []
    real = type(tiny_model).session
    monkeypatch.setattr(
        type(tiny_model), "session", lambda self, rgb, options: sessions.append(rgb.tobytes()) or real(self, rgb)
    )
    monkeypatch.setattr(
        Session,
        "chroma",
        lambda self: (truth[sessions[-1]] * (share if sessions[-1] == worst else 1)).astype(np.float32),
    )
    sources = [replace(photo, source=str(number)) for number, photo in enumerate(photos)]
    assert cautious_factor(tiny_model, sources, classes) == pytest.approx(factor, abs=0.06)


def test_colors_that_are_all_wrong_are_as_cautious_as_can_be(tiny_model, photos, classes, monkeypatch):
    monkeypatch.setattr(Session, "chroma", lambda self: np.full((*self.shape, 2), 90, np.float32))
    assert cautious_factor(tiny_model, photos, classes) == 0.05
    with pytest.raises(DataError, match="has color"):
        cautious_factor(tiny_model, [replace(photo, gray=True) for photo in photos], classes)
