"""``napari-colorizer segment`` and ``colorize``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_colorizer.cli.shared import (
    Device,
    Files,
    Limits,
    ModelName,
    Output,
    Overwrite,
    SomeFiles,
    WorkingSize,
    checked,
    each,
    inputs,
    parse_limits,
    plain_errors,
    remark,
)
from napari_colorizer.cli.sittings import FromSitting, ToSitting, color_sitting, prepare_saving
from napari_colorizer.cli.sittings import save_sitting as save_as_sitting
from napari_colorizer.engine.options import Adjustment, ColorizeOptions, SegmentOptions
from napari_colorizer.option_limits import help_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

Confidence = Annotated[
    float | None,
    typer.Option(help=help_text(SegmentOptions, "confidence"), show_default="the model's own"),
]


def _target(file: Path, suffix: str, output: Path | None, overwrite: bool) -> Path:
    """Where a result goes; refused before any work if something is there."""
    from napari_colorizer.errors import FileError
    from napari_colorizer.files import beside, refuse_existing

    target = beside(file, suffix, output)
    if output is not None:
        if _is_file_name(output):
            target = output
        target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and target.samefile(file):
        raise FileError(f"{target} is the image itself, which is not written over: another name or a folder helps")
    if not overwrite:
        refuse_existing(target)
    return target


def _is_file_name(output: Path) -> bool:
    """Whether an output is one file, and no folder: that is what the suffix of an image means."""
    from PIL import Image

    return output.suffix.lower() in Image.registered_extensions() and not output.is_dir()


def _check_output(files: list[Path], output: Path | None) -> None:
    """Refuse to let one result overwrite another: A.png and A.tif have the same one, and one file holds one."""
    if output is not None and _is_file_name(output) and len(files) > 1:
        raise ValueError(f"the results of {len(files)} images do not fit into one file, {output}: name a folder")
    seen: dict[tuple[Path, str], Path] = {}
    for file in files:
        key = (output or file.parent, file.stem)
        if seen.setdefault(key, file) != file:
            raise ValueError(
                f"{seen[key]} and {file} would be written to the same file; give each an --output folder of its own"
            )


def _read(file: Path, limits: str | None) -> tuple[NDArray[Any], tuple[float, float] | None]:
    """An image and the values that mean black and white in it; says so where it uses little of its range."""
    from napari_colorizer.color import auto_limits, range_note
    from napari_colorizer.files import read_image

    image, wanted = read_image(file), parse_limits(limits)
    if wanted == "auto":
        return image, auto_limits(image)
    if note := range_note(image, limits=wanted):
        remark(f"{file.name} {note}")
    return image, wanted


def segment(
    files: Files,
    model: ModelName = "default",
    output: Output = None,
    overwrite: Overwrite = False,
    limits: Limits = None,
    device: Device = "auto",
    working_size: WorkingSize = None,
    confidence: Confidence = None,
) -> None:
    """Predict a label map of each image and write it as A.labels.png, an indexed PNG with the class map inside."""
    from napari_colorizer.files import LABELS_SUFFIX, write_label_map
    from napari_colorizer.models.library import load_model

    with plain_errors():
        parse_limits(limits)
        options = SegmentOptions(working_size, checked(device), confidence)
        files = inputs(files)
        _check_output(files, output)
        if output is not None and _is_file_name(output) and output.suffix.lower() != ".png":
            raise ValueError(f"a label map is written as PNG: name the file {output.with_suffix('.png').name}")
        loaded = load_model(model)
        loaded.require_segmenter()

    def work(file: Path) -> Path:
        target = _target(file, LABELS_SUFFIX, output, overwrite)
        image, black_white = _read(file, limits)
        write_label_map(target, loaded.segment(image, options, black_white), loaded.classes, overwrite)
        return target

    each(files, "Predicting labels", work)


def colorize(
    context: typer.Context,
    files: SomeFiles = None,
    model: ModelName = "default",
    labels: Annotated[
        Path | None,
        typer.Option(help="Label map of the image, or a folder with A.labels.png or A.png for each image A."),
    ] = None,
    predict: Annotated[bool, typer.Option(help="Predict the labels of images that have no label map.")] = True,
    output: Output = None,
    overwrite: Overwrite = False,
    limits: Limits = None,
    device: Device = "auto",
    working_size: WorkingSize = None,
    confidence: Confidence = None,
    chroma_gain: Annotated[float, typer.Option(help=help_text(ColorizeOptions, "chroma_gain"))] = 1.0,
    vivid: Annotated[float | None, typer.Option(hidden=True)] = None,  # its former name
    hints: Annotated[
        Path | None,
        typer.Option(help="Dots: a CSV file of y,x,#rrggbb,radius or y,x,a*,b*,radius, or a folder with A.csv for A."),
    ] = None,
    pins: Annotated[
        list[str] | None,
        typer.Option(help="A class and its color, sky=#7799cc, or a factor on its chroma, teeth=0; again for more."),
    ] = None,
    palette: Annotated[
        Path | None, typer.Option(help="Colors for the classes: of a color photograph, or a GIMP palette (.gpl).")
    ] = None,
    strength: Annotated[float, typer.Option(help="How much of the palette (0 to 1).")] = 1.0,
    saturation: Annotated[float, typer.Option(help=help_text(Adjustment, "saturation"))] = 1.0,
    warmth: Annotated[float, typer.Option(help=help_text(Adjustment, "warmth"))] = 0.0,
    sitting: FromSitting = None,
    save_sitting: ToSitting = None,
) -> None:
    """Color each image and write A.color.png; the labels are read, predicted or left to the model."""
    from napari_colorizer.cli.wishes import hints_for, palette_pins, parse_pins, tell_unused
    from napari_colorizer.color_files import form_of_colors, write_picture
    from napari_colorizer.files import COLOR_SUFFIX
    from napari_colorizer.models.library import load_model

    if sitting is not None:
        target = partial(_target, suffix=COLOR_SUFFIX, output=output, overwrite=overwrite)
        color_sitting(context, sitting, files or [], device, target, overwrite)
        return
    if not files:
        raise typer.BadParameter("name the images to color, or a --sitting", param_hint="FILES")
    with plain_errors():
        parse_limits(limits)
        former = {} if vivid is None else {"vivid": vivid}
        options = ColorizeOptions(working_size, checked(device), **{"chroma_gain": chroma_gain, **former})
        predicting = SegmentOptions(working_size, options.device, confidence)
        files = inputs(files)
        _check_output(files, output)
        prepare_saving(save_sitting, files, overwrite)
        if output is not None and _is_file_name(output):
            form_of_colors(output)
        if labels is not None and not labels.exists():
            raise ValueError(f"there is no label map or folder {labels}")
        if labels is not None and labels.is_file() and len(files) > 1:
            raise ValueError("one label map cannot serve several images; give --labels a folder")
        loaded = load_model(model)
        loaded.require_colorizer()
        adjustment, pinned = Adjustment(saturation, warmth), parse_pins(pins or ())
        from_palette = palette_pins(palette, loaded, strength) if palette is not None else None
        if hints is not None and not hints.exists():
            raise ValueError(f"there is no file or folder {hints}")

    def work(file: Path) -> Path:
        target = _target(file, COLOR_SUFFIX, output, overwrite)
        image, black_white = _read(file, limits)
        label_map, classes = _labels_for(file, image, labels)
        if label_map is None and predict and loaded.segmenter is not None:
            label_map = loaded.segment(image, predicting, black_white)
        session = loaded.session(image, options, black_white)
        wished = pinned if from_palette is None else from_palette(label_map, classes) | pinned
        said = {"hints": hints_for(file, hints), "classes": classes, "pins": wished, "adjustment": adjustment}
        rgb = session.colorize(label_map, **said)
        whole = {"labels": label_map, "options": options, "limits": black_white, **said}
        save_as_sitting(save_sitting, file, model, overwrite, **whole)
        tell_unused(file, pinned, classes or loaded.classes, session)
        write_picture(target, rgb, f"colored with {loaded.name}", overwrite)
        return target

    each(files, "Coloring", work)


def _labels_for(file: Path, image: NDArray[Any], labels: Path | None) -> tuple[Any, Any]:
    """The label map given for an image and its class map; None where none is given."""
    from napari_colorizer.engine.labels import check_labels
    from napari_colorizer.errors import FileError
    from napari_colorizer.files import read_label_map

    map_file = _label_file(file, labels)
    if map_file is None:
        return None, None
    label_map, classes = read_label_map(map_file)
    try:
        return check_labels(label_map, (image.shape[0], image.shape[1])), classes
    except ValueError as error:
        raise FileError(f"{map_file.name} does not lie on {file.name}: {error}") from error


def _label_file(image: Path, labels: Path | None) -> Path | None:
    """The label map of an image: the file given, or the one in the folder given."""
    from napari_colorizer.errors import FileError
    from napari_colorizer.files import LABELS_SUFFIX, beside, is_file

    if labels is None or labels.is_file():
        return labels
    candidates = [beside(image, LABELS_SUFFIX, labels), beside(image, ".png", labels)]
    with_suffix = labels / f"{image.name}{LABELS_SUFFIX}"  # as the dock names those of A.jpg and A.tif in one folder
    files = (file for file in (with_suffix, *candidates) if is_file(file))
    found = next((file for file in files if not file.samefile(image)), None)  # the folder may be the image's own
    if found is None:
        names = " or ".join(file.name for file in candidates)
        raise FileError(f"{image.name}: it has no label map in {labels}; that would be {names}")
    return found
