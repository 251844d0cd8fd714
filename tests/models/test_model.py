from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.errors import ModelError
from napari_colorizer.models.model import Model
from napari_colorizer.networks import GridNet, GridNetConfig

GRAY = np.linspace(0, 1, 40 * 56, dtype=np.float32).reshape(40, 56)


def test_a_model_needs_a_network():
    with pytest.raises(ModelError, match="'empty' has neither a segmenter nor a colorizer"):
        Model("empty", ClassMap())


def test_networks_of_a_model_are_ready_for_use(tiny_model):
    for network in tiny_model.networks.values():
        assert not network.training
        assert not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("part", ["segmenter", "colorizer"])
def test_a_model_lists_only_the_networks_it_has(make_model, part):
    other = {"segmenter": "colorizer", "colorizer": "segmenter"}[part]
    assert list(make_model(**{other: False}).networks) == [part]


def test_labels_are_ids_of_the_model(tiny_model):
    labels = tiny_model.segment(GRAY)
    assert labels.shape == GRAY.shape
    assert labels.dtype == np.uint8
    assert set(np.unique(labels)) <= set(tiny_model.segmenter.config.ids)


def test_a_model_tells_which_classes_it_can_predict_and_color(make_model):
    model = make_model()
    assert model.predictable == model.colorable == {1, 2, 7}, "0 is no class of the class map"
    model.classes = model.classes.with_class(Class(9, "moss", "#335522")).without(2)
    model.segmenter = GridNet(GridNetConfig((0, 1, 9), (4,), columns=2))
    assert (model.predictable, model.colorable) == ({1, 9}, {1, 7})


def test_without_a_network_nothing_is_predictable_or_colorable(make_model):
    assert make_model(segmenter=False).predictable == frozenset()
    assert make_model(colorizer=False).colorable == frozenset()


def test_labels_with_large_ids_have_16_bits(tiny_model):
    config = GridNetConfig((300, 60000), (4,), columns=2)
    labels = Model("large", tiny_model.classes, segmenter=GridNet(config)).segment(GRAY)
    assert labels.dtype == np.uint16
    assert set(np.unique(labels)) <= {300, 60000}


def test_colors_follow_the_labels(tiny_model):
    labels = np.full(GRAY.shape, 7)
    colored = tiny_model.colorize(GRAY, labels)
    assert colored.shape == (*GRAY.shape, 3)
    assert colored.dtype == np.uint8
    assert not np.array_equal(colored, tiny_model.colorize(GRAY))


def test_a_session_gives_the_colors_of_the_model(tiny_model):
    labels = np.zeros(GRAY.shape, np.uint8)
    labels[10:30, 5:20] = 2
    session = tiny_model.session(GRAY)
    session.colorize()
    np.testing.assert_array_equal(session.colorize(labels), tiny_model.colorize(GRAY, labels))


def test_no_labels_are_unlabeled_everywhere(tiny_model):
    np.testing.assert_array_equal(tiny_model.colorize(GRAY), tiny_model.colorize(GRAY, np.zeros(GRAY.shape, np.uint16)))


def test_a_model_without_segmenter_says_so(make_model):
    model = make_model("painter", segmenter=False)
    with pytest.raises(ModelError, match=r"'painter' has no segmenter.*paint the labels by hand"):
        model.segment(GRAY)
    assert model.colorize(GRAY).shape == (*GRAY.shape, 3)


@pytest.mark.parametrize("task", ["colorize", "session", "require_colorizer"])
def test_a_model_without_colorizer_says_so(make_model, task):
    model = make_model("reader", colorizer=False)
    arguments = () if task == "require_colorizer" else (GRAY,)
    with pytest.raises(ModelError, match=r"'reader' has no colorizer.*Choose another model"):
        getattr(model, task)(*arguments)
    assert model.segment(GRAY).shape == GRAY.shape


def test_a_model_is_at_home_on_the_cpu(tiny_model):
    assert tiny_model.on(torch.device("cpu")) is tiny_model


def test_a_copy_on_another_device_is_made_once(tiny_model):
    there = torch.device("meta")
    copy = tiny_model.on(there)
    assert copy is tiny_model.on(there)
    assert {parameter.device for parameter in copy.colorizer.parameters()} == {there}
    assert {parameter.device.type for parameter in tiny_model.colorizer.parameters()} == {"cpu"}
    assert copy.name == tiny_model.name


def test_a_replaced_model_has_copies_of_its_own(make_model):
    before, there = make_model(), torch.device("meta")
    before.on(there)
    after = replace(before, colorizer=make_model(seed=1).colorizer, chroma_gain=2.0)
    after.colorizer.marked = True
    moved = after.on(there)
    assert moved is not before.on(there)
    assert moved.colorizer.marked
    assert (moved.chroma_gain, before.on(there).chroma_gain) == (2.0, 1.0)
    assert after.on(there) is moved
