"""``napari-colorizer dataset check``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from napari_colorizer.cli.shared import make_console, plain_errors

if TYPE_CHECKING:
    from napari_colorizer.datasets.check import Report

app = typer.Typer(no_args_is_help=True, help="Check the labeled sets that models are trained on.")


@app.command("check")
def check(
    data: Annotated[Path, typer.Argument(help="The labeled set: a folder, or a CSV list.", show_default=False)],
    group: Annotated[
        list[str] | None, typer.Option(help="A class that stands for others in some masks: person=skin,hair,clothes.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Say what is in a labeled set and what is wrong with which file; exit code 1 if files cannot be used."""
    from napari_colorizer.datasets.check import check_set
    from napari_colorizer.datasets.read import read_set

    console = Console(stderr=True)
    with plain_errors(), Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("checking", total=1.0)
        report = check_set(read_set(data, groups=group or ()), lambda share: progress.update(task, completed=share))
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=1, ensure_ascii=False))
    else:
        _print(report)
    if report.unused:
        raise typer.Exit(1)


def _print(report: Report) -> None:
    console = make_console()
    console.print(report.root, style="bold")
    counts = Table("images", Column("", justify="right"))
    for kind, text in {
        "train": "train",
        "val": "validate",
        "pseudo": "with pseudo-masks",
        "unlabeled": "unlabeled",
    }.items():
        counts.add_row(text, str(report.counts[kind]))
    console.print(counts)
    sizes = (f"{name} {width} x {height}" for name, (width, height) in report.sizes.items())
    console.print("sizes: " + ", ".join(sizes))
    console.print("sources: " + ", ".join(f"{name or 'none'} {count}" for name, count in report.sources.items()))
    console.print(_class_table(report))
    absent = [item.name for item in report.classes if item.id and not item.images and not item.pseudo_images]
    if absent:
        console.print(f"classes without any pixels: {', '.join(absent)}")
    for notice in report.notices:
        console.print(f"note: {notice}", style="yellow", soft_wrap=True)
    for problem in report.problems:
        console.print(f"problem: {problem}", style="red", soft_wrap=True)
    problems, files = _count(len(report.problems), "problem"), _count(report.unused, "file")
    console.print(f"{problems}; {files} cannot be used, or only in part")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _class_table(report: Report) -> Table:
    numbers = ["pixels", "share", "images"]
    if report.counts["pseudo"]:
        numbers += ["pseudo pixels", "pseudo images"]
    table = Table(Column("id", justify="right"), "class", *(Column(name, justify="right") for name in numbers))
    total = sum(item.pixels for item in report.classes) or 1
    for item in report.classes:
        if item.images or item.pseudo_images:
            row = [str(item.pixels), f"{item.pixels / total:.1%}", str(item.images)]
            row += [str(item.pseudo_pixels), str(item.pseudo_images)]
            table.add_row(str(item.id), item.name, *row[: len(numbers)])
    return table
