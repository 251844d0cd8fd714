import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from napari_colorizer.boxes import Box
from napari_colorizer.engine import upsample
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.local_fit import RADIUS
from napari_colorizer.engine.upsample import NEGLIGIBLE, GuidedUpsampling


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def guided_upsample(chroma, working_lightness, working_labels, lightness, labels):
    """Chroma of the whole image at once."""
    upsampling, box = GuidedUpsampling(working_lightness, lightness), Box.of(lightness.shape)
    upsampling.fit(chroma, working_labels, Box.of(working_labels.shape))
    return upsampling.chroma_in(box, labels)


def scene(full, working_size, classes=3):
    """Random lightness and smooth blobs of labels, at full and at working size."""
    frame = Frame.fit(full, working_size, 16)
    lightness = torch.rand(full) * 100
    blobs = F.interpolate(torch.rand(1, classes, 6, 6), size=full, mode="bilinear")[0]
    labels = blobs.argmax(0).numpy().astype(np.uint8)
    return frame.shrink(lightness), torch.from_numpy(frame.vote(labels)), lightness, torch.from_numpy(labels)


def around(values, size):
    """The smallest and the largest value within `size` pixels."""
    largest = F.max_pool2d(values[None], 2 * size + 1, 1, size)[0]
    return -F.max_pool2d(-values[None], 2 * size + 1, 1, size)[0], largest


SIZES = pytest.mark.parametrize(
    ("full", "working_size"), [((100, 140), 40), ((60, 50), 352), ((1, 1), 40), ((1, 90), 40), ((600, 20), 33)]
)


@SIZES
def test_constant_chroma_stays_as_it_is(full, working_size):
    guide = scene(full, working_size)
    chroma = torch.tensor([40.0, -25.0])[:, None, None].expand(2, *guide[0].shape)
    result = guided_upsample(chroma, *guide)
    assert result.shape == (2, *full)
    torch.testing.assert_close(result, chroma[:, :1, :1].expand(2, *full), atol=1e-3, rtol=0)


@SIZES
def test_chroma_that_is_constant_in_a_label_stays_so(full, working_size):
    small, small_labels, lightness, labels = scene(full, working_size)
    palette = torch.tensor([[10.0, -60, 80], [90, 5, -70]])
    result = guided_upsample(palette[:, small_labels], small, small_labels, lightness, labels)
    present = labels_nearby(small_labels, labels)
    assert present.float().mean() > 0.4
    torch.testing.assert_close(result[:, present], palette[:, labels.long()][:, present], atol=1e-2, rtol=0)


def labels_nearby(small_labels, labels):
    """Where one of the four working pixels around a full-size pixel has its label."""
    (h, w), (height, width) = small_labels.shape, labels.shape
    y = (torch.arange(height) + 0.5) * h / height - 0.5
    x = (torch.arange(width) + 0.5) * w / width - 0.5
    found = torch.zeros(labels.shape, dtype=torch.bool)
    for row in (y.floor().clamp(0), (y.floor() + 1).clamp(0, h - 1)):
        for column in (x.floor().clamp(0), (x.floor() + 1).clamp(0, w - 1)):
            found |= small_labels[row.long()[:, None], column.long()] == labels
    return found


def test_a_color_never_crosses_a_label_border():
    small, small_labels, lightness, labels = scene((120, 120), 40, classes=2)
    chroma = torch.randn(2, *small.shape) * 30
    other = torch.where(small_labels == 1, chroma + 50, chroma)
    before = guided_upsample(chroma, small, small_labels, lightness, labels)
    after = guided_upsample(other, small, small_labels, lightness, labels)
    sure = (labels == 0) & labels_nearby(small_labels, labels)
    assert sure.sum() > 1000
    assert torch.equal(before[:, sure], after[:, sure])
    assert not torch.equal(before[:, labels == 1], after[:, labels == 1])


