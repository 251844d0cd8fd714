import numpy as np
import pytest


@pytest.fixture(scope="session")
def photo():
    """A smooth gray image with some noise."""

    def make(height, width):
        y, x = np.mgrid[:height, :width]
        noise = np.random.default_rng(0).integers(0, 20, (height, width))
        return (110 + 60 * np.sin(y / 9) + 50 * np.cos(x / 13) + noise).clip(0, 255).astype(np.uint8)

    return make
