"""What the background thread does, without a window."""

import sys
from itertools import pairwise

import numpy as np
import pytest
from skimage.transform import resize

from napari_colorizer._napari.colorize import inference, session_cache
from napari_colorizer._napari.colorize.inference import load
from napari_colorizer._napari.colorize.model_info import ModelInfo
from napari_colorizer._napari.colorize.session_cache import SessionCache
from napari_colorizer._napari.shared.layers import Picture
from napari_colorizer._napari.shared.progress import Progress
from napari_colorizer._napari.shared.thread_settings import PROMPT
from napari_colorizer.boxes import Box
from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.engine import computation
from napari_colorizer.engine.levels import HARDLY_SEEN, UNSEEN
from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
from napari_colorizer.engine.session import Session
from napari_colorizer.errors import ModelError
from napari_colorizer.training.transfer import without_classes

MODEL_CLASSES = ClassMap([Class(1, "sky", "#87ceeb"), Class(2, "grass", "#4caf50"), Class(7, "boat", "#b22222")])


@pytest.fixture
def tiny(make_model, library):
    make_model("tiny").save(library / "tiny.safetensors")
    return "tiny"


@pytest.fixture
def sessions(monkeypatch):
    """A list that gets each session that is made."""
    made, prepare = [], Session.__init__

    def listed(self, *arguments, **named):
        made.append(self)
        prepare(self, *arguments, **named)

    monkeypatch.setattr(Session, "__init__", listed)
    return made


@pytest.fixture
def picture():
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50), np.uint8)
    return Picture("photo", pixels, (0.0, 255.0), ("photo", 0))


def classes_of(*items):
    return ClassMap(Class(label, name, "#000000") for label, name in items)


def test_renumbered_classes_give_the_same_colors(tiny, picture):
    labels = np.ones((40, 50), np.uint8)
    labels[20:] = 7
    cache, options = SessionCache(), ColorizeOptions()
    plain = cache.color(tiny, picture, labels, MODEL_CLASSES, options).levels.whole().copy()
    other = cache.color(tiny, picture, labels * 10, classes_of((10, "sky"), (70, "boat")), options, anew=True)
    np.testing.assert_array_equal(plain, other.levels.whole())
    assert other.counts == {10: 1000, 70: 1000}


def test_the_same_labels_are_not_colored_again(tiny, picture, sessions):
    labels = np.ones((40, 50), np.uint8)
    cache, options = SessionCache(), ColorizeOptions()
    arguments = (tiny, picture, labels, MODEL_CLASSES, options)
    first = cache.color(*arguments)
    again = cache.color(tiny, picture, labels.copy(), MODEL_CLASSES, options)
    assert again.levels is None
    assert again.done
    assert again.counts == first.counts == {1: 2000}
    assert cache.color(*arguments, anew=True).levels is first.levels  # for a layer that was deleted
    assert len(sessions) == 1


def test_other_labels_or_other_meanings_are_colored_in_the_same_session(tiny, picture, sessions):
    cache, options = SessionCache(), ColorizeOptions()
    labels = np.ones((40, 50), np.uint8)
    for classes in (MODEL_CLASSES, classes_of((1, "boat"))):
        assert cache.color(tiny, picture, labels, classes, options).levels is not None
    labels[3, 3] = 2  # in place, as napari paints
    assert cache.color(tiny, picture, labels, classes_of((1, "boat")), options).counts == {1: 1999, 2: 1}
    assert len(sessions) == 1


