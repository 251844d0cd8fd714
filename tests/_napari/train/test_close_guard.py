"""Closing the viewer or the dock while training is running."""

import time
from unittest.mock import patch

import psutil
import pytest
from napari._qt.dialogs.confirm_close_dialog import ConfirmCloseDialog
from napari.layers import Points
from napari.settings import get_settings
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QApplication, QDialog, QDockWidget, QMessageBox

from napari_colorizer._napari.shared.signals import shared_signals
from napari_colorizer._napari.train import process as training_process

POLITE = "prepared()\nprogress(1)\nsys.stdin.readline()\nfinished(stopped=True)"
HANGING = "prepared()\nprogress(1)\ntime.sleep(60)"


@pytest.fixture
def answer(monkeypatch):
    """Answer the question whether to close, with the text of a button; gives what was asked."""
    asked = []

    def set_answer(text):
        def execute(box):
            asked.append(box.text())
            (chosen,) = (button for button in box.buttons() if button.text() == text)
            monkeypatch.setattr(QMessageBox, "clickedButton", lambda _: chosen)

        monkeypatch.setattr(QMessageBox, "exec", execute)
        return asked

    return set_answer


@pytest.fixture
def training(open_train, sound_data, stand_in, until):
    """A viewer whose dock is training, and the process that does."""

    def begin(body, viewer=None):
        viewer, widget = open_train(stand_in(body), viewer)
        widget.start_button.click()
        until(lambda: widget.controller.done == (1, 10))
        return viewer, widget, psutil.Process(int(widget.controller.process._process.processId()))

    return begin


def has_ended(process):
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def close_window(viewer):
    """Ask the window to close, as the user does; whether it would."""
    event, window = QCloseEvent(), viewer.window._qt_window
    with patch.object(window, "_save_current_window_settings"):
        QApplication.sendEvent(window, event)
    return event.isAccepted()


def test_the_viewer_stays_open_if_wanted(training, answer):
    asked = answer("Keep open")
    viewer, widget, process = training(POLITE)
    assert not close_window(viewer)
    assert "Training is running" in asked[0]
    assert not has_ended(process)
    assert widget.controller.phase == "training"


@pytest.mark.parametrize("body", [POLITE, HANGING])
def test_the_viewer_closes_and_leaves_no_orphan(training, answer, monkeypatch, body, until):
    monkeypatch.setattr(training_process, "PATIENCE_MS", 300)
    answer("Stop training and close")
    viewer, widget, process = training(body)
    assert close_window(viewer)
    until(lambda: has_ended(process))
    until(lambda: not widget.controller.process.running)


@pytest.fixture
def in_screen(open_train, monkeypatch):
    """A viewer with a layer and its window on the screen, of which napari asks whether to close it."""
    asked = []
    monkeypatch.setattr(get_settings().application, "confirm_close_window", True)
    monkeypatch.setattr(ConfirmCloseDialog, "exec_", lambda dialog: asked.append(dialog) or QDialog.Accepted)
    viewer, _ = open_train(show=True)
    viewer.add_layer(Points([[0, 0]]))
    window = viewer.window._qt_window
    window._save_current_window_settings = lambda: None
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # so that it can be asked afterwards
    return viewer, asked


def press_x(viewer):
    """What the window manager does when the window's X is pressed: unlike `close`, it gives a spontaneous event."""
    QApplication.sendEvent(viewer.window._qt_window.windowHandle(), QCloseEvent())


def test_the_x_of_the_window_asks_once_and_closes(in_screen, training, answer, until):
    viewer, asked_by_napari = in_screen
    asked = answer("Stop training and close")
    _, widget, process = training(POLITE, viewer)
    window = viewer.window._qt_window
    press_x(viewer)
    until(lambda: not window.isVisible())
    until(lambda: has_ended(process))
    assert len(asked) == 1
    assert not asked_by_napari
    assert not widget.controller.process.running


