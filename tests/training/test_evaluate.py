import numpy as np
import pytest
from skimage.color import rgb2lab

from napari_colorizer.training.evaluate import class_means, colorfulness, evaluate_color, evaluate_segmentation, paint


def test_gray_is_not_colorful_and_a_rainbow_is():
    assert colorfulness(np.full((8, 8, 3), 77, np.uint8)) == 0
    assert colorfulness(np.eye(3, dtype=np.uint8)[None].repeat(3, 0) * 255) > 100


def test_class_means_are_those_of_the_labeled_pixels(photos):
    means = class_means(photos)
    ground = np.concatenate([rgb2lab(photo.rgb)[photo.labels == 2, 1:] for photo in photos])
    np.testing.assert_allclose(means[2], ground.mean(0), atol=1e-6)
    np.testing.assert_allclose(means[0], means[99])


def test_painting_changes_the_chroma_alone(photos):
    painted = rgb2lab(paint(photos[0].rgb, np.full((96, 120, 2), (10.0, -5.0))))
    np.testing.assert_allclose(painted[..., 0], rgb2lab(photos[0].rgb)[..., 0], atol=0.5)
    np.testing.assert_allclose(painted[..., 1:].mean((0, 1)), (10, -5), atol=0.5)


def test_the_rows_of_the_table_are_in_order(tiny_model, photos):
    rows = evaluate_color(tiny_model, photos[:2], class_means(photos))
    assert rows["truth"]["psnr"] == np.inf
    assert rows["gray"]["colorfulness"] < 1
    assert rows["class mean"]["psnr"] > rows["gray"]["psnr"] + 3  # two classes, each of one color
    assert rows["class mean"]["ciede2000"] < rows["gray"]["ciede2000"]


def test_segmentation_is_scored_over_labeled_pixels(tiny_model, photos, monkeypatch):
    truth = {photo.rgb.tobytes(): photo.labels for photo in photos}
    monkeypatch.setattr(type(tiny_model), "segment", lambda self, rgb: truth[rgb.tobytes()])
    assert evaluate_segmentation(tiny_model, photos, {})["mIoU"] == 1
    monkeypatch.setattr(type(tiny_model), "segment", lambda self, rgb: np.full(rgb.shape[:2], 2, np.uint8))
    scores = evaluate_segmentation(tiny_model, photos, {})
    assert scores["IoU"]["sky"] == 0
    ground = np.mean([(photo.labels == 2).mean() for photo in photos])
    assert scores["pixel accuracy"] == pytest.approx(ground)
