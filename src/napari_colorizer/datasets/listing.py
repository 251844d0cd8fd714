"""What the forms of sets share: a list of what is there, before it is settled which images validate."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from napari_colorizer.class_entries import EXAMPLES
from napari_colorizer.classes import ClassMap
from napari_colorizer.datasets.class_maps import find_class_map, merged_from, read_class_map
from napari_colorizer.datasets.sets import Pair, ReadMask, place
from napari_colorizer.errors import DataError
from napari_colorizer.files import COLOR_SUFFIX, IMAGE_SUFFIXES, LABELS_SUFFIX, is_own_output

Listed = tuple["Listing", ClassMap, ReadMask]  # what every form gives
MASK_SUFFIXES = frozenset({".png", ".tif", ".tiff"})


@dataclass
class Listing:
    """A set as a form of sets lists it; the fields mean what they mean in `LabeledSet`.

    Attributes
    ----------
    root : Path
    pairs : list of Pair
    declared : set of Path
        Images whose split the set itself says; that of the others is only a placeholder.
    """

    root: Path
    pairs: list[Pair] = field(default_factory=list)
    declared: set[Path] = field(default_factory=set)
    unmasked: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def images(self, folder: Path) -> dict[str, Path]:
        """Images of a folder by `key`, without this program's own label maps and colors."""
        return self._files(folder, IMAGE_SUFFIXES, True, "is not an image in a supported format (PNG, JPEG, TIFF, ...)")

    def masks(self, folder: Path) -> dict[str, Path]:
        """Masks of a folder by `key`."""
        return self._files(folder, MASK_SUFFIXES, True, "cannot be a mask: masks are PNG or TIFF files")

    def matlab(self, folder: Path) -> dict[str, Path]:
        """MATLAB files of a folder by `key`."""
        return self._files(folder, {".mat"}, False, "")

    def _files(self, folder: Path, suffixes: Collection[str], deep: bool, otherwise: str) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for path in _walk(folder, deep):
            if suffixes is IMAGE_SUFFIXES and is_own_output(path):
                continue
            if path.suffix.lower() not in suffixes:
                if otherwise:
                    self.problems.append(f"{place(path, self.root)} {otherwise}")
            elif (name := key(path, folder)) in found:
                taken = place(found[name], self.root)
                self.problems.append(f"{place(path, self.root)} has the same name as {taken}, which is used")
            else:
                found[name] = path
        return found

    def without_image(self, masks: dict[str, Path], images: Collection[str]) -> None:
        """Note the masks that belong to no image as problems."""
        for name, path in masks.items():
            if name not in images:
                self.problems.append(f"{place(path, self.root)} is a mask without an image")

    def class_map(self, chosen: Path | None) -> ClassMap:
        """The class map that is chosen or found, or else those inside the masks made one, by name.

        Raises
        ------
        DataError
            If there is none at all, or the file is wrong.
        """
        folder = self.root.parent if self.root.is_file() else self.root
        path = chosen or find_class_map(folder, other_than=self.root)
        if path is not None:
            return read_class_map(path)
        masks = [pair.mask for pair in self.pairs if pair.mask]
        classes, without = merged_from(masks)
        if not len(classes):
            raise DataError(
                f"{self.root} has no class map: add a classes.json (or classes.csv, labels.txt) "
                f"with the id and the name of each class: {EXAMPLES['.json']}"
            )
        if without:
            self.notes.append(
                f"{len(without)} of {len(masks)} masks have no class map inside, so their ids are assumed to be "
                f"those of the others; add a classes.json to be sure: {', '.join(place(x, self.root) for x in without)}"
            )
        return classes


def key(path: Path, folder: Path) -> str:
    """What an image and its mask have in common: the path below their folder, without the suffix."""
    name = path.relative_to(folder).as_posix()
    for suffix in (LABELS_SUFFIX, COLOR_SUFFIX):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name[: -len(path.suffix)]


def _walk(folder: Path, deep: bool) -> list[Path]:
    """Files of a folder, by name, without hidden ones and what file managers leave behind."""
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if deep and not name.startswith("."))
        found += [Path(where, name) for name in sorted(names, key=lambda name: (name.lower(), name))]
    return [path for path in found if not path.name.startswith(".") and path.name not in ("Thumbs.db", "desktop.ini")]
