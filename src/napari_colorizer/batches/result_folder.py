"""A folder that a job writes into: locked for others, with its manifest and a hidden folder for what is unfinished."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

from napari_colorizer.batches.manifest import Manifest, Record
from napari_colorizer.checksums import checksum
from napari_colorizer.errors import FileError
from napari_colorizer.files import is_file, place, refuse_existing

HIDDEN = ".napari-colorizer"
TRIES = 5  # another job may be tidying up at this very moment


class ResultFolder:
    """A folder of results; `close` tidies up and lets other jobs in.

    Attributes
    ----------
    path : Path
    manifest : Manifest
    temporary : Path
        A hidden folder for files that are being written.

    Raises
    ------
    FileError
        If another job is writing into it, or it cannot be made or written into.
    """

    def __init__(self, path: Path):
        self.path = path
        self._hidden = path / HIDDEN
        self.temporary = self._hidden / "temporary"
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = self._enter()
            try:
                shutil.rmtree(self.temporary, ignore_errors=True)  # of a job that was killed
                self.temporary.mkdir()
                self.manifest = Manifest(path)
            except BaseException:
                self.close()
                raise
        except FileExistsError as error:
            raise FileError(f"nothing can be written into {path}: it is a file; choose a folder") from error
        except OSError as error:
            raise FileError(f"nothing can be written into {path}: {error.strerror or error}") from error

    def _enter(self) -> FileLock:
        lock = FileLock(self._hidden / "lock", timeout=0)
        for left in reversed(range(TRIES)):
            self._hidden.mkdir(exist_ok=True)
            try:
                lock.acquire()
                break
            except Timeout:
                raise FileError(
                    f"another job is writing into {self.path}: wait for it, or choose another folder"
                ) from None
            except FileNotFoundError:
                if not left:
                    raise
        return lock

    def name_of(self, target: Path) -> str:
        """The name of a result in the manifest."""
        return Path(os.path.relpath(target, self.path)).as_posix()

    def pages_of(self, target: Path) -> Path:
        """The hidden folder for pages of a TIFF, or parts of a video, that is not finished; it stays until that is."""
        return self._hidden / f"pages-{sha256(os.fsencode(self.name_of(target))).hexdigest()[:16]}"

    def may_replace(self, target: Path, record: Record) -> bool:
        """Whether a file may be replaced unasked, see `Manifest.replaceable`."""
        return is_file(target) and checksum(target) in self.manifest.replaceable(record)

    def commit(self, written: Path, target: Path, record: Record, overwrite: bool) -> None:
        """Write a line into the manifest, then let a file that was written to the side take its place.

        In that order: what is in the manifest and not in its place is made again, what would be in its place and not in
        the manifest would be taken for somebody else's.

        Raises
        ------
        FileError
            If there is a file that may not be replaced unasked, and `overwrite` is false.
        """
        replaced = overwrite or self.may_replace(target, record)
        self.manifest.add(record)
        if replaced:
            written.replace(target)
            return
        refuse_existing(target)
        place(written, target)

    def close(self) -> None:
        """Remove what is temporary, and the hidden folder if nothing is left in it."""
        shutil.rmtree(self.temporary, ignore_errors=True)
        with suppress(OSError):
            (self._hidden / "lock").unlink()  # still held: who has opened it already sees that it is gone
        self._lock.release()
        with suppress(OSError):
            self._hidden.rmdir()
