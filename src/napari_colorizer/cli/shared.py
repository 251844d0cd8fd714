"""What the commands share: options, and errors in one line."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, TextIO

import typer
from rich.console import Console

from napari_colorizer.engine.options import ColorizeOptions
from napari_colorizer.errors import readable, reason
from napari_colorizer.option_limits import help_text

Files = Annotated[
    list[Path],
    typer.Argument(
        help="Images (PNG, JPEG, TIFF, BMP or WebP), stacks (TIFF or zarr), folders of these, or patterns.",
        show_default=False,
    ),
]
SomeFiles = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Images (PNG, JPEG, TIFF, BMP or WebP), stacks (TIFF or zarr), videos, folders of these, or patterns.",
        show_default=False,
    ),
]
ModelName = Annotated[str, typer.Option("--model", "-m", help="An installed model, or a model file.")]
Device = Annotated[str, typer.Option(help=help_text(ColorizeOptions, "device"))]
WorkingSize = Annotated[
    int | None, typer.Option(help=help_text(ColorizeOptions, "working_size"), show_default="the model's own")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Folder for the results; for a single input, also a file or zarr store.",
        show_default="beside each image",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Overwrite existing files.")]
Recursive = Annotated[bool, typer.Option("--recursive", help="Include subfolders.")]
Workers = Annotated[
    int | None,
    typer.Option(help="Number of processes, with one thread each.", min=1, show_default="only this process"),
]
Batch = Annotated[
    int | None,
    typer.Option(
        help="Number of images that go through the networks at once.", min=1, show_default="8 on a GPU, else 1"
    ),
]
Scheduler = Annotated[
    str | None, typer.Option(help="A dask scheduler whose workers do the work, such as tcp://10.0.0.1:8786.")
]
Limits = Annotated[
    str | None,
    typer.Option(
        help="Values that mean black and white: low,high, or auto for each image's own minimum and maximum.",
        show_default="the range of the type",
    ),
]


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what the user can mend into one line and exit code 1."""
    try:
        yield
    except (ValueError, TypeError, OSError) as error:
        complain(reason(error))
        raise typer.Exit(1) from error


def complain(text: str) -> None:
    """Print an error in one line."""
    typer.secho(f"error: {readable(text)}", fg="red", err=True)


def remark(text: str) -> None:
    """Print in one line what somebody should know though nothing failed."""
    typer.secho(f"warning: {readable(text)}", fg="yellow", err=True)


def parse_limits(text: str | None) -> tuple[float, float] | Literal["auto"] | None:
    """What an option ``--limits`` says; `ValueError` if it says nothing that is known."""
    if text is None or text.strip().lower() == "auto":
        return None if text is None else "auto"
    try:
        low, high = (float(part) for part in text.split(","))
        if not low < high or math.isinf(high - low):
            raise ValueError
    except ValueError:
        raise ValueError(
            f"--limits must be auto, or two numbers such as 0,4095, the lower first, not {text!r}"
        ) from None
    return low, high


def checked(device: str) -> str:
    """The device of that name; `DeviceError` if there is none."""
    from napari_colorizer.engine.devices import pick_device

    return str(pick_device(device))


def make_console(file: TextIO | None = None) -> Console:
    """A console that prints names as they are: brackets and colons in them are no markup."""
    return _Console(file=file, markup=False, emoji=False, highlight=False)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Go on without a word, which rich does not: what nobody reads any more may still be worth doing."""
        _mute()


def print_name(result: Path) -> None:
    """Print the name of a file, as it is for other programs; that this fails says nothing about the file."""
    try:
        if sys.stdout.isatty():
            typer.echo(readable(str(result)))  # a name may hold what a terminal obeys
        else:
            typer.echo(os.fsencode(result))  # or bytes that are no text
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # who reads no further wants no more
            remark(f"the names of the results cannot be printed: {error.strerror}")
        _mute()


def _mute() -> None:
    """Print into nothing from now on, also what is still waiting to be printed."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