def test_chroma_stays_in_its_local_range():
    small, small_labels, lightness, labels = scene((90, 120), 30)
    chroma = torch.randn(2, *small.shape) * 30
    low, high = around(chroma, RADIUS + 1)
    result = guided_upsample(chroma, small, small_labels, lightness, labels)
    scaled = [F.interpolate(limit[None], size=(90, 120), mode="nearest")[0] for limit in (low, high)]
    assert (result >= scaled[0] - 1e-3).all()
    assert (result <= scaled[1] + 1e-3).all()


def test_a_stroke_too_thin_to_win_a_vote_gets_finite_colors_around_it():
    small, lightness = torch.rand(10, 10) * 100, torch.rand(100, 100) * 100
    small_labels, labels = torch.ones(10, 10, dtype=torch.int64), torch.ones(100, 100, dtype=torch.uint8)
    labels[50] = 2
    chroma = torch.rand(2, 10, 10) * 10 + 20
    result = guided_upsample(chroma, small, small_labels, lightness, labels)
    assert result[:, 50].min() >= 20 - 1e-3
    assert result[:, 50].max() <= 30 + 1e-3


def test_chroma_follows_the_lightness_of_the_full_image():
    stripes = (torch.arange(120) // 6 % 2 * 60 + 20.0).expand(120, 120)
    small = F.adaptive_avg_pool2d(stripes[None], (40, 40))[0]
    zeros = torch.zeros(40, 40, dtype=torch.int64), torch.zeros(120, 120, dtype=torch.int32)
    chroma = torch.stack([small - 50, 50 - small])
    result = guided_upsample(chroma, small, zeros[0], stripes, zeros[1])
    expected = torch.stack([stripes - 50, 50 - stripes])
    blurred = F.interpolate(chroma[None], size=(120, 120), mode="bilinear")[0]
    assert (result - expected).abs().mean() < 0.5 * (blurred - expected).abs().mean()


def test_a_change_reaches_no_farther_than_the_radius_and_a_pixel():
    small, small_labels, lightness, labels = scene((64, 64), 64)
    chroma = torch.randn(2, 64, 64)
    changed = chroma.clone()
    changed[:, 30, 30] += 20
    before, after = (guided_upsample(c, small, small_labels, lightness, labels) for c in (chroma, changed))
    places = (before != after).any(0).nonzero()
    assert len(places)
    assert (places - 30).abs().max() <= RADIUS + 1


@pytest.mark.parametrize(("full", "working_size"), [((90, 40), 33), ((50, 61), 352), ((400, 130), 24)])
def test_boxes_fit_together_without_a_seam(full, working_size):
    small, small_labels, lightness, labels = scene(full, working_size)
    chroma = torch.randn(2, *small.shape)
    whole = guided_upsample(chroma, small, small_labels, lightness, labels)
    upsampling = GuidedUpsampling(small, lightness)
    upsampling.fit(chroma, small_labels, Box.of(small.shape))
    for box in Box.of(full).parts(17):
        part = upsampling.chroma_in(box, labels[box.slices])
        torch.testing.assert_close(part, whole[:, *box.slices], atol=1e-4, rtol=0)


@pytest.mark.parametrize("box", [Box(0, 75, 0, 90), Box(3, 70, 10, 41), Box(5, 5, 0, 90), Box(60, 80, 80, 99)])
def test_what_is_painted_in_strips_is_painted_without_a_seam(monkeypatch, box):
    small, small_labels, lightness, labels = scene((75, 90), 30)
    upsampling = GuidedUpsampling(small, lightness)
    upsampling.fit(torch.randn(2, *small.shape) * 30, small_labels, Box.of(small.shape))
    monkeypatch.setattr(upsample, "compiled", lambda: None)
    whole, strips = np.zeros((2, 75, 90, 3), np.uint8)
    upsampling.paint(box, labels.int(), whole)
    monkeypatch.setattr(upsample, "PIXELS_AT_ONCE", 200)
    upsampling.paint(box, labels.int(), strips)
    assert np.abs(strips.astype(int) - whole).max() <= 1
    assert whole.any() == bool(box.within((75, 90)).height)


def test_chroma_that_is_asked_for_again_is_the_same():
    small, small_labels, lightness, labels = scene((60, 50), 352)
    upsampling, box = GuidedUpsampling(small, lightness), Box(5, 55, 5, 45)
    upsampling.fit(torch.randn(2, *small.shape) * 30, small_labels, Box.of(small.shape))
    first = upsampling.chroma_in(box, labels[box.slices])
    for _ in range(20):
        again = upsampling.chroma_in(box, labels[box.slices])
    assert torch.equal(again, first)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), st.integers(0, 29), st.integers(0, 29), st.integers(1, 20), st.booleans())
