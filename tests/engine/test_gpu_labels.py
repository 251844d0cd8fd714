"""What is done with label maps on a GPU, here on the CPU, is to the pixel what NumPy does."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_colorizer.boxes import Box
from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.engine import follower, gpu_labels
from napari_colorizer.engine.changes import LabelChanges
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.gpu_labels import GpuLabelChanges, follow_labels
from napari_colorizer.engine.options import ColorizeOptions

CPU = torch.device("cpu")
DTYPES = st.sampled_from([np.uint8, np.int8, np.uint16, np.int16, np.int32, np.uint32, np.int64, np.uint64, ">u2"])
IDS = [0, 1, 2, 3, 60, 200, -1, 300, 40_000, 65_535, 65_536, 1 << 40, (1 << 64) - 1]
KNOWN = st.sampled_from([None, {0: 0, 1: 1, 2: 2}, {1: 2, 3: 2, 200: 65_535, 70_000: 1, 2: -4}, {}])
SIDES = st.integers(1, 60)


def random_map(shape, dtype, seed, count=None):
    """Ids that the type holds: few, so that votes are tied."""
    info = np.iinfo(dtype)
    ids = [label for label in IDS if info.min <= label <= info.max][:count]
    return np.array(ids, dtype)[np.random.default_rng(seed).integers(0, len(ids), shape)]


def assert_reads_alike(found, expected, frame, part, known):
    for one, other in zip(found.read(frame, part, known), expected.read(frame, part, known), strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


@settings(max_examples=150, deadline=None)
@given(st.data(), SIDES, SIDES, st.integers(1, 70), DTYPES, KNOWN)
def test_maps_are_compared_counted_translated_and_voted_on_alike(data, height, width, working_size, dtype, known):
    frame, found, expected = Frame.fit((height, width), working_size, 16), GpuLabelChanges(CPU), LabelChanges()
    labels = random_map((height, width), dtype, 0, data.draw(st.integers(2, len(IDS))))
    for seed in range(1, 4):
        before = labels.copy()
        box = found.update(labels)
        assert box == expected.update(labels)
        assert np.array_equal(found.labels, expected.labels)
        assert found.counts == expected.counts
        if box is not None:
            assert_reads_alike(found, expected, frame, frame.shrunk(box), known)
            assert_reads_alike(found, expected, frame, Box.of(frame.working), known)
        assert np.array_equal(labels, before)
        top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
        part = labels[top : top + data.draw(st.integers(0, 9)), left : left + 7]
        part[...] = random_map(part.shape, dtype, seed)


def test_a_vote_is_counted_in_parts_without_a_seam(monkeypatch):
    labels = torch.from_numpy(random_map((173, 211), np.uint8, 0).astype(np.int32))
    frame = Frame.fit((173, 211), 40, 16)
    whole = gpu_labels.vote(frame, labels, Box.of(frame.working), IDS)
    monkeypatch.setattr(gpu_labels, "VOTES_AT_ONCE", 1)
    assert torch.equal(gpu_labels.vote(frame, labels, Box.of(frame.working), IDS), whole)


def test_what_is_not_to_be_written_on_or_not_in_order_is_taken_without_a_warning():
    labels = random_map((30, 40), np.uint16, 0)
    labels.flags.writeable = False
    changes = GpuLabelChanges(CPU)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for view in (labels, labels[::-1, ::-1], labels.T, np.broadcast_to(labels[:1], labels.shape)):
            changes.update(view)
            assert np.array_equal(changes.labels, view)


def test_the_map_itself_is_neither_kept_nor_altered():
    labels = random_map((4, 5), np.uint8, 0)
    changes = GpuLabelChanges(CPU)
    changes.update(labels)
    expected = labels.copy()
    labels[:] = 9
    assert np.array_equal(changes.labels, expected)
    assert changes.update(labels) is not None


def test_only_gpus_are_sent_whole_maps():
    assert isinstance(follow_labels(CPU), LabelChanges)
    assert isinstance(follow_labels(torch.device("cuda:0")), GpuLabelChanges)


@pytest.fixture
def as_on_gpu(monkeypatch):
    """Sessions that take labels as on a GPU."""
    return lambda: monkeypatch.setattr(follower, "follow_labels", GpuLabelChanges)


OTHERS = ClassMap([Class(1, "grass", "#00ff00"), Class(7, "sky", "#0000ff"), Class(40_000, "other", "#ff0000")])
PINNED = {"pins": {7: "#3366cc", 40_000: "#884422"}, "hints": [(30, 40, 30, -20, 6)], "classes": OTHERS}


@pytest.mark.parametrize("said", [{}, {"classes": OTHERS}, PINNED], ids=["labels", "other classes", "pins and hints"])
@pytest.mark.parametrize("working_size", [33, 352])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
def test_colors_counts_and_suggestions_are_those_of_the_cpu(model, photo, as_on_gpu, said, working_size, dtype):
    if said is PINNED and dtype is np.uint8:
        said = {**PINNED, "pins": {7: "#3366cc"}}
    options, gray = ColorizeOptions(working_size, device="cpu"), photo(90, 120)
    expected = model.session(gray, options)
    as_on_gpu()
    session = model.session(gray, options)
    maps = [random_map((90, 120), dtype, seed) for seed in range(2)]
    maps.append(maps[-1].copy())
    maps[-1][40:60, 50:70] = 1
    for labels in (None, *maps, maps[0]):
        assert np.array_equal(session.colorize(labels, **said), expected.colorize(labels, **said))
        assert session.counts == expected.counts
        assert session.unused_pins == expected.unused_pins
    assert session.suggest(1) == expected.suggest(1)


def test_where_memory_runs_out_the_labels_are_fetched_and_it_goes_on(model, photo, as_on_gpu, monkeypatch):
    labels = random_map((90, 120), np.uint16, 0)
    expected = model.colorize(photo(90, 120), labels)
    with monkeypatch.context() as patch:
        patch.setattr(follower, "follow_labels", GpuLabelChanges)
        session = model.session(photo(90, 120), ColorizeOptions(device="cpu"))
        session.edit(labels)
        labels[:] = 0  # by its owner, while nothing is painted yet
    session._computed.prepare(CPU)  # what is done where memory runs out
    session._computed.follow()
    list(session.paint())
    assert np.array_equal(session.rgb, expected)
