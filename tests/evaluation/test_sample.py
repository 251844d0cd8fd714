from dataclasses import replace

import numpy as np
import pytest

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.engine.session import Session
from napari_colorizer.evaluation.metrics.color import to_lab
from napari_colorizer.evaluation.sample import Scene, measure, rng_of


class Seen(list):
    """A measure that keeps what it is shown."""

    def add(self, scene):
        self.append(scene)


@pytest.fixture
def calls(monkeypatch):
    """How often sessions are asked for colors."""
    found = []
    for name in ("colorize", "chroma"):
        real = getattr(Session, name)

        def counted(self, *rest, real=real, **more):
            found.append(real.__name__)
            return real(self, *rest, **more)

        monkeypatch.setattr(Session, name, counted)
    return found


def test_a_scene_is_what_the_session_makes_of_the_photo(tiny_model, photos, classes):
    photo = photos[0]
    scene, session = Scene(tiny_model, photo, classes), tiny_model.session(photo.rgb)
    np.testing.assert_array_equal(scene.truly_labeled, session.colorize(photo.labels))
    np.testing.assert_array_equal(scene.unlabeled, session.colorize())
    np.testing.assert_array_equal(scene.chroma, session.chroma(photo.labels))
    np.testing.assert_array_equal(scene.truth, to_lab(photo.rgb))
    assert scene.borders.steps(np.zeros((*photo.labels.shape, 2))) == 0
    assert scene.borders.steps(photo.labels[..., None].repeat(2, -1)) > 0


def test_nothing_is_computed_twice_or_before_it_is_asked_for(tiny_model, photos, classes, calls):
    scene = Scene(tiny_model, photos[0], classes)
    assert calls == []
    for _ in range(2):
        _ = scene.truly_labeled, scene.unlabeled, scene.chroma
    assert calls == ["colorize", "colorize", "chroma"]


def test_labels_are_brought_to_the_ids_of_the_colorizer(tiny_model, photos):
    others = ClassMap([Class(500, "Boat", "#101010"), Class(3, "whale", "#202020"), Class(9, "SKY", "#303030")])
    labels = np.array([[0, 500, 3, 9, 77]], np.uint16).repeat(40, 0)
    photo = replace(photos[0], rgb=photos[0].rgb[:40, :5], labels=labels)
    assert Scene(tiny_model, photo, others).labels[0].tolist() == [0, 7, 0, 1, 0]


def test_measures_see_the_same_scene_of_each_photo_but_gray_ones(tiny_model, photos, classes):
    first, second = Seen(), Seen()
    photos[1] = replace(photos[1], gray=True)
    measure([first, second], tiny_model, iter(photos), classes, "cpu")
    assert [scene.photo.name for scene in first] == ["made-0", "made-2", "made-3"]
    assert all(one is other for one, other in zip(first, second, strict=True))
    assert first[0].session.device.type == "cpu"


def test_randomness_depends_on_the_name_and_the_seed(tiny_model, photos, classes):
    numbers = rng_of("a", 3).random(4)
    np.testing.assert_array_equal(rng_of("a", 3).random(4), numbers)
    assert not np.array_equal(rng_of("b", 3).random(4), numbers)
    assert not np.array_equal(rng_of("a", 4).random(4), numbers)
    scene = Scene(tiny_model, replace(photos[0], name="a"), classes)
    np.testing.assert_array_equal(scene.rng(3).random(4), numbers)
