from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.files import write_label_map

CLASSES = ClassMap([Class(1, "sky", "#87ceeb"), Class(2, "grass", "#4caf50"), Class(7, "boat", "#b22222")])


@pytest.fixture
def classes():
    return CLASSES


@pytest.fixture
def draw():
    """Write tiny images and masks of every kind; folders are made as needed."""
    return SimpleNamespace(image=draw_image, mask=draw_mask, own=draw_own, classes=draw_classes, natural=draw_natural)


def draw_image(path, seed=0, size=(20, 30), color=True):
    """A smooth random picture, so that its hash is its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3 if color else 1), np.uint8)
    if not color:
        coarse = coarse.repeat(3, -1)
    Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC).save(path)
    return path


def draw_mask(path, values=1, size=(20, 30), dtype=np.uint8):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.broadcast_to(np.asarray(values, dtype), size).copy()).save(path)
    return path


def draw_own(path, values, classes, size=(20, 30)):
    """A mask as the plugin writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_label_map(path, np.broadcast_to(np.asarray(values, np.uint16), size).copy(), classes)
    return path


def draw_classes(folder, classes=CLASSES, name="classes.json"):
    folder.mkdir(parents=True, exist_ok=True)
    classes.write(folder / name)


def draw_natural(root, count=4, first=0):
    """images/, masks/ and classes.json."""
    draw_classes(root)
    for number in range(first, first + count):
        draw_image(root / "images" / f"made-{number:02}.jpg", number)
        draw_mask(root / "masks" / f"made-{number:02}.png", number % 3)
    return root
