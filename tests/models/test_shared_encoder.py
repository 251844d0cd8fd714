import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.errors import ModelError
from napari_colorizer.models.file import read_model
from napari_colorizer.models.header import METADATA_KEY
from napari_colorizer.models.model import Model
from napari_colorizer.networks import GridNet, TwoStreamUNet, measure_cost
from napari_colorizer.networks.gridnet import PRESETS as GRIDS
from napari_colorizer.networks.two_stream_unet import PRESETS as UNETS

GRAY = np.random.default_rng(0).integers(0, 256, (70, 90), np.uint8)
CLASSES = ClassMap([Class(1, "sky", "#87ceeb"), Class(2, "grass", "#4caf50")])


def build(seed=0, other_encoder=False):
    torch.manual_seed(seed)
    grid = replace(GRIDS["default"], ids=(1, 2), widths=(4, 4, 4, 8), head=4, image_encoder="lite0")
    unet = replace(UNETS["default"], ids=(0, 1, 2), widths=(4, 4, 8, 8), decoder_widths=(8, 4, 4), embedding=4, stem=4)
    segmenter, colorizer = GridNet(grid), TwoStreamUNet(unet)
    if not other_encoder:
        colorizer.image_encoder.load_state_dict(segmenter.image_encoder.state_dict())
    return Model("seeing", CLASSES, segmenter, colorizer, working_size=96)


def passes_of(model, monkeypatch):
    """Counts the passes through the image encoders of a model."""
    counted = []
    for encoder in {id(net.image_encoder): net.image_encoder for net in model.networks.values()}.values():
        plain = encoder._features
        monkeypatch.setattr(encoder, "_features", lambda *given, plain=plain: counted.append(1) or plain(*given))
    return counted


def test_one_pass_serves_both_networks(monkeypatch):
    model = build()
    assert model.shares_encoder
    counted = passes_of(model, monkeypatch)
    labels = model.segment(GRAY)
    session = model.session(GRAY)
    session.colorize(labels)
    session.colorize(np.full_like(labels, 2))
    assert len(counted) == 2, "of the image, and of its mirror image for the labels"
    model.segment(GRAY[:, ::-1])
    assert len(counted) == 4


def test_what_a_network_costs_does_not_depend_on_the_other():
    model = build()
    together = [measure_cost(model.networks[part], 96).gflop for part in ("segmenter", "colorizer")]
    alone = [measure_cost(build().networks[part], 96).gflop for part in ("segmenter", "colorizer")]
    assert together == alone


def test_encoders_that_differ_stay_two(monkeypatch):
    model = build(other_encoder=True)
    assert not model.shares_encoder
    counted = passes_of(model, monkeypatch)
    model.colorize(GRAY, model.segment(GRAY))
    assert len(counted) == 3


@pytest.mark.parametrize("half", [False, True])
def test_the_file_holds_it_once(tmp_path, half):
    path, model = tmp_path / "seeing.safetensors", build()
    model.save(path, half)
    names = load_file(path).keys()
    assert any(name.startswith("segmenter.image_encoder.") for name in names)
    assert not any(name.startswith("colorizer.image_encoder.") for name in names)
    again = read_model(path)
    assert again.shares_encoder
    tolerance = 1 if half else 0
    assert np.abs(again.colorize(GRAY).astype(int) - model.colorize(GRAY)).max() <= tolerance


def test_a_file_with_two_encoders_or_one_network_comes_back(tmp_path):
    for model in (build(other_encoder=True), replace(build(), segmenter=None), replace(build(), colorizer=None)):
        model.save(tmp_path / "m.safetensors")
        again = read_model(tmp_path / "m.safetensors")
        for part, network in model.networks.items():
            for name, tensor in network.state_dict().items():
                assert torch.equal(again.networks[part].state_dict()[name], tensor)


def test_each_part_of_a_file_says_its_type(tmp_path):
    path = tmp_path / "m.safetensors"
    build().save(path)
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()[METADATA_KEY])
    assert {part: config["type"] for part, config in header["networks"].items()} == {
        "segmenter": "GridNet",
        "colorizer": "TwoStreamUNet",
    }
    header["networks"]["segmenter"]["type"] = "SomethingElse"
    save_file(load_file(path), path, {METADATA_KEY: json.dumps(header)})
    with pytest.raises(ModelError, match="SomethingElse"):
        read_model(path)


def test_contrast_changes_neither_labels_nor_colors():
    model = build()
    x = torch.rand(1, 1, 64, 96) * 2 - 1
    with torch.inference_mode():
        for network in model.networks.values():
            torch.testing.assert_close(network(0.4 * x), network(x), atol=5e-3, rtol=5e-3)
