"""COCO-Stuff (Caesar et al. 2018): pixel maps with numbers one less than the ids of ``labels.txt``; 255 is none."""

from __future__ import annotations

from pathlib import Path

from napari_colorizer.datasets.class_maps import find_class_map, read_class_map
from napari_colorizer.datasets.listing import Listed, Listing
from napari_colorizer.datasets.masks import CodedMasks, read_numbers
from napari_colorizer.datasets.sets import Pair, Split
from napari_colorizer.datasets.settings import Settings
from napari_colorizer.errors import DataError

SOURCE = "coco-stuff"
UNLABELED_NUMBER = 255
PARTS: tuple[tuple[str, Split], ...] = (("train2017", "train"), ("val2017", "val"))


def pixel_maps_of(root: Path) -> Path | None:
    """The folder in which the pixel maps of the parts lie."""
    folders = (root / "stuffthingmaps", root / "annotations")
    return next((folder for folder in folders if any((folder / part).is_dir() for part, _ in PARTS)), None)


def list_coco_stuff(root: Path, pixel_maps: Path, settings: Settings) -> Listed:
    """List the set; `DataError` names the part that is missing."""
    path = settings.classes or find_class_map(root)
    if path is None:
        raise DataError(f"{root} has no class map: add the labels.txt of COCO-Stuff (0: unlabeled, 1: person, ...)")
    classes, listing = read_class_map(path), Listing(root)
    for part, split in PARTS:
        folders = (root / "images" / part, root / part)
        folder = next((folder for folder in folders if folder.is_dir()), None)
        if folder is None:
            if (pixel_maps / part).is_dir():
                raise DataError(f"{root} has pixel maps, but no images: put them into {folders[0]}")
            continue
        images, masks = listing.images(folder), listing.masks(pixel_maps / part)
        listing.without_image(masks, images)
        for name, image in images.items():
            listing.pairs.append(Pair(image, masks.get(name), split, SOURCE))
            listing.declared.add(image)
        listing.unmasked += [image for name, image in images.items() if name not in masks]
    if not listing.pairs:
        raise DataError(f"{root} holds no images: COCO-Stuff has them in images/train2017 and images/val2017")
    ids = {label - 1: label for label in classes.ids} | {UNLABELED_NUMBER: 0}
    return listing, classes, CodedMasks(classes, ids, read_numbers)
