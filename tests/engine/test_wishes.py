from dataclasses import replace

import numpy as np
import pytest

from napari_colorizer.engine import likeness
from napari_colorizer.engine.options import Adjustment, ColorizeOptions
from napari_colorizer.engine.pins import Pin, Pins
from napari_colorizer.engine.upsample import NEGLIGIBLE

SIDE = 60


@pytest.fixture
def model(make_model):
    return make_model()


@pytest.fixture
def labels():
    """Sky above, grass below, an id that no model knows at the right."""
    labels = np.full((SIDE, SIDE), 1, np.uint8)
    labels[30:] = 2
    labels[:, 45:] = 99
    return labels


def dots(rng, count):
    places, colors = rng.uniform(0, SIDE, (count, 2)), rng.uniform(-40, 40, (count, 2))
    return np.concatenate([places, colors, rng.uniform(0, 4, (count, 1))], 1)


def test_after_any_wishes_colors_are_those_of_a_new_session(model, photo, labels):
    gray, rng = photo(SIDE, SIDE), np.random.default_rng(0)
    session = model.session(gray)
    rows, pins = dots(rng, 5), Pins()
    for step in range(12):
        kind = step % 6
        if kind == 0:
            rows = np.concatenate([rows, dots(rng, 1)])
        elif kind == 1:
            rows[step % len(rows), :2] = rng.uniform(0, SIDE, 2)
        elif kind == 2:
            rows[step % len(rows), 2:4] *= -1
        elif kind == 3:
            pins = pins.with_class(1 + step % 2, (rng.uniform(-30, 30), 10)).with_region((step, 50), 0.3)
        elif kind == 4:
            labels[20:28, 10 + step : 20 + step] = 2
        else:
            rows = np.delete(rows, 1, 0)
        found, whole = session.chroma(labels, rows, pins=pins), model.session(gray).chroma(labels, rows, pins=pins)
        np.testing.assert_allclose(found, whole, atol=10 * NEGLIGIBLE)
        found, whole = (some.colorize(labels, rows, pins=pins) for some in (session, model.session(gray)))
        assert np.abs(found.astype(int) - whole).max() <= 1


def test_recoloring_a_dot_looks_at_likeness_no_more(model, photo, monkeypatch):
    calls = []
    original = likeness.Likeness.reach
    monkeypatch.setattr(likeness.Likeness, "reach", lambda *given: calls.append(1) or original(*given))
    session, rows = model.session(photo(SIDE, SIDE)), dots(np.random.default_rng(1), 6)
    session.colorize(None, rows)
    assert len(calls) == 6
    rows[2, 2:4] = 12, 13
    session.colorize(None, rows)
    assert len(calls) == 6
    rows[2, 0] = (rows[2, 0] + 20) % SIDE
    session.colorize(None, rows)
    assert 7 <= len(calls) <= 9  # what it had covered of others, too


def test_a_dot_stays_on_what_looks_alike(model):
    gray = np.full((SIDE, SIDE), 60, np.uint8)
    gray[:, 30:] = 200
    session = model.session(gray)
    moved = np.linalg.norm(session.chroma(None, [(30, 12, 40, 30, 4)]) - session.chroma(), axis=-1)
    assert moved[:, :27].mean() > 20
    assert moved[:, 33:].mean() < 0.1 * moved[:, :27].mean()


def test_a_dot_takes_all_shades_that_it_covers(model):
    gray = np.full((SIDE, SIDE), 60, np.uint8)
    gray[:, 20:40] = 130
    gray[:, 40:] = 200
    session = model.session(gray)

    def moved(hints):
        return np.linalg.norm(session.chroma(None, hints) - session.chroma(), axis=-1)

    one, both = moved([(30, 10, 40, 30, 4)]), moved([(30, 20, 40, 30, 9)])
    assert one[:, 24:36].mean() < 0.2 * one[:, :16].mean()
    assert both[:, 24:36].mean() > 0.5 * both[:, :16].mean() > 10
    assert both[:, 50:].mean() < 0.2 * both[:, :16].mean()


