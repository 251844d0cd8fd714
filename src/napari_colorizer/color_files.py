"""Colors as files of the common kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_colorizer.errors import FileError
from napari_colorizer.files import replacing, write_color

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".tif": ("TIFF", {"compression": "tiff_lzw"}),
    ".tiff": ("TIFF", {"compression": "tiff_lzw"}),
    ".webp": ("WEBP", {"quality": 95}),
    ".bmp": ("BMP", {}),
}
SUFFIXES = " ".join(f"*{suffix}" for suffix in FORMATS)


def form_of_colors(path: Path) -> str:
    """The suffix, in lower case, by which colors are written; ``.png`` without one, `FileError` if it is another."""
    suffix = path.suffix.lower() or ".png"
    if suffix not in FORMATS:
        raise FileError(f"{path.name}: colors are saved as {', '.join(FORMATS)}; choose one of these suffixes")
    return suffix


def write_picture(path: str | Path, rgb: NDArray[np.uint8], description: str = "", overwrite: bool = True) -> None:
    """Write an RGB image (H, W, 3 or 4) in the format that its suffix, in any case of letters, means; PNG without one.

    Raises
    ------
    FileError
        If the suffix is another, the format cannot hold an image of that size, or there is such a file already and
        `overwrite` is false.
    """
    path = Path(path)
    suffix = form_of_colors(path)
    if suffix == ".png":
        write_color(path, rgb, description, overwrite)
        return
    kind, options = FORMATS[suffix]
    image = Image.fromarray(np.ascontiguousarray(rgb[..., :3]))
    try:
        with replacing(path, overwrite) as temporary:
            image.save(temporary, kind, **options)
    except FileError:
        raise
    except ValueError as error:  # WebP has an end at 16383 pixels
        raise FileError(f"{path.name} cannot be written as {kind} ({error}); choose PNG or TIFF") from error
