"""The command line: ``napari-colorizer segment | colorize | models | demo``."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

if TYPE_CHECKING:
    from napari_colorizer.models.model import Model

app = typer.Typer(no_args_is_help=True, help="Color grayscale images through label maps.", add_completion=False)
models_app = typer.Typer(no_args_is_help=True, help="List, show, import, export and remove models.")
app.add_typer(models_app, name="models")

Files = Annotated[list[Path], typer.Argument(help="Images: PNG, JPEG, TIFF, BMP or WebP.", show_default=False)]
ModelName = Annotated[str, typer.Option("--model", "-m", help="An installed model, or a model file.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
WorkingSize = Annotated[
    int | None, typer.Option(help="Longer side at which the network runs.", show_default="the model's own")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Folder for the results.", show_default="beside each image")
]


@app.callback()
def _setup() -> None:
    warnings.showwarning = lambda message, *_, **__: typer.secho(f"warning: {message}", fg="yellow", err=True)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn what the user can mend into one line and exit code 1."""
    try:
        yield
    except (ValueError, TypeError, OSError) as error:
        _complain(str(error))
        raise typer.Exit(1) from error


def _complain(text: str) -> None:
    typer.secho(f"error: {text}", fg="red", err=True)


def _each(files: list[Path], doing: str, work: Callable[[Path], Path]) -> None:
    """Do `work` for every file; one that fails is reported and the others are still done."""
    failed = 0
    console = Console()
    for file in track(files, doing, console=console, disable=not console.is_terminal):
        try:
            typer.echo(work(file))
        except (ValueError, TypeError, OSError, MemoryError, RuntimeError) as error:  # torch: too little memory
            failed += 1
            text = str(error) or type(error).__name__
            _complain(text if file.name in text else f"{file.name}: {text}")
    if failed:
        _complain(f"{failed} of {len(files)} files failed")
        raise typer.Exit(1)


def _target(file: Path, suffix: str, output: Path | None) -> Path:
    from napari_colorizer.files import beside

    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
    return beside(file, suffix, output)


def _check_distinct(files: list[Path], output: Path | None) -> None:
    """Refuse to let one result overwrite another: A.png and A.tif have the same one."""
    seen: dict[tuple[Path, str], Path] = {}
    for file in files:
        key = (output or file.parent, file.stem)
        if seen.setdefault(key, file) != file:
            raise ValueError(
                f"{seen[key]} and {file} would be written to the same file; give each an --output folder of its own"
            )


@app.command()
def segment(
    files: Files,
    model: ModelName = "default",
    output: Output = None,
    device: Device = "auto",
    working_size: WorkingSize = None,
    confidence: Annotated[float, typer.Option(help="Leave less probable pixels unlabeled (0 to 1).")] = 0.0,
) -> None:
    """Predict a label map of each image and write it as A.labels.png, an indexed PNG with the class map inside."""
    from napari_colorizer.engine.options import SegmentOptions
    from napari_colorizer.files import LABELS_SUFFIX, read_image, write_label_map
    from napari_colorizer.models.library import load_model

    with _plain_errors():
        options = SegmentOptions(working_size, _checked(device), confidence)
        _check_distinct(files, output)
        loaded = load_model(model)
        loaded.require_segmenter()

    def work(file: Path) -> Path:
        labels = loaded.segment(read_image(file), options)
        target = _target(file, LABELS_SUFFIX, output)
        write_label_map(target, labels, loaded.classes)
        return target

    _each(files, "Predicting labels", work)


@app.command()
def colorize(
    files: Files,
    model: ModelName = "default",
    labels: Annotated[
        Path | None,
        typer.Option(help="Label map of the image, or a folder with A.labels.png or A.png for each image A."),
    ] = None,
    predict: Annotated[bool, typer.Option(help="Predict the labels of images that have no label map.")] = True,
    output: Output = None,
    device: Device = "auto",
    working_size: WorkingSize = None,
    vivid: Annotated[float, typer.Option(help="Factor on the chroma (0 to 4).")] = 1.0,
) -> None:
    """Color each image and write A.color.png; the labels are read, predicted or left to the model."""
    from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
    from napari_colorizer.files import COLOR_SUFFIX, read_image, read_label_map, write_color
    from napari_colorizer.models.library import load_model

    with _plain_errors():
        options = ColorizeOptions(working_size, _checked(device), vivid)
        _check_distinct(files, output)
        if labels is not None and not labels.exists():
            raise ValueError(f"there is no label map or folder {labels}")
        if labels is not None and labels.is_file() and len(files) > 1:
            raise ValueError("one label map cannot serve several images; give --labels a folder")
        loaded = load_model(model)
        loaded.require_colorizer()

    def work(file: Path) -> Path:
        gray = read_image(file)
        map_file, label_map, classes = _label_file(file, labels), None, None
        if map_file is not None:
            label_map, classes = read_label_map(map_file)
        elif predict and loaded.segmenter is not None:
            label_map = loaded.segment(gray, SegmentOptions(working_size, options.device))
        target = _target(file, COLOR_SUFFIX, output)
        write_color(
            target, loaded.colorize(gray, label_map, options=options, classes=classes), f"colored with {loaded.name}"
        )
        return target

    _each(files, "Coloring", work)


