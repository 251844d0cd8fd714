import numpy as np
import pytest

from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.pins import Pin, Pins
from napari_colorizer.series.coloring import SeriesColorizer, flow_between
from napari_colorizer.series.flow import Flow
from napari_colorizer.series.options import SeriesOptions
from napari_colorizer.series.wishes import SliceWishes, moved

SHAPE = (72, 96)
SKY, GRASS = 1, 2
ORANGE = (30.0, 50.0)


def dot(y, x, color=ORANGE, radius=6):
    return SliceWishes(Hints([(y, x, *color, radius)]))


@pytest.fixture
def halves():
    labels = np.full(SHAPE, SKY, np.uint8)
    labels[36:] = GRASS
    return labels


@pytest.fixture
def by_three(window):
    """The flow between two slices of which the second shows what is 3 rows below and 4 columns to the right."""
    return flow_between((window(), None), (window(13, 24), None))


def near(rgb, y, x):
    """Mean color around a pixel."""
    return rgb[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3).astype(float).mean(0)


def test_dots_go_with_what_they_lie_on(by_three, halves):
    found = dot(30, 40).carried(by_three, halves, halves).hints.rows
    np.testing.assert_allclose(found, [[27, 36, *ORANGE, 6]], atol=0.7)


def test_dots_that_leave_the_image_are_dropped(by_three, halves):
    rows = [(1, 40, *ORANGE, 6), (30, 1, *ORANGE, 6), (50, 60, *ORANGE, 6)]
    found = SliceWishes(Hints(rows)).carried(by_three, halves, halves).hints.rows
    np.testing.assert_allclose(found[:, :2], [[47, 56]], atol=0.7)


def test_what_ends_on_a_slice_is_not_taken_over():
    held = SliceWishes(Hints([(30, 40, *ORANGE, 6)]), {(50, 60): Pin(ORANGE)})
    ended = SliceWishes(ends=frozenset({"dots"}))
    assert ended
    found = ended.or_else(held)
    assert (len(found.hints), found.regions) == (0, held.regions)
    assert not SliceWishes(ends=frozenset({"dots", "regions"})).or_else(held)


def test_nothing_crosses_a_cut(window, halves):
    cut = flow_between((window(), None), (window(seed=1), None))
    wishes = SliceWishes(Hints([(30, 40, *ORANGE, 6)]), {(50, 60): Pin(ORANGE)})
    assert not wishes.carried(cut, halves, halves)


def test_dots_of_large_slices_move_in_their_own_pixels():
    displacement = np.stack([np.full((20, 40), 2, np.float32), np.zeros((20, 40), np.float32)])
    flow = Flow(displacement, np.ones((20, 40), np.float32))
    places, stays = moved([(100.0, 200.0), (5.0, 9.0)], flow, (200, 400))
    np.testing.assert_allclose(places, [(80, 200), (-15, 9)], atol=1e-4)
    assert stays.tolist() == [True, False]


def test_a_pinned_region_goes_along_while_its_label_is_there(by_three, halves):
    wishes = SliceWishes(regions={(50, 60): Pin(ORANGE)})
    ((pixel, pin),) = wishes.carried(by_three, halves, halves).regions.items()
    assert np.abs(np.subtract(pixel, (47, 56))).max() <= 1
    assert pin == Pin(ORANGE)
    assert not wishes.carried(by_three, halves, np.full_like(halves, SKY))


def test_rows_tell_all_of_it():
    wishes = SliceWishes(Hints([(1.5, 2.5, -3, 4, 5)]), {(7, 8): Pin(ORANGE, strength=0.5), (9, 10): Pin(factor=0)})
    again = SliceWishes.from_rows(wishes.to_rows())
    np.testing.assert_array_equal(again.hints.rows, wishes.hints.rows)
    assert again.regions == wishes.regions
    assert not SliceWishes.from_rows(SliceWishes().to_rows())


def test_a_dot_colors_its_slice_as_an_image_of_its_own(tiny_model, window, halves):
    found = SeriesColorizer(tiny_model).color(window(), halves, wishes=dot(20, 40))
    session = tiny_model.session(window())
    np.testing.assert_array_equal(found.rgb, session.colorize(halves, [(20, 40, *ORANGE, 6)]))


def test_a_dot_colors_the_slices_after_it_where_what_it_lies_on_has_gone(make_model, window, halves):
    series = {}
    for name, wishes in (("plain", None), ("dotted", dot(20, 40))):
        colorizer = SeriesColorizer(make_model(segmenter=False), series=SeriesOptions(0))
        colorizer.color(window(), halves, wishes=wishes)
        for step in range(1, 5):
            series[name] = colorizer.color(window(10 + 2 * step, 20 + 4 * step))
    y, x = 12, 24
    np.testing.assert_allclose(series["dotted"].wishes.hints.rows[0, :2], (y, x), atol=1.5)
    warmer = near(series["dotted"].rgb, y, x) - near(series["plain"].rgb, y, x)
    assert warmer[0] > 15 > -15 > warmer[2]  # red, and not blue


def test_a_new_dot_is_seen_at_once_in_a_steady_series(tiny_model, window, halves):
    colorizer = SeriesColorizer(tiny_model, series=SeriesOptions(0.9))
    colorizer.color(window(), halves)
    found = colorizer.color(window(), halves, wishes=dot(20, 40))
    alone = tiny_model.session(window()).colorize(halves, [(20, 40, *ORANGE, 6)])
    assert np.abs(near(found.rgb, 20, 40) - near(alone, 20, 40)).max() < 2


def test_a_slice_with_dots_of_its_own_has_none_of_the_slice_before(tiny_model, window, halves):
    colorizer = SeriesColorizer(tiny_model)
    colorizer.color(window(), halves, wishes=dot(20, 40))
    own = colorizer.color(window(), halves, wishes=dot(50, 60)).wishes.hints.rows
    np.testing.assert_array_equal(own[:, :2], [[50, 60]])


def test_pins_of_classes_and_the_adjustment_hold_for_all_slices(tiny_model, window, halves):
    from napari_colorizer.engine.options import Adjustment

    how = {"pins": Pins({GRASS: ORANGE}), "adjustment": Adjustment(saturation=0.5)}
    colorizer = SeriesColorizer(tiny_model, series=SeriesOptions(0), **how)
    for top in (10, 12):
        found = colorizer.color(window(top), halves)
        wanted = tiny_model.session(window(top)).colorize(halves, **how)
        np.testing.assert_array_equal(found.rgb, wanted)
