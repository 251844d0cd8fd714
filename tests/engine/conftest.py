import numpy as np
import pytest
import torch

from napari_colorizer.classes import ClassMap
from napari_colorizer.models.model import Model
from napari_colorizer.networks import GridNet, TwoStreamUNet


@pytest.fixture(scope="session")
def model():
    """Both default networks with random weights, and bold colors, for the 59 classes of PASCAL-Context."""
    torch.manual_seed(0)
    networks = GridNet.preset("default", range(60)), TwoStreamUNet.preset("default", range(1, 60))
    with torch.no_grad():
        networks[1].final.weight *= 10
    return Model("random", ClassMap.pascal_context(), *networks, working_size=64)


@pytest.fixture(scope="session")
def photo():
    """A smooth gray image with some noise."""

    def make(height, width):
        y, x = np.mgrid[:height, :width]
        noise = np.random.default_rng(0).integers(0, 20, (height, width))
        return (110 + 60 * np.sin(y / 9) + 50 * np.cos(x / 13) + noise).clip(0, 255).astype(np.uint8)

    return make
