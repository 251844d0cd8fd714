from dataclasses import replace

import numpy as np
from skimage.color import rgb2lab

from napari_colorizer.evaluation.metrics.baselines import class_means, paint


def test_class_means_are_those_of_the_labeled_pixels(photos):
    means = class_means(photos)
    chroma = np.concatenate([rgb2lab(photo.rgb)[..., 1:].reshape(-1, 2) for photo in photos])
    labels = np.concatenate([photo.labels.ravel() for photo in photos])
    np.testing.assert_allclose(means[2], chroma[labels == 2].mean(0), atol=1e-4)
    for label in (0, 99, 65535):
        np.testing.assert_allclose(means[label], chroma.mean(0), atol=1e-4)


def test_gray_photos_have_no_say(photos):
    gray = replace(photos[1], rgb=np.full_like(photos[1].rgb, 90), gray=True)
    np.testing.assert_array_equal(class_means([photos[0], gray]), class_means(photos[:1]))


def test_without_photos_the_mean_is_gray():
    assert not class_means([]).any()


def test_painting_changes_the_chroma_alone(photos):
    painted = rgb2lab(paint(photos[0].rgb, np.full((96, 120, 2), (10.0, -5.0))))
    np.testing.assert_allclose(painted[..., 0], rgb2lab(photos[0].rgb)[..., 0], atol=0.5)
    np.testing.assert_allclose(painted[..., 1:].mean((0, 1)), (10, -5), atol=0.5)
