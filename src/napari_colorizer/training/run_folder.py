"""The folder of a training run: everything that is needed to look at it, and to go on with it."""

from __future__ import annotations

import csv
import io
import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from napari_colorizer.errors import LostRunError, TrainingError
from napari_colorizer.files import replacing
from napari_colorizer.models.library import FRESH, installed_models, library_folder, place_for
from napari_colorizer.training.options import TrainOptions

RUN_VARIABLE = "NAPARI_COLORIZER_RUN"  # how a training tells its other processes which run they belong to
FROM_OUTSIDE = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")
MAY_CHANGE = ("data", "epochs", "device", "devices", "nodes", "workers", "precision", "pictures")
Row = dict[str, Any]


@dataclass(frozen=True)
class RunFolder:
    """Places in the folder of a run.

    ``options.json``, ``classes.json`` and ``start.safetensors`` say what it began with. For each network there is a
    folder with ``last.ckpt`` (all that is needed to go on), ``best.safetensors`` (a model file), ``log.csv`` and
    ``pictures/``.

    Attributes
    ----------
    path : Path
    """

    path: Path

    @property
    def options(self) -> Path:
        """The options, as JSON."""
        return self.path / "options.json"

    @property
    def start(self) -> Path:
        """The model before any training, with the classes of the set."""
        return self.path / "start.safetensors"

    def checkpoint(self, network: str) -> Path:
        """The state after the last whole epoch."""
        return self.path / network / "last.ckpt"

    def best(self, network: str) -> Path:
        """The model with the best weights so far of that network."""
        return self.path / network / "best.safetensors"

    def pictures(self, network: str) -> Path:
        """Folder of the validation pictures."""
        return self.path / network / "pictures"

    @contextmanager
    def lock(self, main: bool = True) -> Iterator[None]:
        """Keep other processes from training in this folder meanwhile; only the main process of a training asks.

        Raises
        ------
        TrainingError
            If another one does so now.
        """
        if not main:
            yield
            return
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.path / "lock", timeout=0):
                try:
                    yield
                finally:
                    if not self.options.exists():  # it never began: leave no trace
                        with suppress(OSError):
                            (self.path / "lock").unlink()
                            self.path.rmdir()
        except Timeout:
            raise TrainingError(f"{self.path} is being trained by another process: stop that one first") from None

    def tidy(self) -> None:
        """Remove what a killed process was about to write."""
        for file in self.path.rglob(".*.tmp"):
            file.unlink(missing_ok=True)

    def write_log(self, network: str, rows: Sequence[Row]) -> None:
        """Write ``log.csv``: one row for each epoch."""
        columns = list(dict.fromkeys(name for row in rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.checkpoint(network).parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.path / network / "log.csv") as temporary:
            temporary.write_text(text.getvalue(), "utf-8")


def lost(run: RunFolder) -> LostRunError:
    """The error for a run whose folder is no more what it was."""
    return LostRunError(
        f"the folder of the run, {run.path}, was removed or moved during training: training ends without a new "
        "model. Start again"
    )


def runs_folder() -> Path:
    """Where runs are kept unless an option says otherwise: beside the installed models."""
    return library_folder().parent / "runs"


def new_run(options: TrainOptions, main: bool = True) -> RunFolder:
    """The folder for a new run; `main` is false in the processes that others have started.

    Raises
    ------
    TrainingError
        If the folder that the options name holds a run already, or several processes do not know of a common one.
    """
    chosen = options.run if main else os.environ.get(RUN_VARIABLE, options.run)
    if chosen:
        folder = RunFolder(Path(chosen).expanduser().absolute())
        if main and folder.options.exists():
            raise TrainingError(f"{folder.path} holds a training run already: resume it, or choose another folder")
        return folder
    if any(name in os.environ for name in FROM_OUTSIDE):
        raise TrainingError("processes started by torchrun or a cluster need a common folder: use --run")
    stamp = datetime.now().strftime("%Y-%m-%d %H.%M.%S")
    for number in itertools.count(1):
        path = runs_folder() / (f"{options.name} {stamp}" + (f" {number}" if number > 1 else ""))
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        return RunFolder(path)
    raise AssertionError


def resumed_options(run: str | Path, changes: Mapping[str, Any]) -> TrainOptions:
    """The options of a run with some changed, to go on with it on another device, say.

    Raises
    ------
    TrainingError
        If the folder holds no run, or a change would make another training of it.
    """
    options = TrainOptions.read(RunFolder(Path(run).expanduser().absolute()).options)
    fixed = [name for name in changes if name not in MAY_CHANGE]
    if fixed:
        raise TrainingError(
            f"{fixed[0]} cannot be changed when a run is resumed; you can change {', '.join(MAY_CHANGE)}. Start a "
            "new run"
        )
    return TrainOptions.from_dict({**vars(options), **changes})


def model_name(options: TrainOptions) -> str:
    """The name of the new model: the one chosen, or one made of the data's name that is still free.

    Raises
    ------
    ModelError
        If the chosen name cannot be one.
    TrainingError
        If a model of that name exists.
    """
    if options.name:
        place_for(options.name)
        if options.name in installed_models():
            raise TrainingError(f"there is already a model {options.name!r}; choose another name, or remove it first")
        return options.name
    return free_name(re.sub(r"[^\w .+-]", "", Path(options.data).absolute().stem).strip(" .+-") or "trained")


def free_name(stem: str) -> str:
    """The name itself, or the first of "name 2", "name 3", ... that no model has."""
    taken = {*installed_models(), FRESH}
    names = itertools.chain([stem], (f"{stem} {number}" for number in itertools.count(2)))
    return next(name for name in names if name not in taken)
