"""What every network must pass: a test that asks for `check` runs once with each check below."""

import copy
import dataclasses
import functools
import json

import numpy as np
import pytest
import torch

from napari_colorizer.networks import TwoStreamUNet

IDS = tuple(range(1, 60))


@pytest.fixture
def preset():
    return build_preset


@functools.cache
def build_preset(kind, name):
    torch.manual_seed(0)
    return kind.preset(name, IDS).eval()


@pytest.fixture
def gray_input():
    return make_gray


def make_gray(network, rows=2, columns=3, batch=2):
    stride = network.config.stride
    return torch.rand(batch, 1, rows * stride, columns * stride, generator=torch.Generator().manual_seed(1)) * 2 - 1


@torch.no_grad()
def output_has_the_size_of_the_input(network):
    channels = 2 if isinstance(network, TwoStreamUNet) else len(network.config.ids)
    for rows, columns in ((2, 2), (2, 5), (3, 2)):
        x = make_gray(network, rows, columns)
        assert network(x).shape == (2, channels, *x.shape[-2:])
        assert network(x).isfinite().all()


@torch.no_grad()
def eval_is_deterministic(network):
    x = make_gray(network)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    assert torch.equal(network(x), network(x))
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


@torch.no_grad()
def images_of_a_batch_do_not_mix(network):
    x = make_gray(network)
    torch.testing.assert_close(network(x)[1:], network(x[1:]), atol=1e-3, rtol=1e-3)


@torch.no_grad()
def config_and_state_rebuild_it(network):
    stored = json.loads(json.dumps(dataclasses.asdict(network.config)))
    config = type(network.config)(**stored)
    assert config == network.config
    assert hash(config) == hash(network.config)
    again = type(network)(config).eval()
    again.load_state_dict(network.state_dict(), strict=True)
    assert torch.equal(again(make_gray(network)), network(make_gray(network)))


def every_weight_gets_a_gradient(network):
    network = copy.deepcopy(network).train().requires_grad_(True)
    x = make_gray(network)
    inputs = [x]
    if isinstance(network, TwoStreamUNet):
        inputs.append(torch.randint(1, 60, x[:, 0].shape, generator=torch.Generator().manual_seed(2)))
    network(*inputs).square().mean().backward()
    without = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert without == []


@torch.no_grad()
def unknown_ids_act_like_id_0(network):
    if not isinstance(network, TwoStreamUNet):
        return
    x = make_gray(network)
    labels = torch.zeros_like(x[:, 0], dtype=torch.int64)
    nothing = network(x)
    assert torch.equal(network(x, labels), nothing)
    for label in (60, -1, 10**12, -(10**12)):
        assert torch.equal(network(x, labels + label), nothing)
    assert not torch.equal(network(x, labels + 59), nothing)


def classes_from_numpy_are_plain_numbers(network):
    again = type(network).preset("default", np.arange(5))
    assert again.config.ids == (0, 1, 2, 3, 4)
    assert json.loads(json.dumps(dataclasses.asdict(again.config)))["ids"] == [0, 1, 2, 3, 4]


def a_wrong_config_is_refused(network):
    for ids in ((), (0, 1, 1)):
        with pytest.raises(ValueError, match="at least one class, each once"):
            dataclasses.replace(network.config, ids=ids)
    with pytest.raises(ValueError, match="unknown preset 'huge'; there are paper, authors, default"):
        type(network).preset("huge", IDS)
    with pytest.raises(dataclasses.FrozenInstanceError):
        network.config.ids = (1,)


CHECKS = [
    output_has_the_size_of_the_input,
    eval_is_deterministic,
    images_of_a_batch_do_not_mix,
    config_and_state_rebuild_it,
    every_weight_gets_a_gradient,
    unknown_ids_act_like_id_0,
    classes_from_numpy_are_plain_numbers,
    a_wrong_config_is_refused,
]


@pytest.fixture(params=CHECKS, ids=lambda check: check.__name__)
def check(request):
    return request.param
