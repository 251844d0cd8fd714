"""``napari-colorizer train``."""

from __future__ import annotations

import inspect
import math
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from dataclasses import Field, fields
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, TextIO, get_type_hints

import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from napari_colorizer.cli.shared import complain, make_console
from napari_colorizer.errors import ColorizerError, TrainingError, reason
from napari_colorizer.former_names import former_names, present_names
from napari_colorizer.option_limits import help_text
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
from napari_colorizer.training.run_folder import resumed_options

FLAGS = {"start": "--from", "groups": "--group"}
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
STOPPED_WITHOUT_MODEL = 3  # its exit code
SHOWN_METRICS = ("psnr", "ciede2000", "colorfulness", "mIoU", "pixel accuracy")

Data = Annotated[Path | None, typer.Argument(help="A labeled set: a folder, or a CSV list.", show_default=False)]
Recipe = Annotated[
    str | None, typer.Option(help="finetune, default, paper, or a TOML file of options.", show_default="finetune")
]
OptionsFile = Annotated[
    Path | None, typer.Option("--options", help="A JSON file with all options, instead of a recipe.")
]
Resume = Annotated[Path | None, typer.Option(help="Resume the run in this folder.")]
Events = Annotated[
    bool,
    typer.Option(
        "--events", help="Print events as JSON lines; 'stop' on standard input, or its end, stops the training."
    ),
]


def train(
    data: Data = None,
    recipe: Recipe = None,
    options_file: OptionsFile = None,
    resume: Resume = None,
    events: Events = False,
    **changes: Any,
) -> None:
    """Train a model on a labeled set, or fine-tune an existing one.

    Ctrl+C or a termination signal stops it: the best epoch so far is kept, and --resume continues from there.

    Exit codes: 0 a new model is installed, 1 an error, 3 stopped before there was a model, 128 + n stopped by the
    signal n (130 for Ctrl+C, 143 for kill).
    """
    # read when PyTorch is loaded: threads that spin while they wait slow down the viewer and the loading of images
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    ends = _Ends()
    channel = sys.stdout
    shown: Callable[[Event], None] = _Lines(channel) if events else _Narrator(make_console(channel))

    def tell(event: Event) -> None:
        ends.last = event
        shown(event)

    with redirect_stdout(sys.stderr):
        try:
            options = _options(data, recipe, options_file, resume, changes)
            ends.listen(events)
            from napari_colorizer.training.fit import train as run

            run(options, tell, ends.stopping.is_set, resume=resume)
        except (ColorizerError, OSError) as error:
            _fail(tell, reason(error), getattr(error, "resumable", True))
        except Exception as error:
            traceback.print_exc()
            _fail(tell, f"training failed unexpectedly: {str(error) or type(error).__name__}")
    ends.tell()


def _options(
    data: Path | None, recipe: str | None, options_file: Path | None, resume: Path | None, changes: dict[str, Any]
) -> TrainOptions:
    given = present_names(TrainOptions, {name: value for name, value in changes.items() if value is not None})
    if data is not None:
        given["data"] = str(data)
    if sum(item is not None for item in (recipe, options_file, resume)) > 1:
        raise TrainingError("--recipe, --options and --resume each set all options: give only one of them")
    if resume is not None:
        return resumed_options(resume, given)
    if options_file is not None:
        return TrainOptions.from_dict({**vars(TrainOptions.read(options_file)), **given})
    return TrainOptions.of_recipe(recipe or "finetune", **given)


