"""Images, label maps and colors as files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from napari_colorizer.classes import LARGEST_ID, ClassMap
from napari_colorizer.decoding import decode_numbers, decode_shown
from napari_colorizer.errors import FileError, readable
from napari_colorizer.whole_files import place as place
from napari_colorizer.whole_files import refuse_existing as refuse_existing
from napari_colorizer.whole_files import replacing as replacing

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})
TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
STORE_SUFFIX = ".zarr"
VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".wmv"})
OWN_SUFFIXES = IMAGE_SUFFIXES | VIDEO_SUFFIXES | {STORE_SUFFIX}
LABELS_SUFFIX, COLOR_SUFFIX = ".labels.png", ".color.png"
OWN_ENDS = (".labels", ".color")  # of the stem of what this program writes
CLASSES_KEY = "napari-colorizer-classes"
UNKNOWN_COLOR = (255, 0, 255)
UNREADABLE = Exception  # a damaged file fails in any way: zlib.error, struct.error, ZeroDivisionError, ...
STACKS = " (stacks are for the shell: napari-colorizer colorize)"


def read_image(path: str | Path) -> NDArray[np.generic]:
    """Read a gray (H, W) or RGB(A) (H, W, 3 or 4) image as it is meant to be shown.

    It is turned upright, 0 is black, the colors of palettes, inks and profiles are sRGB, and the gray of an image with
    alpha stands alone. Numbers of 16 or 32 bits and floats stay such.

    Raises
    ------
    FileError
        If the file is not there, damaged, no such image, or too large for the memory; the message names it.
    """
    path = Path(path)
    with naming(path, "an image"):
        array = decode_shown(path)
    return check_image(path.name, array)


def check_image(name: str, array: NDArray[np.generic]) -> NDArray[np.generic]:
    """The same array; `FileError`, which begins with a name, if it is not one gray or RGB(A) image."""
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[-1] in (3, 4)):
        raise FileError(f"{name} is not one gray or RGB image: its shape is {array.shape}{STACKS}")
    if array.dtype.kind not in "buif":
        raise FileError(f"{name} is not one gray or RGB image: its values are not real numbers, but {array.dtype}")
    return array


@contextmanager
def naming(path: Path, kind: str) -> Iterator[None]:
    """Name the file in whatever goes wrong while it is read."""
    try:
        yield
    except FileError:
        raise
    except FileNotFoundError:
        raise FileError(f"there is no file {path}") from None
    except UNREADABLE as error:
        raise FileError(f"{path.name} cannot be read as {kind}: {error or type(error).__name__}") from error


def names_picture(path: Path) -> bool:
    """Whether an output is one picture, and no folder: that is what the suffix of an image means."""
    return path.suffix.lower() in Image.registered_extensions() and not path.is_dir()


def refuse_itself(target: Path, image: Path) -> None:
    """Raise `FileError` if a result would be written over the image that it is made of."""
    if target.exists() and target.samefile(image):
        raise FileError(f"{target} is the image itself, which is not overwritten: choose another name, or a folder")


def write_color(path: str | Path, rgb: NDArray[np.uint8], description: str = "", overwrite: bool = True) -> None:
    """Write an RGB image (H, W, 3) as PNG, with a text on how it came about."""
    info = PngImagePlugin.PngInfo()
    if description:
        info.add_itxt("Description", readable(description))
    with replacing(Path(path), overwrite) as temporary:
        Image.fromarray(rgb).save(temporary, "PNG", pnginfo=info)


def write_label_map(
    path: str | Path, labels: NDArray[np.integer], classes: ClassMap | None = None, overwrite: bool = True
) -> None:
    """Write a label map (H, W) as PNG with its class map inside.

    Ids up to 255 give an indexed PNG whose palette shows the classes' colors, larger ones a 16-bit gray PNG.

    Raises
    ------
    FileError
        If an id does not fit into 16 bits, or there is such a file already and `overwrite` is false.
    """
    largest, smallest = (int(labels.max()), int(labels.min())) if labels.size else (0, 0)
    if smallest < 0 or largest > LARGEST_ID:
        raise FileError(
            f"{Path(path).name}: a label map as PNG holds ids from 0 to {LARGEST_ID}, not {smallest}..{largest}"
        )
    info = PngImagePlugin.PngInfo()
    if classes is not None:
        info.add_itxt(CLASSES_KEY, classes.to_json())
    image = _indexed(labels.astype(np.uint8), classes) if largest < 256 else Image.fromarray(labels.astype(np.uint16))
    with replacing(Path(path), overwrite) as temporary:
        image.save(temporary, "PNG", pnginfo=info)


def _indexed(labels: NDArray[np.uint8], classes: ClassMap | None) -> Image.Image:
    """An indexed image whose palette shows the classes' colors."""
    image = Image.fromarray(labels, "P")
    palette = np.tile(np.array(UNKNOWN_COLOR, np.uint8), (256, 1))
    palette[0] = 0
    for item in classes or ():
        if item.id < 256:
            palette[item.id] = item.rgb
    image.putpalette(palette.tobytes())
    return image


def read_label_map(path: str | Path) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], ClassMap | None]:
    """Read a label map (H, W) and, where the file has one, its class map.

    Raises
    ------
    FileError
        If the file is not there, damaged, or holds colors in place of class ids; the message names it.
    """
    path = Path(path)
    with naming(path, "a label map"):
        array, text = decode_numbers(path, CLASSES_KEY)
    if array.ndim != 2 or array.dtype.kind not in "bui":
        raise FileError(
            f"{path.name} is not a label map: it must hold one whole number (a class id) per pixel, "
            f"not {array.dtype} of shape {array.shape}"
        )
    if array.size and (int(array.min()) < 0 or int(array.max()) > LARGEST_ID):
        raise FileError(f"{path.name} is not a label map: class ids run from 0 to {LARGEST_ID}")
    try:
        classes = ClassMap.from_json(text) if text else None
    except (ValueError, TypeError):
        classes = None  # the map itself is whole; names can be chosen again
    return (array.astype(np.uint8) if array.dtype.itemsize == 1 else array.astype(np.uint16)), classes


def is_own_output(path: Path) -> bool:
    """Whether a file or a store is a label map or colors that this program wrote beside its image, in any format."""
    return path.suffix.lower() in OWN_SUFFIXES and path.stem.lower().endswith(OWN_ENDS)


def images_in(folder: str | Path) -> list[Path]:
    """Image files of a folder by name, without the label maps and colors that were written beside them.

    Hidden ones are left out: the ``._A.jpg`` that a Mac leaves beside A.jpg on other disks is no image.
    """
    found = (path for path in Path(folder).iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    wanted = (path for path in found if not is_own_output(path) and not path.name.startswith("."))
    return sorted(wanted, key=lambda path: path.name.lower())


def is_file(path: Path) -> bool:
    """Whether a file is there; unlike `Path.is_file`, it takes a name that is too long for one that is not."""
    return os.path.isfile(path)


def beside(image: Path, suffix: str, folder: Path | None = None) -> Path:
    """Where the label map or the colors of an image are kept: ``A.labels.png``, ``A.color.png`` for ``A.tif``."""
    return (folder or image.parent) / f"{image.stem}{suffix}"
