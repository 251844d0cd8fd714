"""What the background does and how far it is, in a dock, with a button to cancel it."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_colorizer._napari.shared.dock import focus_canvas
from napari_colorizer._napari.shared.progress import in_words
from napari_colorizer._napari.shared.task_queue import TaskQueue

LEAST_SECONDS = 0.5  # that work must last to be shown
LOOK_MS = 100
HEIGHT = 12  # pixels
STEPS = 1000


class WorkBar(QWidget):
    """Hidden, until some work lasts longer than a moment.

    Parameters
    ----------
    tasks : TaskQueue
    """

    def __init__(self, tasks: TaskQueue):
        super().__init__()
        self.tasks = tasks
        self._doing = ""
        self.text = QLabel()
        self.bar = QProgressBar(textVisible=False)
        self.bar.setFixedHeight(HEIGHT)
        self.bar.setAccessibleName("Progress")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("<p>Cancels this: the labels are not changed, and you can start it again</p>")
        self.cancel_button.clicked.connect(self._cancel)
        across = QHBoxLayout()
        across.addWidget(self.bar, stretch=1)
        across.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        layout.addLayout(across)
        self._looking = QTimer(self, interval=LOOK_MS)
        self._looking.timeout.connect(self._look)
        tasks.busy.connect(self._on_busy)
        self.hide()

    def _on_busy(self, doing: str) -> None:
        self._doing = doing
        if doing and not self._looking.isActive():
            self._looking.start()
        elif not doing:
            self._looking.stop()
            self.hide()

    def _look(self) -> None:
        progress = self.tasks.progress
        if self.tasks.closed:
            self._looking.stop()
        if self.tasks.closed or progress is None or not self._doing or progress.seconds < LEAST_SECONDS:
            self.hide()
            return
        left = progress.seconds_left if not progress.cancelled else None
        told = f", {in_words(max(1, left))} left" if left is not None else ""
        self.text.setText(f"Canceling: {self._doing}…" if progress.cancelled else f"{self._doing}…{told}")
        self.bar.setMaximum(STEPS if progress.done is not None else 0)
        self.bar.setValue(round(STEPS * (progress.done or 0)))
        self.cancel_button.setVisible(progress.done is not None)
        self.cancel_button.setEnabled(not progress.cancelled)
        self.show()

    def _cancel(self) -> None:
        focus_canvas(self)  # a button that goes would give the keys to another one
        self.tasks.cancel()
        self._look()
