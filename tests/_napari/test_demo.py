"""The demo, as a program of its own under the display."""

import subprocess
import sys
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from napari_colorizer._napari import demo

pytestmark = pytest.mark.viewer  # of a process of its own
PATIENCE_S = 600


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "pictures"
    command = [sys.executable, "-m", "napari_colorizer._napari.demo", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    paths = [folder / f"{name}.png" for name in ("gray", "labels", "colors", "window")]
    assert done.stdout.split() == [str(path) for path in paths]
    return {path.stem: np.asarray(Image.open(path).convert("RGB")) for path in paths}


def test_none_of_the_four_pictures_is_blank(pictures):
    assert list(pictures) == ["gray", "labels", "colors", "window"]
    for pixels in pictures.values():
        assert pixels.std() > 10


def test_the_colors_have_chroma_and_the_lightness_of_the_photograph(pictures):
    gray, colors = rgb2lab(pictures["gray"]), rgb2lab(pictures["colors"])
    assert np.abs(gray[..., 1:]).max() < 1
    assert np.hypot(colors[..., 1], colors[..., 2]).mean() > 3
    assert np.abs(colors[..., 0] - gray[..., 0]).max() < 1


def test_the_labels_are_laid_over_the_photograph(pictures):
    tinted = np.ptp(pictures["labels"].astype(int), axis=-1) > 10
    assert tinted.mean() > 0.5


def test_the_window_shows_the_colors_and_the_dock(pictures):
    window = pictures["window"]
    assert window.shape[0] > 600
    assert window.shape[1] > 1000
    for part in np.array_split(window, 4, axis=1):
        assert part.std() > 5


@pytest.mark.parametrize("name", ["gray.png", "window.png"])
def test_pictures_that_are_there_are_written_over_only_if_asked(run, tmp_path, monkeypatch, name):
    begun = Mock(return_value=SimpleNamespace(returncode=0))
    monkeypatch.setattr(demo, "virtual_display", lambda: ["under a display"])
    monkeypatch.setattr(subprocess, "run", begun)
    (tmp_path / name).write_text("made by hand")
    refused = run("demo", "--output", tmp_path)
    assert refused.exit_code == 1
    assert f"{name} already exists" in refused.stderr
    assert not begun.called
    assert run("demo", "--output", tmp_path, "--overwrite").exit_code == 0
    assert begun.called
