import numpy as np
import pytest

from napari_colorizer.evaluation.flicker import Film, measure_flicker, moving_window
from napari_colorizer.series.coloring import SeriesColorizer, Slice
from napari_colorizer.series.options import SeriesOptions


@pytest.fixture
def film():
    rng = np.random.default_rng(0)
    photo = np.kron(rng.integers(40, 220, (20, 26, 3), dtype=np.uint8), np.ones((6, 6, 1), np.uint8))
    return Film(moving_window(photo, 3, (90, 120), 3))


@pytest.fixture
def colored(monkeypatch):
    """Let a model color as a function of the true colors and the number of the slice says."""

    def pretend(find):
        def color(self, rgb):
            self.last = 0 if self.last is None else self.last + 1
            return Slice(find(rgb, self.last), None, None, None)

        monkeypatch.setattr(SeriesColorizer, "color", color)

    return pretend


def test_the_truth_does_not_flicker(tiny_model, film, colored):
    colored(lambda rgb, number: rgb)
    found = measure_flicker(tiny_model, [film])
    assert (found.flicker, found.ciede2000, found.pairs) == (0, 0, 2)


def test_colors_that_come_and_go_flicker(tiny_model, film, colored):
    measured = []
    for much in (0, 20, 40):
        colored(lambda rgb, number, much=much: (rgb // 2 + [much * (number % 2), 0, 0]).astype(np.uint8))
        measured.append(measure_flicker(tiny_model, [film]).flicker)
    assert measured[0] < 1 < measured[1] < measured[2]


def test_steady_color_flickers_less(tiny_model, film):
    alone, steady = (measure_flicker(tiny_model, [film], each) for each in (None, SeriesOptions()))
    assert steady.flicker < alone.flicker


def test_a_window_moves_by_so_much_and_stays_on_the_photo():
    photo = np.arange(40 * 60, dtype=np.uint32).view(np.uint8).reshape(40, 60, 4)[..., :3]
    frames = moving_window(photo, 50, (30, 40), 5)
    assert {frame.shape for frame in frames} == {(30, 40, 3)}
    assert not np.array_equal(frames[0], frames[1])
    assert np.array_equal(moving_window(photo, 3, (40, 60))[2], photo)
    with pytest.raises(ValueError, match="larger"):
        moving_window(photo, 2, (41, 60))
