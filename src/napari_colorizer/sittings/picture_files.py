"""Colors as files with 8 or 16 bits, their color profile, and how they came about."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms, PngImagePlugin

from napari_colorizer.errors import FileError
from napari_colorizer.files import replacing

Bits = Literal[8, 16]
Pixels = NDArray[np.uint8] | NDArray[np.uint16]
PNG_BEGINNING = b"\x89PNG\r\n\x1a\n"
BYTES_AT_ONCE = 1 << 22
UP = 2  # the PNG filter by which each byte is its difference to the one above
DESCRIPTION, SOFTWARE, DATE = 270, 305, 306  # tags of TIFF, and of the EXIF of JPEG
LONGEST_JPEG = 65_500  # pixels of a side


@dataclass(frozen=True)
class Provenance:
    """How colors came about.

    Attributes
    ----------
    software : str
    model : str
    model_checksum : str
        SHA-256 of its file.
    date : str
        As ISO 8601 has it, such as 2026-05-09T14:05:00+0200.
    image : str
        The name of its file; empty where there is none.
    image_checksum : str
        SHA-256 of that.
    """

    software: str
    model: str
    model_checksum: str
    date: str
    image: str = ""
    image_checksum: str = ""

    def to_json(self) -> str:
        """All of it in one line, in ASCII."""
        return json.dumps(asdict(self))

    @property
    def exif_date(self) -> str:
        """The date as TIFF and EXIF have it."""
        return self.date[:19].replace("-", ":").replace("T", " ")


def check_form(path: Path, bits: int) -> str:
    """The suffix, in lower case; `FileError` if pictures of so many bits are not written to such a file."""
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise FileError(f"{path.name}: pictures are exported as {', '.join(WRITERS)}; choose one of these suffixes")
    if bits not in (8, 16):
        raise FileError(f"pictures have 8 or 16 bits, not {bits}")
    if bits == 16 and WRITERS[suffix] is _write_jpeg:
        raise FileError(f"{path.name}: a JPEG has 8 bits; choose PNG or TIFF for 16")
    return suffix


def write_with_provenance(path: Path, rgb: Pixels, provenance: Provenance, overwrite: bool = True) -> None:
    """Write sRGB colors (H, W, 3), of uint8 or uint16, as the suffix says: PNG, TIFF or JPEG.

    The profile (ICC) says that they are sRGB, the metadata what `Provenance` does.

    Raises
    ------
    FileError
        If the suffix is another, the format has not so many bits or pixels, or there is such a file already and
        `overwrite` is false.
    """
    write = WRITERS[check_form(path, 8 * rgb.dtype.itemsize)]
    if write is _write_jpeg and max(rgb.shape[:2]) > LONGEST_JPEG:
        raise FileError(f"{path.name}: a JPEG has sides of {LONGEST_JPEG} pixels at most; choose PNG or TIFF")
    with replacing(path, overwrite) as temporary:
        write(temporary, rgb, provenance)


@lru_cache
def srgb_profile() -> bytes:
    """The ICC profile of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _write_tiff(path: Path, rgb: Pixels, provenance: Provenance) -> None:
    tifffile.imwrite(
        path,
        rgb,
        photometric="rgb",
        compression="zlib",
        rowsperstrip=max(1, BYTES_AT_ONCE // max(1, rgb[0].nbytes)),
        iccprofile=srgb_profile(),
        software=provenance.software,
        description=provenance.to_json(),
        datetime=provenance.exif_date,
        metadata=None,
    )


def _write_jpeg(path: Path, rgb: Pixels, provenance: Provenance) -> None:
    exif = Image.Exif()
    exif[SOFTWARE], exif[DATE] = provenance.software, provenance.exif_date
    exif[DESCRIPTION] = provenance.to_json()
    Image.fromarray(np.ascontiguousarray(rgb)).save(
        path, "JPEG", quality=95, subsampling=0, icc_profile=srgb_profile(), exif=exif
    )


def _write_png(path: Path, rgb: Pixels, provenance: Provenance) -> None:
    texts = {
        "Software": provenance.software,
        "Creation Time": provenance.date,
        "Description": f"colored with {provenance.model}",
        "napari-colorizer": provenance.to_json(),
    }
    if rgb.dtype == np.uint16:
        with open(path, "wb") as file:
            _write_deep_png(file, rgb, texts)
        return
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_itxt(key, text)
    Image.fromarray(np.ascontiguousarray(rgb)).save(path, "PNG", pnginfo=info, icc_profile=srgb_profile())


def _write_deep_png(file: IO[bytes], rgb: NDArray[Any], texts: dict[str, str]) -> None:
    """A PNG of three channels with 16 bits, which Pillow does not write."""
    height, width = rgb.shape[:2]
    true_color = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    file.write(PNG_BEGINNING + _chunk(b"IHDR", true_color))
    file.write(_chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(srgb_profile())))
    for key, text in texts.items():
        file.write(_chunk(b"iTXt", key.encode("latin-1") + b"\0\0\0\0\0" + text.encode()))
    for part in _deflated_rows(rgb):
        file.write(_chunk(b"IDAT", part))
    file.write(_chunk(b"IEND", b""))


def _deflated_rows(rgb: NDArray[Any]) -> Iterator[bytes]:
    """The rows of a PNG, filtered and compressed, a few at once."""
    stream, above = zlib.compressobj(), np.zeros((1, 6 * rgb.shape[1]), np.uint8)
    step = max(1, BYTES_AT_ONCE // max(1, above.size))
    for top in range(0, len(rgb), step):
        rows = rgb[top : top + step].astype(">u2").view(np.uint8).reshape(-1, above.size)
        filtered = rows - np.concatenate([above, rows[:-1]])
        marked = np.concatenate([np.full((len(rows), 1), UP, np.uint8), filtered], 1)
        above = rows[-1:]
        yield stream.compress(marked.tobytes())
    yield stream.flush()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


WRITERS: dict[str, Callable[[Path, Pixels, Provenance], None]] = {
    ".png": _write_png,
    ".tif": _write_tiff,
    ".tiff": _write_tiff,
    ".jpg": _write_jpeg,
    ".jpeg": _write_jpeg,
}
