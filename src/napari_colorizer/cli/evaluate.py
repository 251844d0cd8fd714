"""``napari-colorizer evaluate``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import Progress, track
from rich.table import Column, Table

from napari_colorizer.cli.shared import Device, checked, make_console, plain_errors

if TYPE_CHECKING:
    from napari_colorizer.models.model import Model
    from napari_colorizer.training.data.photos import PhotoStore
    from napari_colorizer.training.data.sets import LabeledSet, Pair, Photo

BASELINE_SIDE = 64  # enough for mean colors, and a large training split still fits into memory
COLUMNS = {
    "psnr": ("PSNR,\ndB", 2),
    "ssim": ("SSIM", 3),
    "ciede2000": ("CIEDE\n2000", 2),
    "ciede2000 balanced": ("CIEDE\nbalanced", 2),
    "colorfulness": ("color-\nfulness", 1),
    "bleeding": ("bleeding", 2),
    "monochrome": ("mono-\nchrome", 2),
}


def evaluate(
    model: Annotated[str, typer.Argument(help="An installed model, or a model file.")],
    data: Annotated[Path, typer.Argument(help="A labeled set: a folder, or a CSV list of images.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
    split: Annotated[Literal["train", "val", "all"], typer.Option(help="Which images to color and segment.")] = "val",
    side: Annotated[int, typer.Option(min=1, help="Shorter side to which larger images are brought.")] = 224,
    group: Annotated[
        list[str] | None,
        typer.Option(help="A name that stands for others in some masks: person=skin,hair,clothes."),
    ] = None,
    device: Device = "auto",
    limit: Annotated[int | None, typer.Option(min=1, help="So many images at most, spread over the split.")] = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            help="Of the validation images, where the set neither has a split nor one is recorded beside it: "
            "give that of the training, or images that were trained on are measured.",
        ),
    ] = 0,
) -> None:
    """Measure how well a model colors and segments a labeled set, beside gray and the mean color of each class."""
    from napari_colorizer.errors import DataError
    from napari_colorizer.models.library import load_model
    from napari_colorizer.training.data.read import read_set

    with plain_errors():
        device = checked(device)
        loaded = load_model(model)
        labeled_set = read_set(data, groups=tuple(group or ()), seed=seed)
        photos, problems = _load(labeled_set, _some(_labeled(labeled_set, split), limit), side)
        taught, more = _load(labeled_set, _labeled(labeled_set, "train") if loaded.colorizer else [], BASELINE_SIDE)
        problems = list(dict.fromkeys([*labeled_set.problems, *problems, *more]))
        for note in labeled_set.notes:
            typer.echo(f"note: {note}", err=True)
        for problem in problems:
            typer.secho(f"warning: {problem}", fg="yellow", err=True)
        if not photos:
            raise DataError(f"{data} has no labeled images in the split {split!r} that can be read")
        if loaded.colorizer is not None and photos.gray.all():
            told = f"all {len(photos)} images of the split {split!r} are gray and tell nothing about colors"
            if loaded.segmenter is None:
                raise DataError(f"nothing can be measured: {told}, and {loaded.name} has no segmenter")
            typer.echo(f"note: {told}: only the segmenter is measured", err=True)
        found = {"model": loaded.name, "data": str(data), "split": split, "side": side, "photos": len(photos)}
        found |= _measure(loaded, labeled_set, photos, taught, device)
    if as_json:
        typer.echo(json.dumps(_as_json({**found, "problems": problems}), indent=1, allow_nan=False))
    else:
        _print(found)


def _as_json(value: Any) -> Any:
    """Scores with null for the numbers that JSON cannot hold."""
    if isinstance(value, dict):
        return {name: _as_json(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _labeled(labeled_set: LabeledSet, split: str) -> list[Pair]:
    """The pairs of a split that people labeled."""
    return [pair for pair in labeled_set.pairs if pair.mask and not pair.pseudo and split in (pair.split, "all")]


def _some(pairs: list[Pair], limit: int | None) -> list[Pair]:
    """So many pairs at most, evenly spread: neighbors in the list resemble each other."""
    if limit is None or limit >= len(pairs):
        return pairs
    return [pairs[index * len(pairs) // limit] for index in range(limit)]


def _load(labeled_set: LabeledSet, pairs: list[Pair], side: int) -> tuple[PhotoStore, list[str]]:
    """Decode pairs, with a bar; also gives what is wrong with their files."""
    from napari_colorizer.training.data.photos import PhotoStore

    with Progress(console=_console(), disable=not _console().is_terminal) as bar:
        task = bar.add_task("Reading", total=1)
        return PhotoStore.load(labeled_set, pairs, side, on_progress=lambda done: bar.update(task, completed=done))


def _measure(
    model: Model, labeled_set: LabeledSet, photos: PhotoStore, taught: PhotoStore, device: str
) -> dict[str, Any]:
    """All that can be measured of what the model has."""
    from napari_colorizer.training.evaluate import evaluate_color, evaluate_segmentation
    from napari_colorizer.training.metrics.baselines import class_means

    classes = labeled_set.classes
    known = classes.match(model.classes)
    occurring = {label for label, count in zip(photos.ids, photos.counts.sum(0), strict=True) if label and count}
    found: dict[str, Any] = {"unknown classes": [classes[label].name for label in sorted(occurring - known.keys())]}
    if model.colorizer is not None and not photos.gray.all():
        means = class_means(taught) if len(taught) else None
        found["color"] = evaluate_color(model, _tracked(photos, "Coloring"), classes, means, device=device)
    if model.segmenter is not None:
        tracked = _tracked(photos, "Predicting labels")
        found["segmentation"] = evaluate_segmentation(model, tracked, classes, labeled_set.groups, device)
    return found


def _console() -> Console:
    return Console(stderr=True)


def _tracked(photos: PhotoStore, doing: str) -> Iterable[Photo]:
    return track(photos, doing, console=_console(), disable=not _console().is_terminal)


def _print(found: dict[str, Any]) -> None:
    console = make_console()
    console.print(
        f"{found['model']} on {found['photos']} images of {found['data']} ({found['split']}), "
        f"shorter side at most {found['side']} pixels"
    )
    if found["unknown classes"]:
        console.print(f"The model does not know: {', '.join(found['unknown classes'])}.")
    if "color" in found:
        console.print(_color_table(found["color"]["ways"]))
        if found["color"]["hints"]:
            console.print(_hints_table(found["color"]["hints"]))
    if "segmentation" in found:
        for table in _segmentation_tables(found["segmentation"]):
            console.print(table)


def _color_table(ways: dict[str, dict[str, float]]) -> Table:
    titles = (Column(title, no_wrap=True) for title, _ in COLUMNS.values())
    table = Table(Column("colored with", no_wrap=True), *titles, collapse_padding=True)  # fits into 80 columns
    for way, row in ways.items():
        table.add_row(way, *(f"{row[name]:.{digits}f}" if name in row else "" for name, (_, digits) in COLUMNS.items()))
    return table


def _hints_table(hints: dict[str, float]) -> Table:
    table = Table("color hints, with true labels", *hints)
    table.add_row("PSNR, dB", *(f"{value:.2f}" for value in hints.values()))
    return table


def _segmentation_tables(scores: dict[str, Any]) -> list[Table]:
    """Scores of the whole set and of each source, then those of each class, the best first."""
    rows = {"all": scores, **(scores["sources"] if len(scores["sources"]) > 1 else {})}
    by_source = Table("source", "pixel accuracy", "mean IoU", "classes")
    for source, own in rows.items():
        if own["IoU"]:
            by_source.add_row(source, f"{own['pixel accuracy']:.3f}", f"{own['mIoU']:.3f}", str(len(own["IoU"])))
    by_class = Table("class", "IoU")
    for name, value in sorted(scores["IoU"].items(), key=lambda pair: -pair[1]):
        by_class.add_row(name, f"{value:.2f}")
    return [by_source, by_class]
