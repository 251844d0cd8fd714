"""A channel of guidance that the package does not know: added here, and heard from the hand to the network."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_colorizer.boxes import Box
from napari_colorizer.guidance import CHANNELS, GuidanceChannel
from napari_colorizer.networks import TwoStreamUNet, TwoStreamUNetConfig
from napari_colorizer.networks.incremental import IncrementalPass
from napari_colorizer.training.crop_dataset import CropDataset
from napari_colorizer.training.modules import ColorizerTraining
from napari_colorizer.training.options import TrainOptions

IDS = (0, 1, 2, 7)
DEEP = {"widths": (4, 6, 8, 8, 8), "decoder_widths": (8, 6, 6, 4)}  # a level more than ours has


class Edges(GuidanceChannel):
    """How sure a user is, in 0..1, that something ends at a pixel."""

    name = "edges"

    @staticmethod
    def planes(config):
        return 1

    def encode(self, said, dtype):
        return said[:, None].to(dtype)

    @classmethod
    def simulate(cls, crop, options, rng):
        down, across = np.gradient(crop["labels"].astype(np.float32))
        return ((down != 0) | (across != 0)).astype(np.float32)


@pytest.fixture
def network(monkeypatch):
    monkeypatch.setitem(CHANNELS, "edges", Edges)
    torch.manual_seed(0)
    config = TwoStreamUNetConfig(IDS, **DEEP, slope=0.1, embedding=3, stem=4, gated=True, guidance=("labels", "edges"))
    return TwoStreamUNet(config).eval()


@torch.inference_mode()
def test_edits_of_any_channel_are_followed_exactly(network):
    x, size = torch.rand(1, 1, 96, 128) * 2 - 1, (96, 128)
    labels, edges = torch.randint(0, 8, size), torch.zeros(size)
    incremental = IncrementalPass(network, network.encode_gray(x))
    assert incremental.update(labels, {"edges": edges}) == Box.of(size)
    assert incremental.update(labels, {"edges": edges.clone()}) is None
    for change in (lambda: edges[10:12, 20:30].fill_(1), lambda: labels[50:60].fill_(2), lambda: edges.fill_(0.5)):
        change()
        before = incremental.chroma.clone()
        assert incremental.update(labels, {"edges": edges}) is not None
        expected = network(x, labels[None], others={"edges": edges[None]})
        torch.testing.assert_close(incremental.chroma, expected, rtol=0, atol=1e-5)
        assert not torch.equal(before, incremental.chroma)


def test_a_session_hears_it_at_any_size(network, tiny_model):
    model, gray = replace(tiny_model, colorizer=network, working_size=64), np.full((90, 130), 128, np.uint8)
    session, edges = model.session(gray), np.zeros((90, 130))
    silent = session.chroma()
    assert np.array_equal(silent, session.chroma(guidance={"edges": edges}))  # absent is the same as nothing said
    edges[40:50] = 1
    heard = session.chroma(guidance={"edges": edges})
    assert not np.array_equal(heard, silent)
    np.testing.assert_allclose(heard, model.session(gray).chroma(guidance={"edges": edges}), atol=1e-4)
    np.testing.assert_allclose(session.chroma(), silent, atol=1e-4)
    with pytest.raises(ValueError, match=r"'edges' has the shape \(90, 13\), the image \(90, 130\)"):
        session.edit(guidance={"edges": edges[:, :13]})
    with pytest.raises(ValueError, match="the model hears labels, but no 'edges'"):
        tiny_model.session(gray).edit(guidance={"edges": edges})


def test_training_simulates_it(network, photos):
    options = TrainOptions(crop=64, aging=0.0, flips="none", drop_all=1.0, drop_classes=0.0, drop_outside=0.0)
    data = CropDataset(photos, options, network.config.guidance)
    crop = next(found for place in range(9) if (found := data[(1, place, 0)])["given edges"].any())
    assert not crop["given labels"].any()
    training = ColorizerTraining(network, options, 1)
    training.training_step({name: values[None] for name, values in crop.items()}, 0).backward()
    assert network.topology.guidance_stem[0].module.weight.grad[:, -1].any()


def test_a_config_that_names_no_labels_or_what_is_not_known_is_refused():
    for guidance in ((), ("edges",), ("labels", "labels"), ("labels", "smell")):
        with pytest.raises(ValueError, match="guidance must be labels and others of labels"):
            TwoStreamUNetConfig(IDS, (4,), (), guidance=guidance)