def _checked(device: str) -> str:
    from napari_colorizer.engine.devices import pick_device

    return str(pick_device(device))


def _label_file(image: Path, labels: Path | None) -> Path | None:
    """The label map of an image: the file given, or the one in the folder given."""
    from napari_colorizer.errors import FileError
    from napari_colorizer.files import LABELS_SUFFIX, beside

    if labels is None or labels.is_file():
        return labels
    candidates = [beside(image, LABELS_SUFFIX, labels), beside(image, ".png", labels)]
    files = (file for file in candidates if file.is_file())
    found = next((file for file in files if not file.samefile(image)), None)  # the folder may be the image's own
    if found is None:
        names = " or ".join(file.name for file in candidates)
        raise FileError(f"{image.name}: it has no label map in {labels}; that would be {names}")
    return found


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Folder for pictures when there is no display.")] = Path("demo"),
) -> None:
    """Open napari with a sample photograph, its predicted labels and its colors."""
    with _plain_errors():
        try:
            run = importlib.import_module("napari_colorizer._napari.demo").run
        except ImportError as error:
            raise ValueError(f"the demo needs napari: pip install 'napari-colorizer[all]' ({error})") from error
        run(output)


@models_app.command("list")
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
    _console().print(table)


@models_app.command("show")
def show_model(name: Annotated[str, typer.Argument(help="An installed model, or a model file.")] = "default") -> None:
    """Show a model's classes, cost, training and license."""
    from napari_colorizer.models.library import load_model

    with _plain_errors():
        loaded = load_model(name)
    console = _console()
    console.print(f"{loaded.name}, working size {loaded.working_size}", style="bold")
    console.print(_cost_table(loaded))
    facts: dict[str, Any] = {**loaded.provenance, **loaded.metrics, "license": loaded.license or "not stated"}
    for fact, value in facts.items():
        console.print(f"{fact}: {value}")
    console.print("classes: " + ", ".join(f"{item.id} {item.name}" for item in loaded.classes))


def _console() -> Console:
    """A console that prints names as they are: brackets and colons in them are no markup."""
    return Console(markup=False, emoji=False, highlight=False)


def _cost_table(model: Model) -> Table:
    from napari_colorizer.networks import measure_cost

    table = Table("network", "parameters", "GFLOP at 352 x 352", "reach of an edit")
    for part, network in model.networks.items():
        cost = measure_cost(network)
        reach = "whole image" if cost.reach is None else f"{cost.reach} working pixels"
        table.add_row(part, f"{cost.parameters / 1e6:.2f} M", f"{cost.gflop:.1f}", reach)
    return table


@models_app.command("import")
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

    with _plain_errors():
        if (file is None) == (colorizer is None and segmenter is None):
            raise ValueError("give either a model file, or --colorizer and/or --segmenter")
        if file is not None:
            typer.echo(f"installed as {install_file(file, name)}")
            return
        name = name or "authors"
        place_for(name)  # a bad name is refused before the checkpoints are read
        class_map = ClassMap.read(classes) if classes else ClassMap.pascal_context()
        typer.echo(f"installed as {install_model(import_authors(name, class_map, colorizer, segmenter))}")


@models_app.command("export")
def export(name: str, target: Annotated[Path, typer.Argument(help="File or folder to copy the model to.")]) -> None:
    """Copy a model's file, to hand it on."""
    from napari_colorizer.models.library import export_model

    with _plain_errors():
        typer.echo(export_model(name, target))


@models_app.command("remove")
def remove(name: str) -> None:
    """Delete an installed model."""
    from napari_colorizer.models.library import remove_model

    with _plain_errors():
        remove_model(name)
        typer.echo(f"{name} removed")


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
