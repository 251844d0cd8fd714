import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from napari_colorizer.boxes import Box
from napari_colorizer.networks import TwoStreamUNet, TwoStreamUNetConfig
from napari_colorizer.networks.incremental import IncrementalPass, begin_together

EXACT = {"rtol": 0, "atol": 1e-5}
SLIM = {
    "default": {"widths": (4, 6, 8, 10), "decoder_widths": (8, 6, 4), "embedding": 3, "stem": 4, "context": 1},
    "paper": {"widths": (4, 6, 8), "decoder_widths": (12, 8)},
    "authors": {"widths": (3, 4, 5, 5), "decoder_widths": (8, 6, 5), "slope": 0.1},
    "gated": {"widths": (4, 6, 8, 10), "decoder_widths": (8, 6, 4), "embedding": 3, "stem": 4, "gated": True},
    "no skip": {"widths": (4,), "decoder_widths": ()},
    "stem, one level": {"widths": (4,), "decoder_widths": (), "stem": 4},
}


def slim(name):
    torch.manual_seed(0)
    network = TwoStreamUNet(TwoStreamUNetConfig(ids=range(9), **SLIM[name])).eval()
    for layer in network.topology.guidance:
        if layer.gate is not None:
            nn.init.normal_(layer.gate.weight)  # a fresh one lets all through
    return network


def begin(network, height, width):
    stride = network.config.stride
    x = torch.rand(1, 1, height * stride, width * stride) * 2 - 1
    return x, IncrementalPass(network, network.encode_gray(x))


def edits(shape):
    spans = [st.tuples(st.integers(0, size - 1), st.integers(1, size)) for size in shape]
    return st.lists(st.tuples(*spans, st.integers(0, 8)), max_size=5)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(sorted(SLIM)), st.integers(2, 6), st.integers(2, 6))
@torch.inference_mode()
def test_any_sequence_of_edits_ends_where_a_whole_pass_does(data, name, height, width):
    network = slim(name)
    x, incremental = begin(network, height, width)
    labels = torch.randint(0, 9, x.shape[2:])
    incremental.update(labels)
    for (top, rows), (left, columns), label in data.draw(edits(labels.shape)):
        before = incremental.chroma.clone()
        labels[top : top + rows, left : left + columns] = label
        box = incremental.update(labels)
        torch.testing.assert_close(incremental.chroma, network(x, labels[None]), **EXACT)
        if box is not None:
            before[..., box.top : box.bottom, box.left : box.right] = incremental.chroma[
                ..., box.top : box.bottom, box.left : box.right
            ]
        assert torch.equal(before, incremental.chroma)


@pytest.mark.parametrize("name", sorted(SLIM))
@torch.inference_mode()
def test_several_images_in_one_pass_have_the_chroma_of_each_and_can_be_edited_afterwards(name):
    network = slim(name)
    images = [begin(network, 3, 4) for _ in range(3)]
    labels = [torch.randint(0, 9, x.shape[2:]) for x, _ in images]
    begin_together([incremental for _, incremental in images], labels, [{}] * 3)
    for (x, incremental), own in zip(images, labels, strict=True):
        torch.testing.assert_close(incremental.chroma, network(x, own[None]), **EXACT)
        own[:5, :7] = 3
        assert incremental.update(own) == Box.of(own.shape)
        torch.testing.assert_close(incremental.chroma, network(x, own[None]), **EXACT)


@pytest.mark.parametrize("name", ["default", "paper", "authors"])
@torch.inference_mode()
def test_the_presets_are_followed_exactly(name):
    torch.manual_seed(0)
    network = TwoStreamUNet.preset(name, range(1, 40)).eval()
    x, incremental = begin(network, 4, 6)
    labels = torch.randint(0, 40, x.shape[2:])
    incremental.update(labels)
    labels[40:44, 9:12] = 7
    incremental.update(labels)
    torch.testing.assert_close(incremental.chroma, network(x, labels[None]), **EXACT)


@torch.inference_mode()
def test_the_same_labels_are_no_change():
    x, incremental = begin(slim("default"), 3, 3)
    labels = torch.zeros(x.shape[2:], dtype=torch.int64)
    assert incremental.update(labels) == Box.of(labels.shape)
    assert incremental.update(labels.clone()) is None


@pytest.mark.parametrize("name", sorted(SLIM))
@torch.inference_mode()
def test_an_edit_spreads_as_far_as_the_reach_says(name):
    network = slim(name)
    reach, stride = network.config.reach, network.config.stride
    x, incremental = begin(network, 2 * (reach // stride + 2), 2)
    labels = torch.zeros(x.shape[2:], dtype=torch.int64)
    spread = 0
    for place in range(stride):
        row = len(labels) // 2 + place
        incremental.update(labels)
        edited = labels.clone()
        edited[row] = 3
        box = incremental.update(edited)
        spread = max(spread, row - box.top, box.bottom - 1 - row)
    assert spread == reach
