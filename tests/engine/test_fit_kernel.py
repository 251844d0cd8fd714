"""Compiled fitting against that with torch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_colorizer.boxes import Box
from napari_colorizer.engine import upsample
from napari_colorizer.engine.upsample import GuidedUpsampling

STATE = ("_coefficients", "_chroma", "_labels", "_cells")


def fit(upsampling, chroma, labels, box, monkeypatch=None):
    """What is given for a box of chroma and labels."""
    arguments = chroma[:, *box.slices], labels[box.slices], box
    if monkeypatch is None:
        return upsampling.fit(*arguments)
    with monkeypatch.context() as patch:
        patch.setattr(upsample, "compiled", lambda: None)
        return upsampling.fit(*arguments)


def assert_alike(compiled, with_torch, found, expected):
    if expected is None:
        assert found is None
    else:
        assert found[0] == expected[0]
        torch.testing.assert_close(found[1], expected[1], atol=1e-3, rtol=1e-4)
    for name in STATE:
        torch.testing.assert_close(getattr(compiled, name), getattr(with_torch, name), atol=1e-3, rtol=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 99),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(0, 39), st.integers(0, 39), st.integers(1, 40)),
    st.booleans(),
)
def test_all_that_is_kept_and_given_is_that_of_torch(seed, shape, place, relabel):
    generator = torch.Generator().manual_seed(seed)
    lightness = torch.rand(shape, generator=generator) * 100
    chroma = torch.randn(2, *shape, generator=generator) * 20
    labels = torch.randint(3, shape, generator=generator)
    compiled, with_torch = (GuidedUpsampling(lightness, (90, 90)) for _ in range(2))
    top, left, size = place
    box = Box(top, top + size, left, left + size).within(shape)
    with pytest.MonkeyPatch.context() as monkeypatch:
        for changed in (Box.of(shape), box):
            if changed.height and changed.width:
                found = fit(compiled, chroma, labels, changed)
                assert_alike(compiled, with_torch, found, fit(with_torch, chroma, labels, changed, monkeypatch))
            some = torch.rand(shape, generator=generator) < 0.1
            chroma[:, some] += torch.randn(2, int(some.sum()), generator=generator) * 9
            labels[some] += int(relabel)


def test_every_box_is_fitted_as_the_whole_is():
    lightness, chroma, labels = torch.rand(50, 70) * 100, torch.randn(2, 50, 70) * 20, torch.randint(2, (50, 70))
    whole, parts = (GuidedUpsampling(lightness, (90, 90)) for _ in range(2))
    fit(whole, chroma, labels, Box.of((50, 70)))
    for box in Box.of((50, 70)).parts(13):
        fit(parts, chroma, labels, box)
    for name in STATE:
        assert torch.equal(getattr(parts, name), getattr(whole, name))


def test_where_nothing_differs_nothing_is_given():
    upsampling, chroma, labels = (
        GuidedUpsampling(torch.rand(9, 7) * 100, (9, 7)),
        torch.randn(2, 9, 7),
        torch.ones(9, 7),
    )
    assert fit(upsampling, chroma, labels, Box.of((9, 7))) is not None
    before = [getattr(upsampling, name).clone() for name in STATE]
    assert fit(upsampling, chroma, labels, Box(2, 8, 1, 6)) is None
    assert all(torch.equal(getattr(upsampling, name), value) for name, value in zip(STATE, before, strict=True))


def test_a_relabeled_pixel_may_change_colors_around_it_without_bound():
    lightness, labels = torch.rand(20, 20) * 100, torch.ones(20, 20)
    upsampling, chroma = GuidedUpsampling(lightness, (20, 20)), torch.randn(2, 20, 20)
    fit(upsampling, chroma, labels, Box.of((20, 20)))
    labels[7, 9] = 2
    box, change = fit(upsampling, chroma, labels, Box.of((20, 20)))
    assert box == Box(6, 9, 8, 11)
    assert torch.isinf(change).all()


def test_chroma_of_float64_and_lightness_that_lies_by_columns_are_fitted_too():
    lightness, chroma, labels = torch.rand(20, 30) * 100, torch.randn(2, 20, 30) * 20, torch.randint(2, (20, 30))
    usual, other = GuidedUpsampling(lightness, (90, 90)), GuidedUpsampling(lightness.T.contiguous().T, (90, 90))
    fit(usual, chroma, labels, Box.of((20, 30)))
    fit(other, chroma.double(), labels, Box.of((20, 30)))
    for name in STATE:
        assert torch.equal(getattr(other, name), getattr(usual, name))
