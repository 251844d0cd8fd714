"""``napari-colorizer evaluate``."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import Progress, track

from napari_colorizer.cli.shared import Device, checked, plain_errors
from napari_colorizer.cli.tables import print_evaluation

if TYPE_CHECKING:
    from napari_colorizer.datasets.photos import PhotoStore
    from napari_colorizer.datasets.sets import LabeledSet, Pair, Photo
    from napari_colorizer.models.model import Model

BASELINE_SIDE = 64  # enough for mean colors, and a large training split still fits into memory


def evaluate(
    model: Annotated[str, typer.Argument(help="An installed model, or a model file.")],
    data: Annotated[Path, typer.Argument(help="A labeled set: a folder, or a CSV list of images.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
    split: Annotated[Literal["train", "val", "all"], typer.Option(help="Which images to color and segment.")] = "val",
    side: Annotated[
        int, typer.Option(min=1, help="Shorter side, in pixels, to which larger images are reduced.")
    ] = 224,
    group: Annotated[
        list[str] | None,
        typer.Option(
            help="A class that stands for others in some masks: person=skin,hair,clothes.",
            show_default="as in the model's training",
        ),
    ] = None,
    device: Device = "auto",
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many images, spread over the split.")] = None,
    source: Annotated[
        list[str] | None, typer.Option(help="Measure only images of this source (may be repeated).")
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            help="Seed of the split, for a set that has none and none recorded beside it: give the seed of the "
            "training, or training images are measured.",
        ),
    ] = 0,
) -> None:
    """Measure how well a model colors and segments a labeled set, and whether it follows labels and color dots."""
    from napari_colorizer.datasets.read import read_set
    from napari_colorizer.errors import DataError
    from napari_colorizer.models.library import load_model

    with plain_errors():
        device = checked(device)
        loaded = load_model(model)
        labeled_set = read_set(data, groups=tuple(group or ()), seed=seed)
        if not group:
            labeled_set = _with_groups_of(loaded, labeled_set)
        photos, problems = _load(labeled_set, _some(_labeled(labeled_set, split, source), limit), side)
        taught, more = _load(labeled_set, _labeled(labeled_set, "train") if loaded.colorizer else [], BASELINE_SIDE)
        problems = list(dict.fromkeys([*labeled_set.problems, *problems, *more]))
        _tell(labeled_set.notes, problems)
        if not photos:
            among = f" of the sources {', '.join(source)}" if source else ""
            raise DataError(f"{data} has no labeled images{among} in the split {split!r} that can be read")
        _check_colors(loaded, photos, split)
        found = {"model": loaded.name, "data": str(data), "split": split, "side": side, "photos": len(photos)}
        found |= _measure(loaded, labeled_set, photos, taught, device)
    if as_json:
        typer.echo(json.dumps(_as_json({**found, "problems": problems}), indent=1, allow_nan=False))
    else:
        print_evaluation(found)


def _tell(notes: Sequence[str], problems: Sequence[str]) -> None:
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    for problem in problems:
        typer.secho(f"warning: {problem}", fg="yellow", err=True)


def _check_colors(model: Model, photos: PhotoStore, split: str) -> None:
    """Say it if no photo has color; refuse to go on if nothing is left to measure then."""
    from napari_colorizer.errors import DataError

    if model.colorizer is None or not photos.gray.all():
        return
    told = f"all {len(photos)} images of the split {split!r} are gray, so colors cannot be measured"
    if model.segmenter is None:
        raise DataError(f"nothing can be measured: {told}, and {model.name} has no segmenter")
    _tell([f"{told}: only the segmenter is measured"], ())


def _as_json(value: Any) -> Any:
    """Scores with null for the numbers that JSON cannot hold."""
    if isinstance(value, dict):
        return {name: _as_json(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_groups_of(model: Model, labeled_set: LabeledSet) -> LabeledSet:
    """The set with the groups that the model was trained with, as far as it has such classes; it notes them.

    Members that the set lacks are left out. Groups that the set names itself stay as they are.
    """
    from napari_colorizer.datasets.settings import parse_group

    classes, found, notes = labeled_set.classes, dict(labeled_set.groups), list(labeled_set.notes)
    for text in _groups_of(model.provenance):
        name, wanted = parse_group(text)
        members = [member for member in wanted if classes.has_name(member)]
        if members and classes.has_name(name) and (own := classes.named(name).id) not in found:
            found[own] = tuple(classes.named(member).id for member in members)
            notes.append(f"{name} stands for {', '.join(members)}, too, as in the training of {model.name}")
    return replace(labeled_set, groups=found, notes=tuple(notes))


def _groups_of(provenance: Any) -> Sequence[str]:
    """The groups of a training, or else of the one that it started from."""
    while isinstance(provenance, dict):
        options = provenance.get("options")
        if isinstance(options, dict) and options.get("groups"):
            return tuple(options["groups"])
        provenance = provenance.get("start")
    return ()


def _labeled(labeled_set: LabeledSet, split: str, sources: Collection[str] | None = None) -> list[Pair]:
    """The pairs of a split, and of some sources, that people labeled."""
    by_people = [pair for pair in labeled_set.pairs if pair.mask and not pair.pseudo]
    return [p for p in by_people if split in (p.split, "all") and (not sources or p.source in sources)]


def _some(pairs: list[Pair], limit: int | None) -> list[Pair]:
    """So many pairs at most, evenly spread: neighbors in the list resemble each other."""
    if limit is None or limit >= len(pairs):
        return pairs
    return [pairs[index * len(pairs) // limit] for index in range(limit)]


def _load(labeled_set: LabeledSet, pairs: list[Pair], side: int) -> tuple[PhotoStore, list[str]]:
    """Decode pairs, with a bar; also gives what is wrong with their files."""
    from napari_colorizer.datasets.photos import PhotoStore

    with Progress(console=_console(), disable=not _console().is_terminal) as bar:
        task = bar.add_task("Reading", total=1)
        return PhotoStore.load(labeled_set, pairs, side, on_progress=lambda done: bar.update(task, completed=done))


def _measure(
    model: Model, labeled_set: LabeledSet, photos: PhotoStore, taught: PhotoStore, device: str
) -> dict[str, Any]:
    """All that can be measured of what the model has."""
    from napari_colorizer.evaluation.corrections import evaluate_corrections
    from napari_colorizer.evaluation.evaluate import evaluate_colorizer, evaluate_segmentation
    from napari_colorizer.evaluation.metrics.baselines import class_means

    classes = labeled_set.classes
    known = classes.match(model.classes)
    occurring = {label for label, count in zip(photos.ids, photos.counts.sum(0), strict=True) if label and count}
    found: dict[str, Any] = {"unknown classes": [classes[label].name for label in sorted(occurring - known.keys())]}
    if model.colorizer is not None and not photos.gray.all():
        means = class_means(taught) if len(taught) else None
        found |= evaluate_colorizer(model, _tracked(photos, "Coloring"), classes, means, device)
    if model.segmenter is not None:
        tracked = _tracked(photos, "Predicting labels")
        found["segmentation"] = evaluate_segmentation(model, tracked, classes, labeled_set.groups, device)
        shown = partial(_tracked, doing="Correcting labels")
        found["corrections"] = evaluate_corrections(model, photos, classes, labeled_set.groups, device, shown)
    return found


def _console() -> Console:
    return Console(stderr=True)


def _tracked(photos: Iterable[Photo], doing: str) -> Iterable[Photo]:
    return track(photos, doing, console=_console(), disable=not _console().is_terminal)