def test_what_is_in_view_is_painted_first_and_the_rest_bit_by_bit(tiny, monkeypatch):
    monkeypatch.setattr(session_cache, "SECONDS_OF_MORE", 0)
    picture = Picture("photo", np.random.default_rng(0).integers(0, 255, (2500, 2000), np.uint8), None, ("photo", 0))
    labels, options = np.ones((2500, 2000), np.uint8), ColorizeOptions()
    cache = SessionCache()
    first = cache.color(tiny, picture, labels, MODEL_CLASSES, options, view=Box(0, 10, 0, 10))
    assert first.done  # nothing stays black
    assert [array.shape[:2] for array in first.levels.arrays] == [(2500, 2000), (1250, 1000), (625, 500), (312, 250)]
    labels[:] = 7
    expected = load(tiny).colorize(picture.pixels, labels, classes=MODEL_CLASSES)
    view = Box(1000, 1100, 500, 600)
    coloring, rounds = cache.color(tiny, picture, labels, MODEL_CLASSES, options, view), 0
    shown = np.asarray(coloring.levels.arrays[0])
    assert np.abs(shown[view.slices].astype(int) - expected[view.slices]).max() <= 1
    assert not np.array_equal(shown[:100, :100], expected[:100, :100])
    while not coloring.done:
        coloring, rounds = cache.color_more(Box(0, 1, 0, 1)), rounds + 1
        assert coloring.levels is None or rounds == 1 or coloring.done  # nothing else is in view
    assert rounds > 2
    assert coloring.levels is first.levels
    assert np.abs(shown.astype(int) - expected).max() <= 1
    small = resize(shown.astype(float), (312, 250), order=0)  # of the right picture, roughly
    assert np.abs(first.levels.arrays[3].astype(float).mean((0, 1)) - small.mean((0, 1))).max() < 3
    assert cache.color_more().levels is None


def test_what_can_hardly_be_seen_is_left_to_a_newer_edit_that_waits(tiny, picture):
    labels, options, cache = np.ones((40, 50), np.uint8), ColorizeOptions(), SessionCache()
    cache.color(tiny, picture, labels, MODEL_CLASSES, options)
    levels, view = cache._at_hand.levels, Box(0, 40, 0, 50)
    levels._session._computed.tiles.note_chroma(view, np.full((40, 50), 0.9 * HARDLY_SEEN))  # as a small edit would
    arguments = (tiny, picture, labels, MODEL_CLASSES, options, view, False)
    left = cache.color(*arguments, lambda: True)
    assert (left.levels, left.done) == (None, False)
    labels[:20] = 7
    seen = cache.color(*arguments, lambda: True)
    assert seen.levels is levels
    expected = load(tiny).colorize(picture.pixels, labels, classes=MODEL_CLASSES)
    np.testing.assert_array_equal(levels.arrays[0][:20], expected[:20])
    levels._session._computed.tiles.note_chroma(view, np.full((40, 50), 0.1))
    assert cache.color(*arguments).done  # nothing newer waits: one array is exact then


def test_of_a_large_picture_all_that_can_be_seen_is_painted_in_view_until_there_is_a_newer_edit(tiny):
    pixels = np.random.default_rng(0).integers(0, 255, (2500, 2000), np.uint8)
    picture, view = Picture("photo", pixels, None, ("photo", 0)), Box(1000, 2200, 100, 1900)
    labels, options, cache = np.ones((2500, 2000), np.uint8), ColorizeOptions(), SessionCache()
    cache.color(tiny, picture, labels, MODEL_CLASSES, options)
    tiles = cache._at_hand.session._computed.tiles
    working = cache._at_hand.session._frame.working
    tiles.note_chroma(Box.of(working), np.full(working, 0.9 * HARDLY_SEEN))
    looks = []

    def newer():
        looks.append(bool(tiles.stale(UNSEEN, view)))
        return len(looks) == 3

    arguments = (tiny, picture, labels, MODEL_CLASSES, options, view, False)
    assert not cache.color(*arguments, newer).done
    assert looks == [True] * 3
    assert not cache.color(*arguments).done
    assert not tiles.stale(UNSEEN, view)
    assert tiles.stale(UNSEEN)


