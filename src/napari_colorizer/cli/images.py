"""``napari-colorizer segment`` and ``colorize``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_colorizer.cli.batch_progress import BatchProgress
from napari_colorizer.cli.shared import (
    Batch,
    Device,
    Files,
    Limits,
    ModelName,
    Output,
    Overwrite,
    Recursive,
    Scheduler,
    SomeFiles,
    Workers,
    WorkingSize,
    checked,
    complain,
    parse_limits,
    plain_errors,
    remark,
)
from napari_colorizer.cli.sittings import FromSitting, ToSitting, color_sitting, save_sitting_of
from napari_colorizer.engine.options import Adjustment, ColorizeOptions, SegmentOptions
from napari_colorizer.option_limits import help_text

if TYPE_CHECKING:
    from napari_colorizer.batches.recipe import Recipe
    from napari_colorizer.batches.run import Workers as Doers
    from napari_colorizer.batches.wishes import Wishes

Confidence = Annotated[
    float | None,
    typer.Option(help=help_text(SegmentOptions, "confidence"), show_default="the model's own"),
]


def segment(
    files: Files,
    model: ModelName = "default",
    output: Output = None,
    overwrite: Overwrite = False,
    recursive: Recursive = False,
    limits: Limits = None,
    device: Device = "auto",
    working_size: WorkingSize = None,
    confidence: Confidence = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    batch: Batch = None,
) -> None:
    """Predict a label map of each image and write it as A.labels.png, an indexed PNG with the class map inside."""
    with plain_errors():
        place = device if scheduler else checked(device)
        recipe = _recipe(model, SegmentOptions(working_size, place, confidence), None, limits)
    _work(
        "Predicting labels", files, recipe, output, None, overwrite, recursive, _who(place, workers, scheduler, batch)
    )


def colorize(
    context: typer.Context,
    files: SomeFiles = None,
    model: ModelName = "default",
    labels: Annotated[
        Path | None,
        typer.Option(help="Label map of the image, or a folder with A.labels.png or A.png for each image A."),
    ] = None,
    predict: Annotated[bool, typer.Option(help="Predict labels for images without a label map.")] = True,
    output: Output = None,
    overwrite: Overwrite = False,
    recursive: Recursive = False,
    limits: Limits = None,
    device: Device = "auto",
    working_size: WorkingSize = None,
    confidence: Confidence = None,
    chroma_gain: Annotated[float, typer.Option(help=help_text(ColorizeOptions, "chroma_gain"))] = 1.0,
    vivid: Annotated[float | None, typer.Option(hidden=True)] = None,  # its former name
    hints: Annotated[
        Path | None,
        typer.Option(
            help="Color dots: a CSV file of y,x,#rrggbb,radius or y,x,a*,b*,radius, or a folder with A.csv "
            "for each image A."
        ),
    ] = None,
    pins: Annotated[
        list[str] | None,
        typer.Option(help="A class and its color, sky=#7799cc, or a factor on its chroma, teeth=0 (may be repeated)."),
    ] = None,
    palette: Annotated[
        Path | None, typer.Option(help="Colors for the classes, from a color photograph or a GIMP palette (.gpl).")
    ] = None,
    strength: Annotated[float, typer.Option(help="How strongly the palette is applied (0 to 1).")] = 1.0,
    saturation: Annotated[float, typer.Option(help=help_text(Adjustment, "saturation"))] = 1.0,
    warmth: Annotated[float, typer.Option(help=help_text(Adjustment, "warmth"))] = 0.0,
    workers: Workers = None,
    scheduler: Scheduler = None,
    batch: Batch = None,
    sitting: FromSitting = None,
    save_sitting: ToSitting = None,
) -> None:
    """Color each image and write A.color.png, with given labels, predicted labels or none."""
    from napari_colorizer.batches.wishes import Wishes
    from napari_colorizer.cli.wishes import parse_pins, read_dots, read_palette

    if sitting is not None:
        color_sitting(context, sitting, files or [], device, output, overwrite)
        return
    if not files:
        raise typer.BadParameter("name the images to color, or use --sitting", param_hint="FILES")
    with plain_errors():
        place = device if scheduler else checked(device)
        former = {} if vivid is None else {"vivid": vivid}
        coloring = ColorizeOptions(working_size, place, **{"chroma_gain": chroma_gain, **former})
        adjustment, dots = Adjustment(saturation, warmth), read_dots(hints)
        wishes = Wishes(parse_pins(pins or ()), read_palette(palette, model, strength), strength, dots, adjustment)
        segmenting = SegmentOptions(working_size, place, confidence)
        recipe = _recipe(model, segmenting, coloring, limits, predict, wishes)
        save_sitting_of(save_sitting, files, recipe, labels, overwrite)
    _work("Coloring", files, recipe, output, labels, overwrite, recursive, _who(place, workers, scheduler, batch))


def _recipe(
    model: str,
    segmenting: SegmentOptions,
    coloring: ColorizeOptions | None,
    limits: str | None,
    predict: bool = True,
    wishes: Wishes | None = None,
) -> Recipe:
    """What is made of each image; `ModelError` if there is no such model."""
    from napari_colorizer.batches.recipe import Recipe
    from napari_colorizer.batches.wishes import Wishes
    from napari_colorizer.checksums import checksum
    from napari_colorizer.models.library import find_model

    black_white = parse_limits(limits)
    file = checksum(find_model(model))
    return Recipe(model, file, segmenting, coloring, black_white, predict, wishes or Wishes())


def _who(device: str, workers: int | None, scheduler: str | None, batch: int | None) -> Doers:
    """Who does the work, with processes of this machine, those of a scheduler, or none."""
    from napari_colorizer.batches.run import Here
    from napari_colorizer.batches.together import GPU_BATCH, Together
    from napari_colorizer.batches.workers import LocalWorkers, Scheduler

    with plain_errors():
        if workers and scheduler:
            raise ValueError(
                "--workers starts processes on this machine, --scheduler uses those of a cluster: give only one of them"
            )
        if batch and (workers or scheduler):
            raise ValueError("--batch works only without --workers and --scheduler, which process images one by one")
        if scheduler or workers:
            return Scheduler(scheduler) if scheduler else LocalWorkers(workers or 1)
        size = batch or (1 if device == "cpu" else GPU_BATCH)
        return Together(size) if size > 1 else Here()


def _work(
    doing: str,
    files: list[Path],
    recipe: Recipe,
    output: Path | None,
    labels: Path | None,
    overwrite: bool,
    recursive: bool,
    who: Doers,
) -> None:
    """Find what is to be done, do it, tell it; exit code 1 if anything failed."""
    from napari_colorizer.batches.inputs import RESULTS, find_inputs
    from napari_colorizer.batches.plan import make_plan
    from napari_colorizer.batches.run import run_job

    with plain_errors():
        found = find_inputs(files, recursive, videos=recipe.coloring is not None and labels is None)
        for path in found.passed_over:
            remark(f"{path.name} is skipped: {RESULTS}")
        recipe.check()
        items, problems = make_plan(found.found, recipe, output, labels, overwrite)
    for problem in (*found.problems, *problems):
        complain(problem)
    wrong = len(found.problems) + len(problems)
    with plain_errors(), BatchProgress(doing, sum(item.count for item in items)) as progress:
        failed = wrong + run_job(items, who, progress)
    if failed:
        complain(f"{failed} of {len(items) + wrong} files failed")
        raise typer.Exit(1)
