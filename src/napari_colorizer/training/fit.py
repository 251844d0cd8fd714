"""Training a model from beginning to end, or from where it was interrupted."""

from __future__ import annotations

import errno
import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.exceptions import SIGTERMException

from napari_colorizer.engine.devices import pick_device
from napari_colorizer.errors import FileError, TrainingError
from napari_colorizer.models.file import read_model
from napari_colorizer.training.callbacks import epochs_done, last_epoch, training_log
from napari_colorizer.training.context import Emit, Stop, StoppedError
from napari_colorizer.training.events import Event, Stopped
from napari_colorizer.training.install import install
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.prepare import choose_start, describe, gather
from napari_colorizer.training.run_folder import RunFolder, lost, model_name, new_run
from napari_colorizer.training.stage import train_stage

CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)


def fit(options: TrainOptions | None = None, *, resume: str | Path | None = None) -> Generator[Event]:
    """Train a model, and yield what happens.

    Training goes on in a thread while the events are consumed; closing the generator stops it.

    Parameters
    ----------
    options : TrainOptions
        What to train, on which data. With `resume`: options in place of those of the run, see `resumed_options`.
    resume : str or Path, optional
        The folder of a run to go on with.

    Yields
    ------
    Event
        `Prepared`, then `Progress` and `EpochEnded` for each network, at last `Finished` (or `Stopped`); `Doing` before
        and between them.

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
    main = getattr(rank_zero_only, "rank", 0) == 0
    tell: Emit = emit if main else lambda _: None
    if resume is not None:
        run = RunFolder(Path(resume).expanduser().absolute())
        options = options or TrainOptions.read(run.options)
    elif options is None or not options.data:
        raise TrainingError("name the labeled set to train on: a folder, or a CSV list of images")
    else:
        data = str(Path(options.data).expanduser().absolute())  # a run is resumed from anywhere
        options = replace(options, data=data, name=model_name(options) if main else options.name)
        run = new_run(options, main)
    pick_device(options.device)  # one that is not there is refused before a run begins
    with run.lock(main), _own_random_numbers():
        try:
            _train(options, run, tell, stop, main)
        except (StoppedError, SIGTERMException):  # the second is Lightning's, for a moment at its beginning
            tell(Stopped(str(run.path) if run.options.exists() else ""))
        except (FileError, OSError, RuntimeError) as error:
            raise _explained(error, options, run) from error


@contextmanager
def _own_random_numbers() -> Iterator[None]:
    """Leave torch's generators as they were: training seeds them."""
    with torch.random.fork_rng(range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()):
        yield


def _explained(error: Exception, options: TrainOptions, run: RunFolder) -> Exception:
    """The error in words that help, where it is one of those that come from outside."""
    kept = f". The last complete epoch is in {run.path}" if run.options.exists() else ""
    if isinstance(error, FileError):  # from a process that prepares crops it comes with a traceback before its text
        name = f"{FileError.__module__}.{FileError.__qualname__}: "
        return FileError(str(error.args[0]).strip().splitlines()[-1].removeprefix(name) + kept)
    if isinstance(error, FileNotFoundError) and str(error.filename).startswith(str(run.path)):
        return lost(run)
    if isinstance(error, OSError) and error.errno in CANNOT_WRITE:
        where = error.filename or run.path
        return TrainingError(f"training ends here: {where} cannot be written ({error.strerror}){kept}. Make room first")
    if isinstance(error, RuntimeError) and options.devices * options.nodes > 1:
        return TrainingError(
            f"one of the processes has ended, or can no longer be reached ({str(error).splitlines()[0]}). If memory "
            f"ran out, use a smaller batch or crop{kept}"
        )
    return error


def _train(options: TrainOptions, run: RunFolder, emit: Emit, stop: Stop, main: bool) -> None:
    materials, problems = gather(options, run, emit, stop, main)
    start = choose_start(materials)
    if main:
        run.tidy()
        if not run.start.exists():
            start.model.save(run.start)
        options.write(run.options)  # last: a run without it has not begun
    logs = {part: training_log(run, part) for part in materials.parts}
    for part, log in logs.items():
        if main and log:
            run.write_log(part, log)  # a crash may have come between a checkpoint and its log
    done = {part: last_epoch(log) for part, log in logs.items()}
    emit(describe(materials, start, problems, sum(done.values())))
    model, stopped = start.model, False
    for part in materials.parts:
        if done[part] >= options.epochs:
            model = replace(read_model(run.best(part)), name=model.name)
        elif not stopped:
            model, stopped = train_stage(materials, model, part)
    if main and stopped and not any(epochs_done(run, part) for part in materials.parts):
        raise StoppedError
    if main:
        emit(install(materials, model, stopped))
