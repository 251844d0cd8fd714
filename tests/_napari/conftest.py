import numpy as np
import pytest
from napari.layers import Image

from napari_colorizer._napari.colorize_widget import ColorizeWidget

PATIENCE_MS = 60_000


@pytest.fixture(autouse=True)
def on_main_thread_only(monkeypatch):
    monkeypatch.setenv("NAPARI_ENSURE_PLUGIN_MAIN_THREAD", "1")


@pytest.fixture
def photo():
    """Bright sky above dark, textured ground."""
    rng = np.random.default_rng(0)
    image = np.full((96, 128), 200, np.uint8)
    image[48:] = rng.integers(60, 120, (48, 128))
    return image


@pytest.fixture
def wait(qtbot):
    """Wait until the background thread of a dock has nothing left to do."""

    def until_idle(widget):
        qtbot.waitUntil(lambda: widget.controller.runner.idle, timeout=PATIENCE_MS)
        return widget

    return until_idle


@pytest.fixture
def open_dock(make_napari_viewer, library, wait):
    """Open a viewer with some layers and the dock, as the plugin menu does."""

    def opened(*layers, show=False):
        viewer = make_napari_viewer(show=show)
        for layer in layers:
            viewer.add_layer(layer)
        _, widget = viewer.window.add_plugin_dock_widget("napari-colorizer", "Colorize")
        assert isinstance(widget, ColorizeWidget)
        return viewer, wait(widget)

    return opened


@pytest.fixture
def dock(open_dock, photo):
    """A viewer with a photo and the dock."""
    return open_dock(Image(photo, name="photo"))


@pytest.fixture
def predicted(dock, wait):
    """The same, with labels predicted and colors shown."""
    viewer, widget = dock
    widget.predict_button.click()
    wait(widget)
    return viewer, widget


@pytest.fixture
def messages():
    """What a dock tells the user."""

    def listen(widget):
        said = []
        widget.controller.message.connect(said.append)
        return said

    return listen
