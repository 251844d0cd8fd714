import json
from dataclasses import replace

import numpy as np
import pytest

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.engine.session import Session
from napari_colorizer.errors import ModelError
from napari_colorizer.evaluation.metrics.baselines import paint
from napari_colorizer.evaluation.metrics.color import ciede2000, to_lab
from napari_colorizer.evaluation.obedience import FIGURES, evaluate_behavior
from napari_colorizer.evaluation.region_trials import NEUTRAL_RADIUS

SKY, GRASS, BOAT = 1, 2, 7  # in the photos and in the tiny model
COLORS = {0: (0, 0), SKY: (-5, -25), GRASS: (-20, 25), BOAT: (25, 20)}
HINTED = ("neutral", "neutral share", "strewn", "strewn others", "hint", "hint others", "hint others share", "pin")
RELABELED = ("relabel", "relabel truth", "outside", "outside p95")


@pytest.fixture
def model(tiny_model):
    return replace(tiny_model, suggestions={label: [(*COLORS[label], 1.0)] for label in (SKY, GRASS, BOAT)})


@pytest.fixture
def tall():
    """A photo in which much lies far from each region: 112 rows of sky, 128 of grass."""
    labels = np.full((240, 60), SKY, np.uint8)
    labels[112:] = GRASS
    rgb = np.random.default_rng(0).integers(90, 150, (240, 60, 1), dtype=np.uint8).repeat(3, -1)
    return Photo("tall", rgb, labels)


@pytest.fixture
def oracle(monkeypatch):
    """Make the models paint a*, b* that are a function of the label map and the rows of the hints."""

    def pretend(chroma):
        calls = []

        def colorize(self, labels=None, hints=None, classes=None, pins=None):
            labels = np.zeros(self.shape, np.uint8) if labels is None else labels
            rows = np.empty((0, 5)) if hints is None else hints.rows
            calls.append((labels, rows))
            return paint(np.round(self._computed.values.numpy() * 255).astype(np.uint8), chroma(labels, rows))

        monkeypatch.setattr(Session, "colorize", colorize)
        return calls

    return pretend


def by_label(labels, rows):
    """As each label says, whatever the hints."""
    return np.array([COLORS.get(label, (0, 0)) for label in range(labels.max() + 1)])[labels]


def all_alike(labels, rows):
    """Whatever the labels and the hints."""
    return np.broadcast_to(COLORS[GRASS], (*labels.shape, 2))


def when_all_are_labeled(labels, rows):
    """As each label says, but only if there is no pixel without one."""
    return by_label(labels, rows) if labels.all() else 0 * by_label(labels, rows)


def hinted_regions(labels, rows):
    """A hint colors all that has its label."""
    chroma = by_label(labels, rows).astype(float)
    for y, x, a, b, _ in rows:
        chroma[labels == labels[int(y), int(x)]] = a, b
    return chroma


def test_all_figures_are_there_and_become_json(model, photos, classes, tall):
    bold = replace(model, chroma_gain=4.0, chroma_gain_unlabeled=0.0)
    parted = replace(photos[0], labels=np.full_like(photos[0].labels, GRASS))  # its sky is called so, too
    found = evaluate_behavior(bold, [*photos[:1], tall, parted], classes)
    assert list(found) == ["photos", *(figure.name for figure in FIGURES)]
    assert found["photos"] == 3
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_labels_that_are_obeyed(model, photos, classes, oracle):
    calls = oracle(by_label)
    found = evaluate_behavior(model, photos, classes)
    assert found["relabel"] == {"value": 1.0, "count": 8, "at least": 0.8}
    assert found["alone"] == {"value": 1.0, "count": 8}
    relabeled = [labels for labels, _ in calls if BOAT in labels]
    assert relabeled
    assert all(set(np.unique(labels)) < {SKY, GRASS, BOAT} for labels in relabeled)


def test_labels_that_are_ignored(model, photos, classes, oracle):
    oracle(all_alike)
    meadows = [replace(photo, labels=np.full_like(photo.labels, GRASS)) for photo in photos]
    found = evaluate_behavior(model, meadows, classes)
    assert found["relabel"] == {"value": 0.0, "count": 4, "at least": 0.8}
    assert "alone" not in found  # they have the same colors without any label


def test_what_photographs_themselves_reach_is_told_beside_it(model, photos, classes, oracle):
    oracle(by_label)
    assert evaluate_behavior(model, photos, classes)["relabel truth"] == {"value": 1.0, "count": 8}
    exchanged = [replace(photo, labels=SKY + GRASS - photo.labels) for photo in photos]
    assert evaluate_behavior(model, exchanged, classes)["relabel truth"]["value"] < 0.7, "but for boats"


