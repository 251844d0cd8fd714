"""One image of a job, done anywhere: read it, see whether it is done already, make its result, write it to the side."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from napari_colorizer.batches.label_files import find_labels, open_labels, read_labels
from napari_colorizer.batches.manifest import Record
from napari_colorizer.batches.planes import Plane, make_plane
from napari_colorizer.batches.recipe import Given, Recipe
from napari_colorizer.batches.stacks import changed, open_stack
from napari_colorizer.batches.video_parts import VideoParts
from napari_colorizer.batches.videos import color_video, is_video
from napari_colorizer.batches.zarr_stacks import ZarrStack
from napari_colorizer.batches.zarr_stores import write_plane
from napari_colorizer.checksums import Stamp, checksum, checksum_of, stamp
from napari_colorizer.engine.planes import is_large, tiles
from napari_colorizer.errors import FileError, reason
from napari_colorizer.files import read_image

FAULTS = (ValueError, TypeError, OSError, MemoryError, RuntimeError)  # torch tells too little memory as the last
_alone = Lock()  # a worker of dask may have several threads


Tell = Callable[[int], None]


def no_tell(count: int) -> None:
    """Tell nobody that more images are done."""


@dataclass(frozen=True)
class Task:
    """One image to work on, and what is known of it.

    Attributes
    ----------
    item : int
        Which of the job's files it belongs to.
    recipe : Recipe
    source : Path
    index : tuple of int, optional
        Which image of a stack.
    stamp : Stamp, optional
        Of the stack, when the job began: all its images must come from one file.
    labels : Path, optional
        A label map, or a folder of such.
    result : str
        Its name in the manifest.
    destination : Destination
    known : Record, optional
        What was written there last.
    replaceable : frozenset of str
        See `Manifest.replaceable`.
    overwrite : bool
        Whether what somebody else has made is written over.
    images : int
        How many images it is: a video is many.
    """

    item: int
    recipe: Recipe
    source: Path
    index: tuple[int, ...] | None
    stamp: Stamp | None
    labels: Path | None
    result: str
    destination: Any
    known: Record | None = None
    replaceable: frozenset[str] = frozenset()
    overwrite: bool = False
    images: int = 1


@dataclass(frozen=True)
class Outcome:
    """What became of a task: made, the same as before, stale (to be announced before it is written over) or failed."""

    state: Literal["made", "same", "stale", "failed"]
    record: Record | None = None
    written: Path | None = None
    note: str = ""
    error: str = ""


Outcomes = Generator[tuple[Task, Outcome], None, None]


@dataclass(frozen=True)
class Ready:
    """A task whose image is read and whose result is not there yet."""

    task: Task
    given: Given
    record: Record


def do(task: Task, tell: Tell = no_tell) -> Outcome:
    """Do a task; what is wrong with its files is told in the outcome, all else is raised.

    Parameters
    ----------
    task : Task
    tell : callable
        Is told how many more images of a task with several are done.
    """
    with _alone:
        ready = begin(task, tell)
        if isinstance(ready, Outcome):
            return ready
        try:
            made = task.recipe.make(*ready.given)
        except FAULTS as error:
            return failed(task, error)
        return finish(ready, *made)


def begin(task: Task, tell: Tell = no_tell) -> Ready | Outcome:
    """Read the image of a task; its outcome in place of that where there is nothing more to do."""
    try:
        return _begin(task, tell)
    except FAULTS as error:
        return failed(task, error)


def finish(ready: Ready, result: NDArray[Any], note: str) -> Outcome:
    """Write what was made of an image, and what is to be known of it: see `Recipe.make`."""
    task = ready.task
    try:
        written, sha256 = task.destination.write(task.recipe, result)
    except FAULTS as error:
        return failed(task, error)
    return _made(task, ready.record, sha256, written, note)


def failed(task: Task, error: BaseException) -> Outcome:
    """The outcome of a task that raised an error."""
    text, name = reason(error), task.source.name
    return Outcome("failed", error=text if name in text else f"{name}: {text}")


def _made(task: Task, record: Record, sha256: str, written: Path | None, note: str) -> Outcome:
    """The outcome of a task whose result is there, to the side or where it stays."""
    return Outcome("made", replace(record, sha256=sha256), written, f"{task.source.name} {note}" if note else "")


def do_with_one_thread(task: Task) -> Outcome:
    """The same with one thread of PyTorch: sums of several differ in the last digit, and so may a level of a color."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return do(task)
    finally:
        torch.set_num_threads(threads)


