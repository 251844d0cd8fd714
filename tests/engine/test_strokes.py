"""Strokes that correct a predicted label map."""

import numpy as np
import pytest
import torch

from napari_colorizer.engine.segment import Segmentation
from napari_colorizer.engine.strokes import Evidence

SKY, GRASS, WATER, NEW = 5, 9, 300, 77
SHAPE = (80, 120)


@pytest.fixture
def quarters():
    """Four vertical parts: two look alike and are taken for sky, the others look otherwise: sky, and grass."""
    looks = torch.zeros(3, 20, 30)
    looks[0, :, :8], looks[0, :, 22:] = 1, 1
    looks[1, :, 8:15] = 1
    looks[2, :, 15:22] = 1
    probabilities = torch.tensor([0.6, 0.3, 0.1])[:, None, None].repeat(1, 80, 120)
    probabilities[:, :, 60:88] = torch.tensor([0.1, 0.8, 0.1])[:, None, None]
    evidence = Evidence.of((SKY, GRASS, WATER), probabilities, [looks], 4)
    likely = np.full(SHAPE, SKY, np.uint16)
    likely[:, 60:88] = GRASS
    return Segmentation(likely, probabilities.amax(0).numpy(), evidence)


def stroke(label, where=np.s_[30:50, 4:8], strokes=None):
    strokes = np.zeros(SHAPE, np.uint16) if strokes is None else strokes.copy()
    strokes[where] = label
    return strokes


def test_what_looks_like_a_stroke_follows_wherever_it_is_and_nothing_else(quarters):
    found = quarters.spread(stroke(WATER))
    assert (found.likely[:, :30] == WATER).all()
    assert (found.likely[:, 92:] == WATER).all()  # the other end of the image
    np.testing.assert_array_equal(found.likely[:, 36:84], quarters.likely[:, 36:84])


def test_far_from_what_a_stroke_resembles_nothing_changes_to_the_pixel(quarters):
    ragged = quarters.likely.copy()
    ragged[::7, 64:80] = WATER  # as if the network had said so
    found = Segmentation(ragged, quarters.certainty, quarters.evidence).spread(stroke(WATER))
    np.testing.assert_array_equal(found.likely[:, 64:80], ragged[:, 64:80])
    np.testing.assert_allclose(found.certainty[:, 66:78], quarters.certainty[:, 66:78], atol=0.02)


def test_strokes_are_kept_exactly_whatever_lies_around(quarters):
    strokes = stroke(WATER)
    strokes[40, 4:8], strokes[0, 119], strokes[50:52, 70] = SKY, GRASS, SKY
    likely = quarters.spread(strokes).likely
    np.testing.assert_array_equal(likely[strokes > 0], strokes[strokes > 0])


def test_a_class_that_the_network_does_not_know_is_learned(quarters):
    found = quarters.spread(stroke(NEW))
    assert (found.likely[:, :30] == NEW).all()
    assert NEW in found.evidence.ids


def test_more_strokes_are_spread_from_the_prediction_itself(quarters):
    first = stroke(WATER)
    both = stroke(GRASS, np.s_[30:50, 40:44], first)
    once = quarters.spread(both)
    np.testing.assert_array_equal(once.likely, quarters.spread(both).likely)
    assert (once.likely[:, 36:56] == GRASS).all()
    assert (once.likely[:, :28] == WATER).all()


def test_no_stroke_leaves_all_as_it_is(quarters):
    found = quarters.spread(np.zeros(SHAPE, np.uint8))
    np.testing.assert_array_equal(found.likely, quarters.likely)
    np.testing.assert_array_equal(found.certainty, quarters.certainty)
    assert found.likely.dtype == quarters.likely.dtype


def test_a_whole_map_of_strokes_is_learned_from_in_no_time(quarters):
    strokes = np.where(np.arange(120) < 90, SKY, GRASS) * np.ones(SHAPE, np.uint16)
    np.testing.assert_array_equal(quarters.spread(strokes).likely, strokes)


def test_the_same_with_other_ids(quarters):
    other = quarters.translated({SKY: 1, GRASS: 2, WATER: 3})
    assert np.unique(other.likely).tolist() == [1, 2]
    expected = quarters.spread(stroke(WATER)).translated({SKY: 1, GRASS: 2, WATER: 3})
    np.testing.assert_array_equal(other.spread(stroke(3)).likely, expected.likely)


@pytest.mark.parametrize("shape", [(60, 60), (300, 200), (1, 1), (3, 500)])
def test_what_a_network_predicts_can_be_corrected(model, shape):
    gray = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found = model.segmentation(gray)
    strokes = np.zeros(shape, np.uint8)
    strokes[: shape[0] // 3 + 1, : shape[1] // 3 + 1] = SKY
    corrected = found.spread(strokes)
    assert (corrected.likely[strokes > 0] == SKY).all()
    assert corrected.certainty.shape == found.certainty.shape
    assert 0 <= corrected.certainty.min() <= corrected.certainty.max() <= 1


def test_bad_strokes_are_refused(quarters):
    with pytest.raises(ValueError, match="shape"):
        quarters.spread(np.zeros((3, 3), np.uint8))
    with pytest.raises(TypeError, match="whole numbers"):
        quarters.spread(np.zeros(SHAPE))
    with pytest.raises(ValueError, match="predicted"):
        Segmentation(quarters.likely, quarters.certainty).spread(stroke(SKY))
