"""PASCAL-Context (Mottaghi et al. 2014) as its authors publish it.

VOC2010 with ``JPEGImages/``, a folder of ``.mat`` label maps with 459 classes, their names in ``labels.txt``, those of
the 59 that are used in ``59_labels.txt``, and the split as ``train.txt`` and ``val.txt``.
"""

from __future__ import annotations

from pathlib import Path

from napari_colorizer.classes import ClassMap
from napari_colorizer.datasets.class_maps import read_class_map
from napari_colorizer.datasets.listing import Listed, Listing
from napari_colorizer.datasets.masks import CodedMasks, read_matlab
from napari_colorizer.datasets.sets import Pair, Split, place
from napari_colorizer.datasets.splits import SPLITS
from napari_colorizer.errors import DataError

SOURCE = "pascal-context"
THEIR_NAMES = {"diningtable": "table", "bedcloth": "bedclothes", "clothes": "cloth"}  # in the list of 459


def voc_of(root: Path) -> Path | None:
    """The folder in which ``JPEGImages/`` lies."""
    folders = (root, root / "VOC2010", root / "VOCdevkit" / "VOC2010")
    return next((folder for folder in folders if (folder / "JPEGImages").is_dir()), None)


def list_pascal_context(root: Path, voc: Path) -> Listed:
    """List the set; `DataError` names the part that is missing."""
    label_maps = _label_maps_of(root, voc)
    places = (root, label_maps, label_maps.parent, voc)
    listing, classes = Listing(root), ClassMap.pascal_context()
    ids = _their_ids(classes, places)
    images, masks = listing.images(voc / "JPEGImages"), listing.matlab(label_maps)
    listing.without_image(masks, images)
    splits = _read_splits(listing, (root, voc / "ImageSets" / "Main", label_maps.parent), masks)
    for name, mask in masks.items():
        if name in images:
            listing.pairs.append(Pair(images[name], mask, splits.get(name, "train"), SOURCE))
    if splits:
        listing.declared.update(pair.image for pair in listing.pairs)
        unlisted = sum(name not in splits for name in masks)
        if unlisted:
            listing.notes.append(f"{unlisted} label maps that neither train.txt nor val.txt lists are trained on")
    if not listing.pairs:
        raise DataError(f"no .mat file in {label_maps} has the name of an image in {voc / 'JPEGImages'}")
    if len(images) > len(listing.pairs):
        listing.notes.append(f"{len(images) - len(listing.pairs)} images have no label map and are not used")
    return listing, classes, CodedMasks(classes, ids, read_matlab)


def _label_maps_of(root: Path, voc: Path) -> Path:
    for folder in dict.fromkeys((root, voc)):
        below = sorted([*folder.glob("*/"), *folder.glob("*/*/")])
        for candidate in (folder / "trainval", folder, *below):
            if candidate.name != "JPEGImages" and any(candidate.glob("*.mat")):
                return candidate
    raise DataError(
        f"{voc} has JPEGImages, but there are no .mat label maps of PASCAL-Context: "
        f"put its folder trainval and its labels.txt into {root}"
    )


def _read_names(name: str, places: tuple[Path, ...]) -> dict[str, int] | None:
    """Ids by name of a list of names such as ``labels.txt``; None if it is not there."""
    path = next((folder / name for folder in places if (folder / name).is_file()), None)
    if path is None:
        return None
    return {"".join(item.name.casefold().split()): item.id for item in read_class_map(path)}


def _their_ids(classes: ClassMap, places: tuple[Path, ...]) -> dict[int, int]:
    """The id of ours for each of the 459; 0 for those that are none of the 59."""
    theirs = _read_names("labels.txt", places)
    if theirs is None:
        raise DataError(f"{places[0]} has no labels.txt: add the list of the 459 names of PASCAL-Context")
    chosen = _read_names("59_labels.txt", places) or {item.name: item.id for item in classes}
    ours = {name: item.id for item in classes for name in (item.name, THEIR_NAMES.get(item.name, item.name))}
    ids = dict.fromkeys(theirs.values(), 0)
    for name in chosen:
        if name not in ours:
            raise DataError(f"59_labels.txt in {places[0]}: {name!r} is not one of the 59 classes of PASCAL-Context")
        label = ours[name]
        known = next(
            (x for x in (THEIR_NAMES.get(classes[label].name), classes[label].name, name) if x in theirs), None
        )
        if known is None:
            raise DataError(f"labels.txt in {places[0]} lacks the class {name!r} of PASCAL-Context")
        ids[theirs[known]] = label
    return ids


def _read_splits(listing: Listing, places: tuple[Path, ...], masks: dict[str, Path]) -> dict[str, Split]:
    """The split of each name in ``train.txt`` and ``val.txt``; empty if there are none."""
    splits: dict[str, Split] = {}
    for split in SPLITS:
        path = next((folder / f"{split}.txt" for folder in places if (folder / f"{split}.txt").is_file()), None)
        if path is None:
            continue
        for line in path.read_text("utf-8-sig").splitlines():
            if not line.strip():
                continue
            name = line.split()[0]
            if name not in masks:
                listing.problems.append(f"{place(path, listing.root)} lists {name}, which has no label map")
            splits[name] = split
    return splits