def _begin(task: Task, tell: Tell) -> Ready | Outcome:
    labels = find_labels(task.source, task.labels, task.index is not None)
    before = _stamps(task.source, labels)
    record = Record(task.result, task.index, "", str(task.source), "", recipe=task.recipe.facts())
    if labels is not None:
        record = replace(record, labels=str(labels))
    if task.index is None:  # a file is known by its bytes, so that one that is done need not be decoded
        record = replace(record, source_sha256=checksum(task.source))
        if labels is not None:
            record = replace(record, labels_sha256=checksum(labels))
        if state := _state(task, record):
            return Outcome(state)
    if is_video(task.source):
        return _film(task, record, before, tell)
    if (plane := _large_plane(task)) is not None:
        return _do_plane(task, plane, labels, record, before)
    image = _read(task)
    size = (image.shape[0], image.shape[1])
    given, classes = (None, None) if labels is None else read_labels(labels, task.source, size, task.index)
    if task.index is not None:
        values = None if given is None else checksum_of([given])
        record = replace(record, source_sha256=checksum_of([image]), labels_sha256=values)
        if state := _state(task, record):
            return Outcome(state)
    _check_unchanged(task, labels, before)
    return Ready(task, Given(image, given, classes, task.source.stem), record)


def _large_plane(task: Task) -> Plane | None:
    """The plane of a store that goes into another one and is too large to be held."""
    if task.index is None or not task.destination.in_place:
        return None
    stack = open_stack(task.source)
    return Plane(stack, task.index) if isinstance(stack, ZarrStack) and is_large(stack.size) else None


def _do_plane(task: Task, plane: Plane, labels: Path | None, record: Record, before: list[Stamp]) -> Outcome:
    """Do a task tile by tile."""
    assert task.index is not None
    given, classes = (None, None) if labels is None else open_labels(labels, task.source, task.index)
    plane.look()
    values = None if given is None else checksum_of(given(box) for box in tiles(plane.shape))
    record = replace(record, source_sha256=plane.sha256, labels_sha256=values)
    if state := _state(task, record):
        return Outcome(state)
    result, note = make_plane(task.recipe, plane, given, classes, task.source.stem)
    write_plane(task.destination.store, task.destination.place, result)
    _check_unchanged(task, labels, before)
    return _made(task, record, task.destination.checksum(), None, note)


def _film(task: Task, record: Record, before: list[Stamp], tell: Tell) -> Outcome:
    """Color a video, from where that stopped, into a file to the side."""
    written = task.destination.beside()
    parts = VideoParts.of(record, task.destination.parts, task.destination.temporary)
    note = color_video(task.recipe, task.source, written, parts, tell)
    _check_unchanged(task, None, before)
    return _made(task, record, checksum(written), written, note)


def _check_unchanged(task: Task, labels: Path | None, before: list[Stamp]) -> None:
    if _stamps(task.source, labels) != before or (task.stamp and stamp(task.source) != task.stamp):
        raise changed(task.source)


def _read(task: Task) -> NDArray[np.generic]:
    if task.index is None:
        return read_image(task.source)
    stack = open_stack(task.source)
    if stack is None or len(stack.lead) != len(task.index):
        raise FileError(f"{task.source.name} was changed while it was read: it is no longer the same stack")
    return stack.read(task.index)


def _state(task: Task, record: Record) -> Literal["same", "stale", ""]:
    """Whether the result is there already, or must be announced first; refuses what somebody else has made."""
    known = task.known if task.known and task.known.sha256 else None
    there = None if task.destination.in_place and known is None else task.destination.checksum()
    if known and there == known.sha256 and known.made_like(record):
        return "same"
    nothing_yet = there is None and task.destination.in_place
    if not (nothing_yet or task.overwrite or there in task.replaceable):
        task.destination.refuse()
    return "stale" if known and task.destination.in_place else ""


def _stamps(*paths: Path | None) -> list[Stamp]:
    """Of files; folders tell nothing by theirs."""
    found = []
    for path in paths:
        if path is not None and not path.is_dir():
            try:
                found.append(stamp(path))
            except FileNotFoundError:
                raise FileError(f"there is no file {path}") from None
    return found
