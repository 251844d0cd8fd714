import json
from dataclasses import replace

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.engine.segment import Segmentation
from napari_colorizer.engine.session import Session
from napari_colorizer.errors import ModelError
from napari_colorizer.evaluation.aged_photos import evaluate_aged
from napari_colorizer.evaluation.color_scores import COLOR_METRICS
from napari_colorizer.evaluation.evaluate import (
    WAYS,
    epoch_metrics,
    evaluate_color,
    evaluate_colorizer,
    evaluate_segmentation,
)
from napari_colorizer.evaluation.metrics.baselines import class_means
from napari_colorizer.evaluation.obedience import evaluate_behavior
from napari_colorizer.models.model import Model

SKY, GRASS = 1, 2  # in the photos and in the tiny model
TRUE = ("true labels",)


@pytest.fixture
def oracle(monkeypatch):
    """Make the models color and segment as given by functions of the session or photo."""

    def pretend(colorize=None, segment=None):
        if colorize:
            monkeypatch.setattr(Session, "colorize", colorize)
        if segment:
            monkeypatch.setattr(Model, "segmentation", lambda self, rgb, options=None: sure_of(segment(rgb)))

    return pretend


def sure_of(labels):
    return Segmentation(labels, np.ones((1, 1), np.float32))


def recorded_colorize(calls):
    real = Session.colorize

    def colorize(self, labels=None, hints=None, classes=None, **more):
        if not more:  # what is wished beside labels and hints is judged elsewhere
            calls.append((labels, None if hints is None else hints.rows, classes))
        return real(self, labels, hints, classes, **more)

    return colorize