def test_labels_that_are_heeded_together_only(model, photos, classes, oracle):
    oracle(when_all_are_labeled)
    assert evaluate_behavior(model, photos, classes)["alone"] == {"value": 0.0, "count": 8}


def test_a_region_that_is_labeled_alone_is_the_only_one(model, photos, classes, oracle):
    calls = oracle(by_label)
    evaluate_behavior(model, photos[:1], classes)
    true = photos[0].labels
    alone = [labels for labels, _ in calls if (labels == 0).any() and labels.any()]
    assert len(alone) == 2
    for labels in alone:
        np.testing.assert_array_equal(labels, np.where(true == labels.max(), true, 0))


def test_any_color_of_the_new_class_will_do(model, photos, classes, oracle):
    model.suggestions = {SKY: [(90.0, 0.0, 0.9), (*COLORS[SKY], 0.1)], GRASS: [(*COLORS[GRASS], 1.0)]}
    oracle(by_label)
    assert evaluate_behavior(model, photos, classes)["relabel"]["value"] == 1


def test_a_region_is_never_given_a_class_of_much_the_same_color(model, photos, classes, oracle):
    calls = oracle(by_label)
    model.suggestions[BOAT] = [(COLORS[SKY][0] + 9, COLORS[SKY][1], 1.0)]
    evaluate_behavior(model, photos, classes)
    assert not [labels for labels, _ in calls if (labels == BOAT).any() and not (labels == SKY).any()]
    model.suggestions = {label: [(1.0, 2.0, 1.0)] for label in (SKY, GRASS, BOAT)}
    found = evaluate_behavior(model, photos, classes)
    assert not found.keys() & RELABELED
    assert found["alone"]["count"] == 8


def test_without_suggestions_nothing_is_known_of_relabeling(tiny_model, photos, classes, oracle):
    oracle(by_label)
    found = evaluate_behavior(tiny_model, photos[:1], classes)
    assert set(found) == {"photos", "alone", "contrast", "contrast p99", "contrast largest", *HINTED}


def test_a_change_far_outside_is_measured_where_it_is_far(model, classes, tall, oracle):
    oracle(lambda labels, rows: by_label(labels, rows) + 10 * (labels == BOAT).any())
    model.suggestions = {SKY: [(0.0, 0.0, 1.0)], GRASS: [(5.0, 0.0, 1.0)], BOAT: [(25.0, 20.0, 1.0)]}  # boat is drawn
    known = by_label(tall.labels, ())
    change = ciede2000(*(to_lab(paint(tall.rgb, chroma)) for chroma in (known, known + 10)))
    far_of_sky, far_of_grass = change[112 + 64 :].mean(), change[: 112 - 64].mean()
    found = evaluate_behavior(model, [tall], classes)
    assert found["outside"]["count"] == 2
    assert found["outside"]["value"] == pytest.approx(np.mean([far_of_sky, far_of_grass]), rel=1e-5)
    assert found["outside p95"]["value"] == pytest.approx(np.percentile([far_of_sky, far_of_grass], 95), rel=1e-5)
    assert far_of_sky != pytest.approx(far_of_grass, rel=0.1)


def test_nothing_changes_far_outside_where_each_label_colors_its_own(model, classes, tall, oracle):
    oracle(by_label)
    found = evaluate_behavior(model, [tall], classes)
    assert found["outside"] == {"value": 0.0, "count": 2, "at most": 1.5}
    assert found["outside p95"] == {"value": 0.0, "count": 2, "at most": 1.5}


def test_far_is_far_in_working_pixels(model, photos, classes, tall):
    assert "outside" in evaluate_behavior(replace(model, working_size=240), [tall], classes)
    assert "outside" not in evaluate_behavior(replace(model, working_size=120), [tall], classes)
    assert "outside" not in evaluate_behavior(model, photos[:1], classes)


def test_less_contrast_that_changes_the_chroma(model, photos, classes, monkeypatch):
    def chroma(self, labels=None, hints=None, classes=None):
        found = np.zeros((*self.shape, 2), np.float32)
        if self._computed.values.ndim == 2:  # the gray image of half the contrast
            found[..., 0], found[..., 1] = 0.3 * 128, 0.4 * 128
            found[0, 0] = 128, 0
        return found

    monkeypatch.setattr(Session, "chroma", chroma)
    found = evaluate_behavior(model, photos, classes)
    assert found["contrast"] == {"value": pytest.approx(0.5, abs=1e-3), "count": 4, "at most": 0.02}
    assert found["contrast p99"]["value"] == pytest.approx(0.5, abs=1e-5)
    assert found["contrast largest"]["value"] == pytest.approx(1)


