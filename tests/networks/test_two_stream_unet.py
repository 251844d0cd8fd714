from dataclasses import replace

import pytest
import torch
from torch import nn

from napari_colorizer.networks import TwoStreamUNet, TwoStreamUNetConfig, measure_cost, two_stream_unet

PRESETS = ["paper", "authors", "default"]
IDS = range(1, 60)


@pytest.fixture
def seen_by_the_encoder():
    """The guidance that enters the shared encoder for a label map."""

    def capture(network, labels):
        with torch.no_grad():
            gray = network.encode_gray(torch.zeros(1, 1, *labels.shape[-2:]))
            return inputs_of(network, "encoder.0.conv1", lambda: network.decode(gray, labels))[0]

    return capture


def inputs_of(network, layer, run):
    """What a layer gets while something runs."""
    seen = []
    hook = network.get_submodule(layer).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    run()
    hook.remove()
    return seen


def random_labels(x, seed=0):
    return torch.randint(0, 60, x[:, 0].shape, generator=torch.Generator().manual_seed(seed))


def slim(config, factor=16):
    """The same layers with fewer channels: the reach is the same."""
    slimmer = {name: tuple(n // factor for n in getattr(config, name)) for name in ("widths", "decoder_widths")}
    return replace(config, **slimmer)


@pytest.mark.parametrize("name", PRESETS)
def test_it_is_a_network(name, preset, check):
    check(preset(TwoStreamUNet, name))


@pytest.mark.parametrize(("name", "parameters", "gflop"), [("paper", 14.1, 87.2), ("authors", 37.7, 100.9)])
def test_the_published_costs_are_met(name, parameters, gflop, preset):
    cost = measure_cost(preset(TwoStreamUNet, name))
    assert (round(cost.parameters / 1e6, 1), round(cost.gflop, 1)) == (parameters, gflop)


def test_the_default_keeps_its_budget(preset):
    cost = measure_cost(preset(TwoStreamUNet, "default"))
    assert (round(cost.parameters / 1e6, 2), round(cost.gflop, 2)) == (5.45, 9.79)
    assert cost.reach == 79


@pytest.mark.parametrize(
    ("name", "stride", "of_guidance"), [("paper", 16, 16), ("authors", 32, 32), ("default", 32, 16)]
)
def test_the_stride_is_that_of_the_deepest_level_or_of_the_image_encoder(name, stride, of_guidance, preset):
    config = preset(TwoStreamUNet, name).config
    assert (config.stride, config.guidance_stride) == (stride, of_guidance)


@pytest.mark.parametrize("name", PRESETS)
@torch.no_grad()
def test_the_parts_together_are_the_whole(name, preset, gray_input):
    network = preset(TwoStreamUNet, name)
    x = gray_input(network)
    gray = network.encode_gray(x)
    for seed in range(2):  # gray features serve any labels
        labels = random_labels(x, seed)
        parts = network.decode(gray, labels)
        assert torch.equal(parts, network(x, labels))
        assert not torch.equal(parts, network(x))


@pytest.mark.parametrize("name", PRESETS)
@torch.no_grad()
def test_gray_features_are_normalized_and_guidance_features_are_not(name, preset, gray_input):
    config = preset(TwoStreamUNet, name).config
    network = TwoStreamUNet(replace(slim(config), image_encoder="", context=0))  # nothing comes on top of them
    x = gray_input(network, 4, 4)
    gray = network.encode_gray(x)
    for features in gray:
        torch.testing.assert_close(features.mean((2, 3)), torch.zeros(features.shape[:2]), atol=1e-4, rtol=0)
        assert features.var((2, 3), unbiased=False).max() < 1 + 1e-4
    for level in range(len(config.widths)):
        (features,) = inputs_of(network, f"encoder.{level}.conv2", lambda: network.decode(gray, random_labels(x)))
        assert features.mean((2, 3)).abs().max() > 0.01


@pytest.mark.parametrize("name", PRESETS)
@torch.no_grad()
def test_labels_never_reach_the_gray_features(name, preset, gray_input):
    network = preset(TwoStreamUNet, name)
    x, layer = gray_input(network), f"decoder.{len(network.config.decoder_widths) - 1}.project"
    seen = inputs_of(network, layer, lambda: (network(x), network(x, random_labels(x))))
    without, labeled = (skip.chunk(2, dim=1) for skip in seen)
    assert torch.equal(without[0], labeled[0])
    assert not torch.equal(without[1], labeled[1])


@torch.no_grad()
def test_contrast_changes_gray_features_little(preset, gray_input):
    network = preset(TwoStreamUNet, "default")
    x = gray_input(network, 6, 6)
    for features, halved in zip(network.encode_gray(x), network.encode_gray(x / 2), strict=True):
        assert (features - halved).abs().mean() < 0.01
    for features, shifted in zip(network.encode_gray(x), network.encode_gray(x / 2 + 0.3), strict=True):
        assert (features - shifted).abs().mean() > 0.05


@pytest.mark.parametrize("name", PRESETS)
@torch.no_grad()
def test_contrast_changes_nothing_but_for_the_norm_s_epsilon(name, preset, gray_input, monkeypatch):
    monkeypatch.setattr(two_stream_unet, "INSTANCE_NORM_EPS", 1e-30)
    network = TwoStreamUNet(slim(preset(TwoStreamUNet, name).config)).double()
    x = gray_input(network, 4, 4).double()
    for features, halved in zip(network.encode_gray(x), network.encode_gray(x / 2), strict=True):
        torch.testing.assert_close(features, halved)


@pytest.mark.parametrize("name", ["paper", "authors"])
@pytest.mark.parametrize("ids", [tuple(range(60)), (0, 9, 5, 300)])
def test_guidance_is_the_rank_from_minus_1_to_1(name, ids, preset, seen_by_the_encoder):
    network = TwoStreamUNet(slim(replace(preset(TwoStreamUNet, name).config, ids=ids)))
    labels = torch.zeros(1, 64, 64, dtype=torch.int64)
    labels[0, 0, : len(ids)] = torch.tensor(ids)
    expected = 2 * torch.arange(len(ids)) / (len(ids) - 1) - 1
    torch.testing.assert_close(seen_by_the_encoder(network, labels)[0, 0, 0, : len(ids)], expected)


def test_an_unlabeled_pixel_is_no_class_vector(preset, seen_by_the_encoder):
    network = preset(TwoStreamUNet, "default")
    assert not seen_by_the_encoder(network, torch.zeros(1, 32, 32, dtype=torch.int64)).any()
    assert seen_by_the_encoder(network, torch.ones(1, 32, 32, dtype=torch.int64)).any()


@pytest.mark.parametrize("classes", [(3, 5), (0, 3, 5), (3, 0, 5), (3, 5, 0)])
def test_unlabeled_has_rank_0(classes):
    assert TwoStreamUNet.preset("default", classes).config.ids == (0, 3, 5)


def test_what_follows_the_labels_has_no_norm_and_no_bias(preset):
    for name in PRESETS:
        network = preset(TwoStreamUNet, name)
        modules = [layer.module for layer in network.topology.guidance]
        assert not [module for module in modules if isinstance(module, nn.modules.batchnorm._NormBase | nn.GroupNorm)]
        assert all(module.bias is None for module in modules if isinstance(module, nn.Conv2d | nn.ConvTranspose2d))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"decoder_widths": (2, 2)}, "one entry fewer"),
        ({"embedding": 4}, "set stem, too"),
    ],
)
def test_parts_that_do_not_fit_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        TwoStreamUNetConfig(**{"ids": (0,), "widths": (2, 2), "decoder_widths": (2,), **wrong})


