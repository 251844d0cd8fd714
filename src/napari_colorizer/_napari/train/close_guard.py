"""The closing of a viewer's window while its dock is training."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication, QMainWindow, QMessageBox, QWidget

from napari_colorizer._napari.train.process import TrainingProcess


class ClosingGuard(QObject):
    """Asks before the window of a dock is closed while its process is training, and ends that once it is closed.

    Parameters
    ----------
    dock : QWidget
        Its window is the one that it lies in now; a dock that floats is a window of its own inside it.
    process : TrainingProcess
    """

    def __init__(self, dock: QWidget, process: TrainingProcess):
        super().__init__(dock)
        self.dock, self.process = dock, process
        self._agreed = False  # the user has been asked, and the window is being closed

    def watch(self) -> None:
        """Listen to the windows that there are: quitting napari in another one closes this one, too."""
        for window in QApplication.topLevelWidgets():
            if isinstance(window, QMainWindow):
                window.installEventFilter(self)  # once, however often this is called

    def eventFilter(self, window: QObject, event: QEvent) -> bool:  # noqa: N802
        """Ask before the window is closed, and keep it if that is wanted."""
        if event.type() == QEvent.Type.WindowDeactivate:
            self.watch()  # the one that is active now may be new
        elif event.type() == QEvent.Type.Close and self.process.running and isinstance(window, QMainWindow):
            own, quits = window is self._window(), getattr(window, "_quit_app", False)
            if not (self._agreed or _closes_anyhow(window)) and (own or quits):
                if not self._ask():
                    window._quit_app = False  # or its next closing would quit napari
                    event.ignore()
                    return True
                if event.spontaneous():  # napari would ask once more; it does not where a program closes its window
                    QTimer.singleShot(0, self._close)
                    event.ignore()
                    return True
            if own:
                QTimer.singleShot(0, self._end_if_closed)  # somebody else may still keep it open
        return bool(super().eventFilter(window, event))

    def _window(self) -> QMainWindow | None:
        widget: QWidget | None = self.dock
        try:
            while widget is not None and not isinstance(widget, QMainWindow):
                widget = widget.parentWidget()
        except RuntimeError:  # it was deleted meanwhile
            return None
        return widget

    def _close(self) -> None:
        window = self._window()
        if window is not None:
            self._agreed = True
            window.close()
            self._agreed = False

    def _end_if_closed(self) -> None:
        window = self._window()
        if window is None or not window.isVisible():
            self.process.end()

    def _ask(self) -> bool:
        """Whether the window may be closed."""
        question = QMessageBox(self.dock)
        question.setIcon(QMessageBox.Icon.Question)
        question.setWindowTitle("Training is running")
        question.setText("Training is running. What was trained so far is kept, and you can resume it later.")
        stop = question.addButton("Stop training and close", QMessageBox.ButtonRole.AcceptRole)
        keep = question.addButton("Keep open", QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(keep)
        question.setEscapeButton(keep)
        question.exec()
        return question.clickedButton() is stop


def _closes_anyhow(window: QMainWindow) -> bool:
    """Whether the window is closed by a program, ``viewer.close()``: then napari has closed its canvas before."""
    children = window.centralWidget().findChildren(QWidget) if window.centralWidget() is not None else []
    return any(child.isHidden() for child in children if child.parent() is window.centralWidget())
