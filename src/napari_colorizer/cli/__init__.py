"""The command line: ``napari-colorizer segment | colorize | train | evaluate | dataset | models | demo``."""

from __future__ import annotations

import warnings

import typer

from napari_colorizer.cli import dataset, models
from napari_colorizer.cli.bench import bench
from napari_colorizer.cli.demo import demo
from napari_colorizer.cli.evaluate import evaluate
from napari_colorizer.cli.images import colorize, segment
from napari_colorizer.cli.train import train

app = typer.Typer(no_args_is_help=True, help="Color grayscale images through label maps.", add_completion=False)
app.command()(segment)
app.command()(colorize)
app.command()(demo)
app.command()(bench)
app.command()(train)
app.command()(evaluate)
app.add_typer(models.app, name="models")
app.add_typer(dataset.app, name="dataset")


@app.callback()
def _setup() -> None:
    warnings.showwarning = lambda message, *_, **__: typer.secho(f"warning: {message}", fg="yellow", err=True)


def main() -> None:
    """Run the command line."""
    app()
