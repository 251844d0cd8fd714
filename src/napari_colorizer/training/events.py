"""What a training run tells while it goes on, as typed events and as lines of JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """The base of these events."""

    def to_line(self) -> str:
        """One line of JSON, which `read_event` reads."""
        values = {name: _plain(value) for name, value in asdict(self).items()}
        return json.dumps({"event": type(self).__name__, **values}, allow_nan=False)


@dataclass(frozen=True)
class Prepared(Event):
    """The data are read, training begins.

    Attributes
    ----------
    run : str
        Folder of the run.
    train, val, unlabeled : int
        How many labeled images train and validate, and how many images without a label map there are.
    kept, new, left_out : list of str
        Names of the classes that the starting model knows, of those that it does not, and of those of the class map
        that neither it nor a mask has.
    problems : list of str
        What is wrong with the data, each with its file name.
    resumed : int
        Epochs that were done before.
    """

    run: str
    train: int
    val: int
    unlabeled: int
    kept: list[str]
    new: list[str]
    left_out: list[str]
    problems: list[str]
    resumed: int = 0


@dataclass(frozen=True)
class Note(Event):
    """Something that the user should know; training goes on."""

    text: str


@dataclass(frozen=True)
class Doing(Event):
    """What goes on between the steps, until another event tells of something else; a few times a second at most.

    Attributes
    ----------
    text : str
        Such as "Reading photographs".
    share : float
        How much of it is done, 0..1; NaN where that is not known.
    """

    text: str
    share: float = math.nan


@dataclass(frozen=True)
class Progress(Event):
    """Some steps are done; it comes a few times a second at most.

    Attributes
    ----------
    network : str
        "segmenter" or "colorizer".
    epoch, epochs : int
        Current epoch, from 1, and how many there will be.
    step, steps : int
        Steps done, and to be done, of this network's training.
    loss : float
        Mean of the last steps.
    seconds_left : float
        Until this network is trained; NaN as long as too few steps are done to tell.
    stage, stages : int
        Which of the networks to be trained this is, from 1, and how many there are.
    """

    network: str
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    seconds_left: float
    stage: int = 1
    stages: int = 1


@dataclass(frozen=True)
class EpochEnded(Event):
    """An epoch was trained, validated and saved.

    Attributes
    ----------
    network : str
    epoch, epochs : int
        From 1. Epoch 0 is the model before any training.
    loss : float
        Mean over the epoch; NaN for epoch 0.
    metrics : dict
        On the validation images, by name.
    best : bool
        Whether this is the best epoch so far.
    pictures : list of str
        Files of validation pictures: gray, labels, color, truth, side by side.
    """

    network: str
    epoch: int
    epochs: int
    loss: float
    metrics: dict[str, float]
    best: bool
    pictures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Finished(Event):
    """Training has ended and the model is installed.

    Attributes
    ----------
    model : str
        Its name.
    path : str
        Its file.
    stopped : bool
        Whether somebody stopped it before its last epoch.
    """

    model: str
    path: str
    stopped: bool


@dataclass(frozen=True)
class Stopped(Event):
    """Somebody stopped the training before its first epoch was over: no model is installed.

    Attributes
    ----------
    run : str
        Folder of the run, which can be resumed; empty if there is none yet.
    """

    run: str


@dataclass(frozen=True)
class Failed(Event):
    """Training has ended with an error; what was trained before is in the folder of the run.

    Attributes
    ----------
    text : str
    resumable : bool
        Whether to resume the run may help; if not, it would end in the same way.
    """

    text: str
    resumable: bool = True


KINDS = {kind.__name__: kind for kind in (Prepared, Note, Doing, Progress, EpochEnded, Finished, Stopped, Failed)}


def read_event(line: str) -> Event | None:
    """The event that a line holds; None for any other line."""
    try:
        values: dict[str, Any] = json.loads(line)
        kind: Any = KINDS[values.pop("event")]
        event: Event = kind(**{name: math.nan if value is None else value for name, value in values.items()})
        return event
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _plain(value: Any) -> Any:
    """The same with null in the place of numbers that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if _plain(item) is not None}
    return value
