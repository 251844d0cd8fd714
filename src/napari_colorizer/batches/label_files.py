"""Label maps that are given for images and stacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_colorizer.batches.stacks import Stack, open_stack
from napari_colorizer.batches.zarr_stacks import ZarrStack
from napari_colorizer.boxes import Box
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
        raise FileError(f"{file.name} does not fit {image.name}: {error}") from error


def open_labels(
    file: Path, image: Path, index: tuple[int, ...]
) -> tuple[Callable[[Box], NDArray[Any]], ClassMap | None]:
    """What reads a box of the label map of one large image in a store, and its class map; errors as `read_labels`."""
    labels, place = _find_slice(file, image, index)
    source = open_stack(image)
    if source is None or labels.size != source.size:
        raise FileError(f"{file.name} does not fit {image.name}: it has another height or width")
    if not isinstance(labels, ZarrStack):
        whole, _ = read_labels(file, image, labels.size, index)  # pages of a TIFF are read as one
        return (lambda box: whole[box.slices]), labels.classes

    def read(box: Box) -> NDArray[Any]:
        return check_labels(labels.read_box(place, box), (box.height, box.width))

    return read, labels.classes


def _read_slice(file: Path, image: Path, index: tuple[int, ...]) -> tuple[NDArray[Any], ClassMap | None]:
    labels, place = _find_slice(file, image, index)
    return labels.numbers(place), labels.classes


def _find_slice(file: Path, image: Path, index: tuple[int, ...]) -> tuple[Stack, tuple[int, ...]]:
    """The stack of label maps for an image of a stack, and which of them it is."""
    labels, source = open_stack(file), open_stack(image)
    if labels is None or source is None:
        raise FileError(f"{file.name} does not fit {image.name}: it is not a stack of label maps")
    if len(labels.lead) < len(index):  # ours have no axis for a single channel
        index = tuple(
            n for n, axis, length in zip(index, source.axes, source.lead, strict=True) if (axis, length) != ("c", 1)
        )
    if len(labels.lead) != len(index) or any(n >= length for n, length in zip(index, labels.lead, strict=True)):
        raise FileError(f"{file.name} does not fit {image.name}: it has no image {list(index)}")
    return labels, index
