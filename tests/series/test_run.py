import numpy as np
import pytest

from napari_colorizer.engine.hints import Hints
from napari_colorizer.errors import FileError
from napari_colorizer.series.coloring import SeriesColorizer
from napari_colorizer.series.options import SeriesOptions
from napari_colorizer.series.run import color_series, in_order
from napari_colorizer.series.store import SeriesStore
from napari_colorizer.series.wishes import SliceWishes


class Stack:
    """Slices in memory, and which are asked for."""

    def __init__(self, data, keys=(), wished=()):
        self.data, self.keys, self.wished = data, dict(keys), dict(wished)

    def gray(self, index):
        return self.data[index], None

    def labels(self, index):
        return self.keys.get(index)

    def wishes(self, index):
        return self.wished.get(index)


class EnoughError(Exception):
    """Somebody has cancelled."""


@pytest.fixture
def stack(window):
    return Stack(np.stack([window(10 + step, 20 + step) for step in range(5)]))


@pytest.fixture
def store(tmp_path):
    return SeriesStore(tmp_path / "colors", (5,), (72, 96))


@pytest.fixture
def colorizer(tiny_model):
    return lambda **options: SeriesColorizer(tiny_model, series=SeriesOptions(**options))


def colored(colorizer, stack, store, **options):
    found = []
    color_series(colorizer(), stack, store, colored=found.append, **options)
    return found


def test_all_slices_are_colored_in_turn(colorizer, stack, store):
    shares = []
    assert colored(colorizer, stack, store, tell=shares.append) == [(n,) for n in range(5)]
    assert shares == [0, 0.2, 0.4, 0.6, 0.8, 1]
    one_by_one = colorizer()
    for number in range(5):
        np.testing.assert_array_equal(store.colors[number], one_by_one.color(stack.data[number]).rgb)
        np.testing.assert_array_equal(store.labels((number,)), one_by_one.last.carried.labels)


def test_what_was_cancelled_goes_on_with_the_same_bytes(colorizer, stack, store, tmp_path):
    def stop(share):
        if share >= 0.4:
            raise EnoughError

    with pytest.raises(EnoughError):
        color_series(colorizer(), stack, store, stop)
    assert store.done == 2
    again = SeriesStore(store.path, (5,), (72, 96))
    assert colored(colorizer, stack, again) == [(2,), (3,), (4,)]
    whole = SeriesStore(tmp_path / "at once", (5,), (72, 96))
    colored(colorizer, stack, whole)
    np.testing.assert_array_equal(again.colors[...], whole.colors[...])


def test_nothing_is_done_twice(colorizer, stack, store):
    colored(colorizer, stack, store)
    assert colored(colorizer, stack, store) == []


def test_a_corrected_slice_and_those_after_it_are_colored_anew(colorizer, stack, store):
    colored(colorizer, stack, store)
    key = np.full((72, 96), 7, np.uint8)
    stack.keys[(2,)] = key
    assert colored(colorizer, stack, store) == [(2,), (3,), (4,)]
    np.testing.assert_array_equal(store.labels((2,)), key)
    assert (store.labels((4,))[8:-8, 8:-8] == 7).mean() > 0.9  # the untrained segmenter is sure of nothing


def test_a_dot_colors_its_slice_and_those_after_it_also_after_an_interruption(colorizer, stack, store, tmp_path):
    colored(colorizer, stack, store)
    plain = store.colors[...]
    stack.wished[(1,)] = SliceWishes(Hints([(30, 40, 30, 50, 6)]))
    assert colored(colorizer, stack, store) == [(1,), (2,), (3,), (4,)]
    for number in range(1, 5):
        assert store.colors[number, 31 - number, 41 - number, 0] > plain[number, 31 - number, 41 - number, 0] + 10

    def stop(share):
        if share >= 0.6:
            raise EnoughError

    half = SeriesStore(tmp_path / "half", (5,), (72, 96))
    with pytest.raises(EnoughError):
        color_series(colorizer(), stack, half, stop)
    assert colored(colorizer, stack, SeriesStore(half.path, (5,), (72, 96))) == [(3,), (4,)]
    np.testing.assert_array_equal(half.colors[...], store.colors[...])


def test_other_pins_color_all_anew(tiny_model, colorizer, stack, store):
    colored(colorizer, stack, store)
    assert color_series(SeriesColorizer(tiny_model, pins={1: "#ff8800"}), stack, store) == 5


def test_other_options_color_all_anew(colorizer, stack, store):
    colored(colorizer, stack, store)
    assert color_series(colorizer(steadiness=0.3), stack, store) == 5


def test_another_working_size_colors_all_anew(tiny_model, stack, store, colorizer):
    from napari_colorizer.engine.options import ColorizeOptions

    colored(colorizer, stack, store)
    assert color_series(SeriesColorizer(tiny_model, ColorizeOptions(working_size=48)), stack, store) == 5
    assert store.read((4,)).chroma.shape == (2, 36, 48)


def test_each_place_in_depth_is_a_series_in_time(colorizer, window, tmp_path):
    assert list(in_order((2, 2))) == [[(0, 0), (1, 0)], [(0, 1), (1, 1)]]
    stack = Stack(np.stack([[window(), window(seed=1)], [window(12), window(12, seed=1)]]))
    store = SeriesStore(tmp_path / "deep", (2, 2), (72, 96))
    colored(colorizer, stack, store)
    one = colorizer()
    for time in range(2):
        rgb = one.color(stack.data[time, 1]).rgb
        np.testing.assert_array_equal(store.colors[time, 1], rgb)


def test_two_do_not_write_into_one_folder(colorizer, stack, store):
    with store.writing(), pytest.raises(FileError, match="written by another"):
        colored(colorizer, stack, SeriesStore(store.path, (5,), (72, 96)))


def test_folders_of_others_are_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileError, match="not a store of the colors"):
        SeriesStore(tmp_path, (5,), (72, 96))
    assert [item.name for item in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(FileError, match="is a file"):
        SeriesStore(tmp_path / "thesis.txt", (5,), (72, 96))


def test_a_series_of_another_shape_is_refused(store):
    with pytest.raises(FileError, match=r"\(5, 72, 96\), this one has \(6, 72, 96\)"):
        SeriesStore(store.path, (6,), (72, 96))


def test_the_colors_of_another_series_are_not_colored_over(colorizer, stack, store):
    colored(colorizer, stack, store)
    before = store.colors[...].copy()
    other = SeriesStore(store.path, (5,), (72, 96))
    with pytest.raises(FileError, match=r"holds the colors of another series.*choose another folder"):
        colored(colorizer, Stack(255 - stack.data), other)
    np.testing.assert_array_equal(other.colors[...], before)
    stack.data[0] += 1  # that series still, with a slice that was mended
    assert (0,) in colored(colorizer, stack, SeriesStore(store.path, (5,), (72, 96)))
