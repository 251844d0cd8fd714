import csv

import numpy as np
import pytest
from PIL import Image

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.training.data.sets import Photo
from napari_colorizer.training.options import TrainOptions

SKY, GRASS = 1, 2
SKY_COLOR, GRASS_COLOR = (120, 170, 230), (60, 130, 40)


def make_photo(index=0, size=(96, 120), source="made", gray=False):
    """Green ground below, blue sky above; the label map says so."""
    rng = np.random.default_rng(index)
    labels = np.full(size, SKY, np.uint8)
    labels[size[0] // 2 - 8 + 4 * (index % 5) :] = GRASS
    rgb = np.where(labels[..., None] == GRASS, GRASS_COLOR, SKY_COLOR) + rng.integers(-10, 10, (*size, 3))
    rgb = rgb.astype(np.uint8)
    if gray:
        rgb = rgb[..., :1].repeat(3, -1)
    return Photo(f"{source}-{index}", rgb, labels, source, gray=gray)


@pytest.fixture
def photos():
    return [make_photo(index) for index in range(4)]


@pytest.fixture
def classes():
    return ClassMap([Class(SKY, "sky", "#87ceeb"), Class(GRASS, "grass", "#4caf50")])


def write_set(root, photos, classes, val=()):
    """Write photos as a labeled set; those in `val` have a split of their own."""
    for split, chosen in (("train", photos), ("val", val)):
        for part in ("images", "masks"):
            (root / split / part).mkdir(parents=True, exist_ok=True)
        for photo in chosen:
            Image.fromarray(photo.rgb).save(root / split / "images" / f"{photo.name}.png")
            Image.fromarray(photo.labels).save(root / split / "masks" / f"{photo.name}.png")
    classes.write(root / "classes.json")
    return root


@pytest.fixture
def labeled_set(tmp_path, classes):
    """Six photos to train with and two to validate, on the disk."""
    return write_set(tmp_path / "meadows", [make_photo(i) for i in range(6)], classes, [make_photo(i) for i in (7, 8)])


@pytest.fixture
def installed(library, tiny_model):
    """The name of a tiny model in the library."""
    library.mkdir(parents=True, exist_ok=True)
    tiny_model.save(library / "tiny.safetensors")
    return "tiny"


@pytest.fixture
def quick(labeled_set, installed, tmp_path):
    """Options of a training that takes seconds."""
    return TrainOptions(
        data=str(labeled_set), start=installed, run=str(tmp_path / "run"), name="meadows", epochs=2, epoch_size=16,
        batch=8, crop=32, side=64, rate=3e-3, precision="32", val_size=2, pictures=1, device="cpu", ema=0.5,
        relabel=0.25,
    )  # fmt: skip


def read_log(run, network):
    with open(f"{run}/{network}/log.csv") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def log_of():
    """The rows of a run's log."""
    return read_log


@pytest.fixture
def same_logs():
    """Check that two runs had the same losses and metrics, to 1e-3."""

    def check(first, second, network):
        rows, others = read_log(first, network), read_log(second, network)
        assert [row["epoch"] for row in rows] == [row["epoch"] for row in others]
        for row, other in zip(rows, others, strict=True):
            assert row.keys() == other.keys()
            numbers = [(float(row[name]), float(other[name])) for name in row if name not in ("best", "minutes")]
            np.testing.assert_allclose(*zip(*numbers, strict=True), atol=1e-3)
            assert row["best"] == other["best"]

    return check
