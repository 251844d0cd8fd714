from dataclasses import replace

import numpy as np
import pytest

from napari_colorizer.engine.session import Session
from napari_colorizer.errors import DataError
from napari_colorizer.evaluation.chroma_gain import FACTORS, ChromaGainCurve, chroma_gain_curve
from napari_colorizer.evaluation.metrics.color import colorfulness, to_lab


def curve(ciede2000, colorfulness=(5, 10, 20, 40), truth=20.0):
    return ChromaGainCurve((0.5, 1.0, 2.0, 4.0), colorfulness, (20, 22, 21, 15), ciede2000, truth)


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
    found = chroma_gain_curve(tiny_model, photos, classes)
    colored = [photo.rgb for photo in photos if not photo.gray]
    assert found.true_colorfulness == pytest.approx(np.mean([colorfulness(rgb) for rgb in colored]))
    assert np.argmax(found.psnr) == FACTORS.index(2.0)
    assert found.colorfulness[FACTORS.index(2.0)] == pytest.approx(found.true_colorfulness, rel=0.03)
    assert np.argmin(found.ciede2000) == FACTORS.index(2.0)
    assert found.calibrated() == pytest.approx(2, abs=0.02)  # nothing else is as near


def test_the_factor_reaches_85_percent_of_the_true_colorfulness():
    assert curve((7, 7, 7, 9)).calibrated() == pytest.approx(1.7, abs=0.011)


def test_the_factor_is_smaller_where_colors_would_be_further_from_the_truth():
    assert curve((8, 7, 8, 15)).calibrated() == pytest.approx(1.21, abs=0.011)


def test_a_model_that_is_too_colorful_is_made_duller():
    assert curve((7, 7, 8, 9), truth=7.0).calibrated() < 1


def test_where_all_that_is_near_is_too_colorful_the_nearest_counts():
    assert curve((9, 7, 8, 15), truth=5.0).calibrated() == 1.0


def test_a_model_that_predicts_gray_stays_as_it_is():
    assert curve((7, 7, 7, 7), colorfulness=(0, 0, 0, 0)).calibrated() == 1.0


def test_gray_photos_tell_nothing_and_are_refused(tiny_model, photos, classes):
    gray = [replace(photo, gray=True) for photo in photos]
    with pytest.raises(DataError, match="none of the 4 photographs has color"):
        chroma_gain_curve(tiny_model, gray, classes)
    assert chroma_gain_curve(tiny_model, [photos[0], *gray], classes) == chroma_gain_curve(
        tiny_model, photos[:1], classes
    )


def test_models_are_compared_at_equal_colorfulness():
    assert curve((7, 7, 7, 9)).psnr_at(15) == pytest.approx(21.5)
    assert np.isnan(curve((7, 7, 7, 9)).psnr_at(50))


def test_without_labels_the_guesses_are_made_vivid(tiny_model, photos, classes, monkeypatch):
    def chroma(self, labels=None, hints=None, classes=None):
        assert labels is None
        return np.tile(np.float32([0, -12]), (*self.shape, 1))

    monkeypatch.setattr(Session, "chroma", chroma)
    found = chroma_gain_curve(tiny_model, photos, classes, labeled=False)
    assert found.colorfulness[-1] > 2 * found.colorfulness[0]
