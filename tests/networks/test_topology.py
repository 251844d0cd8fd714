"""The layers of the colorizer are listed once: what follows from that list, for its own and for others."""

from dataclasses import asdict, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from napari_colorizer.networks import TwoStreamUNet, TwoStreamUNetConfig
from napari_colorizer.networks.incremental import IncrementalPass
from napari_colorizer.networks.local import Layer

PRESETS = ["paper", "authors", "default"]
SLIM = TwoStreamUNetConfig(ids=range(60), widths=(2, 2, 3), decoder_widths=(2, 6))


class Deeper(TwoStreamUNetConfig):
    """One level more than any preset behind a stem, and a level with a layer of other kinds."""

    def topology(self):
        topology = super().topology()
        width = self.widths[1]
        extra = Layer("encoder.1.extra", nn.Conv2d(width, width, 5, padding=4, dilation=2), nn.GELU())
        topology.encoder[1].insert(1, extra)
        topology.decoder.insert(-2, Layer("finish", nn.Conv2d(self.decoder_widths[-1], 5, 3, padding=1), nn.ELU()))
        topology.decoder[-2] = Layer("final", nn.Conv2d(5, 2, 1))
        return topology


DEEPER = Deeper(ids=range(60), widths=(3, 4, 5, 6, 7), decoder_widths=(12, 5, 8, 4), embedding=2, stem=3, context=1)


class Normalized(TwoStreamUNetConfig):
    """A norm that the pass over a box cannot do."""

    def topology(self):
        topology = super().topology()
        topology.decoder.insert(1, Layer("decoder.0.norm", nn.InstanceNorm2d(2)))
        return topology


class Doubled(TwoStreamUNetConfig):
    def topology(self):
        topology = super().topology()
        topology.decoder.append(Layer("final", nn.Conv2d(2, 2, 1)))
        return topology


@torch.inference_mode()
def measured_reach(network, axis):
    """How far a change of one label, at every alignment, changes the output along one axis."""
    network = network.double()
    for weight in network.parameters():
        weight.abs_()  # nothing cancels out
    stride, far = network.config.stride, -(-network.config.reach // network.config.stride) + 1
    length = (2 * far + 1) * stride
    shape = (2 * stride, length) if axis == 1 else (length, 2 * stride)
    like = torch.zeros(1, 1, *shape, dtype=torch.double)
    gray, background = network.encode_gray(like), torch.full((1, *shape), 58)

    def predict(labels):
        return network.decode(gray, labels)[0]

    before, reach = predict(background), 0
    for place in range(far * stride, (far + 1) * stride):
        labels = background.clone()
        labels.select(axis + 1, place)[:, stride // 2] = 59
        changed = (predict(labels) != before).any(0).any(1 - axis).nonzero()[:, 0]
        assert changed[0] > 0  # no border hides a part
        assert changed[-1] < length - 1
        reach = max(reach, place - int(changed[0]), int(changed[-1]) - place)
    return reach


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("name", "reach"), [("paper", 78), ("authors", 158), ("default", 79)])
def test_the_reach_is_as_measured(name, reach, axis, preset):
    config = preset(TwoStreamUNet, name).config
    slimmer = {name: tuple(n // 16 for n in getattr(config, name)) for name in ("widths", "decoder_widths")}
    assert measured_reach(TwoStreamUNet(replace(config, **slimmer)), axis) == config.reach == reach


@pytest.mark.parametrize("config", [SLIM, replace(SLIM, stem=2, embedding=2), DEEPER], ids=["slim", "stem", "deeper"])
def test_the_reach_of_other_networks_is_as_measured(config):
    torch.manual_seed(0)
    assert measured_reach(TwoStreamUNet(config), 1) == config.reach


def test_another_level_doubles_the_stride_and_another_layer_reaches_further(preset):
    level_more = TwoStreamUNetConfig(**asdict(DEEPER))
    assert level_more.stride == 2 * preset(TwoStreamUNet, "default").config.guidance_stride
    assert preset(TwoStreamUNet, "default").config.reach < level_more.reach < DEEPER.reach


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(2, 5), st.integers(2, 5))
@torch.inference_mode()
def test_a_network_of_other_layers_is_followed_exactly(data, height, width):
    torch.manual_seed(0)
    network = TwoStreamUNet(DEEPER).eval()
    x = torch.rand(1, 1, 32 * height, 32 * width) * 2 - 1
    labels = torch.randint(0, 60, x.shape[2:])
    incremental = IncrementalPass(network, network.encode_gray(x))
    incremental.update(labels)
    for _ in range(3):
        top, bottom, left, right = (
            edge for size in labels.shape for edge in sorted(data.draw(st.tuples(*[st.integers(0, size)] * 2)))
        )
        labels[top:bottom, left:right] = data.draw(st.integers(0, 59))
        incremental.update(labels)
        torch.testing.assert_close(incremental.chroma, network(x, labels[None]), rtol=0, atol=1e-5)


def test_other_layers_are_trained_and_stored_like_all():
    names = set(TwoStreamUNet(DEEPER).state_dict())
    assert {"encoder.1.extra.weight", "encoder.1.extra.bias", "finish.weight", "finish.bias"} < names
    assert TwoStreamUNet(DEEPER).with_classes(range(9), range(9)).config.topology().decoder[-3].name == "finish"


def test_a_layer_that_cannot_be_followed_is_refused_when_the_network_is_built():
    with pytest.raises(ValueError, match=r"layer 'decoder\.0\.norm': .* InstanceNorm2d"):
        TwoStreamUNet(Normalized(ids=(0, 1), widths=(2, 2), decoder_widths=(2,)))


def test_two_layers_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two layers 'final'"):
        TwoStreamUNet(Doubled(ids=(0, 1), widths=(2, 2), decoder_widths=(2,)))


def test_tensors_keep_the_names_and_the_order_that_model_files_and_optimizers_know_them_by():
    config = TwoStreamUNetConfig(ids=(0, 1), widths=(2, 4), decoder_widths=(2,), embedding=3, stem=5, context=1)
    shapes = {name: tuple(tensor.shape) for name, tensor in TwoStreamUNet(config).named_parameters()}
    expected = {
        "class_vectors.weight": (2, 3),
        "gray_stem.weight": (5, 1, 3, 3),
        "guidance_stem.weight": (5, 3, 3, 3),
        "encoder.0.conv1.weight": (2, 5, 3, 3),
        "encoder.0.conv2.weight": (2, 2, 3, 3),
        "encoder.1.conv1.weight": (4, 2, 3, 3),
        "encoder.1.conv2.weight": (4, 4, 3, 3),
        "context.0.conv1.weight": (2, 4, 3, 3),
        "context.0.whole.weight": (2, 4),
        "context.0.conv2.weight": (4, 2, 3, 3),
        "decoder.0.conv1.weight": (8, 2, 3, 3),
        "decoder.0.project.weight": (2, 4, 1, 1),
        "decoder.0.conv2.weight": (2, 2, 3, 3),
        "final.weight": (2, 2, 3, 3),
    }
    assert list(shapes.items()) == list(expected.items())
    assert list(TwoStreamUNet(config).state_dict()) == list(expected)
