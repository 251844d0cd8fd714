from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_colorizer import load_model
from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.engine import segment
from napari_colorizer.engine.options import SegmentOptions
from napari_colorizer.errors import ModelError
from napari_colorizer.evaluation.evaluate import evaluate_segmentation
from napari_colorizer.training.fit import fit
from napari_colorizer.training.pruning import prune

SKY, GRASS, BOAT = 1, 2, 7
SET = ClassMap(Class(label, name, "#101010") for label, name in ((4, "sky"), (5, "grass"), (6, "wagon"), (9, "boat")))
GRAY = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)


@pytest.fixture
def undecided(tiny_model):
    """A model whose every class is predicted here and there."""
    last = tiny_model.segmenter.last[4].train()
    last.momentum = 1.0  # the statistics become those of this image
    with torch.no_grad():
        tiny_model.segmenter(torch.from_numpy(GRAY / np.float32(127.5) - 1)[None, None])
    last.eval()
    return tiny_model


def test_classes_that_were_not_learned_or_not_measured_are_never_predicted(make_model):
    scores = {"sky": 0.1, "grass": 0.0999, "boat": 0.8}
    assert prune(make_model(), scores, SET).predictable == {SKY, BOAT}
    assert prune(make_model(), {"sky": 0.5, "grass": 0.5, "wagon": 1}, SET).predictable == {SKY, GRASS}
    assert prune(make_model(), scores, SET, least_iou=0).predictable == {SKY, GRASS, BOAT}
    unknown = {"sky": 0.0, "grass": float("nan"), "boat": 0}
    assert prune(make_model(), unknown, SET, least_iou=0).predictable == {SKY, BOAT}


def test_trusted_classes_stay_where_nobody_measured_them(make_model):
    assert prune(make_model(), {"sky": 0.5, "grass": 0.5}, SET, trusted=[BOAT]).predictable == {SKY, GRASS, BOAT}
    scores = {"sky": 0.5, "grass": 0.5, "boat": 0.05}
    assert prune(make_model(), scores, SET, trusted=[BOAT]).predictable == {SKY, GRASS}


def test_classes_are_matched_as_they_were_measured(tiny_model, photos):
    names = ((5, "Himmel", "sky"), (4, "GRASS", ""), (6, "meadow", "grass"), (7, "ship", ""))
    classes = ClassMap([Class(label, name, "#101010", known_as) for label, name, known_as in names])
    scores = {"Himmel": 0.9, "GRASS": 0.8, "meadow": 0.0, "ship": 0.9}
    assert prune(tiny_model, scores, classes).predictable == {SKY, GRASS}
    table = np.array([0, 5, 4], np.uint8)
    renamed = [replace(photo, labels=table[photo.labels]) for photo in photos]
    found = evaluate_segmentation(tiny_model, renamed, classes)["IoU"]
    assert prune(tiny_model, found, classes, least_iou=0).predictable == {SKY, GRASS}


def test_class_map_and_colors_stay(tiny_model):
    pruned = prune(tiny_model, {"sky": 0.5, "grass": 0.5}, SET)
    assert pruned.classes == tiny_model.classes
    assert pruned.colorable == {SKY, GRASS, BOAT}
    labels = np.full(GRAY.shape, BOAT)
    np.testing.assert_array_equal(pruned.colorize(GRAY, labels), tiny_model.colorize(GRAY, labels))


def test_a_forgotten_class_is_never_predicted_and_the_next_likely_one_is(undecided, monkeypatch):
    options = SegmentOptions(working_size=64)
    pruned = prune(undecided, {"sky": 0.5, "boat": 0.5}, SET)
    before, after = (model.segment(GRAY, options) for model in (undecided, pruned))
    assert set(np.unique(before)) == {0, SKY, GRASS, BOAT}
    assert set(np.unique(after)) == {0, SKY, BOAT}
    assert (after == before)[before != GRASS].mean() > 0.95, "one look of two may have been for what is gone"
    monkeypatch.setattr(segment, "second_look", lambda network, x: network.coarse_logits(x).softmax(1))
    before, after = (model.segment(GRAY, options) for model in (undecided, pruned))
    np.testing.assert_array_equal(after[before != GRASS], before[before != GRASS])


def test_at_least_two_classes_must_remain(tiny_model, make_model):
    with pytest.raises(ModelError, match=r"'tiny' predicts, 1 reach an IoU of 0\.3; at least 2 must remain"):
        prune(tiny_model, {"sky": 0.5, "grass": 0.2, "boat": 0.29}, SET, 0.3)
    with pytest.raises(ModelError, match="no segmenter"):
        prune(make_model(segmenter=False), {"sky": 1}, SET)


def test_a_forgotten_class_scores_0_and_the_others_are_still_scored(undecided, photos, classes):
    assert evaluate_segmentation(undecided, photos, classes)["IoU"]["grass"] > 0
    found = evaluate_segmentation(prune(undecided, {"sky": 1, "boat": 1}, SET), photos, classes)
    assert found["IoU"]["grass"] == 0
    assert found["IoU"]["sky"] > 0


def test_a_forgotten_member_no_longer_counts_for_its_group(undecided, photos):
    classes = ClassMap([Class(SKY, "sky", "#101010"), Class(GRASS, "nature", "#202020"), Class(5, "boat", "#303030")])
    groups = {GRASS: (5,)}
    assert evaluate_segmentation(undecided, photos, classes, groups)["IoU"]["nature"] > 0
    pruned = prune(undecided, {"sky": 1, "grass": 1}, SET)
    assert evaluate_segmentation(pruned, photos, classes, groups)["IoU"]["nature"] == 0


def test_a_model_goes_on_being_trained_without_what_it_forgot(quick, library, tiny_model, labeled_set, classes):
    prune(tiny_model, {"sky": 1, "grass": 1}, SET).save(library / "tiny.safetensors")
    ClassMap([*classes, Class(9, "Boat", "#b22222")]).write(labeled_set / "classes.json")
    list(fit(quick))
    trained = load_model("meadows")
    assert trained.predictable == {SKY, GRASS}
    assert trained.colorable == {SKY, GRASS, 9}


def test_a_forgotten_class_is_learned_again_from_label_maps_that_have_it(quick, library, tiny_model):
    prune(tiny_model, {"sky": 1, "boat": 1}, SET).save(library / "tiny.safetensors")
    list(fit(replace(quick, network="segmenter", epochs=4, epoch_size=64, learning_rate=1e-2)))
    trained = load_model("meadows")
    assert trained.predictable == {SKY, GRASS}
    assert trained.metrics["segmenter"]["IoU: grass"] > 0.1
