import numpy as np
import pytest
from scipy.ndimage import gaussian_filter


@pytest.fixture(scope="session")
def scene():
    """A large textured gray image in 0..255; another seed gives another one."""

    def make(seed=0, size=(120, 160)):
        rng = np.random.default_rng(seed)
        fine, coarse = (gaussian_filter(rng.normal(size=size), sigma) for sigma in (1.5, 8))
        image = fine / fine.std() + coarse / coarse.std()
        return (128 + 40 * image).clip(0, 255).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def window(scene):
    """A window of 72 x 96 on the scene."""

    def look(top=10, left=20, seed=0):
        return scene(seed)[top : top + 72, left : left + 96]

    return look
