from dataclasses import replace

import pytest
import torch

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.errors import ModelError, TrainingError
from napari_colorizer.models.model import Model
from napari_colorizer.networks import GridNet, TwoStreamUNet
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.transfer import start_model, teach_classes, without_classes

OPTIONS = TrainOptions(data="set", name="new")
X = torch.linspace(-1, 1, 64 * 64).view(1, 1, 64, 64)
NEW_MAP = ClassMap(
    [Class(300, "Grass", "#4caf50"), Class(5, "moss", "#335522"), Class(6, "ship", "#aa2222", known_as="boat")]
)


@pytest.fixture
def options(library, tiny_model):
    library.mkdir()
    tiny_model.save(library / "tiny.safetensors")
    return replace(OPTIONS, start="tiny")


def both(*ids):
    """Both networks are to learn some classes."""
    return {"segmenter": ids, "colorizer": ids}


def labels_of(label):
    return torch.full((1, 64, 64), label)


def test_it_says_what_is_known_new_and_left_out(options):
    classes = ClassMap([*NEW_MAP, Class(7, "nothing", "#000000")])
    start = start_model(options, classes, both(5, 300))
    assert (start.kept, start.new, start.left_out) == (["Grass", "ship"], ["moss"], ["nothing"])
    assert start.model.classes.ids == (300, 5, 6)


def test_known_classes_are_predicted_and_colored_as_before(options, tiny_model):
    model = start_model(options, NEW_MAP, both(5)).model
    before, after = tiny_model.segmenter(X), model.segmenter(X)
    old, new = tiny_model.segmenter.config.ids, model.segmenter.config.ids
    for label, former in ((0, 0), (300, 2), (6, 7)):
        torch.testing.assert_close(after[:, new.index(label)], before[:, old.index(former)])
        torch.testing.assert_close(model.colorizer(X, labels_of(label)), tiny_model.colorizer(X, labels_of(former)))


def test_new_classes_begin_as_the_mean(options, tiny_model):
    model = start_model(options, NEW_MAP, both(5)).model
    vectors = tiny_model.colorizer.class_vectors.weight[1:]
    torch.testing.assert_close(model.colorizer.class_vectors.weight[2], vectors.mean(0))
    kernels = tiny_model.segmenter.last[3].weight
    torch.testing.assert_close(model.segmenter.last[3].weight[model.segmenter.config.ids.index(5)], kernels.mean(0))


def test_a_class_may_come_back_later(options, tiny_model, library):
    once = start_model(options, NEW_MAP, both(5)).model
    once.save(library / "once.safetensors")
    again = start_model(replace(options, start="once"), NEW_MAP, both()).model
    torch.testing.assert_close(once.segmenter(X), again.segmenter(X))
    torch.testing.assert_close(once.colorizer(X, labels_of(5)), again.colorizer(X, labels_of(5)))


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["paper", "authors"])
def test_where_a_class_is_a_gray_level_known_ones_keep_it(preset, library):
    library.mkdir()
    classes = ClassMap([Class(number, f"class {number}", "#123456") for number in range(1, 6)])
    network = TwoStreamUNet.preset(preset, classes.ids)
    Model("levels", classes, colorizer=network).save(library / "levels.safetensors")
    other = ClassMap([Class(2, "new", "#000000"), Class(9, "Class 4", "#000000"), Class(4, "newer", "#000000")])
    model = start_model(replace(OPTIONS, start="levels"), other, {"colorizer": [2, 4]}).model
    ids = model.colorizer.config.ids
    assert len(ids) == len(set(ids)) == 6
    assert ids.index(9) == 4
    assert {ids.index(2), ids.index(4)} <= {1, 2, 3, 5}
    torch.testing.assert_close(model.colorizer(X, labels_of(9)), network.eval()(X, labels_of(4)))


def test_more_classes_than_levels_make_more_levels():
    network = TwoStreamUNet.preset("paper", (1, 2))
    classes = ClassMap([Class(number, f"class {number}", "#123456") for number in range(1, 8)])
    assert set(teach_classes(network, classes, {1: 1, 2: 2}, classes.ids).config.ids) == set(range(8))


