"""When what is compiled is loaded, and what becomes of it where it cannot be."""

import subprocess
import sys

import numba
import numpy as np
import pytest
from numba.core.caching import CacheImpl

from napari_colorizer.engine import compiled, upsample

KERNELS = ["napari_colorizer.engine.fit_kernel", "napari_colorizer.engine.paint_kernel"]
COLORING = """
import sys, numpy as np
from napari_colorizer import load_model
from napari_colorizer.engine.compiled import compiled, load_compiled
session = load_model(sys.argv[1]).session(np.arange(1200, dtype=np.uint16).reshape(30, 40))
session.colorize()
print("numba" in sys.modules)
session.colorize(np.ones((30, 40), np.uint8))
load_compiled().join()
print(compiled() is not None)
"""


@pytest.mark.slow
def test_the_first_coloring_waits_for_nothing_and_the_second_loads(installed):
    done = subprocess.run([sys.executable, "-c", COLORING, installed], capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ["False", "True"], done.stderr


@pytest.fixture
def load_anew(monkeypatch):
    """Load it as if it had never been loaded."""
    monkeypatch.setattr(compiled, "_found", [])
    for kernel in KERNELS:
        monkeypatch.delitem(sys.modules, kernel)

    def load():
        compiled.load_compiled.__wrapped__().join()
        return compiled.compiled()

    return load


def test_it_is_found_once_it_is_loaded(load_anew):
    assert compiled.compiled() is None
    assert load_anew() is not None


@pytest.mark.parametrize("missing", ["numba", *KERNELS])
def test_without_numba_painting_goes_on_with_torch(load_anew, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    assert load_anew() is None


def test_without_a_folder_for_compiled_code_painting_goes_on_with_torch(load_anew, monkeypatch):
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    assert load_anew() is None


def test_a_folder_for_compiled_code_that_cannot_be_used_does_no_harm(load_anew, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "file" / "below"))
    assert load_anew() is not None


def test_it_is_loaded_once():
    assert compiled.load_compiled() is compiled.load_compiled()


def test_a_session_paints_alike_before_and_after_it_is_loaded(tiny_model, monkeypatch):
    gray = np.random.default_rng(0).integers(0, 255, (90, 70)).astype(np.uint8)
    labels = (gray > 99).astype(np.uint8)
    with_kernels = tiny_model.session(gray).colorize(labels)
    monkeypatch.setattr(upsample, "compiled", lambda: None)
    with_torch = tiny_model.session(gray).colorize(labels)
    assert np.abs(with_kernels.astype(int) - with_torch).max() <= 1
    assert compiled.compiled() is not None
