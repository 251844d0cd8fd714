"""The natural form of a set: ``images/`` and ``masks/``, or label maps beside their images."""

from __future__ import annotations

from pathlib import Path

from napari_colorizer.datasets.listing import Listed, Listing, key
from napari_colorizer.datasets.masks import DrawnMasks
from napari_colorizer.datasets.sets import Pair, Split, place
from napari_colorizer.datasets.settings import Settings
from napari_colorizer.datasets.splits import SPLITS
from napari_colorizer.errors import DataError
from napari_colorizer.files import LABELS_SUFFIX, beside, images_in, is_file

KINDS = ("labelled", "labeled", "unlabelled", "unlabeled")


def parts_of(root: Path) -> list[tuple[Path, Split | None]]:
    """The folders with ``images/`` that make up a set, and the split that each is, if it is one."""
    found: list[tuple[Path, Split | None]] = []
    for folder in (root, *(root / kind for kind in KINDS)):
        if (folder / "images").is_dir():
            found.append((folder, None))
        found += [(folder / split, split) for split in SPLITS if (folder / split / "images").is_dir()]
    return found


def is_flat(root: Path) -> bool:
    """Whether label maps lie beside their images, as the plugin's *Open folder…* writes them."""
    return any(path.name.lower().endswith(LABELS_SUFFIX) for path in root.iterdir())


def list_folders(root: Path, settings: Settings) -> Listed:
    """List a set of the natural form; `DataError` if it has no images or no class map."""
    listing = Listing(root)
    parts = parts_of(root)
    for folder, split in parts:
        _list_part(listing, folder, split, settings)
    if not parts:
        _list_flat(listing, settings)
    if not listing.pairs:
        raise DataError(f"{root} holds no images: put some into {parts[0][0] / 'images' if parts else root}")
    _note_other_folders(listing, [folder for folder, _ in parts])
    classes = listing.class_map(settings.classes)
    return listing, classes, DrawnMasks(classes)


def _list_part(listing: Listing, folder: Path, split: Split | None, settings: Settings) -> None:
    """List a folder with ``images/`` and, as far as there are any, masks of all kinds and their confidence."""
    images = listing.images(folder / "images")
    masks, pseudo, confidence, filled = (
        listing.masks(folder / name) for name in ("masks", "pseudo", "confidence", "filled")
    )
    listing.without_image(masks, images)
    listing.without_image(pseudo, images)
    for name, image in images.items():
        first = name.partition("/")[0]
        below = next((part for part in SPLITS if part == first and "/" in name), None)  # images/train/..., too
        source = settings.source_of(image, folder / "images" / (below or ""), listing.root.name)
        mask = masks.get(name) or _label_map_of(image)
        if mask is None and name in pseudo:
            pair = Pair(image, pseudo[name], "train", source, pseudo=True, confidence=confidence.get(name))
        else:
            pair = Pair(image, mask, split or below or "train", source, filled=filled.get(name) if mask else None)
        listing.pairs.append(pair)
        if split or below:
            listing.declared.add(image)
        if masks and pair.mask is None:
            listing.unmasked.append(image)


def _list_flat(listing: Listing, settings: Settings) -> None:
    for image in images_in(listing.root):
        source = settings.source_of(image, listing.root, listing.root.name)
        listing.pairs.append(Pair(image, _label_map_of(image), "train", source))
    label_maps = (path for path in sorted(listing.root.iterdir()) if path.name.lower().endswith(LABELS_SUFFIX))
    images = {key(pair.image, listing.root) for pair in listing.pairs}
    listing.without_image({key(path, listing.root): path for path in label_maps}, images)


def _label_map_of(image: Path) -> Path | None:
    path = beside(image, LABELS_SUFFIX)
    return path if is_file(path) else None


def _note_other_folders(listing: Listing, used: list[Path]) -> None:
    """Say which folders look like a part of the set, but are none."""
    for folder in sorted({folder.parent for folder in used} | {listing.root}):
        if not folder.is_relative_to(listing.root):
            continue
        for other in sorted(folder.iterdir()):
            if other not in used and (other / "images").is_dir():
                listing.notes.append(f"{place(other, listing.root)} is not used: the parts of a set are train and val")
