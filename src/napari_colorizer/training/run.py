"""The folder of a training run: everything that is needed to look at it, and to go on with it."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from napari_colorizer.errors import TrainingError
from napari_colorizer.files import replacing
from napari_colorizer.models.library import installed_models, library_folder, place_for
from napari_colorizer.training.options import TrainOptions

RUN_VARIABLE = "NAPARI_COLORIZER_RUN"  # how a process tells the ones that it starts which run they belong to
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


def runs_folder() -> Path:
    """Where runs are kept unless an option says otherwise: beside the installed models."""
    return library_folder().parent / "runs"


def new_run(options: TrainOptions) -> RunFolder:
    """The folder for a new run; not yet made.

    Raises
    ------
    TrainingError
        If the folder that the options name holds a run already.
    """
    chosen = os.environ.get(RUN_VARIABLE) or options.run
    if not chosen:
        stamp = datetime.now().strftime("%Y-%m-%d %H.%M.%S")
        return RunFolder(runs_folder() / f"{options.name} {stamp}")
    folder = RunFolder(Path(chosen).expanduser().absolute())
    if folder.options.exists() and RUN_VARIABLE not in os.environ:
        raise TrainingError(f"{folder.path} holds a training run already: resume it, or choose another folder")
    return folder


def model_name(options: TrainOptions) -> str:
    """The name of the new model: the one chosen, or one made of the data's name that is still free.

    Raises
    ------
    ModelError
        If the chosen name cannot be one.
    TrainingError
        If a model of that name exists.
    """
    taken = installed_models()
    if options.name:
        place_for(options.name)
        if options.name in taken:
            raise TrainingError(f"there is already a model {options.name!r}; choose another name, or remove it first")
        return options.name
    stem = re.sub(r"[^\w .+-]", "", Path(options.data).absolute().stem).strip(" .+-") or "trained"
    names = (stem if number == 1 else f"{stem} {number}" for number in range(1, len(taken) + 3))
    return next(name for name in names if name not in taken)