@example(4, 6, 0, 19, False)  # blended with a pixel whose chroma has a wider range
def test_a_change_that_is_taken_over_in_its_box_is_taken_over_wholly_and_bounded(seed, top, left, size, relabel):
    torch.manual_seed(seed)
    full = (75, 90)
    small, small_labels, lightness, labels = scene(full, 30)
    chroma, box = torch.randn(2, *small.shape) * 9, Box(top, top + size, left, left + size).within(small.shape)
    upsampling = GuidedUpsampling(small, lightness)
    upsampling.fit(chroma, small_labels, Box.of(small.shape))
    before = upsampling.chroma_in(Box.of(full), labels)
    chroma[:, *box.slices] += torch.randn(2, box.height, box.width)
    if relabel:
        small_labels[box.slices] = 2
    bound = torch.zeros(small.shape)
    fitted = upsampling.fit(chroma[:, *box.slices], small_labels[box.slices], box)
    if fitted is not None:
        where, change = fitted
        bound[where.slices] = change
    after = upsampling.chroma_in(Box.of(full), labels)
    whole = guided_upsample(chroma, small, small_labels, lightness, labels)
    torch.testing.assert_close(after, whole, atol=4 * NEGLIGIBLE, rtol=0)
    around_it = F.interpolate(F.max_pool2d(bound[None, None], 3, 1, 1), size=full, mode="nearest")[0, 0]
    assert ((after - before).abs().amax(0) <= around_it + 1e-3).all()


def test_what_is_negligible_is_not_fitted_anew_but_adds_up():
    small, small_labels, lightness, labels = scene((60, 60), 30)
    chroma, everywhere = torch.randn(2, 30, 30), Box.of((30, 30))
    upsampling = GuidedUpsampling(small, lightness)
    upsampling.fit(chroma, small_labels, everywhere)
    before = upsampling.chroma_in(Box.of((60, 60)), labels)
    chroma[:, 10, 10] += 0.7 * NEGLIGIBLE
    assert upsampling.fit(chroma, small_labels, everywhere) is None
    assert torch.equal(upsampling.chroma_in(Box.of((60, 60)), labels), before)
    chroma[:, 10, 10] += 0.7 * NEGLIGIBLE
    where, _change = upsampling.fit(chroma, small_labels, everywhere)
    assert where == Box(10, 11, 10, 11).grown(RADIUS)
    assert not torch.equal(upsampling.chroma_in(Box.of((60, 60)), labels), before)


def test_the_contrast_of_the_image_changes_nothing():
    lightness = torch.rand(60, 80, generator=torch.Generator().manual_seed(0)) * 100
    small = torch.nn.functional.adaptive_avg_pool2d(lightness[None], (30, 40))[0]
    chroma, zeros = torch.rand(2, 30, 40) * 40, torch.zeros(60, 80, dtype=torch.int64)
    full, dull = (
        guided_upsample(chroma, small * factor + 20, zeros[:30, :40], lightness * factor + 20, zeros)
        for factor in (1, 0.5)
    )
    torch.testing.assert_close(full, dull, atol=0.01, rtol=0)
