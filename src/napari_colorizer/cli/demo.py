"""``napari-colorizer demo``."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from napari_colorizer.cli.shared import Overwrite, plain_errors


def demo(
    output: Annotated[Path, typer.Option(help="Folder for pictures when there is no display.")] = Path("demo"),
    overwrite: Overwrite = False,
) -> None:
    """Open napari with a sample photograph, its predicted labels and its colors."""
    with plain_errors():
        try:
            run = importlib.import_module("napari_colorizer._napari.demo").run
        except ImportError as error:
            raise ValueError(f"the demo needs napari: pip install 'napari[all]' ({error})") from error
        run(output, overwrite)