def test_neutral_hints_that_are_followed_or_not(model, photos, classes, oracle):
    oracle(hinted_regions)
    found = evaluate_behavior(model, photos, classes)
    assert found["neutral"] == {"value": pytest.approx(0, abs=0.6), "count": 8, "at most": 4.0}  # 8-bit rounding
    assert found["strewn"] == found["neutral"]
    assert found["neutral share"] == {"value": 1.0, "count": 8}
    oracle(by_label)
    found = evaluate_behavior(model, photos, classes)
    own = np.mean([np.hypot(*COLORS[SKY]), np.hypot(*COLORS[GRASS])])
    assert found["neutral"]["value"] == pytest.approx(own, abs=0.6)
    assert found["strewn"]["value"] == pytest.approx(own, abs=0.6)
    assert found["neutral share"]["value"] == 0


def test_what_neutral_hints_do_to_other_regions_is_measured(model, photos, classes, oracle):
    oracle(hinted_regions)
    assert evaluate_behavior(model, photos, classes)["strewn others"] == {"value": 0.0, "count": 8, "at most": 3.0}
    oracle(lambda labels, rows: 0 * by_label(labels, rows) if len(rows) > 1 else by_label(labels, rows))
    found = evaluate_behavior(model, photos, classes)
    assert found["strewn others"]["value"] > 10
    assert found["hint others"]["value"] == 0


def test_where_there_is_no_other_region_nothing_is_known_of_any(model, photos, classes):
    meadow = replace(photos[0], labels=np.full_like(photos[0].labels, GRASS))
    found = evaluate_behavior(model, [meadow], classes)
    assert found["neutral"]["count"] == found["strewn"]["count"] == found["hint"]["count"] == 1
    assert not found.keys() & {"strewn others", "hint others", "hint others share"}


def test_neutral_hints_lie_inside_the_region(model, photos, classes, oracle):
    calls = oracle(by_label)
    evaluate_behavior(model, photos[:1], classes)
    strewn = [(labels, rows) for labels, rows in calls if len(rows) > 1]
    assert len(strewn) == 2
    for labels, rows in strewn:
        np.testing.assert_array_equal(labels, photos[0].labels)
        assert (rows[:, 2:] == (0, 0, NEUTRAL_RADIUS)).all()
        places = rows[:, :2].astype(int)
        assert (places % 6 == 0).all()
        label = labels[tuple(places[0])]
        down, across = np.ogrid[: labels.shape[0], : labels.shape[1]]
        for y, x in places:
            touched = (down - y) ** 2 + (across - x) ** 2 <= NEUTRAL_RADIUS**2
            assert (labels[touched] == label).all()
            assert min(y, x, labels.shape[0] - 1 - y, labels.shape[1] - 1 - x) >= NEUTRAL_RADIUS
        assert len(places) > 0.7 * (labels == label).sum() / 36


def test_a_region_too_thin_to_be_strewn_still_gets_its_one_hint(model, classes):
    labels = np.full((90, 90), GRASS, np.uint8)
    labels[:4] = SKY
    photo = Photo("thin", np.full((90, 90, 3), 120, np.uint8), labels)
    found = evaluate_behavior(model, [photo], classes)
    assert (found["strewn"]["count"], found["neutral"]["count"], found["hint"]["count"]) == (1, 2, 2)


def test_a_hint_that_colors_its_region(model, photos, classes, oracle):
    calls = oracle(hinted_regions)
    found = evaluate_behavior(model, photos, classes)
    assert found["hint"] == {"value": 1.0, "count": 8, "at least": 0.95}
    assert found["hint others"] == {"value": 0.0, "count": 8, "at most": 1.0}
    assert found["hint others share"] == {"value": 1.0, "count": 8}
    hints = np.concatenate([rows for _, rows in calls if len(rows) == 1 and rows[0, 2]])
    np.testing.assert_allclose(np.hypot(hints[:, 2], hints[:, 3]), 30)
    assert len(np.unique(hints[:, 2])) == 8
    assert (hints[:, 4] == 8).all()


def test_a_hint_that_is_ignored(model, photos, classes, oracle):
    oracle(lambda labels, rows: 0 * by_label(labels, rows))
    found = evaluate_behavior(model, photos, classes)
    assert found["hint"]["value"] == 0
    assert found["hint others"]["value"] == 0