def test_more_is_painted_in_view_first_and_no_longer_than_until_there_is_a_newer_edit(tiny):
    pixels = np.random.default_rng(0).integers(0, 255, (2500, 2000), np.uint8)
    picture = Picture("photo", pixels, None, ("photo", 0))
    labels, options, cache = np.ones((2500, 2000), np.uint8), ColorizeOptions(), SessionCache()
    cache.color(tiny, picture, labels, MODEL_CLASSES, options)
    labels[:] = 7
    cache.color(tiny, picture, labels, MODEL_CLASSES, options, view=Box(0, 0, 0, 0))
    shown, before = cache._at_hand.levels.arrays[0], cache._at_hand.levels.arrays[0].copy()
    view = Box(2400, 2410, 1900, 1910)
    coloring = cache.color_more(view, lambda: True)
    assert coloring.levels is not None
    assert not coloring.done
    assert (shown[view.slices] != before[view.slices]).any()
    changed = (shown != before).any(-1)
    assert 0 < changed.mean() < 0.2


def test_a_picture_that_cannot_be_finished_keeps_none_other_from_its_colors(tiny, picture, monkeypatch):
    labels, options, cache = np.ones((40, 50), np.uint8), ColorizeOptions(), SessionCache()
    cache.color(tiny, picture, labels, MODEL_CLASSES, options)
    other = Picture("other", picture.pixels, picture.limits, ("other", 0))
    with monkeypatch.context() as patch:
        patch.setattr(cache._at_hand.levels, "whole", lambda: 1 / 0)
        coloring = cache.color(tiny, other, labels, MODEL_CLASSES, options)
    np.testing.assert_array_equal(coloring.levels.whole(), load(tiny).colorize(picture.pixels, labels))


