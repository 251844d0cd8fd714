"""``napari-colorizer colorize --sitting`` and ``--save-sitting``, and ``napari-colorizer export``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_colorizer.cli.shared import Device, Overwrite, checked, plain_errors, print_name, remark

if TYPE_CHECKING:
    from napari_colorizer.batches.recipe import Recipe

SittingPath = Annotated[Path, typer.Argument(help="A sitting: a folder, or a ZIP archive.", show_default=False)]
FromSitting = Annotated[
    Path | None,
    typer.Option(
        "--sitting",
        help="Color a saved sitting (folder or NAME.zip); an image given as well replaces its own.",
    ),
]
ToSitting = Annotated[
    Path | None,
    typer.Option(help="Save everything that decides the colors of one image as a sitting: a folder, or NAME.zip."),
]
BESIDE_A_SITTING = ("sitting", "files", "output", "overwrite", "device")


def color_sitting(
    context: typer.Context,
    path: Path,
    files: list[Path],
    device: str,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Color a sitting and write its colors as ``colorize`` does.

    Parameters
    ----------
    context : typer.Context
        Knows which options were given.
    path : Path
        Of the sitting.
    files : list of Path
        An image in the place of its own, or none.
    device : str
    output : Path, optional
        A file, or a folder.
    overwrite : bool
    """
    from napari_colorizer.color_files import form_of_colors, write_picture
    from napari_colorizer.models.header import read_header
    from napari_colorizer.sittings.references import ImageReference
    from napari_colorizer.sittings.sitting import Sitting

    with plain_errors():
        _refuse_others(context)
        if len(files) > 1:
            raise ValueError(f"a sitting is for one image, not {len(files)}")
        sitting = Sitting.load(path)
        if files:
            given = ImageReference.of(files[0])
            if given.checksum != sitting.image.checksum:
                remark(f"{files[0].name} is not the image that {path.name} was saved for")
            sitting = replace(sitting, image=given)
        image = path.absolute() if sitting.image.pixels is not None else sitting.image.find()
        output = _target(image, output, overwrite)
        form_of_colors(output)
        model = read_header(sitting.model.find())["name"]
        write_picture(output, sitting.colorize(checked(device)), f"colored with {model}", overwrite)
    print_name(output)


def save_sitting_of(
    path: Path | None, files: Collection[Path], recipe: Recipe, labels: Path | None, overwrite: bool
) -> None:
    """Save all that decides the colors of one image as a sitting, if one is wanted."""
    from napari_colorizer.batches.label_files import find_labels, read_labels
    from napari_colorizer.files import read_image, refuse_existing
    from napari_colorizer.sittings.sitting import Sitting

    if path is None:
        return
    if len(files) > 1:
        raise ValueError(f"a sitting is for one image, not {len(files)}: give --save-sitting a single image")
    if not overwrite:
        refuse_existing(path)
    (file,) = files
    image = read_image(file)
    found = find_labels(file, labels)
    given, classes = (None, None) if found is None else read_labels(found, file, image.shape[:2], None)
    said = recipe.said(image, given, classes, file.stem)
    limits = recipe.limits_of(image)
    Sitting.of(file, recipe.model, options=recipe.coloring, limits=limits, **said).save(path, overwrite)


def export(
    sitting: SittingPath,
    output: Annotated[Path, typer.Argument(help="The picture: PNG, TIFF or JPEG, by its suffix.", show_default=False)],
    bits: Annotated[int, typer.Option(help="8 or 16 bits per channel; JPEG has 8.")] = 8,
    labels: Annotated[bool, typer.Option("--labels", help="Write the label map beside it, NAME.labels.png.")] = False,
    dots: Annotated[bool, typer.Option("--dots", help="Write the dots beside it, NAME.dots.csv.")] = False,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Export the colors of a sitting at full size, with color profile, software, model and checksum."""
    from napari_colorizer.sittings.sitting import Sitting

    with plain_errors():
        wanted: Literal[8, 16] = bits  # type: ignore[assignment]  # another number is refused with the suffix
        written = Sitting.load(sitting).export(output, wanted, labels, dots, checked(device), overwrite)
    for path in written:
        print_name(path)


def _refuse_others(context: typer.Context) -> None:
    """Refuse options that a sitting holds already: they would do nothing."""
    given = []
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if option.name not in BESIDE_A_SITTING and source is not None and source.name == "COMMANDLINE":
            given.append(option.opts[0])
    if given:
        raise ValueError(f"a sitting already decides the colors: leave out {', '.join(given)}")


def _target(file: Path, output: Path | None, overwrite: bool) -> Path:
    """Where the colors of an image go; refused before any work if something is there."""
    from napari_colorizer.files import COLOR_SUFFIX, beside, names_picture, refuse_existing, refuse_itself

    target = output if output is not None and names_picture(output) else beside(file, COLOR_SUFFIX, output)
    if output is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
    refuse_itself(target, file)
    if not overwrite:
        refuse_existing(target)
    return target
