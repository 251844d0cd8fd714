from dataclasses import replace

import numpy as np
import pytest

from napari_colorizer.evaluation.color_scores import COLOR_METRICS, ColorScores
from napari_colorizer.evaluation.metrics.color import psnr
from napari_colorizer.evaluation.sample import Scene


@pytest.fixture
def scenes(tiny_model, photos, classes):
    return [Scene(tiny_model, photo, classes) for photo in photos[:2]]


@pytest.fixture
def truths(scenes):
    found = ColorScores()
    for scene in scenes:
        found.look(scene, scene.photo.rgb, scene.truth)
    return found


def test_the_truth_itself_is_perfect(scenes, truths):
    same = ColorScores()
    for scene in scenes:
        same.compare(scene, scene.photo.rgb)
    found = same.summary(truths)
    assert tuple(found) == COLOR_METRICS
    assert (found["ssim"], found["ciede2000"], found["ciede2000 balanced"]) == (1, 0, 0)
    assert found["bleeding"] == found["monochrome"] == 1
    assert found["colorfulness"] == truths.summary(truths)["colorfulness"]
    assert found["psnr"] > 90


def test_psnr_is_kept_of_each_photo(scenes, truths):
    shifted = ColorScores()
    off = [scene.photo.rgb // 2 + number for number, scene in enumerate(scenes)]
    for scene, rgb in zip(scenes, off, strict=True):
        shifted.compare(scene, rgb)
    own = [psnr(scene.photo.rgb, rgb) for scene, rgb in zip(scenes, off, strict=True)]
    assert shifted.psnr == own
    assert shifted.summary(truths)["psnr"] == pytest.approx(np.mean(own))
    assert truths.psnr == []


def test_scores_of_nothing_are_empty():
    assert ColorScores().summary(ColorScores()) == {}


def test_without_labels_there_are_neither_borders_nor_classes_to_score(tiny_model, photos, classes):
    scene = Scene(tiny_model, replace(photos[0], labels=np.zeros_like(photos[0].labels)), classes)
    truth, gray = ColorScores(), ColorScores()
    truth.look(scene, scene.photo.rgb, scene.truth)
    gray.compare(scene, scene.photo.rgb.mean(-1, keepdims=True).astype(np.uint8).repeat(3, -1))
    assert set(gray.summary(truth)) == {"psnr", "ssim", "ciede2000", "colorfulness"}
