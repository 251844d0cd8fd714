"""What the commands share: options, errors in one line, one file after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.progress import track

Files = Annotated[list[Path], typer.Argument(help="Images: PNG, JPEG, TIFF, BMP or WebP.", show_default=False)]
ModelName = Annotated[str, typer.Option("--model", "-m", help="An installed model, or a model file.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
WorkingSize = Annotated[
    int | None, typer.Option(help="Longer side at which the network runs.", show_default="the model's own")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Folder for the results.", show_default="beside each image")
]


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what the user can mend into one line and exit code 1."""
    try:
        yield
    except (ValueError, TypeError, OSError) as error:
        complain(str(error))
        raise typer.Exit(1) from error


def complain(text: str) -> None:
    """Print an error in one line."""
    typer.secho(f"error: {text}", fg="red", err=True)


def each(files: list[Path], doing: str, work: Callable[[Path], Path]) -> None:
    """Do `work` for every file; one that fails is reported and the others are still done."""
    failed = 0
    console = Console()
    for file in track(files, doing, console=console, disable=not console.is_terminal):
        try:
            typer.echo(work(file))
        except (ValueError, TypeError, OSError, MemoryError, RuntimeError) as error:  # torch: too little memory
            failed += 1
            text = str(error) or type(error).__name__
            complain(text if file.name in text else f"{file.name}: {text}")
    if failed:
        complain(f"{failed} of {len(files)} files failed")
        raise typer.Exit(1)


def checked(device: str) -> str:
    """The device of that name; `DeviceError` if there is none."""
    from napari_colorizer.engine.devices import pick_device

    return str(pick_device(device))


def make_console(file: TextIO | None = None) -> Console:
    """A console that prints names as they are: brackets and colons in them are no markup."""
    return Console(file=file, markup=False, emoji=False, highlight=False)