@pytest.fixture
def variant(preset):
    """A slim default network with some of its config changed."""

    def build(**changes):
        torch.manual_seed(0)
        return TwoStreamUNet(replace(slim(preset(TwoStreamUNet, "default").config, 8), **changes)).eval()

    return build


@torch.no_grad()
def test_without_the_norm_contrast_scales_the_gray_features(variant, gray_input):
    network = variant(gray_norm=False, context=0, image_encoder="")
    x = gray_input(network, 4, 4)
    for features, halved in zip(network.encode_gray(x), network.encode_gray(x / 2), strict=True):
        torch.testing.assert_close(features / 2, halved)


@torch.no_grad()
def test_a_class_index_may_go_through_a_stem(variant, gray_input):
    network = variant(embedding=0)
    x = gray_input(network)
    labels = random_labels(x)
    assert not torch.equal(network(x, labels), network(x, (labels + 1) % 60))


@pytest.mark.parametrize("name", PRESETS)
@torch.no_grad()
def test_hints_correct_the_chroma_of_any_network(name, preset, gray_input):
    network = preset(TwoStreamUNet, name)
    x, hints = gray_input(network), torch.zeros(1, 3)[..., None, None]
    labels, hints = random_labels(x), hints.expand(-1, -1, *x.shape[-2:])
    assert torch.equal(network(x, labels, hints), network(x, labels))
    hints = hints.clone()
    hints[..., 5, 7] = torch.tensor([0.5, -0.5, 1.0])
    torch.testing.assert_close(network(x, labels, hints)[0, :, 5, 7], hints[0, :2, 5, 7], atol=0.01, rtol=0)


@torch.no_grad()
def test_context_blocks_begin_faint_and_carry_across_the_image(variant, gray_input):
    network = variant(context=2)
    x = gray_input(network, 8, 2)
    with_context, without = network(x), gray_only(network, x)
    assert 0 < (with_context - without).std() < 0.3 * without.std()
    features = torch.rand(1, network.config.widths[-1], 8, 8)
    changed = features.clone()
    changed[..., 0, 0] += 1
    assert len(network.context) == 2
    for block in network.context:
        nn.init.normal_(block.conv2.weight)
        far = (block(changed) - block(features))[..., 4:, 4:]  # two 3 x 3 kernels reach two places
        assert far.abs().max() > 1e-3


def gray_only(network, x):
    """The network's result without its context blocks."""
    blocks, network.context = network.context, nn.ModuleList()
    result = network(x)
    network.context = blocks
    return result


@torch.no_grad()
def test_context_blocks_keep_what_contrast_must_not_change(variant, gray_input, monkeypatch):
    monkeypatch.setattr(two_stream_unet, "INSTANCE_NORM_EPS", 1e-30)
    network = variant(context=2).double()
    for block in network.context:
        nn.init.normal_(block.conv2.weight)
    x = gray_input(network, 4, 4).double()
    torch.testing.assert_close(network(x), network(x / 2))
