"""The model as functions of napari's data types, and the examples in README.md."""

import re
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from napari_colorizer import ColorizeOptions, SegmentOptions, load_model
from napari_colorizer.errors import ModelError
from napari_colorizer.functions import colorize, predict_labels

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
PHOTO = data.camera()[::4, ::4]


def examples():
    return [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if ".functions import" in block]


def test_labels_are_those_of_the_model_as_sure_as_asked():
    np.testing.assert_array_equal(predict_labels(PHOTO), load_model().segment(PHOTO))
    bold, shy = (predict_labels(PHOTO, confidence) for confidence in (0, 0.9))
    np.testing.assert_array_equal(shy, load_model().segment(PHOTO, SegmentOptions(confidence=0.9)))
    assert np.count_nonzero(bold) > np.count_nonzero(shy)


def test_colors_are_a_layer_that_follows_the_labels():
    labels = np.full(PHOTO.shape, load_model().classes.named("grass").id)
    rgb, facts, kind = colorize(PHOTO, labels, chroma_gain=2)
    np.testing.assert_array_equal(rgb, load_model().colorize(PHOTO, labels, options=ColorizeOptions(chroma_gain=2)))
    assert (facts["rgb"], kind) == (True, "image")
    assert (rgb != colorize(PHOTO)[0]).any()


def test_another_model_is_taken_by_its_name(installed):
    assert set(np.unique(predict_labels(PHOTO, 0, installed))) <= {0, 1, 2, 7}
    with pytest.raises(ModelError, match="missing"):
        predict_labels(PHOTO, model="missing")


def test_the_example_without_a_viewer_runs_as_it_stands():
    names = {}
    exec(examples()[0], names)
    assert names["labels"].shape == (512, 512)
    assert (names["rgb"].shape, names["rgb"].dtype) == ((512, 512, 3), np.uint8)