def test_a_dot_never_crosses_a_border_of_labels(model, photo, labels):
    session = model.session(np.full((SIDE, SIDE), 120, np.uint8))
    before, after = session.chroma(labels), session.chroma(labels, [(29, 20, 60, 0, 5)])
    moved = np.linalg.norm(after - before, axis=-1)
    assert moved[labels == 1].mean() > 10
    assert moved[labels == 2].max() < 0.1


def test_of_two_wishes_on_one_spot_the_later_counts(model, photo):
    session = model.session(photo(SIDE, SIDE))
    both = [(20, 20, 50, 0, 3), (20, 20, -20, 30, 3)]
    np.testing.assert_array_equal(session.chroma(None, both), session.chroma(None, both[1:]))


def test_dots_outside_and_on_nan_do_no_harm(model):
    gray = np.full((SIDE, SIDE), 0.5)
    gray[10:20, 10:20] = np.nan
    session = model.session(gray)
    plain = session.colorize()
    np.testing.assert_array_equal(session.colorize(None, [(-5, 10, 50, 0, 3), (10, 600, 50, 0, 3)]), plain)
    rgb = session.colorize(None, [(15, 15, 50, 0, 3)])
    assert (rgb[12:18, 12:18] < 3).all()  # black stays black


def test_a_thousand_dots(model, photo):
    session, rows = model.session(photo(SIDE, SIDE)), dots(np.random.default_rng(2), 1000)
    rgb = session.colorize(None, rows)
    rows[-1, 2:4] *= -1
    assert not np.array_equal(session.colorize(None, rows), rgb)


def test_a_pinned_class_has_the_wished_mean_and_its_shading(model, photo, labels):
    session = model.session(photo(SIDE, SIDE))
    before, after = session.chroma(labels), session.chroma(labels, pins={1: (20, -12)})
    sky = labels == 1
    np.testing.assert_allclose(after[sky].mean(0), (20, -12), atol=1.5)
    inside = np.s_[4:26, 4:40]
    correlation = np.corrcoef(before[inside][..., 0].ravel(), after[inside][..., 0].ravel())[0, 1]
    assert correlation > 0.99
    np.testing.assert_allclose(after[34:, :40], before[34:, :40], atol=0.05)


def test_a_class_that_no_model_knows_can_be_pinned(model, photo, labels):
    session = model.session(photo(SIDE, SIDE))
    after = session.chroma(labels, pins={99: "#aa3355"})
    np.testing.assert_allclose(after[labels == 99].mean(0), (50.5, 9), atol=4)


def test_neutral_weaker_and_stronger(model, photo, labels):
    session = model.session(photo(SIDE, SIDE))
    plain = session.chroma(labels)[4:26, 4:40]
    for factor in (0, 0.5, 2):
        found = session.chroma(labels, pins={1: factor})[4:26, 4:40]
        np.testing.assert_allclose(found, plain * factor, atol=0.05 * np.abs(plain).max() + 0.02)


def test_half_the_strength_goes_half_the_way(model, photo, labels):
    session = model.session(photo(SIDE, SIDE))
    plain, full = session.chroma(labels), session.chroma(labels, pins={1: Pin((30, 0))})
    half = session.chroma(labels, pins=Pins({1: (30, 0)}).at_strength(0.5))
    np.testing.assert_allclose(half, (plain + full) / 2, atol=0.1)


def test_a_region_is_the_connected_piece_around_a_pixel(model, photo):
    labels = np.full((SIDE, SIDE), 1, np.uint8)
    labels[:, 28:32] = 2
    session = model.session(photo(SIDE, SIDE))
    before = session.chroma(labels)
    after = session.chroma(labels, pins=Pins({1: 1.0}).with_region((10, 5), (30, 30)))
    np.testing.assert_allclose(after[:, :28].mean((0, 1)), (30, 30), atol=2)
    np.testing.assert_allclose(after[:, 34:], before[:, 34:], atol=0.05)


