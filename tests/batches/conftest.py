import json

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.ndimage import zoom

from napari_colorizer.batches.manifest import NAME


def draw(seed, shape=(24, 32)):
    """A smooth gray image that tells its number."""
    coarse = np.random.default_rng(seed).random((4, 5))
    return (zoom(coarse, (shape[0] / 4, shape[1] / 5), order=1, grid_mode=True, mode="nearest") * 255).astype(np.uint8)


@pytest.fixture
def gray():
    return draw


@pytest.fixture
def scans(tmp_path):
    """A folder with three images."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for number, name in enumerate("ABC"):
        Image.fromarray(draw(number)).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def pages():
    return np.stack([draw(number) for number in range(5)])


@pytest.fixture
def stack(tmp_path, pages):
    """A TIFF of five pages."""
    tifffile.imwrite(tmp_path / "S.tif", pages, photometric="minisblack")
    return tmp_path / "S.tif"


@pytest.fixture
def colorize(run, model_file):
    return lambda *arguments: run("colorize", "-m", model_file, "--device", "cpu", *arguments)


@pytest.fixture
def segment(run, model_file):
    return lambda *arguments: run("segment", "-m", model_file, "--device", "cpu", *arguments)


@pytest.fixture
def expected(tiny_model):
    """What the model makes of a gray image."""
    return lambda image: tiny_model.colorize(image, tiny_model.segment(image))


@pytest.fixture
def tree():
    """All that is in a folder but the manifest, and its bytes."""

    def read(folder):
        files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != NAME)
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    return read


@pytest.fixture
def records():
    """The lines of a manifest."""
    return lambda folder: [json.loads(line) for line in (folder / NAME).read_text("utf-8").splitlines()]


@pytest.fixture
def counted(monkeypatch):
    """How many images were really worked on in this process."""
    from napari_colorizer.batches.recipe import Recipe

    calls, make = [], Recipe.make
    monkeypatch.setattr(Recipe, "make", lambda *arguments: calls.append(1) or make(*arguments))
    return calls
