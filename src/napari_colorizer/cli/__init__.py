"""The command line: ``napari-colorizer segment | colorize | models | demo``."""

from __future__ import annotations

import warnings

import typer

from napari_colorizer.cli import models
from napari_colorizer.cli.demo import demo
from napari_colorizer.cli.images import colorize, segment

app = typer.Typer(no_args_is_help=True, help="Color grayscale images through label maps.", add_completion=False)
app.command()(segment)
app.command()(colorize)
app.command()(demo)
app.add_typer(models.app, name="models")


@app.callback()
def _setup() -> None:
    warnings.showwarning = lambda message, *_, **__: typer.secho(f"warning: {message}", fg="yellow", err=True)


def main() -> None:
    """Run the command line."""
    app()
