import numpy as np
import pytest

from napari_colorizer.training.photos import Photo

GRASS, SKY = 2, 1


@pytest.fixture
def photos():
    """Green ground below, blue sky above; the label map says so."""
    rng = np.random.default_rng(0)
    made = []
    for index in range(4):
        labels = np.full((96, 120), SKY, np.uint8)
        labels[40 + 4 * index :] = GRASS
        rgb = np.where(labels[..., None] == GRASS, (60, 130, 40), (120, 170, 230))
        made.append(Photo(f"made-{index}", (rgb + rng.integers(-10, 10, rgb.shape)).astype(np.uint8), labels))
    return made
