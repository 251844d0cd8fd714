"""``napari-colorizer models list | show | import | export | remove``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from napari_colorizer.cli.shared import make_console, plain_errors

if TYPE_CHECKING:
    from napari_colorizer.classes import Class
    from napari_colorizer.models.model import Model

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
            table.add_row(name, "", "", "", str(error))
            continue
        parts = ["yes" if part in header["networks"] else "no" for part in ("segmenter", "colorizer")]
        table.add_row(name, str(len(header["classes"])), *parts, str(path))
    make_console().print(table)


@app.command("show")
def show_model(name: Annotated[str, typer.Argument(help="An installed model, or a model file.")] = "default") -> None:
    """Show a model's classes, cost, vividness, training and license, and what it only colors or only predicts."""
    from napari_colorizer.models.library import load_model

    with plain_errors():
        loaded = load_model(name)
    console = make_console()
    console.print(f"{loaded.name}, working size {loaded.working_size}", style="bold")
    console.print(_cost_table(loaded))
    if loaded.colorizer is not None:
        console.print(
            f"vividness: {loaded.vivid:g} times what the colorizer predicts; unlabeled {loaded.vivid_unlabeled:g}"
        )
    if loaded.segmenter is not None:
        console.print(f"confidence: predicted labels are those of a probability of {loaded.confidence:g} or more")
    facts: dict[str, Any] = {**loaded.provenance, **loaded.metrics, "license": loaded.license or "not stated"}
    console.print(f"classes: {_listed(loaded.classes)}")
    if loaded.segmenter is not None and loaded.colorizer is not None:
        for text, ids in (
            ("only colored, never predicted", loaded.colorable - loaded.predictable),
            ("only predicted, never colored", loaded.predictable - loaded.colorable),
        ):
            if ids:
                console.print(f"{text}: {_listed(item for item in loaded.classes if item.id in ids)}")
    for line in _outline(facts):
        console.print(line)


def _outline(facts: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Nested facts as indented lines; the innermost ones stand side by side."""
    for fact, value in facts.items():
        if not isinstance(value, dict):
            yield f"{indent}{fact}: {_short(value)}"
        elif any(isinstance(item, dict) for item in value.values()):
            yield f"{indent}{fact}:"
            yield from _outline(value, indent + "  ")
        else:
            yield f"{indent}{fact}: {', '.join(f'{name} {_short(item)}' for name, item in value.items())}"


def _short(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_short, value)) or "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _listed(classes: Iterable[Class]) -> str:
    return ", ".join(f"{item.id} {item.name}" for item in classes)


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
def export(name: str, target: Annotated[Path, typer.Argument(help="File or folder to copy the model to.")]) -> None:
    """Copy a model's file, to hand it on."""
    from napari_colorizer.models.library import export_model

    with plain_errors():
        typer.echo(export_model(name, target))


@app.command("remove")
def remove(name: str) -> None:
    """Delete an installed model."""
    from napari_colorizer.models.library import remove_model

    with plain_errors():
        remove_model(name)
        typer.echo(f"{name} removed")
