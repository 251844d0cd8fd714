"""Adding pairs to a set of the natural form, one by one, as the viewer does."""

from __future__ import annotations

import re
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_colorizer.classes import ClassMap
from napari_colorizer.datasets.class_maps import find_class_map, read_class_map
from napari_colorizer.datasets.masks import look_up
from napari_colorizer.datasets.photos import to_rgb8
from napari_colorizer.errors import DataError, FileError
from napari_colorizer.files import images_in, read_image, read_label_map, write_color, write_label_map
from napari_colorizer.tiff_unpacking import any_size


class HasLabelsError(DataError):
    """A set that has another label map of the image.

    Parameters
    ----------
    mask : Path
        That label map.
    """

    def __init__(self, mask: Path):
        super().__init__(f"{mask.stem} is in the set already, with other labels: {mask}")
        self.mask = mask


class Added(NamedTuple):
    """Where the image and the mask are, and whether the set had that image already."""

    image: Path
    mask: Path
    again: bool


def add_pair(
    root: Path, name: str, image: NDArray[Any], labels: NDArray[Any], classes: ClassMap, overwrite: bool = False
) -> Added:
    """Write an image and its label map into ``root/images`` and ``root/masks``, and their classes into ``root``.

    An image that was added before, the same in each pixel, keeps its name. Classes that the set has already, by name,
    keep their ids there, and the label map is translated; others are added.

    Parameters
    ----------
    root : Path
        The set's folder; made if need be.
    name : str
        What to call the pair; gets a number if the set has one of that name.
    image : array, (H, W) or (H, W, 3 or 4)
        Integers over the full range of their type, or floats in 0..1.
    labels : array of int, (H, W)
        Ids of `classes`.
    classes : ClassMap
    overwrite : bool
        Whether the label map may take the place of another one of the same image.

    Returns
    -------
    Added

    Raises
    ------
    HasLabelsError
        If the set has another label map of the image, and `overwrite` is not set.
    DataError
        If the sizes differ, nothing is labeled, an id belongs to no class, or the set's class map is damaged.
    FileError
        If the image is no image.
    OSError
        If a file cannot be written; then the pair is not there, or as it was.
    """
    if labels.shape != image.shape[:2]:
        raise DataError(f"the label map of {name} has the shape {labels.shape}, its image {image.shape[:2]}")
    if not labels.any():
        raise DataError(f"nothing is labeled in {name}: paint some classes first")
    rgb = to_rgb8(image, name)
    path = find_class_map(root, above=False) or root / "classes.json"
    stored = read_class_map(path) if path.exists() else ClassMap()
    together = stored.merged(classes)
    ids = classes.match(together)
    strange = set(np.unique(labels).tolist()) - {0, *ids}
    if strange:
        raise DataError(
            f"the label map of {name} holds ids that no class has ({', '.join(map(str, sorted(strange)))}): "
            "add them to the class list, or erase them"
        )
    values, _ = look_up(labels, ids, together, str)
    mark = f"pixels {blake2b(rgb.tobytes(), digest_size=16).hexdigest()}"
    before = _find_image(root, rgb, mark)
    image_path, mask_path = (before, root / "masks" / f"{before.stem}.png") if before else _free_paths(root, name)
    if not overwrite and before and mask_path.exists() and not _holds(mask_path, values):
        raise HasLabelsError(mask_path)
    for folder in (image_path.parent, mask_path.parent):
        folder.mkdir(parents=True, exist_ok=True)
    if together != stored:
        together.write(path)
    write_label_map(mask_path, values, together)  # first: an image alone would look as if it had lost its mask
    if not before:
        try:
            write_color(image_path, rgb, mark)
        except BaseException:
            mask_path.unlink(missing_ok=True)
            raise
    return Added(image_path, mask_path, before is not None)


def _find_image(root: Path, rgb: NDArray[np.uint8], mark: str) -> Path | None:
    """The image of a set that has these pixels: only those whose description is the mark are decoded."""
    for path in images_in(root / "images") if (root / "images").is_dir() else ():
        with suppress(OSError, FileError):  # one that is damaged is another
            with any_size(), Image.open(path) as file:
                described = file.info.get("Description")
            if described == mark and np.array_equal(read_image(path), rgb):
                return path
    return None


def _holds(mask: Path, labels: NDArray[Any]) -> bool:
    """Whether a file is a label map with these labels."""
    try:
        return np.array_equal(read_label_map(mask)[0], labels)
    except (OSError, FileError):
        return False


def _free_paths(root: Path, name: str) -> tuple[Path, Path]:
    """Paths of a pair under a name that no file of the set has, whatever its suffix."""
    clean = re.sub(r'[\x00-\x1f<>:"/\\|?*]+', "_", name).strip(" .") or "image"
    folders = (root / "images", root / "masks")
    taken = {path.stem.casefold() for folder in folders if folder.is_dir() for path in folder.iterdir()}
    free, number = clean, 1
    while free.casefold() in taken:
        number += 1
        free = f"{clean}_{number}"  # no dash: what stands before one names the source
    return folders[0] / f"{free}.png", folders[1] / f"{free}.png"
