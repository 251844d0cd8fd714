"""Label maps that are given for images and stacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_colorizer.batches.stacks import open_stack
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.labels import check_labels
from napari_colorizer.errors import FileError
from napari_colorizer.files import LABELS_SUFFIX, beside, is_file, read_label_map

STACK_ENDS = (".labels.tif", ".labels.tiff", ".labels.zarr", ".tif", ".tiff", ".zarr")


def find_labels(image: Path, labels: Path | None, stack: bool = False) -> Path | None:
    """The label map of an image: the file given, or the one in the folder given; None if nothing is given.

    Raises
    ------
    FileError
        If the folder has none for this image.
    """
    if labels is None or is_file(labels) or (stack and labels.suffix == ".zarr"):
        return labels
    candidates = [beside(image, LABELS_SUFFIX, labels), beside(image, ".png", labels)]
    with_suffix = labels / f"{image.name}{LABELS_SUFFIX}"  # as the dock names those of A.jpg and A.tif in one folder
    places = [with_suffix, *candidates]
    if stack:
        places = candidates = [beside(image, end, labels) for end in STACK_ENDS]
    there = (place for place in places if (place.exists() if stack else is_file(place)))
    found = next((place for place in there if not place.samefile(image)), None)  # the folder may be the image's own
    if found is None:
        names = " or ".join(place.name for place in candidates)
        raise FileError(f"{image.name}: it has no label map in {labels}; that would be {names}")
    return found


def read_labels(
    file: Path, image: Path, shape: tuple[int, int], index: tuple[int, ...] | None
) -> tuple[NDArray[Any], ClassMap | None]:
    """A label map (H, W) that lies on an image, and its class map where the file has one.

    Raises
    ------
    FileError
        If it cannot be read, or does not lie on the image.
    """
    labels, classes = read_label_map(file) if index is None else _read_slice(file, image, index)
    try:
        return check_labels(labels, shape), classes
    except (ValueError, TypeError) as error:
        raise FileError(f"{file.name} does not lie on {image.name}: {error}") from error


def _read_slice(file: Path, image: Path, index: tuple[int, ...]) -> tuple[NDArray[Any], ClassMap | None]:
    labels, source = open_stack(file), open_stack(image)
    if labels is None or source is None:
        raise FileError(f"{file.name} does not lie on {image.name}: it is no stack of label maps")
    if len(labels.lead) < len(index):  # ours have no axis for a single channel
        index = tuple(
            n for n, axis, length in zip(index, source.axes, source.lead, strict=True) if (axis, length) != ("c", 1)
        )
    if len(labels.lead) != len(index) or any(n >= length for n, length in zip(index, labels.lead, strict=True)):
        raise FileError(f"{file.name} does not lie on {image.name}: it has no image {list(index)}")
    return labels.numbers(index), labels.classes
