import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.transform import resize

from napari_colorizer.boxes import Box
from napari_colorizer.engine import frame as frame_module
from napari_colorizer.engine.frame import Frame, enlarge

sides = st.integers(1, 5000)
small_maps = arrays(
    np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.integers(0, 4), fill=st.just(0)
)


@settings(max_examples=200, deadline=None)
@given(sides, sides, st.integers(32, 4096), st.sampled_from([16, 32]))
def test_any_image_gets_a_frame(height, width, working_size, stride):
    frame = Frame.fit((height, width), working_size, stride)
    assert max(frame.working) == min(max(height, width), working_size)
    for full, working, padded in zip(frame.full, frame.working, frame.padded, strict=True):
        assert 1 <= working <= full
        assert padded % stride == 0
        assert max(working, 2 * stride) <= padded < max(working + stride, 2 * stride + 1)
        scale = min(1, working_size / max(height, width))
        assert abs(working - full * scale) <= max(0.5, 1 - full * scale)


def test_the_aspect_is_kept_and_nothing_is_enlarged():
    assert Frame.fit((1000, 2000), 352, 16).working == (176, 352)
    assert Frame.fit((3, 5000), 352, 16) == Frame((3, 5000), (1, 352), (32, 352))
    assert Frame.fit((10, 10), 352, 16) == Frame((10, 10), (10, 10), (32, 32))
    assert Frame.fit((1, 1), 352, 16) == Frame((1, 1), (1, 1), (32, 32))


def test_shrinking_averages_areas():
    image = torch.rand(60, 90)
    shrunk = Frame.fit((60, 90), 45, 16).shrink(image)
    torch.testing.assert_close(shrunk, image.reshape(30, 2, 45, 2).mean((1, 3)))
    assert torch.equal(Frame.fit((60, 90), 352, 16).shrink(image), image)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(32, 64))
def test_padding_repeats_the_border_and_cropping_undoes_it(height, width, working_size):
    frame = Frame.fit((height, width), working_size, 16)
    image = torch.rand(2, *frame.working)
    padded = frame.pad(image)
    assert padded.shape == (2, *frame.padded)
    assert torch.equal(frame.crop(padded), image)
    h, w = frame.working
    assert (padded[:, h:, :w] == image[:, -1:]).all()
    assert (padded[:, :, w:] == padded[:, :, w - 1 : w]).all()


def test_the_majority_wins_a_vote():
    block = np.array([[1, 1, 2, 2], [1, 3, 2, 2], [0, 0, 9, 9], [0, 0, 0, 9]], np.uint16)
    frame = Frame.fit((64, 64), 32, 16)
    votes = frame.vote(np.tile(block, (16, 16)))
    assert np.array_equal(votes, np.tile([[1, 2], [0, 9]], (16, 16)))


def test_a_thin_stroke_counts_against_unlabeled_but_not_against_a_class():
    labels = np.zeros((400, 400), np.uint8)
    labels[137] = 5
    labels[:, 200:] = np.where(labels[:, 200:], 5, 8)
    votes = Frame.fit((400, 400), 40, 16).vote(labels)
    assert (votes[13, :20] == 5).all()
    assert (votes[:, 20:] == 8).all()
    assert (np.delete(votes[:, :20], 13, axis=0) == 0).all()


def expected_vote(labels, h, w):
    """The slow way: one working pixel after the other."""
    height, width = labels.shape
    row, column = np.arange(height) * h // height, np.arange(width) * w // width
    result = np.zeros((h, w), np.int64)
    for y, x in np.ndindex(h, w):
        ids, counts = np.unique(labels[row == y][:, column == x], return_counts=True)
        counts = np.where(ids == 0, 0, counts)
        result[y, x] = ids[counts.argmax()]
    return result


@settings(max_examples=30, deadline=None)
@given(small_maps, st.integers(3, 39), st.sampled_from([1, 300]))
def test_a_vote_is_as_counted_one_by_one(labels, working_size, factor):
    labels = labels.astype(np.uint16) * factor
    frame = Frame.fit(labels.shape, working_size, 16)
    assert np.array_equal(frame.vote(labels), expected_vote(labels, *frame.working))


def test_a_large_vote_is_counted_in_parts_without_a_seam(monkeypatch):
    labels = np.random.default_rng(0).integers(0, 60, (173, 211)).astype(np.uint8)
    frame = Frame.fit(labels.shape, 40, 16)
    whole = frame.vote(labels)
    monkeypatch.setattr(frame_module, "VOTES_AT_ONCE", 1)
    assert np.array_equal(frame.vote(labels), whole)


def test_a_vote_keeps_every_id():
    for labels in (np.full((100, 90), 0, np.uint8), np.full((100, 90), 65535, np.uint16)):
        votes = Frame.fit((100, 90), 33, 16).vote(labels)
        assert votes.dtype == np.int64
        assert np.unique(votes).tolist() == [labels[0, 0]]


@pytest.mark.parametrize("full", [(50, 71), (7, 9), (7, 100)])
def test_an_enlarged_box_is_that_of_the_whole_enlarged_image(full):
    image = torch.rand(3, 7, 9)
    expected = np.stack([resize(channel.numpy(), full, order=1, mode="edge") for channel in image])
    for box in (Box.of(full), Box(3, 6, 2, 9), Box(6, 7, 0, 1)):
        np.testing.assert_allclose(enlarge(image, full, box), expected[:, *box.slices], atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 90), st.integers(1, 90), st.integers(1, 99))
def test_a_vote_on_a_part_is_that_part_of_the_vote(data, height, width, working_size):
    frame = Frame.fit((height, width), working_size, 16)
    labels = np.random.default_rng(0).integers(0, 5, (height, width)).astype(np.uint8)
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    box = Box(top, data.draw(st.integers(top + 1, height)), left, data.draw(st.integers(left + 1, width)))
    part = frame.shrunk(box)
    whole = frame.enlarged(part)
    assert whole.joined(box) == whole
    assert np.array_equal(frame.vote(labels[whole.slices], part), frame.vote(labels)[part.slices])
    changed = labels.copy()
    changed[box.slices] = 7
    rows, columns = (frame.vote(changed) != frame.vote(labels)).nonzero()
    assert part.top <= rows.min(initial=part.top) <= rows.max(initial=part.top) < part.bottom
    assert part.left <= columns.min(initial=part.left) <= columns.max(initial=part.left) < part.right