def test_pins_of_what_is_not_there_wait(model, photo, labels):
    session = model.session(photo(SIDE, SIDE))
    plain, pins = session.colorize(labels), Pins({7: "#ff0000", "unicorn": 0})
    np.testing.assert_array_equal(session.colorize(labels, pins=pins), plain)
    assert session.unused_pins == {7}
    labels[:10, :10] = 7
    assert not np.array_equal(session.colorize(labels, pins=pins), session.colorize(labels))
    with pytest.raises(ValueError, match="outside of the image"):
        session.colorize(labels, pins=Pins(regions={(5, SIDE): 0}))
    assert session.colorize(labels).any()


def test_pins_of_ids_that_no_pixel_can_have_change_nothing(model, photo, labels):
    session, ids = model.session(photo(SIDE, SIDE)), {-1, 2**40}
    plain = session.colorize(labels)
    np.testing.assert_array_equal(session.colorize(labels, pins=dict.fromkeys(ids, "#ff0000")), plain)
    assert session.unused_pins == ids


def test_saturation_and_warmth_leave_lightness(model, photo, labels):
    from skimage.color import rgb2lab

    session = model.session(photo(SIDE, SIDE))
    plain = session.chroma(labels)
    strong = session.chroma(labels, adjustment=Adjustment(saturation=1.5))
    np.testing.assert_allclose(strong, 1.5 * plain, atol=0.05)
    warm = session.colorize(labels, adjustment=Adjustment(warmth=0.5))
    cold = session.colorize(labels, adjustment=Adjustment(warmth=-0.5))
    assert (rgb2lab(warm)[..., 2] - rgb2lab(cold)[..., 2]).mean() > 10
    assert np.abs(rgb2lab(warm)[..., 0] - rgb2lab(cold)[..., 0]).max() < 1
    np.testing.assert_allclose(session.chroma(labels), plain, atol=0.02)


@pytest.mark.parametrize("values", [{"saturation": -1}, {"saturation": np.nan}, {"warmth": 2}])
def test_adjustments_out_of_range_are_refused(values):
    with pytest.raises(ValueError, match="must lie in"):
        Adjustment(**values)


def test_suggestions_are_likely_first_and_different(model, photo, labels):
    model = replace(model, suggestions={1: [(4.0, -20.0, 0.7), (20.0, 15.0, 0.3)]})
    session = model.session(photo(SIDE, SIDE))
    session.edit(labels)
    for thing in (1, "sky", (3, 3)):
        found = session.suggest(thing, 7)
        assert 5 <= len(found) <= 7
        weights = [color.weight for color in found]
        assert weights == sorted(weights, reverse=True)
        assert sum(weights) == pytest.approx(1)
        chroma = np.array([color.color for color in found])
        assert np.linalg.norm(chroma[:, None] - chroma, axis=-1)[~np.eye(len(found), dtype=bool)].min() >= 9
    assert len(session.suggest(99, 9)) >= 5
    with pytest.raises(ValueError, match="no 'boat'"):
        session.suggest("boat")
    with pytest.raises(ValueError, match=r"5\.\.9"):
        session.suggest(1, 3)


def test_variants_differ_and_come_again(model, photo, labels):
    model = replace(model, suggestions={1: [(4.0, -20.0, 0.7), (20.0, 15.0, 0.3)], 2: [(-20.0, 20.0, 1.0)]})
    session = model.session(photo(SIDE, SIDE))
    session.edit(labels)
    first, again, other = session.variants(4, 1), session.variants(4, 1), session.variants(4, 2)
    assert first == again
    assert first != other
    assert len({repr(pins) for pins in first}) == 4
    assert all(set(pins.classes) == {1, 2} for pins in first)
    assert model.session(photo(SIDE, SIDE), ColorizeOptions()).variants(4) == []
