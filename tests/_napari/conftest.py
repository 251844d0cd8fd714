import sys

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt, QThreadPool
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize.inference import load
from napari_colorizer._napari.colorize.widget import ColorizeWidget
from napari_colorizer._napari.train import controller as train_controller
from napari_colorizer._napari.train.data_check import CheckedData
from napari_colorizer._napari.train.widget import TrainWidget
from napari_colorizer.engine.segment import Segmentation
from napari_colorizer.training.options import TrainOptions

PATIENCE_MS = 60_000
STAND_IN = """
import json, pathlib, sys, threading, time

def say(kind, **values):
    print(json.dumps({"event": kind, **values}), flush=True)

def prepared(run="RUN", **values):
    lists = dict.fromkeys(("kept", "new", "left_out", "problems"), [])
    say("Prepared", run=run, train=2, val=1, unlabeled=0, **{**lists, **values})

def progress(step, steps=10, network="segmenter", loss=1.0, stage=1, stages=1, seconds_left=90.0):
    say("Progress", network=network, epoch=1, epochs=5, step=step, steps=steps, loss=loss, seconds_left=seconds_left,
        stage=stage, stages=stages)

def ended(epoch, network="segmenter", pictures=(), **metrics):
    say("EpochEnded", network=network, epoch=epoch, epochs=5, loss=1.0, metrics=metrics, best=True, pictures=pictures)

def stopped(run="RUN"):
    say("Stopped", run=run)

def finished(stopped=False, model="mine"):
    say("Finished", model=model, path="", stopped=stopped)
"""


def pytest_itemcollected(item):
    if "qapp" in item.fixturenames:  # Qt, and so a display
        item.add_marker("viewer")


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
        qtbot.waitUntil(lambda: widget.controller.tasks.idle, timeout=PATIENCE_MS)
        return widget

    return until_idle


@pytest.fixture
def library(library):
    """That of all tests; nothing in the background writes into it any more when it is given up."""
    yield library
    assert QThreadPool.globalInstance().waitForDone(PATIENCE_MS)


@pytest.fixture
def own_dock(qtbot):
    """Take a dock that lies in no window: after the test it is closed, with all that it does in the background."""

    def close(dock):
        dock.controller.close()
        if isinstance(dock, ColorizeWidget):
            dock.series.close()

    def owned(dock):
        qtbot.addWidget(dock, before_close_func=close)
        return dock

    return owned


@pytest.fixture
def open_dock(library, make_napari_viewer, wait):
    """Open a viewer with some layers and the dock, as the plugin menu does."""

    def opened(*layers, show=False):
        viewer = make_napari_viewer(show=show)
        for layer in layers:
            viewer.add_layer(layer)
        _, widget = viewer.window.add_plugin_dock_widget("napari-colorizer", "Colorize")
        assert isinstance(widget, ColorizeWidget)
        widget.confidence.setValue(0)  # the bundled model is sure of nothing in noise
        return viewer, wait(widget)

    return opened


@pytest.fixture
def predicts(monkeypatch):
    """Let the model predict a label map, or what a function makes of an image's shape, as sure of it as is said.

    Gives the list of the predicted images' pixels.
    """

    def pretend(labels, certainty=((1.0,),)):
        made = []

        def predict(model, picture, options, tell=None):
            made.append(np.asarray(picture.pixels).copy())
            found = labels(picture.pixels.shape[:2]) if callable(labels) else labels.copy()
            return Segmentation(found, np.array(certainty, np.float32))

        monkeypatch.setattr(inference, "predict", predict)
        return made

    return pretend


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


@pytest.fixture
def bare_dock(library, own_dock, wait):
    """Open the dock on a viewer without a window, which is several times as quick."""

    def opened(*layers):
        viewer = ViewerModel()
        for layer in layers:
            viewer.add_layer(layer)
        widget = own_dock(ColorizeWidget(viewer))
        widget.confidence.setValue(0)  # the bundled model is sure of nothing in noise
        return viewer, wait(widget)

    return opened


@pytest.fixture
def bare(bare_dock, photo):
    """A viewer without a window, with a photo and the dock."""
    return bare_dock(Image(photo, name="photo"))


@pytest.fixture
def bare_predicted(bare, wait):
    """The same, with labels predicted and colors shown."""
    viewer, widget = bare
    widget.predict_button.click()
    wait(widget)
    return viewer, widget


@pytest.fixture
def assert_colored(photo):
    """Check that the photo has the colors of some labels, computed apart from the dock, but for a step of rounding."""

    def check(rgb, labels):
        expected = load("default").colorize(photo, np.asarray(labels))
        assert np.abs(np.asarray(rgb).astype(int) - expected).max() <= 1

    return check


