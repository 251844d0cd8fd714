"""What tells whether a file or an image is the same as before."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Stamp = tuple[int, int, int]


def checksum(path: Path) -> str:
    """SHA-256 of a file's bytes, or of all names and bytes in a folder, in hexadecimal digits."""
    if not path.is_dir():
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    found = hashlib.sha256()
    for inner in sorted(inner for inner in path.rglob("*") if inner.is_file()):
        found.update(os.fsencode(inner.relative_to(path)) + b"\0" + checksum(inner).encode())
    return found.hexdigest()


def checksum_of(arrays: Iterable[NDArray[np.generic]]) -> str:
    """SHA-256 of arrays: their types, shapes and values, in hexadecimal digits."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype.str} {array.shape};".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def stamp(path: Path) -> Stamp:
    """What changes when a file is written anew or another takes its place: its size, its time and its inode."""
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ino
