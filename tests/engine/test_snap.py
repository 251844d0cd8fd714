"""Borders brought to edges."""

import numpy as np
import pytest

from napari_colorizer.engine.snap import snap

DISC, AROUND, FAR = 7, 2, 3
RADIUS = 3  # of the band, in an image of this size


@pytest.fixture
def disc():
    """A bright disc on dark ground, and a label map whose disc is ragged and lies beside it."""
    y, x = np.mgrid[:100, :120]
    true = (y - 50) ** 2 + (x - 60) ** 2 < 30**2
    gray = np.where(true, 0.8, 0.2) + np.random.default_rng(0).normal(0, 0.01, true.shape)
    off = (y - 51) ** 2 + (x - 61.5) ** 2 < (29 + np.random.default_rng(1).normal(0, 0.8, true.shape)) ** 2
    labels = np.where(off, DISC, AROUND).astype(np.uint8)
    labels[:, :8] = FAR
    return gray, labels, true


def test_a_border_goes_to_the_edge_near_it(disc):
    gray, labels, true = disc
    snapped = snap(gray, labels, (50, 60))
    before, after = ((each == DISC) != true for each in (labels, snapped))
    assert after.sum() < before.sum() / 4
    assert snapped.dtype == labels.dtype


def test_nothing_changes_but_in_a_narrow_band_and_between_the_regions_that_meet_there(disc):
    gray, labels, _ = disc
    labels[45:55, 45:55] = FAR  # an island, whose border is not asked for
    snapped = snap(gray, labels, (50, 80))
    changed = snapped != labels
    y, x = np.mgrid[:100, :120]
    from_border = np.abs(np.hypot(y - 51, x - 61.5) - 29)
    island = (np.abs(y - 49.5) < 5 + RADIUS + 1) & (np.abs(x - 49.5) < 5 + RADIUS + 1)
    assert (from_border[changed & ~island] <= RADIUS + 3).all()
    assert set(np.unique(snapped)) <= {DISC, AROUND, FAR}
    assert not changed[:, :8].any()


def test_a_thin_stroke_does_not_vanish(disc):
    gray, labels, _ = disc
    labels[20:22, 20:100] = FAR
    assert (snap(gray, labels, (20, 30)) == FAR)[:, 10:].sum() > 80


def test_a_map_of_one_region_stays(disc):
    gray, labels, _ = disc
    whole = np.full_like(labels, 5)
    np.testing.assert_array_equal(snap(gray, whole, (3, 3)), whole)


def test_bad_input_is_refused(disc):
    gray, labels, _ = disc
    with pytest.raises(IndexError, match="outside"):
        snap(gray, labels, (100, 3))
    with pytest.raises(ValueError, match="shape"):
        snap(gray, labels[:50], (3, 3))