def test_labels_whose_coloring_failed_are_colored_the_next_time(tiny, picture, monkeypatch):
    labels, options, cache = np.ones((40, 50), np.uint8), ColorizeOptions(), SessionCache()
    with monkeypatch.context() as patch:
        patch.setattr(Session, "edit", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            cache.color(tiny, picture, labels, MODEL_CLASSES, options)
    coloring = cache.color(tiny, picture, labels, MODEL_CLASSES, options)
    np.testing.assert_array_equal(coloring.levels.whole(), load(tiny).colorize(picture.pixels, labels))


def test_other_options_another_picture_or_another_model_begin_a_session(tiny, picture, sessions, make_model, library):
    make_model("other", seed=1).save(library / "other.safetensors")
    cache, options = SessionCache(), ColorizeOptions()
    changed = Picture("photo", picture.pixels // 2, picture.limits, ("photo", 1))
    labels, seen = np.ones((40, 50), np.uint8), []
    for arguments in (
        (tiny, picture, ColorizeOptions(chroma_gain=4)),
        (tiny, picture, ColorizeOptions(working_size=32)),
        (tiny, changed, options),
        ("other", changed, options),
    ):
        model, shown, chosen = arguments
        seen.append(cache.color(model, shown, labels, MODEL_CLASSES, chosen).levels.whole().copy())
    assert len(sessions) == 4
    assert not any(np.array_equal(one, two) for one, two in pairwise(seen))


def test_a_model_without_a_colorizer_says_so(make_model, library, picture):
    make_model("segments", colorizer=False).save(library / "segments.safetensors")
    assert ModelInfo.read("segments").color_ids == ()
    assert inference.predict("segments", picture, SegmentOptions()).likely.shape == (40, 50)
    with pytest.raises(ModelError, match="'segments' has no colorizer"):
        SessionCache().color("segments", picture, np.zeros((40, 50), np.uint8), MODEL_CLASSES, ColorizeOptions())


def test_what_the_dock_must_know_of_a_model_is_read_without_loading_it(tiny, monkeypatch):
    monkeypatch.setattr(inference, "load", None)
    info = ModelInfo.read(tiny)
    assert (info.name, info.color_ids, info.has_segmenter) == ("tiny", (0, 1, 2, 7), True)
    assert info.classes == MODEL_CLASSES


def test_classes_that_are_predicted_and_colored_are_told_apart_by_name(make_model, library):
    model = make_model("tiny")
    model.segmenter = without_classes(model.segmenter, [7])
    model.save(library / "tiny.safetensors")
    info, classes = ModelInfo.read("tiny"), classes_of((7, "Sky"), (300, "boat"), (1, "moss"))
    assert info.label_ids == (0, 1, 2)
    assert (info.predicted(classes), info.colored(classes)) == ({7}, {7, 300})


@pytest.fixture
def small_parts(monkeypatch):
    """Paint in a dozen parts what is painted in one."""
    monkeypatch.setattr(computation, "SIDE_TO_SHOW", 32)


def assert_alike(rgb, expected):
    assert np.abs(rgb.astype(int) - expected).max() <= 1, "other parts are rounded otherwise"


def test_only_for_edits_do_threads_take_turns_sooner(tiny, picture, monkeypatch):
    usual, intervals, edit, labels = sys.getswitchinterval(), [], Session.edit, np.zeros((40, 50), np.uint8)

    def noted(*arguments, **named):
        intervals.append(sys.getswitchinterval())
        return edit(*arguments, **named)

    monkeypatch.setattr(Session, "edit", noted)
    SessionCache().color(tiny, picture, labels, MODEL_CLASSES, ColorizeOptions())
    inference.colorize(tiny, picture, labels, MODEL_CLASSES, ColorizeOptions())
    assert intervals == pytest.approx([PROMPT, usual])
    assert sys.getswitchinterval() == usual > PROMPT


class EndsAfter(Progress):
    """Is cancelled when some tiles are painted."""

    def __init__(self, looks):
        super().__init__()
        self.looks, self.shares = looks, []

    def count_down(self, left):
        super().count_down(left)
        self.shares.append(self.done)
        self.cancelled |= len(self.shares) > self.looks


@pytest.mark.parametrize("looks", [0, 1, 3, 1000])
def test_a_first_coloring_that_is_cancelled_is_not_shown_in_part_and_is_finished_next_time(tiny, looks, small_parts):
    pixels = np.random.default_rng(0).integers(0, 255, (110, 130), np.uint8)
    picture, labels = Picture("photo", pixels, None, ("photo", 0)), np.ones((110, 130), np.uint8)
    labels[50:] = 7
    arguments = (tiny, picture, labels, MODEL_CLASSES, ColorizeOptions())
    cache, progress = SessionCache(), EndsAfter(looks)
    first = cache.color(*arguments, progress=progress)
    assert progress.shares == sorted(progress.shares)
    assert (first.levels is None) == (first.done is False) == (looks < 1000)
    assert first.counts == {1: 6_500, 7: 7_800}
    again = cache.color(*arguments, view=Box(0, 10, 0, 10), anew=True)
    assert again.done
    assert_alike(again.levels.arrays[0], load(tiny).colorize(pixels, labels))


def test_colors_that_are_cancelled_are_finished_from_where_they_were(tiny, small_parts):
    pixels = np.random.default_rng(0).integers(0, 255, (110, 130), np.uint8)
    picture, labels = Picture("photo", pixels, None, ("photo", 0)), np.ones((110, 130), np.uint8)
    options, cache = ColorizeOptions(), SessionCache()
    cache.color(tiny, picture, labels, MODEL_CLASSES, options)
    labels[:] = 7
    half = cache.color(tiny, picture, labels, MODEL_CLASSES, options, progress=EndsAfter(2))
    assert not half.done
    assert not cache.painted
    assert half.levels is not None, "what is painted is shown"
    more = cache.color_more(progress=EndsAfter(1))
    assert not more.done
    rest = cache.color(tiny, picture, labels, MODEL_CLASSES, options)
    assert rest.done
    assert cache.painted
    assert_alike(rest.levels.arrays[0], load(tiny).colorize(pixels, labels))
