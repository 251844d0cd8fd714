"""What the commands share: options, errors in one line, one file after the other."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, TextIO

import typer
from rich.console import Console
from rich.progress import track

from napari_colorizer.engine.options import ColorizeOptions
from napari_colorizer.errors import FileError, readable
from napari_colorizer.option_limits import help_text

Files = Annotated[
    list[Path], typer.Argument(help="Images (PNG, JPEG, TIFF, BMP or WebP), or folders of images.", show_default=False)
]
SomeFiles = Annotated[
    list[Path] | None,
    typer.Argument(help="Images (PNG, JPEG, TIFF, BMP or WebP), or folders of images.", show_default=False),
]
ModelName = Annotated[str, typer.Option("--model", "-m", help="An installed model, or a model file.")]
Device = Annotated[str, typer.Option(help=help_text(ColorizeOptions, "device"))]
WorkingSize = Annotated[
    int | None, typer.Option(help=help_text(ColorizeOptions, "working_size"), show_default="the model's own")
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Folder for the results, or a file for one.", show_default="beside each image"),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Write over results that are there already.")]
Limits = Annotated[
    str | None,
    typer.Option(
        help="Values that mean black and white: low,high, or auto for each image's own smallest and largest.",
        show_default="the range of the type",
    ),
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
    typer.secho(f"error: {readable(text)}", fg="red", err=True)


def remark(text: str) -> None:
    """Print in one line what somebody should know though nothing failed."""
    typer.secho(f"warning: {readable(text)}", fg="yellow", err=True)


def inputs(given: Sequence[Path]) -> list[Path]:
    """The images among what is given: those of folders, and no label maps and colors that this program wrote.

    Raises
    ------
    FileError
        If no image is left.
    """
    from napari_colorizer.files import images_in, is_own_output

    found: dict[Path, None] = {}
    for path in given:
        if path.is_dir():
            found |= dict.fromkeys(images_in(path))
        elif is_own_output(path):
            remark(f"{path.name} is passed over: label maps and colored images are results, not images to color")
        else:
            found[path] = None
    if not found:
        where = f"{', '.join(map(str, given))}: PNG, JPEG, TIFF, BMP or WebP"
        deeper = any(inner.is_dir() for path in given if path.is_dir() for inner in path.iterdir())
        hint = "; folders within folders are not looked into, give them one by one" if deeper else ""
        raise FileError(f"there is no image to work on in {where}{hint}")
    return list(found)


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


def each(files: list[Path], doing: str, work: Callable[[Path], Path]) -> None:
    """Do `work` for every file; one that fails is reported and the others are still done."""
    failed = 0
    console = make_console()
    for file in track(files, doing, console=console, disable=not console.is_terminal):
        try:
            result = work(file)
        except (ValueError, TypeError, OSError, MemoryError, RuntimeError) as error:  # torch: too little memory
            failed += 1
            text = str(error) or type(error).__name__
            complain(text if file.name in text else f"{file.name}: {text}")
        else:
            name_result(result)
    if failed:
        complain(f"{failed} of {len(files)} files failed")
        raise typer.Exit(1)


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


def name_result(result: Path) -> None:
    """Print the name of a file; that this fails says nothing about the file."""
    try:
        typer.echo(os.fsencode(result))  # a name may hold bytes that are no text
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # who reads no further wants no more
            remark(f"the names of the results cannot be printed: {error.strerror}")
        _mute()


def _mute() -> None:
    """Print into nothing from now on, also what is still waiting to be printed."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
