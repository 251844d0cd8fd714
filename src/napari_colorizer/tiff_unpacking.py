"""TIFF pages in compressions that tifffile leaves to another library: libtiff, in Pillow, unpacks the bytes."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

UNPACKED = (5, 8, 32946, 34925, 50000)  # LZW, Deflate twice, LZMA, Zstandard: the bytes as they were
NO_PREDICTOR, DIFFERENCES, FLOATS = 1, 2, 3
SHORT, LONG = 3, 4  # types of tags


def unpack(page: Any) -> NDArray[Any] | None:
    """The numbers of a page, (H, W), (H, W, samples) or, where each sample lies in a plane, (samples, H, W).

    Parameters
    ----------
    page : tifffile.TiffPage or tifffile.TiffFrame

    Returns
    -------
    array or None
        None for what Pillow must make sense of: another compression, or numbers of no whole bytes.

    Raises
    ------
    Exception
        Whatever a damaged page gives rise to.
    """
    first = page.keyframe  # it says of those that are like it what they are
    if first.compression not in UNPACKED or first.dtype is None or first.bitspersample != 8 * first.dtype.itemsize:
        return None
    planes, depth, height, width, samples = first.shaped
    if depth != 1:
        return None
    rows, columns = (first.tilelength, first.tilewidth) if first.is_tiled else (min(first.rowsperstrip, height), width)
    down, across = -(-height // rows), -(-width // columns)
    pixels = np.zeros((planes, down * rows, across * columns, samples), first.dtype)
    for data, index in page.parent.filehandle.read_segments(page.dataoffsets, page.databytecounts):
        plane, place = divmod(index, down * across)
        top, left = place // across * rows, place % across * columns
        there = rows if first.is_tiled else min(rows, height - top)
        if data:  # what is left out is 0
            content = _bytes(data, first, there, columns * samples * first.dtype.itemsize)
            part = _numbers(content, first, (there, columns, samples))
            pixels[plane, top : top + there, left : left + columns] = part
    return pixels[:, :height, :width].reshape(first.shape)


def _bytes(data: bytes, page: Any, rows: int, length: int) -> NDArray[np.uint8]:
    """What a strip or a tile holds, as that many rows of bytes: Pillow reads it as an image of 8 bits."""
    tags = (
        (256, LONG, length),
        (257, LONG, rows),
        (258, SHORT, 8),
        (259, SHORT, page.compression),
        (262, SHORT, 1),
        (266, SHORT, page.fillorder),
        (273, LONG, 8),
        (277, SHORT, 1),
        (278, LONG, rows),
        (279, LONG, len(data)),
    )
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    padding = bytes(len(data) % 2)
    file = io.BytesIO(struct.pack("<2sHI", b"II", 42, 8 + len(data) + len(padding)) + data + padding + directory)
    with any_size(), Image.open(file) as image:
        return np.asarray(image)


@contextmanager
def any_size() -> Iterator[None]:
    """Let Pillow, whose own limit is a fixed one, open and decode images of any size; several threads may."""
    with _limit.lock:
        if not _limit.users:
            _limit.usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _limit.users += 1
    try:
        yield
    finally:
        with _limit.lock:
            _limit.users -= 1
            if not _limit.users:
                Image.MAX_IMAGE_PIXELS = _limit.usual


@dataclass
class _Limit:
    """Pillow's limit while it is lifted, and how many have lifted it."""

    users: int = 0
    usual: int | None = None
    lock: Lock = field(default_factory=Lock)


_limit = _Limit()


def _numbers(content: NDArray[np.uint8], page: Any, shape: tuple[int, int, int]) -> NDArray[Any]:
    """The numbers in rows of bytes, of which a predictor may have left differences to those on their left."""
    kind, order = page.dtype, page.parent.byteorder
    rows, columns, samples = shape
    if page.predictor == FLOATS:
        steps = content.reshape(rows, -1, samples)
        spread = np.cumsum(steps, axis=1, dtype=np.uint8).reshape(rows, kind.itemsize, columns * samples)
        return np.ascontiguousarray(spread.swapaxes(1, 2)).view(kind.newbyteorder(">")).reshape(shape)
    numbers = np.ascontiguousarray(content).view(kind.newbyteorder(order)).reshape(shape)
    if page.predictor == NO_PREDICTOR:
        return numbers
    if page.predictor != DIFFERENCES:
        raise ValueError(f"the predictor {page.predictor} is not known")
    whole = np.dtype(f"u{kind.itemsize}")
    steps = numbers.astype(kind).view(whole)
    return np.cumsum(steps, axis=1, dtype=whole).view(kind)