def test_a_forgotten_class_leaves_the_logits_of_the_others_as_they_were(tiny_model):
    network = tiny_model.segmenter.double()
    before, x = network(X.double()), X.double()
    after = without_classes(network, {2, 99}).double()
    assert after.config.ids == (0, 1, 7)
    assert after.config.head == 4
    torch.testing.assert_close(after(x), before[:, [0, 1, 3]], rtol=0, atol=1e-12)
    again = without_classes(after, [0]).double()
    torch.testing.assert_close(again(x), before[:, [1, 3]], rtol=0, atol=1e-12)


def test_not_every_class_can_be_forgotten(tiny_model):
    with pytest.raises(ValueError, match="at least one class"):
        without_classes(tiny_model.segmenter, tiny_model.segmenter.config.ids)


@pytest.fixture
def boatless(tiny_model, library):
    """An installed model that colors boats, but never predicts them."""
    library.mkdir()
    model = replace(tiny_model, segmenter=without_classes(tiny_model.segmenter, [7]))
    model.save(library / "boatless.safetensors")
    return model


def test_what_the_segmenter_lacks_begins_as_the_mean_where_label_maps_have_it(boatless):
    start = start_model(replace(OPTIONS, start="boatless"), NEW_MAP, both(6))
    segmenter = start.model.segmenter
    assert segmenter.config.ids == (0, 300, 6)
    torch.testing.assert_close(segmenter.last[3].weight[2], boatless.segmenter.last[3].weight.mean(0))
    torch.testing.assert_close(segmenter(X)[:, :2], boatless.segmenter(X)[:, [0, 2]])
    assert start.kept == ["Grass", "ship"]


def test_what_the_segmenter_lacks_stays_out_of_it_where_no_label_map_has_it(boatless):
    model = start_model(replace(OPTIONS, start="boatless"), NEW_MAP, both(5)).model
    assert model.segmenter.config.ids == (0, 300, 5)
    assert model.colorizer.config.ids == (0, 300, 5, 6)
    assert model.classes.ids == (300, 5, 6)


@pytest.mark.parametrize(("trained", "other"), [("segmenter", "colorizer"), ("colorizer", "segmenter")])
def test_a_network_that_is_not_trained_gets_no_new_class(options, trained, other):
    model = start_model(options, NEW_MAP, {trained: [5]}).model
    assert model.networks[trained].config.ids == (0, 300, 5, 6)
    assert model.networks[other].config.ids == (0, 300, 6)


def test_each_network_learns_what_the_photos_that_teach_it_show(options):
    start = start_model(options, NEW_MAP, {"segmenter": [5], "colorizer": []})
    assert (start.kept, start.new, start.left_out) == (["Grass", "ship"], ["moss"], [])
    assert start.model.predictable == {300, 5, 6}
    assert start.model.colorable == {300, 6}


@pytest.mark.parametrize(
    ("parts", "chroma_gain"), [(["segmenter"], 1.4), (["colorizer"], 1.0), (["segmenter", "colorizer"], 1.0)]
)
def test_a_colorizer_is_as_vivid_as_before_unless_it_is_trained(library, make_model, parts, chroma_gain):
    library.mkdir()
    make_model(chroma_gain=1.4, chroma_gain_unlabeled=0.5).save(library / "vivid.safetensors")
    start = start_model(replace(OPTIONS, start="vivid"), NEW_MAP, {part: [5] for part in parts})
    assert (start.model.chroma_gain, start.model.chroma_gain_unlabeled) == (chroma_gain, 0.5)


@pytest.mark.parametrize(("part", "confidence"), [("segmenter", 0.0), ("colorizer", 0.6)])
def test_a_segmenter_is_as_sure_as_before_unless_it_is_trained(library, make_model, part, confidence):
    library.mkdir()
    make_model(confidence=0.6).save(library / "sure.safetensors")
    assert start_model(replace(OPTIONS, start="sure"), NEW_MAP, {part: [5]}).model.confidence == confidence


