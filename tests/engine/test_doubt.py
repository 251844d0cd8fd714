"""Where a segmentation is in doubt."""

import numpy as np
import pytest

from napari_colorizer.engine.doubt import doubt, doubtful_regions
from napari_colorizer.engine.strokes import Evidence

SKY, WATER, BOAT = 5, 9, 300
SHAPE = (80, 120)


@pytest.fixture
def evidence():
    """Sure of the sky; hardly of water or sky in a large part, of a boat in a small one."""
    probabilities = np.zeros((3, 20, 30), np.float32)
    probabilities[0] = 1
    probabilities[:, 10:, :20] = np.array([0.45, 0.53, 0.02])[:, None, None]
    probabilities[:, 2:5, 25:28] = np.array([0.35, 0.3, 0.35])[:, None, None]
    features = np.zeros((2, 20, 30), np.float32)
    return Evidence((SKY, WATER, BOAT), probabilities, features, probabilities)


def test_doubt_is_how_near_the_second_class_is(evidence):
    amount = doubt(evidence)
    assert amount[0, 0] == pytest.approx(0, abs=1e-4)
    assert amount[15, 5] == pytest.approx(0.92, abs=0.01)
    assert amount.dtype == np.float32


def test_the_most_doubtful_region_comes_first_with_its_likeliest_classes(evidence):
    first, second = doubtful_regions(evidence)
    assert [label for label, _ in first.choices] == [WATER, SKY]  # a boat is too unlikely there
    assert first.choices[0][1] == pytest.approx(0.53, abs=0.01)
    assert {label for label, _ in second.choices} == {SKY, WATER, BOAT}
    mask = first.mask(SHAPE)
    assert mask[int(first.center[0] * 80), int(first.center[1] * 120)]
    assert mask[45:, :75].all()
    assert not mask[:35].any()


def test_what_somebody_has_decided_is_no_doubt(evidence):
    settled = np.zeros(SHAPE, bool)
    settled[38:] = True
    assert len(doubtful_regions(evidence, settled)) == 1


def test_one_class_leaves_no_doubt(evidence):
    alone = Evidence((SKY,), evidence.predicted[:1], evidence.features, evidence.probabilities[:1])
    assert not doubt(alone).any()
    assert doubtful_regions(alone) == []


def test_what_is_below_the_confidence_is_doubtful_though_no_other_class_is_near():
    probabilities = np.full((3, 20, 30), 0.01, np.float32)
    probabilities[0] = 0.9
    probabilities[:, :10] = np.array([0.54, 0.02, 0.02])[:, None, None] / 0.58
    evidence = Evidence((SKY, WATER, BOAT), probabilities, np.zeros((1, 20, 30), np.float32), probabilities)
    assert doubtful_regions(evidence) == []
    (region,) = doubtful_regions(evidence, confidence=0.95)
    assert region.cells[:10].all()
    assert [label for label, _ in region.choices] == [SKY]
