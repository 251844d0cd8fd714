"""Reading a labeled set of any form: the list of its pairs, without decoding an image."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.datasets.coco_stuff import list_coco_stuff, pixel_maps_of
from napari_colorizer.datasets.folders import is_flat, list_folders, parts_of
from napari_colorizer.datasets.listing import Listed, Listing
from napari_colorizer.datasets.lists import list_csv
from napari_colorizer.datasets.pascal_context import list_pascal_context, voc_of
from napari_colorizer.datasets.photos import read_photo
from napari_colorizer.datasets.sets import LabeledSet, Pair, Split
from napari_colorizer.datasets.settings import Settings, parse_group, read_settings
from napari_colorizer.datasets.splits import NAME as SPLIT_FILE
from napari_colorizer.datasets.splits import read_split, record_split, settle_split
from napari_colorizer.decoding import open_image
from napari_colorizer.errors import DataError, FileError
from napari_colorizer.files import TIFF_SUFFIXES, UNREADABLE

FEW = 8  # so many images that validate are decoded to see whether they can; among more, a broken one matters less
THUMBNAIL = 64


def read_set(
    path: str | Path, *, groups: Sequence[str] = (), val_share: float = 0.1, seed: int = 0, record: bool = False
) -> LabeledSet:
    """Read a labeled set: images and masks in folders, PASCAL-Context, COCO-Stuff, or a CSV list.

    Where the set does not say which images validate, that is drawn from the seed, unless it was recorded earlier.

    Parameters
    ----------
    path : str or Path
        A folder, or a CSV file.
    groups : sequence of str
        Names that stand for others in some masks, ``person=skin,hair,clothes``; beside those of ``dataset.toml``.
    val_share : float
        Part of the labeled images that is drawn for validation.
    seed : int
    record : bool
        Whether to write what was drawn to ``split.csv`` in the set's folder, so that it stays when images are added.

    Raises
    ------
    DataError
        If there is no set, no class map or no image; if a group names an unknown class; if a file that describes the
        set is wrong. The message says what would help.
    """
    if not str(path).strip():
        raise DataError("no labeled set is chosen: give a folder, or a CSV list of images")
    root = Path(os.path.abspath(Path(path).expanduser()))
    folder = root.parent if root.is_file() else root
    settings = read_settings(folder)
    listing, classes, read_mask = _list(root, settings)
    data = LabeledSet(
        root,
        classes,
        tuple(listing.pairs),
        read_mask,
        _resolve_groups(classes, {**settings.groups, **dict(parse_group(text) for text in groups)}),
        settings.least_confidence,
        problems=tuple(listing.problems),
        unmasked=tuple(listing.unmasked),
    )
    pairs = _split(listing, data, folder, val_share, seed, record)
    return replace(data, pairs=tuple(pairs), notes=tuple(listing.notes))


def _list(root: Path, settings: Settings) -> Listed:
    """List the set in the form that it has."""
    if root.is_file():
        if root.suffix.lower() != ".csv":
            raise DataError(f"{root} is not a labeled set: give a folder, or a .csv list of images")
        return list_csv(root, settings)
    if not root.is_dir():
        raise DataError(f"there is no folder {root}")
    if not any(root.iterdir()):
        raise DataError(f"{root} is empty: a labeled set has images/, masks/ and a classes.json")
    if voc := voc_of(root):
        return list_pascal_context(root, voc)
    if pixel_maps := pixel_maps_of(root):
        return list_coco_stuff(root, pixel_maps, settings)
    if parts_of(root) or is_flat(root):
        return list_folders(root, settings)
    raise DataError(
        f"{root} is not a labeled set: it has neither images/ with masks/ (or train/ and val/ with these) nor label "
        "maps "
        "such as A.labels.png beside the images; for a CSV list of images, give the list itself"
    )


def _split(listing: Listing, data: LabeledSet, folder: Path, val_share: float, seed: int, record: bool) -> list[Pair]:
    """The pairs with their splits; notes how they came about."""
    declared = listing.declared
    people = [pair for pair in listing.pairs if pair.mask and not pair.pseudo]
    if people and all(pair.image in declared and pair.split == "train" for pair in people):
        if len(people) > 1:
            listing.notes.append(
                "the set has no validation images of its own: some of its training images are used for validation"
            )
        declared = set()
    if all(pair.image in declared for pair in people):
        return settle_split(listing.pairs, declared, {}, val_share, seed)[0]
    pairs, drawn, unreadable = _draw(data, declared, read_split(folder), val_share, seed)
    counts = Counter(pair.split for pair in pairs if pair.mask and not pair.pseudo and pair.image not in unreadable)
    if counts.total() == 1 and drawn:
        whole = " and can be read" if unreadable else ""
        listing.notes.append(f"only one image is labeled{whole}: none is left for validation")
    else:
        told = f"{counts['train']} labeled images for training and {counts['val']} for validation"
        listing.notes.append(f"{told}, as recorded in {SPLIT_FILE}, or else drawn with the seed {seed}")
    if record:
        try:
            record_split(folder, [pair for pair in pairs if pair.image in drawn])
        except OSError as error:
            listing.notes.append(f"the split cannot be recorded in {folder / SPLIT_FILE}: {error.strerror or error}")
    return pairs


def _draw(
    data: LabeledSet, declared: Collection[Path], recorded: Mapping[Path, Split], val_share: float, seed: int
) -> tuple[list[Pair], set[Path], set[Path]]:
    """The pairs with their splits, the images for which it was drawn, and those that cannot be read.

    The unreadable stay among the pairs, to train: whoever reads them all says what is wrong with them.
    """
    people = [pair for pair in data.pairs if pair.mask and not pair.pseudo and pair.image not in declared]
    unreadable = {pair.image for pair in people if not _opens(pair.image)}
    while True:
        pairs, drawn = settle_split(data.pairs, declared, recorded, val_share, seed, unreadable)
        validating = [pair for pair in pairs if pair.split == "val" and pair.image in drawn]
        failing = {pair.image for pair in validating if not _decodes(data, pair)} if len(validating) <= FEW else set()
        if not failing:
            return pairs, drawn, unreadable
        unreadable |= failing


def _opens(image: Path) -> bool:
    """Whether a file is there and begins as an image does; nothing is decoded."""
    try:
        if image.suffix.lower() in TIFF_SUFFIXES:  # Pillow does not know every kind that is read
            return image.stat().st_size > 0
        with open_image(image):
            return True
    except UNREADABLE:
        return False


def _decodes(data: LabeledSet, pair: Pair) -> bool:
    try:
        read_photo(data, pair, THUMBNAIL)
    except FileError:
        return False
    return True


def _resolve_groups(classes: ClassMap, groups: Mapping[str, Sequence[str]]) -> dict[int, tuple[int, ...]]:
    """The ids of groups and their members; `DataError` names a class that is not there."""

    def named(name: str, group: str) -> Class:
        if classes.has_name(name):
            return classes.named(name)
        for item in classes:
            if item.known_as.casefold() == name.casefold():
                return item
        raise DataError(
            f"the group {group}: the set has no class {name!r}; correct the name, or add it to the class map"
        )

    found = {
        named(name, name).id: tuple(named(member, name).id for member in members) for name, members in groups.items()
    }
    for label, members in found.items():
        if label in members:
            raise DataError(f"the group {classes[label].name} is a member of itself: name only the others")
    return found
