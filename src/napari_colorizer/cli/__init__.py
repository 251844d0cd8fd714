"""The command line: ``napari-colorizer segment | colorize | export | train | evaluate | dataset | models | demo``."""

from __future__ import annotations

import re
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Annotated

import typer
from typer.core import TyperGroup

from napari_colorizer import __version__
from napari_colorizer.cli import dataset, models
from napari_colorizer.cli.bench import bench
from napari_colorizer.cli.demo import demo
from napari_colorizer.cli.evaluate import evaluate
from napari_colorizer.cli.images import colorize, segment
from napari_colorizer.cli.shared import complain, remark
from napari_colorizer.cli.sittings import export
from napari_colorizer.cli.train import train

DEFAULT_HANDLERS = (signal.SIG_DFL, signal.default_int_handler)
EMPTY = re.compile(r"(--[\w-]+=)?")


class _Commands(TyperGroup):
    """Refuses an empty argument: as a path it would mean the present folder, and it is mostly an unset variable."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Typer's question what the arguments of the whole command line mean."""
        for place, text in enumerate(args):
            if EMPTY.fullmatch(text):
                before = text.rstrip("=") or (args[place - 1] if place else "napari-colorizer")
                complain(f"there is an empty argument after {before}: is a shell variable unset?")
                raise typer.Exit(2)
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_Commands, no_args_is_help=True, help="Color gray images by label maps.", add_completion=False)
app.command()(segment)
app.command()(colorize)
app.command()(export)
app.command()(demo)
app.command()(bench)
app.command()(train)
app.command()(evaluate)
app.add_typer(models.app, name="models")
app.add_typer(dataset.app, name="dataset")


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"napari-colorizer {__version__}")
        raise typer.Exit


@app.callback()
def _setup(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    context.with_resource(_plain_warnings())


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print warnings in one line each, until the command is done."""
    with warnings.catch_warnings():
        warnings.showwarning = _remark_warning
        yield


def _remark_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    if not issubclass(category, DeprecationWarning):  # some libraries show theirs to all, who can do nothing about it
        remark(str(message))


def main() -> None:
    """Run the command line; a signal that ends it is told by the exit code, 128 and its number."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)  # not every system has every one
        if number is not None and signal.getsignal(number) in DEFAULT_HANDLERS:  # nohup ignores one
            signal.signal(number, _end)
    try:
        app()
    except OSError as error:  # what is printed finds no room, say
        complain(str(error))
        raise SystemExit(1) from None


def _end(number: int, _frame: FrameType | None) -> None:
    """End so that half-written files are tidied up, unlike by default."""
    with suppress(RuntimeError, OSError):  # it may come while something else is being printed, or the terminal is gone
        complain(f"ended by {signal.Signals(number).name}")
    raise SystemExit(128 + number)