class Mouse:
    """Sends a shown viewer's canvas the events of a mouse, at points of the world."""

    def __init__(self, viewer, qtbot):
        self.viewer, self.qtbot = viewer, qtbot
        self.canvas = viewer.window._qt_viewer.canvas

    def press(self, *point):
        self._send(QEvent.Type.MouseButtonPress, point, Qt.MouseButton.LeftButton, Qt.MouseButton.LeftButton)

    def move(self, *point, buttons=Qt.MouseButton.LeftButton):
        def arrived():
            if self._is_at(point):
                return True
            self.nudge(*point, buttons=buttons)
            return False

        self.qtbot.waitUntil(arrived, timeout=PATIENCE_MS)  # napari drops moves that come too fast

    def nudge(self, *point, buttons=Qt.MouseButton.LeftButton):
        self._send(QEvent.Type.MouseMove, point, Qt.MouseButton.NoButton, buttons)

    def release(self, *point):
        self._send(QEvent.Type.MouseButtonRelease, point, Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton)

    def hover(self, *point):
        self.move(*point, buttons=Qt.MouseButton.NoButton)

    def click(self, *point):
        self.hover(*point)
        self.press(*point)
        self.release(*point)

    def drag(self, *points):
        self.press(*points[0])
        for point in points[1:]:
            self.move(*point)
        self.release(*points[-1])

    def double_click(self, *point):
        self.click(*point)
        self._send(QEvent.Type.MouseButtonDblClick, point, Qt.MouseButton.LeftButton, Qt.MouseButton.LeftButton)
        self.release(*point)

    def _is_at(self, point):
        return np.allclose(self.viewer.cursor.position[-2:], point, atol=0.3)

    def _send(self, kind, point, button, buttons):
        view = self.canvas.view
        x, y = (view.transform * view.scene.transform).map(point[::-1])[:2]
        local = QPoint(round(x), round(y))
        native = self.canvas.native
        position = QPointF(local), QPointF(native.mapToGlobal(local))
        QApplication.sendEvent(native, QMouseEvent(kind, *position, button, buttons, Qt.KeyboardModifier.NoModifier))


@pytest.fixture
def make_mouse(qtbot):
    """A mouse for a viewer."""
    return lambda viewer: Mouse(viewer, qtbot)


@pytest.fixture
def stand_in(tmp_path):
    """The command of a process that does what some lines say, in place of the trainer; RUN is a folder of its own."""

    def written(body):
        path, run = tmp_path / "stand_in.py", tmp_path / "run of mine"
        run.mkdir(exist_ok=True)
        TrainOptions(data="photos").write(run / "options.json")
        path.write_text(STAND_IN.replace('"RUN"', repr(str(run))) + body, "utf-8")
        return sys.executable, str(path)

    return written


@pytest.fixture
def until(qtbot):
    """Wait for something."""
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE_MS)


@pytest.fixture
def resume():
    """Choose from the menu of the button Resume: the first entry, or one of a text."""

    def choose(widget, text=None):
        action = next(action for action in offered(widget) if text in (None, action.text()))
        action.trigger()

    def offered(widget):
        assert widget.resume_button.isEnabled()
        widget.resume_menu.aboutToShow.emit()
        return [action for action in widget.resume_menu.actions() if not action.isSeparator()]

    choose.offered = lambda widget: [action.text() for action in offered(widget)]
    return choose


@pytest.fixture
def sound_data(monkeypatch):
    """Find nothing wrong with the data."""
    monkeypatch.setattr(train_controller, "check_data", lambda *_: CheckedData("2 labeled images", ""))


@pytest.fixture
def open_train(library, make_napari_viewer):
    """Open a viewer with the dock Train, as the plugin menu does; a command takes the trainer's place."""
    opened = []

    def in_viewer(command=None, viewer=None, show=False):
        viewer = viewer or make_napari_viewer(show=show)
        _, widget = viewer.window.add_plugin_dock_widget("napari-colorizer", "Train")
        assert isinstance(widget, TrainWidget)
        if command is not None:
            widget.controller.process.command = command
        widget.data.setText("photos")
        opened.append(widget)
        return viewer, widget

    yield in_viewer
    for widget in opened:
        widget.controller.close()


@pytest.fixture
def bare_train(library, own_dock):
    """Open the dock Train on a viewer without a window, which is several times as quick."""

    def opened(command=None):
        viewer = ViewerModel()
        widget = own_dock(TrainWidget(viewer))
        if command is not None:
            widget.controller.process.command = command
        widget.data.setText("photos")
        return viewer, widget

    return opened


@pytest.fixture
def run_to_end(bare_train, sound_data, stand_in, until):
    """Press Start and wait for the end."""

    def run(body):
        viewer, widget = bare_train(stand_in(body))
        widget.start_button.click()
        until(lambda: widget.controller.phase == "idle" and widget.controller.tasks.idle)
        return viewer, widget

    return run


@pytest.fixture
def enabled():
    """The texts of the buttons of a dock Train that can be pressed."""

    def texts(widget):
        every = (widget.check_button, widget.start_button, widget.stop_button, widget.resume_button)
        return [button.text() for button in every if button.isEnabled()]

    return texts