@pytest.mark.parametrize("gray", [8, 250])
def test_a_hint_is_followed_as_far_as_the_gamut_goes(model, classes, oracle, gray):
    oracle(hinted_regions)
    photos = [
        Photo(f"{gray}-{number}", np.full((60, 60, 3), gray, np.uint8), np.full((60, 60), SKY, np.uint8))
        for number in range(12)  # hues
    ]
    assert evaluate_behavior(model, photos, classes)["hint"] == {"value": 1.0, "count": 12, "at least": 0.95}


def test_a_hint_that_spills(model, photos, classes, oracle):
    def spilling(labels, rows):
        return np.broadcast_to(rows[0, 2:4], (*labels.shape, 2)) if len(rows) else by_label(labels, rows)

    oracle(spilling)
    found = evaluate_behavior(model, photos, classes)
    assert found["hint"]["value"] == 1
    assert found["hint others"]["value"] > 5
    assert found["hint others share"]["value"] < 0.5


def test_the_one_hint_fits_into_the_middle_of_its_region(model, classes, oracle):
    labels = np.full((80, 80), GRASS, np.uint8)
    labels[20:31, 40:51] = SKY
    calls = oracle(by_label)
    evaluate_behavior(model, [Photo("box", np.full((80, 80, 3), 120, np.uint8), labels)], classes)
    hints = np.concatenate([rows for _, rows in calls if len(rows) == 1])
    inside = hints[labels[tuple(hints[:, :2].astype(int).T)] == SKY]
    np.testing.assert_allclose(inside[0, [0, 1, 4]], [25, 45, 5.5])


def test_two_regions_of_a_photo_are_drawn_and_specks_are_none(model, oracle):
    oracle(by_label)
    classes = ClassMap([Class(label, name, "#101010") for label, name in ((1, "sky"), (2, "grass"), (7, "boat"))])
    labels = np.full((100, 100), GRASS, np.uint8)
    labels[:40], labels[60:80] = SKY, BOAT
    rgb = np.full((100, 100, 3), 120, np.uint8)
    found = evaluate_behavior(model, [Photo("three", rgb, labels)], classes)
    assert found["alone"]["count"] == found["hint"]["count"] == 2
    assert found["hint others"]["count"] == 4  # each time the two that were not hinted
    labels = np.full((100, 100), GRASS, np.uint8)
    labels[:9, :11] = SKY  # 99 of 10000
    assert evaluate_behavior(model, [Photo("speck", rgb, labels)], classes)["alone"]["count"] == 1
    labels[:1, 11] = SKY
    assert evaluate_behavior(model, [Photo("spot", rgb, labels)], classes)["alone"]["count"] == 2
    small = np.full((40, 40), GRASS, np.uint8)
    small[:7, :7] = SKY  # 49, and more than 1 %
    assert evaluate_behavior(model, [Photo("stamp", rgb[:40, :40], small)], classes)["alone"]["count"] == 1


def test_what_is_drawn_depends_on_the_seed_and_the_name_alone(model, photos, classes, oracle):
    def drawn(photos, seed=0):
        calls = oracle(by_label)
        evaluate_behavior(model, photos, classes, seed)
        return [(labels.tobytes(), rows.tobytes()) for labels, rows in calls]

    alone = drawn(photos[2:3])
    assert drawn(photos)[-2 * len(alone) : -len(alone)] == alone
    assert drawn(photos[2:3], seed=1) != alone
    assert drawn([replace(photos[2], name="other")]) != alone


def test_classes_are_matched_by_name(model, photos, classes):
    others = ClassMap([Class(500, "SKY", "#101010"), Class(3, "Grass", "#202020"), Class(1, "whale", "#303030")])
    table = np.array([0, 500, 3], np.uint16)
    renamed = [replace(photo, labels=table[photo.labels]) for photo in photos[:2]]
    assert evaluate_behavior(model, renamed, others) == evaluate_behavior(model, photos[:2], classes)
    whales = [replace(photo, labels=np.full_like(photo.labels, 1)) for photo in photos]
    assert "alone" not in evaluate_behavior(model, whales, others)


def test_gray_photos_and_models_without_a_colorizer_are_left_out(model, make_model, photos, classes):
    gray = replace(photos[3], gray=True)
    assert evaluate_behavior(model, [gray], classes) == {"photos": 0}
    assert evaluate_behavior(model, [gray, photos[0]], classes) == evaluate_behavior(model, photos[:1], classes)
    with pytest.raises(ModelError, match="no colorizer"):
        evaluate_behavior(make_model(colorizer=False), photos, classes)
