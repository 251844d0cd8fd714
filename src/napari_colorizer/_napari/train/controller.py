"""The training that one dock has in hand: what it was asked to do, how far it is, how it ended."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from napari.components import ViewerModel
from psygnal import Signal

from napari_colorizer._napari.shared.activity_bar import ActivityBar
from napari_colorizer._napari.shared.error_messages import explain
from napari_colorizer._napari.shared.signals import shared_signals
from napari_colorizer._napari.shared.task_queue import Request, TaskQueue
from napari_colorizer._napari.train.data_check import CheckedData, check_data
from napari_colorizer._napari.train.event_texts import (
    describe_data,
    describe_doing,
    describe_end,
    describe_progress,
    describe_stop,
)
from napari_colorizer._napari.train.history import History, read_history
from napari_colorizer._napari.train.preview_layer import NAME, Preview, mosaic
from napari_colorizer._napari.train.process import TrainingProcess
from napari_colorizer._napari.train.resumable_runs import unfinished_runs
from napari_colorizer.errors import ColorizerError, TrainingError
from napari_colorizer.training.events import (
    Doing,
    EpochEnded,
    Event,
    Failed,
    Finished,
    Note,
    Prepared,
    Progress,
    Stopped,
)
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.run_folder import RunFolder, model_name

Phase = Literal["idle", "checking", "training", "stopping"]


class TrainController:
    """Checks the data, has a process of its own train, and keeps what that tells.

    It holds the state of the dock, which shows it and passes on what the user wants; it needs no window.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
        Gets the validation pictures.
    """

    message = Signal(str)  # what the user should know
    record_added = Signal(str)  # something for the record of the training
    changed = Signal()  # another phase, or another run to resume
    progress_changed = Signal()  # `state`, `done` and the history tell something new
    choices_changed = Signal()  # other models or collected pairs

    def __init__(self, viewer: ViewerModel):
        self.phase: Phase = "idle"
        self.run = ""  # folder of the last run, if it can be resumed
        self.history = History()
        self.state = ""  # how far it is, in one line
        self.done = (0, 0)  # steps done and to be done
        self.process = TrainingProcess()
        self.process.event_received.connect(self._hear)
        self.process.ended.connect(self._on_ended)
        self.tasks = TaskQueue()
        self.tasks.failed.connect(self._explain)
        self.preview = Preview(viewer)
        self.activity = ActivityBar()
        for told in (shared_signals.models_changed, shared_signals.pairs_changed):
            told.connect(self._on_news)
        self._cancelled = threading.Event()  # set to end the check
        self._outcome = ""  # the process's last word
        self._folder: tempfile.TemporaryDirectory[str] | None = None  # of the options that the process reads

    # -- what the user wants

    def check(self, values: Mapping[str, Any]) -> None:
        """Check the data of the options, in the background."""
        self._begin_check(values, start=False)

    def start(self, values: Mapping[str, Any]) -> None:
        """Check the data and, if they can be trained on, train.

        Parameters
        ----------
        values : dict
            Of `TrainOptions`; what is wrong with them is told as a message.
        """
        self._begin_check(values, start=True)

    def resume(self, run: str) -> None:
        """Go on with a run, whose folder is given; a folder that is none is told as a message."""
        if self.phase != "idle":
            return
        try:
            TrainOptions.read(RunFolder(Path(run)).options)
        except (ColorizerError, OSError) as error:
            self.message.emit(str(error))
            return
        self.message.emit("")
        self._know_run(run)
        self._launch(["--resume", run])

    def runs(self) -> list[Path]:
        """The folders of runs that can be resumed: first the last one here, then others, the newest first."""
        last = [Path(self.run)] if self.run else []
        return last + [run for run in unfinished_runs() if run not in last]

    def stop(self) -> None:
        """Ask the trainer to keep the best and end; asked a second time, it is ended at once."""
        if self.phase == "checking":
            self._cancelled.set()
            self._enter("idle")
        elif self.phase == "training":
            self._enter("stopping")
            self._tell_state("Stopping: keeping the best model so far…")
            self.process.stop()
        elif self.phase == "stopping":
            self.process.kill()

    def close(self) -> None:
        """Let go of the viewer and of those who listen, and end the training, waiting for it."""
        for signal in (self.message, self.record_added, self.changed, self.progress_changed, self.choices_changed):
            signal.disconnect()
        for told in (shared_signals.models_changed, shared_signals.pairs_changed):
            told.disconnect(self._on_news, missing_ok=True)
        self._cancelled.set()
        self.process.end()
        self.tasks.close()
        self.activity.close()

    # -- the data

    def _begin_check(self, values: Mapping[str, Any], start: bool) -> None:
        if self.phase != "idle":
            return
        try:
            options = TrainOptions.from_dict(values)
            if not options.data:
                raise TrainingError("Choose the folder of a labeled set, or the collected pairs, first")
            if start:
                model_name(options)
        except (ColorizerError, OSError) as error:
            self.message.emit(str(error))
            return
        self.message.emit("")
        self._enter("checking")
        self._tell_state("Checking the data…")

        self._cancelled = cancelled = threading.Event()

        def then(found: CheckedData | None) -> None:
            if found is not None and not cancelled.is_set():
                self._on_checked(options, found, start)

        self.tasks.submit(Request("check", lambda: lambda: check_data(options, cancelled), then, "Checking the data"))

    def _on_checked(self, options: TrainOptions, found: CheckedData, start: bool) -> None:
        self.record_added.emit(found.summary)
        if found.obstacle or not start:
            self._enter("idle")
            self.message.emit(found.obstacle or found.verdict or "The check found no problems")
            return
        self.message.emit(found.verdict)
        self._folder = tempfile.TemporaryDirectory(prefix="napari-colorizer-")
        path = Path(self._folder.name) / "options.json"
        options.write(path)
        self.run = ""
        self.history = History()
        self._launch(["--options", str(path)])

    # -- the process

    def _launch(self, arguments: list[str]) -> None:
        self._outcome = ""
        self.preview.begin()
        self._enter("training")
        self._tell_state("Starting the trainer, which loads PyTorch…")
        self.process.start([*arguments, "--events"])

    def _hear(self, event: Event) -> None:
        """Take an event in; what shows it in napari comes last, since that lets further events in."""
        match event:
            case Prepared():
                self._know_run(event.run)
                self.record_added.emit(describe_data(event))
            case Note():
                self.record_added.emit(event.text)
            case Doing():
                if self.phase == "training":
                    self._tell_state(describe_doing(event))
            case Progress():
                self._on_progress(event)
            case EpochEnded():
                self.history.add(event)
                self.progress_changed.emit()
                if event.pictures:
                    self._request_preview(event.pictures)
            case Finished():
                self._outcome = describe_end(event)
                self.run = self.run if event.stopped else ""
                shared_signals.models_changed.emit()
            case Stopped():
                self.run = event.run
                self._outcome = describe_stop(event)
            case Failed():
                self._outcome = f"Training has ended: {event.text}{self._way_on(event.resumable)}"

    def _on_progress(self, event: Progress) -> None:
        self.history.add(event)
        self.done = ((event.stage - 1) * event.steps + event.step, event.stages * event.steps)
        if self.phase == "training":
            self.state = describe_progress(event)
        self.progress_changed.emit()
        self.activity.show(f"Training {event.network}", *self.done)

    def _know_run(self, run: str) -> None:
        if run != self.run:
            self.run = run
            self.history = read_history(Path(run))
            self.progress_changed.emit()
        self.changed.emit()

    def _on_ended(self, problem: str) -> None:
        self._enter("idle")
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        self.message.emit(f"{problem}{self._way_on()}" if problem else self._outcome)

    def _way_on(self, resumable: bool = True) -> str:
        if not self.run:
            return "\nNothing has been trained yet: press Start to try again."
        if not resumable:
            return "\nResuming would fail in the same way: change the options and press Start."
        return f"\nWhat was trained is kept in {self.run}: press Resume to continue."

    def _request_preview(self, pictures: list[str]) -> None:
        def then(rgb: Any) -> None:
            if self.preview.show(rgb):
                self.record_added.emit(
                    f"The layer {NAME!r} lies below your images: press the Home button to see all layers"
                )

        self.tasks.submit(Request("preview", lambda: lambda: mosaic(pictures), then, "Reading validation pictures"))

    # -- what is told

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        if phase == "idle":
            self.done = (0, 0)
            self._tell_state("")
            self.activity.close()
        self.changed.emit()

    def _tell_state(self, text: str) -> None:
        self.state = text
        self.progress_changed.emit()

    def _on_news(self) -> None:
        self.choices_changed.emit()

    def _explain(self, doing: str, error: Exception) -> None:
        if self.phase == "checking":
            self._enter("idle")
        self.message.emit(explain(doing, error, ""))
