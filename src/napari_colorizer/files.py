"""Images, label maps and colors as files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from napari_colorizer.classes import LARGEST_ID, ClassMap
from napari_colorizer.errors import FileError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"})
TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
LABELS_SUFFIX, COLOR_SUFFIX = ".labels.png", ".color.png"
CLASSES_KEY = "napari-colorizer-classes"
UNKNOWN_COLOR = (255, 0, 255)
UNREADABLE = (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError)


def read_image(path: str | Path) -> NDArray[np.generic]:
    """Read a gray (H, W) or RGB(A) (H, W, 3 or 4) image; a photograph (JPEG, ...) is turned upright.

    Raises
    ------
    FileError
        If the file is not there, damaged, or no such image; the message names it.
    """
    path = Path(path)
    try:
        if _is_plain_tiff(path):
            array: NDArray[np.generic] = _read_tiff(path)
        else:
            with Image.open(path) as image:
                upright = ImageOps.exif_transpose(image)
                if upright.mode in ("P", "PA", "CMYK", "YCbCr", "LAB", "HSV", "LA"):
                    upright = upright.convert("RGB")
                array = np.asarray(upright)
    except FileNotFoundError:
        raise FileError(f"there is no file {path}") from None
    except UNREADABLE as error:
        raise FileError(f"{path.name} cannot be read as an image: {error}") from error
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[-1] in (3, 4)):
        raise FileError(f"{path.name} is not one gray or RGB image: its shape is {array.shape}")
    return array


def _is_plain_tiff(path: Path) -> bool:
    """Whether a file is a TIFF whose numbers are gray or RGB values: no palette, no CMYK, 0 is black."""
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return False
    try:
        with tifffile.TiffFile(path) as tiff:
            return tiff.pages[0].photometric in (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB)
    except OSError:
        raise
    except Exception:  # damaged: let it be read, which says how
        return True


def _read_tiff(path: Path) -> NDArray[Any]:
    """A TIFF's pixels without axes of length 1 that are no sides of the image."""
    try:
        array = tifffile.imread(path)
    except OSError:
        raise
    except Exception as error:  # a damaged TIFF fails in any way: zlib.error, struct.error, ZeroDivisionError, ...
        raise ValueError(f"the TIFF is damaged, or its form is not known ({error})") from error
    while array.ndim > 2 and array.shape[0] == 1 and not (array.ndim == 3 and array.shape[-1] in (3, 4)):
        array = array[0]
    return array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path` that takes its place when all went well, and is flushed to the disk first."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp makes it readable to its owner only
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_color(path: str | Path, rgb: NDArray[np.uint8], description: str = "") -> None:
    """Write an RGB image (H, W, 3) as PNG, with a text on how it came about."""
    info = PngImagePlugin.PngInfo()
    if description:
        info.add_itxt("Description", description)
    with replacing(Path(path)) as temporary:
        Image.fromarray(rgb).save(temporary, "PNG", pnginfo=info)


def write_label_map(path: str | Path, labels: NDArray[np.integer], classes: ClassMap | None = None) -> None:
    """Write a label map (H, W) as PNG with its class map inside.

    Ids up to 255 give an indexed PNG whose palette shows the classes' colors, larger ones a 16-bit gray PNG.

    Raises
    ------
    FileError
        If an id does not fit into 16 bits.
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
    with replacing(Path(path)) as temporary:
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
    try:
        if path.suffix.lower() in TIFF_SUFFIXES:
            array, text = _read_tiff(path), None
        else:
            with Image.open(path) as image:
                array, text = np.asarray(image), image.info.get(CLASSES_KEY)
    except FileNotFoundError:
        raise FileError(f"there is no file {path}") from None
    except UNREADABLE as error:
        raise FileError(f"{path.name} cannot be read as a label map: {error}") from error
    if array.ndim != 2 or array.dtype.kind not in "bui":
        raise FileError(
            f"{path.name} is not a label map: it must hold one whole number (a class id) per pixel, "
            f"not {array.dtype} of shape {array.shape}"
        )
    if array.size and (int(array.min()) < 0 or int(array.max()) > LARGEST_ID):
        raise FileError(f"{path.name} is not a label map: class ids run from 0 to {LARGEST_ID}")
    try:
        classes = ClassMap.from_json(text) if text else None
    except ValueError:
        classes = None  # the map itself is whole; names can be chosen again
    return (array.astype(np.uint8) if array.dtype.itemsize == 1 else array.astype(np.uint16)), classes


def is_own_output(path: Path) -> bool:
    """Whether a file is a label map or a colored image that this program wrote beside its image."""
    return path.name.lower().endswith((LABELS_SUFFIX, COLOR_SUFFIX))


def images_in(folder: str | Path) -> list[Path]:
    """Image files of a folder by name, without the label maps and colors that were written beside them."""
    found = (path for path in Path(folder).iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    return sorted((path for path in found if not is_own_output(path)), key=lambda path: path.name.lower())


def beside(image: Path, suffix: str, folder: Path | None = None) -> Path:
    """Where the label map or the colors of an image are kept: ``A.labels.png``, ``A.color.png`` for ``A.tif``."""
    return (folder or image.parent) / f"{image.stem}{suffix}"
