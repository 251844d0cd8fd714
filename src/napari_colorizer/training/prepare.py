"""What must be there before the first step: photos, a model to start from, networks that they can teach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_colorizer.classes import ClassMap
from napari_colorizer.datasets.photos import PhotoStore
from napari_colorizer.datasets.read import read_set
from napari_colorizer.errors import TrainingError
from napari_colorizer.models.file import read_model
from napari_colorizer.models.model import Model
from napari_colorizer.training.callbacks import watched
from napari_colorizer.training.context import Emit, Materials, Stop, spread
from napari_colorizer.training.events import Doing, Note, Prepared
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.run_folder import RunFolder
from napari_colorizer.training.transfer import Start, start_model

PARTS = {"both": ("segmenter", "colorizer"), "segmenter": ("segmenter",), "colorizer": ("colorizer",)}


def gather(options: TrainOptions, run: RunFolder, emit: Emit, stop: Stop, main: bool) -> tuple[Materials, list[str]]:
    """Read the set and hold its photos in memory.

    Returns
    -------
    Materials
    list of str
        What is wrong with the set.

    Raises
    ------
    DataError, TrainingError
        If none of it can be used.
    StoppedError
        If somebody stops meanwhile.
    """
    emit(Doing("Looking for images and label maps"))
    data = read_set(options.data, groups=options.groups, val_share=options.val_share, seed=options.seed, record=main)
    pairs = [
        replace(pair, mask=pair.filled) if pair.filled and options.filled else pair for pair in data.of_split("train")
    ]
    read = watched("Reading photographs", emit, stop)
    train, problems = PhotoStore.load(data, pairs, options.side, options.squash, on_progress=read)
    if not len(train):
        raise TrainingError(f"{options.data}: none of its images can be used. " + " ".join(problems[:3]))
    labeled = [pair for pair in data.of_split("val") if pair.mask is not None]
    side = options.squash or options.side
    read = watched("Reading photographs to validate with", emit, stop)
    val, more = PhotoStore.load(data, spread(labeled, options.val_size), side, on_progress=read)
    problems = [*data.notes, *data.problems, *problems, *more]
    if not len(val):
        problems.append("no image is left for validation: there are no metrics, and the last epoch counts as the best")
    materials = Materials(options, run, data, train, list(val), emit, stop)
    parts = tuple(part for part in PARTS[options.network] if materials.usable(part))
    if not parts:
        raise TrainingError(f"{options.data}: {_lack(PARTS[options.network][-1])}, so there is nothing to train")
    return replace(materials, parts=parts), problems


def choose_start(materials: Materials) -> Start:
    """The model before any training: the one that the folder of the run holds, or a new one.

    Raises
    ------
    ModelError
        If there is no such model.
    TrainingError
        If it knows no class of the set, or cannot take crops of the chosen size.
    """
    if materials.run.start.exists():
        model = read_model(materials.run.start)
        start = Start(model, **model.provenance["classes"])
    else:
        present = {part: _present(materials, part) for part in materials.parts}
        start = start_model(materials.options, materials.data.classes, present)
        facts = {"kept": start.kept, "new": start.new, "left_out": start.left_out}
        start.model.provenance["classes"] = facts
    _check_crop(materials.options, start.model, materials.parts)
    return start


def describe(materials: Materials, start: Start, problems: list[str], done: int) -> Prepared:
    """The event that tells what is trained on, after so many epochs that were done before."""
    labeled = int(np.sum(materials.train.labeled))
    for part in PARTS[materials.options.network]:
        if part not in materials.parts:
            materials.emit(Note(f"The {part} is not trained: {_lack(part)}"))
    return Prepared(
        run=str(materials.run.path),
        train=labeled,
        val=len(materials.val),
        unlabeled=len(materials.train) - labeled,
        kept=start.kept,
        new=start.new,
        left_out=start.left_out,
        problems=[*problems, *_changes(start.model.classes, materials.data.classes)],
        resumed=done,
    )


def _present(materials: Materials, part: str) -> list[int]:
    """Ids of the classes in the photos that teach a network."""
    store = materials.train
    occurring = np.flatnonzero(store.counts[materials.usable(part)].sum(0)).tolist()
    return [store.ids[place] for place in occurring if store.ids[place]]


def _lack(part: str) -> str:
    if part == "segmenter":
        return "no training image has a label map with a class in it"
    return "no training image has color, and gray images can train only the segmenter"


def _check_crop(options: TrainOptions, model: Model, parts: tuple[str, ...]) -> None:
    """Refuse a crop whose sides the networks cannot halve as often as they must."""
    stride = max(model.networks[part].config.stride for part in parts)
    if options.crop % stride or options.crop < 2 * stride:
        raise TrainingError(
            f"crop must be a multiple of {stride} and at least {2 * stride} for these networks, not {options.crop}"
        )


def _changes(before: ClassMap, now: ClassMap) -> list[str]:
    """What to say of a class map that has changed since a run began."""
    renamed = [item.name for item in before if item.id not in now or now[item.id].name != item.name]
    if not renamed:
        return []
    return [f"the class map of the set has changed since this run began, which continues with {', '.join(renamed)}"]
