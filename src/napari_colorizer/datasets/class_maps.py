"""The class map of a set: where it lies, and how class maps of several origins become one, by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from napari_colorizer.class_entries import EXAMPLES
from napari_colorizer.classes import FORMS, ClassMap
from napari_colorizer.decoding import open_image
from napari_colorizer.errors import DataError
from napari_colorizer.files import CLASSES_KEY, TIFF_SUFFIXES, UNREADABLE

FILE_STEMS = ("classes", "labels", "class_map", "legend")
PARTS = frozenset({"labelled", "labeled", "unlabelled", "unlabeled", "train", "val"})


def find_class_map(folder: Path, *, above: bool = True, other_than: Path | None = None) -> Path | None:
    """The class map file of a folder or, where the folder is a part of a set (``labelled/train``), of those above."""
    for stem in FILE_STEMS:
        for suffix in FORMS:
            path = folder / f"{stem}{suffix}"
            if path.is_file() and path != other_than:
                return path
    return find_class_map(folder.parent) if above and folder.name.lower() in PARTS else None


def read_class_map(path: Path) -> ClassMap:
    """Read a class map file; `DataError` names it where it is missing, wrong or empty."""
    try:
        classes = ClassMap.read(path)
    except (ValueError, OSError) as error:
        raise DataError(f"the class map {path} cannot be read: {error}") from error
    if not len(classes):
        raise DataError(f"the class map {path} names no class. A right one has {EXAMPLES[path.suffix.lower()]}")
    return classes


def own_class_map(mask: Path) -> ClassMap | None:
    """The class map inside a mask that this program wrote; the pixels are not decoded."""
    if mask.suffix.lower() in TIFF_SUFFIXES:
        return None
    try:
        with open_image(mask) as image:
            text = image.info.get(CLASSES_KEY)
        return ClassMap.from_json(text) if text else None
    except UNREADABLE:  # the check reports it
        return None


def merged_from(masks: Iterable[Path]) -> tuple[ClassMap, list[Path]]:
    """One class map of those inside masks, and the masks that have none."""
    classes, without, seen = ClassMap(), [], set()
    for mask in masks:
        own = own_class_map(mask)
        if not own:
            without.append(mask)
        elif own not in seen:
            seen.add(own)
            classes = classes.merged(own)
    return classes, without
