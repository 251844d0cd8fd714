import pytest
import torch

from napari_colorizer.classes import ClassMap
from napari_colorizer.models.model import Model
from napari_colorizer.networks import GridNet, TwoStreamUNet


@pytest.fixture(scope="session")
def model():
    """Both default networks with random weights, for the 59 classes of PASCAL-Context."""
    torch.manual_seed(0)
    networks = GridNet.preset("default", range(60)), TwoStreamUNet.preset("default", range(1, 60))
    return Model("random", ClassMap.pascal_context(), *networks, working_size=64)
