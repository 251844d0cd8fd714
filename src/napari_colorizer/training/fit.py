"""Training a model from beginning to end, or from where it was interrupted."""

from __future__ import annotations

import errno
import os
import platform
import queue
import threading
from collections.abc import Generator
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pytorch_lightning.utilities import rank_zero_only

from napari_colorizer.errors import TrainingError
from napari_colorizer.models.file import read_model
from napari_colorizer.models.library import place_for
from napari_colorizer.models.model import Model
from napari_colorizer.training.data.photos import PhotoStore
from napari_colorizer.training.data.read import read_set
from napari_colorizer.training.events import Event, Finished, Note, Prepared
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.recorder import Emit, Stop
from napari_colorizer.training.run import RUN_VARIABLE, RunFolder, model_name, new_run
from napari_colorizer.training.stage import Materials, epochs_done, spread, train_stage
from napari_colorizer.training.suggestions import color_suggestions
from napari_colorizer.training.transfer import Start, start_model

PARTS = {"both": ("segmenter", "colorizer"), "segmenter": ("segmenter",), "colorizer": ("colorizer",)}
PHOTOS_FOR_SUGGESTIONS = 1000


def fit(options: TrainOptions | None = None, *, resume: str | Path | None = None) -> Generator[Event]:
    """Train a model, and yield what happens.

    Training goes on in a thread while the events are consumed; closing the generator stops it.

    Parameters
    ----------
    options : TrainOptions
        What to train, on which data.
    resume : str or Path, optional
        In place of options: the folder of a run to go on with.

    Yields
    ------
    Event
        First `Prepared`, then `Progress` and `EpochEnded` for each network, at last `Finished`.

    Raises
    ------
    ColorizerError
        If the data, the starting model or an option will not do, or training cannot go on. What was trained is in the
        folder of the run.

    Examples
    --------
    >>> for event in fit(TrainOptions.of_recipe("finetune", data="my photos")):  # doctest: +SKIP
    ...     print(event)
    """
    events: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
    stopping = threading.Event()

    def work() -> None:
        try:
            train(options, events.put, stopping.is_set, resume=resume)
            events.put(None)
        except BaseException as error:
            events.put(error)

    thread = threading.Thread(target=work, name="training", daemon=True)
    thread.start()
    try:
        while (event := events.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        stopping.set()
        thread.join()


def train(
    options: TrainOptions | None, emit: Emit, stop: Stop = lambda: False, *, resume: str | Path | None = None
) -> None:
    """Do what `fit` does, in this thread: events go to `emit`, and training ends early once `stop()` is true."""
    if (options is None) == (resume is None):
        raise TrainingError("give either options, or the folder of a run to resume")
    main = getattr(rank_zero_only, "rank", 0) == 0
    tell: Emit = emit if main else lambda _: None
    if resume is not None:
        run = RunFolder(Path(resume).expanduser().absolute())
        options = TrainOptions.read(run.options)
    else:
        assert options is not None
        if not options.data:
            raise TrainingError("name the labeled set to train on: a folder, or a CSV list of images")
        options = replace(options, name=model_name(options) if main else options.name)
        run = new_run(options)
    try:
        _train(options, run, tell, stop, main)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        raise TrainingError(
            f"training ends here: {error.filename or run.path} cannot be written ({error.strerror}). What the last "
            f"whole epoch gave is in {run.path}; make room and resume it"
        ) from error


def _train(options: TrainOptions, run: RunFolder, emit: Emit, stop: Stop, main: bool) -> None:
    materials, problems = _gather(options, run, emit, stop, main)
    begun = run.start.exists()
    start = _start(materials, begun)
    options = replace(materials.options, name=options.name)
    if main and begun:
        run.tidy()
    elif main:
        start.model.save(run.start)
        options.write(run.options)  # last: a run without it has not begun
    os.environ[RUN_VARIABLE] = str(run.path)  # for the processes of other devices
    try:
        parts = [part for part in PARTS[options.network] if _can_teach(materials, part, emit)]
        if not parts:
            raise TrainingError(f"{options.data}: there is nothing in it to train the {options.network} with")
        _check_crop(options, start.model, parts)
        done = {part: epochs_done(run, part) for part in parts}
        emit(_prepared(materials, start, problems, sum(done.values())))
        model, stopped = start.model, False
        for part in parts:
            if stopped:
                break
            if done[part] >= options.epochs:
                model = replace(read_model(run.best(part)), name=model.name)
            else:
                model, stopped = train_stage(materials, model, part)
    finally:
        del os.environ[RUN_VARIABLE]
    if main:
        emit(_install(materials, model, stopped))


def _gather(options: TrainOptions, run: RunFolder, emit: Emit, stop: Stop, main: bool) -> tuple[Materials, list[str]]:
    """Read the set and hold its photos in memory; also gives what is wrong with it."""

    def check(_share: float = 0.0) -> None:
        if stop():
            raise TrainingError("training was stopped while its images were read; nothing is trained yet")

    data = read_set(options.data, groups=options.groups, val_share=options.val_share, seed=options.seed, record=main)
    train, problems = PhotoStore.load(data, data.of_split("train"), options.side, options.squash, on_progress=check)
    if not len(train):
        raise TrainingError(f"{options.data}: none of its images can be used. " + " ".join(problems[:3]))
    labeled = [pair for pair in data.of_split("val") if pair.mask is not None]
    side = options.squash or options.side
    val, more = PhotoStore.load(data, spread(labeled, options.val_size), side, on_progress=check)
    return Materials(options, run, data, train, list(val), emit, stop), [*data.notes, *data.problems, *problems, *more]


def _start(materials: Materials, begun: bool) -> Start:
    """The model before any training: the one that the folder of the run holds, or a new one."""
    if begun:
        model = read_model(materials.run.start)
        return Start(model, **model.provenance["classes"])
    counts = dict(zip(materials.train.ids, materials.train.counts.sum(0).tolist(), strict=True))
    present = [label for label, count in counts.items() if label and count]
    start = start_model(materials.options, materials.data.classes, present)
    start.model.provenance["classes"] = {"kept": start.kept, "new": start.new, "left_out": start.left_out}
    return start


def _check_crop(options: TrainOptions, model: Model, parts: list[str]) -> None:
    """Refuse a crop whose sides the networks cannot halve as often as they must."""
    stride = max(model.networks[part].config.stride for part in parts)
    if options.crop % stride or options.crop < 2 * stride:
        raise TrainingError(
            f"crop must be a multiple of {stride} and at least {2 * stride} for these networks, not {options.crop}"
        )


def _can_teach(materials: Materials, part: str, emit: Emit) -> bool:
    """Whether there are photos for a network; says so where there are none."""
    if materials.usable(part):
        return True
    lack = "a label map" if part == "segmenter" else "color: gray images teach the segmenter only"
    emit(Note(f"The {part} is not trained: no training image has {lack}"))
    return False


def _prepared(materials: Materials, start: Start, problems: list[str], done: int) -> Prepared:
    labeled = int(np.sum(materials.train.labeled))
    return Prepared(
        run=str(materials.run.path),
        train=labeled,
        val=len(materials.val),
        unlabeled=len(materials.train) - labeled,
        kept=start.kept,
        new=start.new,
        left_out=start.left_out,
        problems=problems,
        resumed=done,
    )


def _install(materials: Materials, model: Model, stopped: bool) -> Finished:
    """Write the finished model into the library, with where it comes from and what its classes look like."""
    options = materials.options
    taught = spread(materials.train, PHOTOS_FOR_SUGGESTIONS)
    parts = [part for part in ("segmenter", "colorizer") if materials.run.best(part).exists()]
    metrics = {part: read_model(materials.run.best(part)).metrics.get(part, {}) for part in parts}
    model = replace(
        model,
        name=options.name,
        suggestions=color_suggestions(taught, model.classes),
        metrics=metrics,
        provenance={**model.provenance, **_provenance(materials, stopped)},
        _elsewhere={},
    )
    path = place_for(options.name)
    model.save(path)
    return Finished(options.name, str(path), stopped)


def _provenance(materials: Materials, stopped: bool) -> dict[str, Any]:
    options = materials.options
    return {
        "data": Path(options.data).absolute().name,
        "images": {"train": len(materials.train), "val": len(materials.val)},
        "options": {name: value for name, value in asdict(options).items() if name not in ("data", "run")},
        "stopped": stopped,
        "software": f"napari-colorizer {version('napari-colorizer')}, torch {torch.__version__}",
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, device {options.device}",
    }