def test_a_fresh_colorizer_has_no_chroma_gain_of_its_own(library, make_model):
    library.mkdir()
    make_model(colorizer=False, chroma_gain=1.4).save(library / "vivid.safetensors")
    assert start_model(replace(OPTIONS, start="vivid"), NEW_MAP, both(5)).model.chroma_gain == 1.0
    assert start_model(replace(OPTIONS, start="fresh"), NEW_MAP, both(5)).model.chroma_gain == 1.0


def test_a_segmenter_that_would_have_no_class_is_left_out(options):
    moss = ClassMap([Class(5, "moss", "#335522")])
    model = start_model(options, moss, {"colorizer": [5]}).model
    assert set(model.networks) == {"colorizer"}


def test_new_classes_of_a_colorizer_that_knows_none_begin_as_unlabeled():
    taught = teach_classes(TwoStreamUNet.preset("default", ()), NEW_MAP, {}, [5]).eval()
    torch.testing.assert_close(taught(X, labels_of(5)), taught(X))


def test_a_level_of_a_class_that_is_gone_is_not_that_of_one_that_only_the_segmenter_has():
    network = TwoStreamUNet.preset("paper", (1, 2))
    classes = ClassMap([Class(1, "mine", "#123456"), Class(3, "class 2", "#123456")])
    taught = teach_classes(network, classes, {3: 2})
    assert taught.config.ids[2] == 3
    assert 1 not in taught.config.ids


def test_a_fresh_network_has_only_classes_that_label_maps_have(library, make_model):
    library.mkdir()
    make_model(segmenter=False).save(library / "painter.safetensors")
    model = start_model(replace(OPTIONS, start="painter"), NEW_MAP, both(5, 300)).model
    assert model.segmenter.config.ids == (300, 5)
    assert model.colorizer.config.ids == (0, 300, 5, 6)


def test_a_class_that_no_network_knows_any_more_is_left_out(library, make_model):
    library.mkdir()
    model = make_model(colorizer=False)
    model.segmenter = without_classes(model.segmenter, [7])
    model.save(library / "boatless.safetensors")
    start = start_model(replace(OPTIONS, start="boatless"), NEW_MAP, both(5))
    assert (start.kept, start.new, start.left_out) == (["Grass"], ["moss"], ["ship"])


@pytest.mark.parametrize("preset", ["default", "paper"])
@pytest.mark.parametrize("parts", [("segmenter", "colorizer"), ("segmenter",), ("colorizer",)])
def test_fresh_networks_are_of_the_preset_and_those_to_train(preset, parts):
    present = {part: [300, 5] for part in parts}
    model = start_model(replace(OPTIONS, start="fresh", preset=preset), NEW_MAP, present).model
    assert tuple(model.networks) == parts
    if model.colorizer:
        assert model.colorizer.config == TwoStreamUNet.preset(preset, (300, 5)).config
    if model.segmenter:
        assert model.segmenter.config == GridNet.preset(preset, (300, 5)).config


def test_fresh_weights_are_a_function_of_the_seed():
    fresh = replace(OPTIONS, start="fresh")
    first, again, other = (start_model(replace(fresh, seed=seed), NEW_MAP, both(5)).model for seed in (1, 1, 2))
    assert torch.equal(first.colorizer(X), again.colorizer(X))
    assert not torch.equal(first.colorizer(X), other.colorizer(X))


def test_the_background_is_a_class_where_asked_for():
    model = start_model(replace(OPTIONS, start="fresh", background=True), NEW_MAP, both(5, 300)).model
    assert model.segmenter.config.ids == (0, 300, 5)


def test_what_there_is_not_is_said(options):
    with pytest.raises(ModelError, match="nobody"):
        start_model(replace(options, start="nobody"), NEW_MAP, both(5))
    with pytest.raises(TrainingError, match="not one pixel"):
        start_model(options, ClassMap([Class(5, "moss", "#335522")]), both())
