"""The finished model: put together, and written into the library."""

from __future__ import annotations

import platform
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

import napari_colorizer
from napari_colorizer.errors import ModelError
from napari_colorizer.models.header import read_header
from napari_colorizer.models.library import install_model, place_for
from napari_colorizer.models.model import Model
from napari_colorizer.training.callbacks import training_log
from napari_colorizer.training.context import Materials, suggested_colors
from napari_colorizer.training.events import Finished, Note
from napari_colorizer.training.run_folder import free_name


def install(materials: Materials, model: Model, stopped: bool) -> Finished:
    """Write the finished model into the library, with where it comes from and what its classes look like.

    A fresh network that was not trained is left out. Where another model has taken the name meanwhile, the next free
    one is taken, and a note says so.

    Parameters
    ----------
    materials : Materials
    model : Model
        With the best weights of each network.
    stopped : bool
        Whether somebody stopped the training.
    """
    options, run = materials.options, materials.run
    trained = [part for part in model.networks if run.best(part).exists()]
    untrained = [part for part in model.provenance.get("fresh", ()) if part not in trained]
    networks: dict[str, Any] = dict.fromkeys(untrained)
    model = replace(
        model,
        name=options.name,
        suggestions=suggested_colors(materials, model),
        metrics={part: read_header(run.best(part))["metrics"].get(part, {}) for part in trained},
        provenance={**model.provenance, **_provenance(materials, stopped)},
        **networks,
    )
    path = _write(materials, model)
    return Finished(model.name, str(path), stopped)


def _write(materials: Materials, model: Model) -> Path:
    """Write the model under its name or, where another has that by now, under the next free one; gives its file."""
    path = place_for(model.name)
    if _is_of_run(path, materials):
        model.save(path)
        return path
    while True:
        try:
            return install_model(model)
        except ModelError:
            taken, model.name = model.name, free_name(materials.options.name)
            if model.name == taken:
                raise
            note = f"Another model is now called {taken!r}: this one is installed as {model.name!r}"
            materials.emit(Note(note))


def _is_of_run(path: Path, materials: Materials) -> bool:
    """Whether a model file was written by this run, before it was resumed."""
    try:
        return read_header(path)["provenance"].get("run") == materials.run.path.name
    except (ModelError, KeyError, AttributeError):
        return False


def _effort(materials: Materials, part: str) -> dict[str, float]:
    """How long a network was trained."""
    rows = training_log(materials.run, part)
    return {name: rows[-1][name] for name in ("epoch", "step", "minutes") if rows and name in rows[-1]}


def _provenance(materials: Materials, stopped: bool) -> dict[str, Any]:
    options = materials.options
    return {
        "data": Path(options.data).name,
        "images": {"train": len(materials.train), "val": len(materials.val)},
        "options": {name: value for name, value in asdict(options).items() if name not in ("data", "run")},
        "trained": {part: _effort(materials, part) for part in materials.parts},
        "run": materials.run.path.name,
        "stopped": stopped,
        "software": f"napari-colorizer {napari_colorizer.__version__}, torch {torch.__version__}",
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, device {options.device}",
    }
