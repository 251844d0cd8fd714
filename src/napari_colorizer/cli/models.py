"""``napari-colorizer models list | show | import | export | remove``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from napari_colorizer.cli.shared import Overwrite, make_console, plain_errors, print_name
from napari_colorizer.errors import readable

if TYPE_CHECKING:
    from napari_colorizer.classes import Class
    from napari_colorizer.models.model import Model

SCREEN = 14  # lines of a terminal's 24 that facts get; the rest is the table
NAME, SHORT, LONG = 45, 300, 100_000  # characters of a name that gets one line, and of a value
DEEPEST = 8  # so far nested facts are told

app = typer.Typer(no_args_is_help=True, help="List, show, import, export and remove models.")


@app.command("list")
def list_models() -> None:
    """List the installed models."""
    from napari_colorizer.models.header import read_header
    from napari_colorizer.models.library import installed_models

    table = Table("name", "classes", "segments", "colors", Column("file", overflow="fold"))
    for name, path in installed_models().items():
        try:
            header = read_header(path)
        except ValueError as error:
            table.add_row(readable(name), "", "", "", str(error))
            continue
        parts = ["yes" if part in header["networks"] else "no" for part in ("segmenter", "colorizer")]
        table.add_row(readable(name), str(len(header["classes"])), *parts, readable(str(path)))
    make_console().print(table)


@app.command("show")
def show_model(
    name: Annotated[str, typer.Argument(help="An installed model, or a model file.")] = "default",
    everything: Annotated[bool, typer.Option("--all", help="Show everything, on more than one screen.")] = False,
) -> None:
    """Show a model's classes (also those only colored or only predicted), cost, chroma gain, training and license."""
    from napari_colorizer.models.library import load_model

    with plain_errors():
        loaded = load_model(name)
    console = make_console()
    title = readable(loaded.name, LONG) if everything else readable(readable(loaded.name, SHORT), NAME)
    console.print(f"{title}, working size {loaded.working_size}", style="bold")
    console.print(_cost_table(loaded))
    lines = [*_abilities(loaded), *_outline({"license": loaded.license or "not stated"}, everything)]
    lines += _outline({**loaded.metrics, **loaded.provenance}, everything)
    shown = lines if everything else lines[:SCREEN]
    for line in shown:
        console.print(line, no_wrap=not everything, overflow="fold" if everything else "ellipsis")
    if len(shown) < len(lines):
        console.print(f"… and {len(lines) - len(shown)} more lines: napari-colorizer models show --all")


def _abilities(model: Model) -> Iterator[str]:
    """What a model does, and with which classes."""
    if model.colorizer is not None:
        yield f"chroma gain: {model.chroma_gain:g}; unlabeled {model.chroma_gain_unlabeled:g}"
    if model.segmenter is not None:
        yield f"confidence: predicted labels have a probability of {model.confidence:g} or more"
    yield f"{len(model.classes)} classes: {_listed(model.classes)}"
    if model.segmenter is None or model.colorizer is None:
        return
    for text, ids in (
        ("only colored, never predicted", model.colorable - model.predictable),
        ("only predicted, never colored", model.predictable - model.colorable),
    ):
        if ids:
            yield f"{text}: {_listed(item for item in model.classes if item.id in ids)}"


def _outline(facts: dict[str, Any], everything: bool, indent: str = "") -> Iterator[str]:
    """Nested facts as indented lines; the innermost ones stand side by side."""
    for fact, value in facts.items():
        name = readable(str(fact), SHORT)
        inner = isinstance(value, dict) and any(isinstance(item, dict) for item in value.values())
        if inner and len(indent) < DEEPEST:
            yield f"{indent}{name}:"
            yield from _outline(value, everything, indent + "  ")
        else:
            yield f"{indent}{name}: {_short(value, LONG if everything else SHORT)}"


def _short(value: object, most: int, depth: int = 0) -> str:
    """A fact in one line, of so many characters."""
    if depth == DEEPEST:
        return "…"
    if isinstance(value, dict):
        return ", ".join(f"{readable(str(name), SHORT)} {_short(x, most, depth + 1)}" for name, x in value.items())[
            :most
        ]
    if isinstance(value, list | tuple):
        return ", ".join(_short(item, most, depth + 1) for item in value)[:most] or "none"
    return f"{value:.4g}" if isinstance(value, float) else readable(str(value), most)


def _listed(classes: Iterable[Class]) -> str:
    return ", ".join(f"{item.id} {readable(item.name, SHORT)}" for item in classes)


def _cost_table(model: Model) -> Table:
    from napari_colorizer.networks import measure_cost

    table = Table("network", "parameters", "GFLOP at 352 x 352", "reach of an edit")
    for part, network in model.networks.items():
        cost = measure_cost(network)
        reach = "whole image" if cost.reach is None else f"{cost.reach} working pixels"
        table.add_row(part, f"{cost.parameters / 1e6:.2f} M", f"{cost.gflop:.1f}", reach)
    return table


@app.command("import")
def import_model(
    file: Annotated[Path | None, typer.Argument(help="A model file (.safetensors).", show_default=False)] = None,
    colorizer: Annotated[Path | None, typer.Option(help="The paper authors' color_weights.pth.tar.")] = None,
    segmenter: Annotated[Path | None, typer.Option(help="The paper authors' seg_weights.pth.tar.")] = None,
    classes: Annotated[
        Path | None, typer.Option(help="Their labels.txt, or another class map.", show_default="PASCAL-Context")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new model.", show_default="the file's own")] = None,
) -> None:
    """Install a model file, or the checkpoints that the authors of Semantic-driven Colorization published."""
    from napari_colorizer.classes import ClassMap
    from napari_colorizer.models.authors import import_authors
    from napari_colorizer.models.library import install_file, install_model, place_for

    with plain_errors():
        if (file is None) == (colorizer is None and segmenter is None):
            raise ValueError("give either a model file, or --colorizer and/or --segmenter")
        if file is not None:
            typer.echo(f"installed as {install_file(file, name)}")
            return
        name = name or "authors"
        place_for(name)  # a bad name is refused before the checkpoints are read
        class_map = ClassMap.read(classes) if classes else ClassMap.pascal_context()
        typer.echo(f"installed as {install_model(import_authors(name, class_map, colorizer, segmenter))}")


@app.command("export")
def export(
    name: str,
    target: Annotated[Path, typer.Argument(help="File or folder to copy the model to.")],
    overwrite: Overwrite = False,
) -> None:
    """Copy a model's file, to pass it on."""
    from napari_colorizer.models.library import export_model

    with plain_errors():
        print_name(export_model(name, target, overwrite))


@app.command("remove")
def remove(name: str) -> None:
    """Delete an installed model."""
    from napari_colorizer.models.library import remove_model

    with plain_errors():
        remove_model(name)
        typer.echo(f"{name} removed")
