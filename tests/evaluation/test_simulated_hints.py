"""Simulated color hints: where they are given, and what comes of them."""

from dataclasses import replace

import numpy as np
import pytest

from napari_colorizer.engine.session import Session
from napari_colorizer.evaluation.metrics.color import psnr, to_lab
from napari_colorizer.evaluation.sample import Scene
from napari_colorizer.evaluation.simulated_hints import HintMeasure, colors_hinted_at_worst, hints_anywhere


@pytest.fixture
def scene(tiny_model, photos, classes):
    """A photo that has the colors of the model, but for an unlabeled red patch."""
    gray = Scene(replace(tiny_model, chroma_gain=0.0, chroma_gain_unlabeled=0.0), photos[0], classes)
    rgb = gray.truly_labeled.copy()
    rgb[50:80, 60:100] = (150, 40, 40)
    labels = photos[0].labels.copy()
    labels[50:80, 60:100] = 0
    return Scene(gray.model, replace(photos[0], rgb=rgb, labels=labels), classes)


@pytest.fixture
def given(monkeypatch):
    """A list that gets what each call of `Session.colorize` is given."""
    calls, real = [], Session.colorize

    def colorize(self, labels=None, hints=None, classes=None):
        calls.append((labels, None if hints is None else hints.rows, classes))
        return real(self, labels, hints, classes)

    monkeypatch.setattr(Session, "colorize", colorize)
    return calls


def test_hints_at_random_are_given_with_the_true_labels_and_are_nested(scene, given):
    measure = HintMeasure((20, 12))
    measure.add(scene)
    assert given.pop(0)[1] is None
    (few_labels, few, _), (_, many, classes) = given
    assert (few_labels is scene.photo.labels, classes) == (True, scene.classes)
    assert [len(few), len(many)] == [12, 20]
    np.testing.assert_array_equal(few, many[:12])


def test_a_user_gives_each_hint_where_the_colors_are_most_wrong(scene, given):
    found = [psnr(scene.photo.rgb, rgb) for rgb in colors_hinted_at_worst(scene, 3)]
    y, x, a, b, _ = given[1][1][0]
    assert (50 <= y < 80, 60 <= x < 100) == (True, True)
    assert (a, b) == pytest.approx(to_lab(scene.photo.rgb)[65, 80, 1:], abs=1)
    assert found[0] > psnr(scene.photo.rgb, scene.truly_labeled) + 1
    np.testing.assert_array_equal(given[3][1][:2], given[2][1])
    assert all(labels is scene.photo.labels for labels, _, _ in given)


def test_psnr_is_told_by_place_and_number(scene):
    measure = HintMeasure((1, 3, 30))
    assert measure.summary() == {}
    measure.add(scene)
    found = measure.summary()
    assert {way: list(by_count) for way, by_count in found.items()} == {
        "anywhere": ["0", "1", "3", "30"],
        "where it is worst": ["0", "1", "3"],
    }
    plain = psnr(scene.photo.rgb, scene.truly_labeled)
    assert found["anywhere"]["0"] == found["where it is worst"]["0"] == plain
    assert found["anywhere"]["30"] > plain
    last = list(colors_hinted_at_worst(scene, 3))[-1]
    assert found["where it is worst"]["3"] == psnr(scene.photo.rgb, last)


def test_without_counts_nothing_is_measured(scene, given):
    measure = HintMeasure(())
    measure.add(scene)
    assert (measure.summary(), given) == ({}, [])


def test_hints_have_the_colors_of_the_place():
    lab = np.zeros((50, 60, 3), np.float32)
    lab[..., 1], lab[..., 2] = np.arange(60), -np.arange(50)[:, None]
    rows = hints_anywhere(lab, "photo", 200).rows
    inner = rows[(rows[:, 0] >= 3) & (rows[:, 0] < 47) & (rows[:, 1] >= 3) & (rows[:, 1] < 57)]
    assert len(inner) > 100
    np.testing.assert_allclose(inner[:, 2], inner[:, 1], atol=1e-4)
    np.testing.assert_allclose(inner[:, 3], -inner[:, 0], atol=1e-4)
    assert rows[:, 0].min() >= 0
    assert rows[:, 0].max() > 40
    assert rows[:, 1].max() <= 59
    assert rows[:, 1].max() > 50


def test_random_places_depend_on_the_seed_and_the_name_alone(photos):
    lab, other = to_lab(photos[0].rgb), to_lab(photos[1].rgb)
    places = hints_anywhere(lab, "a", 5).rows[:, :2]
    np.testing.assert_array_equal(hints_anywhere(other, "a", 5).rows[:, :2], places)
    assert not np.array_equal(hints_anywhere(lab, "b", 5).rows[:, :2], places)
    assert not np.array_equal(hints_anywhere(lab, "a", 5, seed=1).rows[:, :2], places)