def test_the_x_of_the_window_keeps_the_training_if_wanted(in_screen, training, answer, qtbot):
    viewer, asked_by_napari = in_screen
    asked = answer("Keep open")
    _, widget, process = training(POLITE, viewer)
    press_x(viewer)
    qtbot.wait(100)
    assert len(asked) == 1
    assert not asked_by_napari
    assert viewer.window._qt_window.isVisible()
    assert not has_ended(process)
    assert widget.controller.phase == "training"


class Stubborn(QObject):
    """Keeps a window open."""

    def eventFilter(self, _window, event):  # noqa: N802
        if event.type() == QEvent.Type.Close:
            event.ignore()
            return True
        return False


def test_training_goes_on_where_somebody_else_keeps_the_window_open(in_screen, training, answer, qtbot):
    viewer, _ = in_screen
    asked = answer("Stop training and close")
    _, widget, process = training(POLITE, viewer)
    window, stubborn = viewer.window._qt_window, Stubborn()
    window.installEventFilter(stubborn)
    widget.guard.watch()  # who comes last is asked first
    press_x(viewer)
    qtbot.wait(200)
    assert asked
    assert window.isVisible()
    assert not has_ended(process)
    window.removeEventFilter(stubborn)


def test_quitting_in_another_viewer_asks_too(training, answer, make_napari_viewer, until):
    asked = answer("Keep open")
    viewer, widget, process = training(POLITE)
    other = make_napari_viewer().window._qt_window
    QApplication.sendEvent(viewer.window._qt_window, QEvent(QEvent.Type.WindowDeactivate))
    with patch.object(other, "_save_current_window_settings"):
        other._quit_app = True  # as napari's own close(quit_app=True) does
        event = QCloseEvent()
        QApplication.sendEvent(other, event)
        assert not event.isAccepted()
        assert len(asked) == 1
        assert not has_ended(process)
        QApplication.sendEvent(other, event := QCloseEvent())  # now that window alone is to be closed
    assert event.isAccepted()
    assert len(asked) == 1
    assert widget.controller.phase == "training"


def test_a_floating_dock_hears_of_the_closing_too(training, answer, until):
    asked = answer("Stop training and close")
    viewer, widget, process = training(POLITE)
    next(dock for dock in viewer.window._qt_window.findChildren(QDockWidget) if dock.isAncestorOf(widget)).setFloating(
        1
    )
    assert close_window(viewer)
    assert asked
    until(lambda: has_ended(process))


def test_without_training_nobody_is_asked(open_train, answer):
    asked = answer("Keep open")
    viewer, _ = open_train()
    assert close_window(viewer)
    assert not asked


def test_a_viewer_that_a_script_closes_does_not_ask_but_leaves_no_orphan(training, answer, until):
    asked = answer("Keep open")
    viewer, _, process = training(POLITE)
    viewer.close()
    assert not asked
    until(lambda: has_ended(process))


def test_closing_the_dock_stops_the_training_and_says_where_it_is(training, until):
    viewer, widget, process = training(POLITE)
    notification_manager.records.clear()
    viewer.window.remove_dock_widget(widget)
    until(lambda: has_ended(process))
    told = [str(record) for record in notification_manager.records]
    assert any("run of mine" in text and "resumed" in text for text in told), told
    assert not widget.controller.process.running


def test_closing_a_dock_that_hangs_kills_it(training, until, monkeypatch):
    monkeypatch.setattr(training_process, "PATIENCE_MS", 300)
    viewer, widget, process = training(HANGING)
    began = time.monotonic()
    viewer.window.remove_dock_widget(widget)
    assert time.monotonic() - began < 5
    until(lambda: has_ended(process))


def test_closing_an_idle_dock_says_nothing(open_train):
    viewer, widget = open_train()
    notification_manager.records.clear()
    viewer.window.remove_dock_widget(widget)
    assert not notification_manager.records


def test_a_closed_dock_hears_nothing_more(training, library, bare_dock):
    viewer, widget, _ = training(POLITE)
    viewer.window.remove_dock_widget(widget)
    widget.deleteLater()
    heard = []
    widget.controller.choices_changed.connect(lambda: heard.append(1))
    shared_signals.models_changed.emit()
    assert not heard
