"""``napari-colorizer segment`` and ``colorize``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_colorizer.cli.shared import Device, Files, ModelName, Output, WorkingSize, checked, each, plain_errors


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


def segment(
    files: Files,
    model: ModelName = "default",
    output: Output = None,
    device: Device = "auto",
    working_size: WorkingSize = None,
    confidence: Annotated[
        float | None,
        typer.Option(help="Leave less probable pixels unlabeled (0 to 1).", show_default="the model's own"),
    ] = None,
) -> None:
    """Predict a label map of each image and write it as A.labels.png, an indexed PNG with the class map inside."""
    from napari_colorizer.engine.options import SegmentOptions
    from napari_colorizer.files import LABELS_SUFFIX, read_image, write_label_map
    from napari_colorizer.models.library import load_model

    with plain_errors():
        options = SegmentOptions(working_size, checked(device), confidence)
        _check_distinct(files, output)
        loaded = load_model(model)
        loaded.require_segmenter()

    def work(file: Path) -> Path:
        labels = loaded.segment(read_image(file), options)
        target = _target(file, LABELS_SUFFIX, output)
        write_label_map(target, labels, loaded.classes)
        return target

    each(files, "Predicting labels", work)


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
    vivid: Annotated[float, typer.Option(help="Factor on the chroma (0 to 4); 1 as the model has them.")] = 1.0,
) -> None:
    """Color each image and write A.color.png; the labels are read, predicted or left to the model."""
    from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
    from napari_colorizer.files import COLOR_SUFFIX, read_image, read_label_map, write_color
    from napari_colorizer.models.library import load_model

    with plain_errors():
        options = ColorizeOptions(working_size, checked(device), vivid)
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

    each(files, "Coloring", work)


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
