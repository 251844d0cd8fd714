"""Files that are written whole or not at all, and not over somebody's work."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_colorizer.errors import FileError


@contextmanager
def replacing(path: Path, overwrite: bool = True) -> Iterator[Path]:
    """Give a temporary file beside `path` that takes its place when all went well, and is flushed to the disk first.

    Raises
    ------
    FileError
        If there is such a file already and `overwrite` is false, however short a time before.
    """
    if not overwrite:
        refuse_existing(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    except OSError as error:  # it would name the temporary file
        raise OSError(error.errno, error.strerror, str(path)) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)  # mkstemp makes it readable to its owner only
        if overwrite:
            temporary.replace(path)
        else:
            place(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def refuse_existing(path: Path) -> None:
    """Raise `FileError` if there is something of that name, a link to nothing too."""
    if os.path.lexists(path):
        raise FileError(f"{path} already exists and is not overwritten: use --overwrite, or choose another place")


def place(temporary: Path, path: Path) -> None:
    """Rename a file unless there is one of the new name, so that of several processes all but one are told."""
    try:
        try:
            os.link(temporary, path)  # at once whole, unlike an empty file that keeps the place
            temporary.unlink()
        except FileExistsError:
            raise
        except OSError:  # some file systems have no hard links
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            temporary.replace(path)
    except FileExistsError:
        refuse_existing(path)
        raise
