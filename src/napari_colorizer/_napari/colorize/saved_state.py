"""What of the open image of a folder is in files already, as it is now."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_colorizer._napari.colorize.known_files import KnownFiles

Contents = tuple[Any, ...]  # equal for what would give the same file


def digest(array: NDArray[Any]) -> bytes:
    """A short number that is another for other pixels."""
    array = np.ascontiguousarray(array)
    return hashlib.blake2b(array.data, digest_size=16, person=str(array.shape).encode()[:16]).digest()


class SavedState:
    """Notes what was read from files and written to them, so that only what has changed is written.

    Parameters
    ----------
    files : KnownFiles
    """

    def __init__(self, files: KnownFiles):
        self.files = files
        self._contents: dict[Path, Contents] = {}

    def note(self, path: Path, *contents: Any) -> None:
        """A file holds this now, and is known."""
        self._contents[path] = contents
        self.files.note(path)

    def suppose(self, path: Path, *contents: Any) -> None:
        """A file that nobody has looked into goes with this: as long as that stays, it is left alone."""
        self._contents[path] = contents

    def lacks(self, path: Path, *contents: Any) -> bool:
        """Whether a file is not there, or holds something else."""
        return not exists(path) or self._contents.get(path) != contents


def exists(path: Path) -> bool:
    """Whether there is a file; a name that cannot be is none."""
    try:
        return path.exists()
    except OSError:
        return False