def test_all_ways_have_all_metrics_and_become_json(tiny_model, photos, classes):
    found = evaluate_color(tiny_model, photos[:2], classes, class_means(photos))
    assert found["photos"] == 2
    assert list(found["ways"]) == ["truth", *WAYS]
    for way in WAYS:
        assert tuple(found["ways"][way]) == COLOR_METRICS
    assert set(found["ways"]["truth"]) == {"colorfulness", "bleeding", "monochrome"}
    assert found["hints"]["anywhere"]["0"] == found["ways"]["true labels"]["psnr"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_baselines_are_in_order(tiny_model, photos, classes):
    ways = evaluate_color(tiny_model, photos, classes, class_means(photos), ("gray", "class mean"), ())["ways"]
    assert ways["gray"]["colorfulness"] < 1
    assert ways["gray"]["bleeding"] < 0.01
    assert ways["gray"]["monochrome"] < 0.01
    assert ways["class mean"]["psnr"] > ways["gray"]["psnr"] + 3  # two classes, each of one color
    assert ways["class mean"]["ciede2000"] < ways["gray"]["ciede2000"]
    assert ways["class mean"]["bleeding"] == pytest.approx(1, abs=0.05)
    assert ways["class mean"]["monochrome"] == pytest.approx(1, abs=0.05)
    assert ways["truth"]["bleeding"] == ways["truth"]["monochrome"] == 1


def test_the_figures_are_those_of_scikit_image(tiny_model, photos, classes):
    ways = evaluate_color(tiny_model, photos[:3], classes, ways=TRUE, hint_counts=())["ways"]
    pairs = [(photo, tiny_model.colorize(photo.rgb, photo.labels)) for photo in photos[:3]]
    assert ways["true labels"]["psnr"] == pytest.approx(
        np.mean([peak_signal_noise_ratio(photo.rgb, rgb) for photo, rgb in pairs])
    )
    difference = np.stack([deltaE_ciede2000(rgb2lab(photo.rgb), rgb2lab(rgb)) for photo, rgb in pairs])
    labels = np.stack([photo.labels for photo, _ in pairs])
    assert ways["true labels"]["ciede2000"] == pytest.approx(difference.mean(), rel=1e-4)
    balanced = np.mean([difference[labels == label].mean() for label in (SKY, GRASS)])
    assert ways["true labels"]["ciede2000 balanced"] == pytest.approx(balanced, rel=1e-4)


def test_one_session_serves_a_photo(tiny_model, photos, classes, monkeypatch):
    begun = []
    real = Model.session
    monkeypatch.setattr(Model, "session", lambda self, *rest: begun.append(1) or real(self, *rest))
    evaluate_color(tiny_model, photos[:2], classes, class_means(photos))
    assert len(begun) == 2


def test_each_source_has_its_own_psnr(tiny_model, photos, classes):
    photos = [replace(photo, source=name) for photo, name in zip(photos, "baba", strict=True)]
    found = evaluate_color(tiny_model, photos, classes, hint_counts=())
    assert list(found["sources"]) == ["a", "b"]
    for source, row in found["sources"].items():
        own = evaluate_color(tiny_model, [photo for photo in photos if photo.source == source], classes, hint_counts=())
        assert row == {"photos": 2, **{way: own["ways"][way]["psnr"] for way in WAYS if way != "class mean"}}


def test_the_chroma_gain_and_what_it_makes_of_the_colors(tiny_model, photos, classes):
    found = evaluate_color(replace(tiny_model, chroma_gain=2.5), photos, classes, ways=("gray", *TRUE))
    ways, shares = found["ways"], found["relative colorfulness"]
    assert found["chroma gain"] == 2.5
    assert (shares["truth"], list(shares)) == (1, ["truth", "gray", "true labels"])
    assert shares["true labels"] == pytest.approx(ways["true labels"]["colorfulness"] / ways["truth"]["colorfulness"])


def leaves(tree, path=""):
    """Numbers of a tree of dictionaries, by their path."""
    if not isinstance(tree, dict):
        return {path: tree}
    return {name: value for key, part in tree.items() for name, value in leaves(part, f"{path}/{key}").items()}


def test_all_that_is_measured_of_a_colorizer_is_what_each_part_finds(tiny_model, photos, classes):
    model = replace(tiny_model, suggestions={SKY: [(0, -30, 1.0)], GRASS: [(-20, 20, 1.0)]})
    means = class_means(photos)
    found = evaluate_colorizer(model, photos[:2], classes, means)
    color = evaluate_color(model, photos[:2], classes, means)
    assert leaves(found["sources"]) == pytest.approx(leaves(color.pop("sources")))
    assert leaves(found["color"]) == pytest.approx(leaves(color))
    alone = evaluate_behavior(model, photos[:2], classes)
    assert leaves(found["behavior"]) == pytest.approx(leaves(alone), abs=1e-4)  # what is computed in its box only
    assert leaves(found["aged"]) == pytest.approx(leaves(evaluate_aged(model, photos[:2], classes)))


def test_measures_of_a_colorizer_share_what_a_photo_needs(tiny_model, photos, classes, oracle, monkeypatch):
    sessions, calls = [], []
    real = Model.session
    monkeypatch.setattr(Model, "session", lambda self, *rest: sessions.append(1) or real(self, *rest))
    oracle(colorize=recorded_colorize(calls))
    evaluate_colorizer(replace(tiny_model, suggestions={SKY: [(0, -30, 1.0)]}), photos[:1], classes)
    assert len(sessions) == 1 + 1 + 4  # the photo, half its contrast, its aged copies
    plain = [labels for labels, hints, _ in calls if hints is None]
    assert sum(labels is None for labels in plain) == 1
    assert sum(labels is photos[0].labels for labels in plain) == 1


def test_gray_photos_are_left_out(tiny_model, photos, classes):
    gray = replace(photos[3], gray=True)
    assert evaluate_color(tiny_model, [*photos[:2], gray], classes) == evaluate_color(tiny_model, photos[:2], classes)
    nothing = evaluate_color(tiny_model, [gray], classes)
    assert nothing.pop("chroma gain") == nothing.pop("chroma gain unlabeled") == 1
    assert nothing == {"photos": 0, "ways": {}, "hints": {}, "sources": {}, "relative colorfulness": {}}


def test_the_classes_of_the_set_are_matched_by_name(tiny_model, photos, classes):
    ways = ("true labels", "predicted labels")
    others = ClassMap([Class(500, "SKY", "#101010"), Class(3, "Grass", "#202020"), Class(1, "whale", "#303030")])
    table = np.array([0, 500, 3], np.uint16)
    renamed = [replace(photo, labels=table[photo.labels]) for photo in photos]
    found = evaluate_color(tiny_model, renamed, others, ways=ways)
    assert found == evaluate_color(tiny_model, photos, classes, ways=ways)


def test_classes_that_the_model_lacks_are_unlabeled_to_it(tiny_model, photos):
    whales = ClassMap([Class(SKY, "whale", "#101010"), Class(GRASS, "krill", "#202020")])
    ways = evaluate_color(tiny_model, photos, whales, ways=("true labels", "no labels"), hint_counts=())["ways"]
    assert ways["true labels"] == ways["no labels"]


def test_without_borders_or_labels_the_metrics_that_need_them_are_missing(tiny_model, photos, classes):
    unlabeled = replace(photos[0], labels=np.zeros_like(photos[0].labels), labeled=False)
    ways = evaluate_color(tiny_model, [unlabeled], classes, ways=("no labels",))["ways"]
    assert set(ways["no labels"]) == {"psnr", "ssim", "ciede2000", "colorfulness"}


def test_models_without_a_segmenter_have_fewer_ways(make_model, photos, classes):
    found = evaluate_color(make_model(segmenter=False), photos[:1], classes)
    assert set(found["ways"]) == {"truth", "gray", "true labels", "no labels"}


def test_models_without_a_colorizer_are_refused(make_model, photos, classes):
    with pytest.raises(ModelError, match="no colorizer"):
        evaluate_color(make_model(colorizer=False), photos, classes)
    with pytest.raises(ModelError, match="no segmenter"):
        evaluate_segmentation(make_model(segmenter=False), photos, classes)


def test_a_perfect_segmenter_scores_1_and_a_constant_one_the_share(tiny_model, photos, classes, oracle):
    truth = {photo.rgb.tobytes(): photo.labels for photo in photos}
    oracle(segment=lambda rgb: truth[rgb.tobytes()])
    assert evaluate_segmentation(tiny_model, photos, classes)["mIoU"] == 1
    oracle(segment=lambda rgb: np.full(rgb.shape[:2], GRASS, np.uint8))
    found = evaluate_segmentation(tiny_model, photos, classes)
    share = np.mean([(photo.labels == GRASS).mean() for photo in photos])
    assert found["pixel accuracy"] == pytest.approx(share)
    assert found["IoU"] == {"sky": 0, "grass": pytest.approx(share)}


def test_predictions_are_brought_to_the_classes_of_the_set(tiny_model, photos, oracle):
    ours = ClassMap(
        [Class(7, "SKY", "#101010"), Class(900, "lawn", "#202020", known_as="grass"), Class(1, "sea", "#303030")]
    )
    table = np.array([0, 7, 900], np.uint16)
    renamed = [replace(photo, labels=table[photo.labels]) for photo in photos]
    truth = {photo.rgb.tobytes(): photo.labels for photo in photos}
    oracle(segment=lambda rgb: truth[rgb.tobytes()])
    assert evaluate_segmentation(tiny_model, renamed, ours)["IoU"] == {"SKY": 1, "lawn": 1}
    oracle(segment=lambda rgb: np.full(rgb.shape[:2], 7, np.uint8))  # boat to the model, sky to the set
    assert evaluate_segmentation(tiny_model, renamed, ours)["pixel accuracy"] == 0


def test_groups_and_sources_reach_the_scores(tiny_model, photos, oracle):
    classes = ClassMap([Class(SKY, "sky", "#101010"), Class(GRASS, "nature", "#202020"), Class(5, "boat", "#303030")])
    photos = [replace(photo, source=name) for photo, name in zip(photos, "aabb", strict=True)]
    truth = {photo.rgb.tobytes(): photo.labels for photo in photos}
    oracle(segment=lambda rgb: np.where(truth[rgb.tobytes()] == GRASS, 7, SKY).astype(np.uint8))  # a boat
    assert evaluate_segmentation(tiny_model, photos, classes)["IoU"]["nature"] == 0
    found = evaluate_segmentation(tiny_model, photos, classes, {GRASS: (5,)})
    assert found["mIoU"] == 1
    assert list(found["sources"]) == ["a", "b"]


def test_an_epoch_has_flat_metrics_of_the_network_that_is_trained(tiny_model, photos, classes):
    color = epoch_metrics(tiny_model, photos[:1], classes, {}, ("colorizer",), "cpu")
    assert set(color) == {*COLOR_METRICS, "true colorfulness", "psnr no labels"}
    segmentation = epoch_metrics(tiny_model, photos[:1], classes, {}, ("segmenter",))
    assert set(segmentation) == {"mIoU", "pixel accuracy", "IoU: sky", "IoU: grass"}
    both = epoch_metrics(tiny_model, photos[:1], classes)
    assert both == color | segmentation
    assert all(type(value) is float and np.isfinite(value) for value in both.values())
    ways = evaluate_color(tiny_model, photos[:1], classes)["ways"]
    assert color["psnr no labels"] == ways["no labels"]["psnr"]
    assert color["colorfulness"] == ways["true labels"]["colorfulness"]
    assert color["true colorfulness"] == ways["truth"]["colorfulness"]


def test_an_epoch_spends_no_time_on_hints(tiny_model, photos, classes, oracle):
    calls = []
    oracle(colorize=recorded_colorize(calls))
    epoch_metrics(tiny_model, photos[:1], classes, {}, ("colorizer",))
    assert [hints for _, hints, _ in calls] == [None, None]  # with true labels, and with none


def test_sources_of_an_epoch_are_told_where_there_are_several(tiny_model, photos, classes):
    photos = [replace(photo, source=name) for photo, name in zip(photos, "aabb", strict=True)]
    found = epoch_metrics(tiny_model, photos, classes, {}, ("segmenter",))
    assert {"mIoU: a", "mIoU: b"} <= set(found)


def test_an_epoch_of_what_a_model_or_the_photos_lack_is_empty(make_model, photos, classes):
    assert epoch_metrics(make_model(colorizer=False), photos[:1], classes, {}, ("colorizer",)) == {}
    gray = replace(photos[0], gray=True)
    assert epoch_metrics(make_model(), [gray], classes, {}, ("colorizer",)) == {}


def test_sure_labels_are_those_that_the_model_is_sure_of(make_model, photos, classes, monkeypatch):
    found = Segmentation(np.full(photos[0].labels.shape, SKY, np.uint8), np.full((1, 1), 0.5, np.float32))
    monkeypatch.setattr(Model, "segmentation", lambda self, rgb, options=None: found)
    ways = evaluate_color(make_model(confidence=0.6), photos[:1], classes, hint_counts=())["ways"]
    assert ways["sure labels"] == ways["no labels"] != ways["predicted labels"]


@pytest.mark.parametrize("evaluate", [evaluate_segmentation, evaluate_color])
def test_a_photo_goes_through_the_segmenter_once_however_sure_the_model_is(make_model, photos, classes, evaluate):
    model, passes = make_model(confidence=0.3), []
    model.segmenter.last[-1].register_forward_hook(lambda *_: passes.append(1))
    evaluate(model, photos[:2], classes)
    assert len(passes) == 2 * 2, "two looks at each"
