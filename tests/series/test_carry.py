import numpy as np
import pytest

from napari_colorizer.engine.segment import Segmentation
from napari_colorizer.series.carry import SAID, Carried, carry
from napari_colorizer.series.flow import Flow

SHAPE = (6, 8)
CAR, BUS, TREE = 1, 2, 3


def said(label, certainty=0.8):
    return Segmentation(np.full(SHAPE, label, np.uint8), np.full(SHAPE, certainty, np.float32))


def still(trust=1.0, cut=False):
    return Flow(np.zeros((2, *SHAPE), np.float32), np.full(SHAPE, trust, np.float32), cut)


def labels(label):
    return np.full(SHAPE, label, np.uint8)


@pytest.fixture
def corrected():
    """A person says bus where the segmenter says car."""
    return Carried.corrected(labels(BUS), labels(CAR))


@pytest.mark.parametrize("certainty", [0.5, 1.0])
def test_what_a_person_has_overruled_is_not_said_again(corrected, certainty):
    found = corrected
    for _ in range(30):
        found = carry(found, still(), said(CAR, certainty), 0)
    assert (found.labels == BUS).all()
    assert (found.certainty == SAID).all()


def test_a_person_is_contradicted_by_something_new_that_is_sure(corrected):
    assert (carry(corrected, still(), said(TREE, 0.99), 0).labels == TREE).all()
    assert (carry(corrected, still(), said(TREE, 0.9), 0).labels == BUS).all()


def test_what_a_person_has_erased_stays_so():
    erased = Carried.corrected(labels(0), labels(CAR))
    assert not carry(erased, still(), said(CAR, 1.0), 0).labels.any()
    assert not carry(erased, still(), said(TREE, 0.9), 0).labels.any()


def test_the_segmenter_contradicts_itself_only_if_it_is_surer():
    before = Carried.predicted(said(CAR, 0.8), 0)
    assert (carry(before, still(), said(BUS, 0.8), 0).labels == CAR).all()
    after = carry(before, still(), said(BUS, 0.9), 0)
    assert (after.labels == BUS).all()
    assert after.certainty[0, 0] == pytest.approx(0.9 * (SAID - 1), abs=1)


def test_what_is_not_confirmed_is_less_certain_each_time():
    found = Carried.predicted(said(CAR, 0.9), 0)
    slices = [found := carry(found, still(), said(BUS, 0.6), 0) for _ in range(25)]
    assert [(slices[number].labels == BUS).all() for number in (5, 24)] == [False, True]


def test_where_nothing_is_labeled_the_segmenter_speaks():
    before = Carried.predicted(said(CAR, 0.3), confidence=0.5)
    assert not before.labels.any()
    assert (carry(before, still(), said(TREE, 0.6), 0.5).labels == TREE).all()


def test_without_trust_labels_are_those_predicted(corrected):
    assert (carry(corrected, still(trust=0), said(CAR), 0).labels == CAR).all()


def test_nothing_crosses_a_cut(corrected):
    found = carry(corrected, still(cut=True), said(CAR), 0)
    assert (found.labels == CAR).all()
    assert not found.overruled.any()
