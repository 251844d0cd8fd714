"""The process that trains: started, heard, stopped, and never left behind."""

from __future__ import annotations

import atexit
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

import psutil
from psygnal import Signal
from qtpy.QtCore import QProcess, QProcessEnvironment, QTimer

from napari_colorizer.training.events import Failed, Finished, Stopped, read_event

COMMAND = (sys.executable, "-m", "napari_colorizer", "train")
PATIENCE_MS = 5000  # for a process that was asked to stop, or has said its last word
TAIL_BYTES, TAIL_LINES = 4000, 8


class TrainingProcess:
    """Runs the command ``napari-colorizer train`` in an interpreter of its own.

    So a crash or a hang of it leaves the viewer alone, and its memory is free afterwards. The end of its standard
    input, which comes with the end of this process at the latest, stops it too.

    Parameters
    ----------
    command : sequence of str, optional
        What to run in place of the trainer.
    """

    event_received = Signal(object)  # an Event
    ended = Signal(str)  # what went wrong; "" after its own last word

    def __init__(self, command: Sequence[str] = COMMAND):
        self.command = tuple(command)
        self._process: QProcess | None = None
        self._ended: QProcess | None = None  # kept alive: Qt may be inside it when who hears an event lets Qt work
        self._errors = b""
        self._said_last = False
        self._killed = False

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None

    def start(self, arguments: Sequence[str]) -> None:
        """Start it; `ended` says whether that went wrong."""
        assert not self.running
        self._errors, self._said_last, self._killed = b"", False, False
        self._process = process = QProcess()
        environment = QProcessEnvironment.systemEnvironment()
        for name in ("PYTHONUNBUFFERED", "PYTHONUTF8"):
            environment.insert(name, "1")
        process.setProcessEnvironment(environment)
        process.readyRead.connect(self._read)  # unlike readyReadStandardOutput, it does not come while it is answered
        process.readyReadStandardError.connect(self._read_errors)
        process.errorOccurred.connect(self._on_error)
        process.finished.connect(self._on_finished)
        atexit.register(self.end)  # before Qt is taken down, whatever ends the viewer
        process.start(self.command[0], [*self.command[1:], *arguments])

    def stop(self) -> None:
        """Ask it to keep the best and end."""
        if self._process is not None:
            self._process.write(b"stop\n")

    def kill(self) -> None:
        """End it and what it has started, at once."""
        process = self._process
        if process is None:
            return
        self._killed = True
        children = []
        with suppress(psutil.Error):
            children = psutil.Process(int(process.processId())).children(recursive=True)
        process.kill()
        for child in children:
            with suppress(psutil.Error):
                child.kill()

    def end(self) -> None:
        """Ask it to stop and wait; kill it if it takes too long."""
        process = self._process
        if process is None:
            return
        self.stop()
        if not process.waitForFinished(PATIENCE_MS) and self._process is process:
            self.kill()
            process.waitForFinished(PATIENCE_MS)

    def _read(self) -> None:
        """Pass on the events in the lines that are complete."""
        process = self._process
        while process is not None and process is self._process and process.canReadLine():
            self._hear(bytes(process.readLine().data()))

    def _hear(self, line: bytes) -> None:
        event = read_event(line.decode(errors="replace"))
        if event is None:
            return
        if isinstance(event, Finished | Stopped | Failed):
            self._said_last = True
            process = self._process
            QTimer.singleShot(PATIENCE_MS, lambda: self.kill() if self._process is process else None)
        self.event_received.emit(event)

    def _read_errors(self) -> None:
        if self._process is not None:
            self._errors = (self._errors + bytes(self._process.readAllStandardError().data()))[-TAIL_BYTES:]

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            text = self._process.errorString()
            self._close(f"The training process {self.command[0]!r} could not be started: {text}")

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        process = self._process
        if process is None:
            return
        self._read()
        self._hear(bytes(process.readAll().data()))  # a last line that lacks its end
        self._read_errors()
        self._close("" if self._said_last else self._describe(code, status == QProcess.ExitStatus.CrashExit))

    def _describe(self, code: int, crashed: bool) -> str:
        """What to tell of an end without a last word."""
        if self._killed:
            return "Training was ended immediately"
        if crashed and code == getattr(signal, "SIGKILL", None):
            return "The training process was killed from outside, perhaps because memory ran out"
        lines = [line for line in self._errors.decode(errors="replace").splitlines() if line.strip()][-TAIL_LINES:]
        what = f"signal {code}" if crashed else f"exit code {code}"
        return "\n".join((f"The training process has crashed ({what})", *lines))

    def _close(self, problem: str) -> None:
        process, self._process = self._process, None
        assert process is not None
        atexit.unregister(self.end)
        self._ended = process
        self.ended.emit(problem)