class _Ends:
    """The ways in which a training comes to an end, each with its exit code."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.last: Event | None = None
        self.signal = 0

    def listen(self, events: bool) -> None:
        """Stop politely at the first signal, at the line "stop", and at the end of the input: nobody listens any more.

        The second signal ends it at once.
        """
        if threading.current_thread() is threading.main_thread():
            for name in SIGNALS:
                number = getattr(signal, name, None)  # not every system has every one
                if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores one
                    signal.signal(number, self._interrupted)
        if events and "LOCAL_RANK" not in os.environ:
            threading.Thread(target=self._read, name="listener", daemon=True).start()

    def tell(self) -> None:
        """End with the exit code of what happened; processes that others have started end as those want them to."""
        if "LOCAL_RANK" in os.environ:
            return
        complete = isinstance(self.last, Finished) and not self.last.stopped
        if self.signal and not complete:
            complain(f"stopped by {signal.Signals(self.signal).name}")
            raise typer.Exit(128 + self.signal)
        if isinstance(self.last, Stopped):
            raise typer.Exit(STOPPED_WITHOUT_MODEL)

    def _interrupted(self, number: int, _frame: FrameType | None) -> None:
        if self.signal:
            raise SystemExit(128 + number)
        self.signal = number
        self.stopping.set()

    def _read(self) -> None:
        for line in sys.stdin:
            if line.strip() == "stop":
                break
        self.stopping.set()


def _fail(tell: Callable[[Event], None], text: str, resumable: bool = True) -> None:
    tell(Failed(text, resumable))
    raise typer.Exit(1)


class _Lines:
    """Events as JSON lines."""

    def __init__(self, channel: TextIO):
        self.channel = channel

    def __call__(self, event: Event) -> None:
        with suppress(BrokenPipeError):  # nobody listens any more; the end of the input says so too
            print(event.to_line(), file=self.channel, flush=True)


class _Narrator:
    """Events for a person: a bar, and a line for each epoch."""

    def __init__(self, console: Console):
        self.console = console
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[left]}"),
            TimeElapsedColumn(),
        )
        self.bar = Bar(*columns, console=console, disable=not console.is_terminal)
        self.task = self.bar.add_task("", total=None, left="")

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.bar.start()
            self.bar.update(
                self.task,
                total=event.steps,
                completed=event.step,
                description=f"{event.network}, epoch {event.epoch} of {event.epochs}, loss {event.loss:.4f}",
                left=f"{event.seconds_left / 60:.0f} min left" if math.isfinite(event.seconds_left) else "",
            )
        elif isinstance(event, Doing):
            self.bar.start()
            share = f", {event.share:.0%}" if math.isfinite(event.share) else ""
            self.bar.update(self.task, description=f"{event.text}{share}", left="")
        elif isinstance(event, Failed):
            self.bar.stop()
            complain(event.text)
        else:
            if isinstance(event, Finished | Stopped):
                self.bar.stop()
            for line in _describe(event):
                self.console.print(line)


def _describe(event: Event) -> list[str]:
    if isinstance(event, Prepared):
        lines = [
            f"{event.train} labeled images to train with, {event.unlabeled} unlabeled ones, {event.val} to validate",
            f"the run is kept in {event.run}",
        ]
        lines += [f"resumed after {event.resumed} epochs"] * bool(event.resumed)
        for names, text in ((event.kept, "known classes"), (event.new, "new classes"), (event.left_out, "left out")):
            lines += [f"{text}: {', '.join(names)}"] * bool(names)
        return lines + [f"warning: {problem}" for problem in event.problems]
    if isinstance(event, EpochEnded):
        figures = [f"{name} {event.metrics[name]:.3f}" for name in SHOWN_METRICS if name in event.metrics]
        best = " (best)" if event.best else ""
        loss = f"epoch {event.epoch} of {event.epochs}: loss {event.loss:.4f}" if event.epoch else "before training"
        return [", ".join([f"{event.network}, {loss}", *figures]) + best]
    if isinstance(event, Finished):
        how = "stopped; the best so far is" if event.stopped else "done:"
        return [f"{how} the model {event.model!r}, {event.path}"]
    if isinstance(event, Stopped):
        return [
            "stopped before the first epoch was complete: nothing is installed",
            *[f"resume {event.run}"] * bool(event.run),
        ]
    return [event.text] if isinstance(event, Note) else []


def _parameter(item: Field[Any], kind: Any, name: str) -> inspect.Parameter:
    """One option of the command line for a field of the options, by its name or a former one."""
    flag = FLAGS.get(name, f"--{name.replace('_', '-')}")
    if kind is bool:
        flag += f"/--no-{name.replace('_', '-')}"
    elif item.name == "groups":
        kind = list[str]
    option = typer.Option(flag, help=help_text(TrainOptions, item.name), show_default=False, hidden=name != item.name)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _add_options() -> None:
    """Give the command an option for each field of `TrainOptions`, so that the two never differ."""
    own = inspect.signature(train, eval_str=True).parameters.values()
    hints = get_type_hints(TrainOptions)
    parameters = [item for item in own if item.kind is not inspect.Parameter.VAR_KEYWORD]
    former = former_names(TrainOptions)
    for item in fields(TrainOptions):
        names = [item.name, *(name for name, present in former.items() if present == item.name)]
        parameters += [_parameter(item, hints[item.name], name) for name in names if name != "data"]
    train.__signature__ = inspect.Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]
    train.__annotations__ = {item.name: item.annotation for item in parameters}


_add_options()
