"""The files of a sitting, in a folder or a ZIP archive: read without trust, written completely or not at all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

from napari_colorizer.errors import FileError, readable
from napari_colorizer.files import UNREADABLE, refuse_existing, replacing

MANIFEST = "sitting.json"
ARCHIVE = ".zip"
PART_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
LARGEST_TEXT = 32 << 20  # bytes of the manifest: a million dots
MOST_RATIO, NO_BOMB = 200, 32 << 20  # how far a part may be compressed if it is larger than that


class Reader(Protocol):
    """Gives what lies in a sitting."""

    def manifest(self) -> bytes:
        """What its manifest holds."""

    @contextmanager
    def part(self, name: str) -> Iterator[Path]:
        """A file with what a part of it holds, as long as the context lasts."""


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Open a sitting, a folder or an archive.

    Raises
    ------
    FileError
        If there is none, or the archive is damaged, or made to do harm; the message says which.
    """
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise FileError(f"there is no sitting {path}") from None
    except UNREADABLE as error:
        reason = readable(str(error) or type(error).__name__, 200)
        raise FileError(
            f"{path.name} is not a sitting, or damaged ({reason}): a sitting is a folder or a ZIP archive with a file "
            f"{MANIFEST}"
        ) from error
    with archive:
        yield _Archive(path.name, archive)


class _Folder:
    def __init__(self, path: Path):
        self._path = path

    def manifest(self) -> bytes:
        path = self._path / MANIFEST
        if not os.path.isfile(path):
            raise FileError(f"{self._path.name} is not a sitting: there is no {MANIFEST} in it")
        check_size(f"{self._path.name}/{MANIFEST}", path.stat().st_size)
        return path.read_bytes()

    @contextmanager
    def part(self, name: str) -> Iterator[Path]:
        check_name(self._path.name, name)
        path = self._path / name
        if path.is_symlink():
            raise FileError(
                f"{self._path.name}: its part {name} is a link, which may lead anywhere; it is not followed"
            )
        yield path


class _Archive:
    def __init__(self, name: str, archive: zipfile.ZipFile):
        self._name, self._archive = name, archive
        names = archive.namelist()
        for member in names:
            if leads_out(member):
                raise FileError(
                    f"{name} holds a file {readable(repr(member), 120)} that leads out of the archive: it may be "
                    "malicious, and is not read"
                )
        found = min((member for member in names if member.rpartition("/")[2] == MANIFEST), key=len, default=None)
        if found is None:
            raise FileError(f"{name} is not a sitting: there is no {MANIFEST} in it")
        self._inside = found.removesuffix(MANIFEST)  # a folder, where one was packed by hand

    def manifest(self) -> bytes:
        info = self._archive.getinfo(f"{self._inside}{MANIFEST}")
        check_size(f"{self._name}/{MANIFEST}", info.file_size)
        with self._reading(MANIFEST):
            return self._archive.read(info)

    @contextmanager
    def part(self, name: str) -> Iterator[Path]:
        check_name(self._name, name)
        try:
            info = self._archive.getinfo(f"{self._inside}{name}")
        except KeyError:
            raise FileError(f"{self._name} lacks its part {name}") from None
        if info.file_size > NO_BOMB and info.file_size > MOST_RATIO * info.compress_size:
            raise FileError(
                f"{self._name}: its part {name} would grow from {info.compress_size} to {info.file_size} bytes: it "
                "may be malicious, and is not read"
            )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            with self._reading(name), self._archive.open(info) as source, open(path, "wb") as target:
                shutil.copyfileobj(source, target)
            yield path

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except UNREADABLE as error:  # BadZipFile, zlib.error, RuntimeError of a password, NotImplementedError, ...
            reason = readable(str(error) or type(error).__name__, 200)
            raise FileError(f"{self._name}: its part {name} is damaged ({reason})") from error


def leads_out(member: str) -> bool:
    """Whether a name in an archive is one outside of where the archive is unpacked."""
    parts = re.split(r"[/\\]", member)
    return ".." in parts or parts[0] == "" or ":" in parts[0]


def check_name(source: str, name: str) -> None:
    """Raise `FileError` if a part has a name that is not simply one of a file beside the manifest."""
    if not isinstance(name, str) or not PART_NAME.fullmatch(name):
        raise FileError(f"{source}: {readable(repr(name), 120)} cannot be the name of a part of a sitting")


def check_size(what: str, size: int) -> None:
    """Raise `FileError` if a manifest is larger than any can be."""
    if size > LARGEST_TEXT:
        raise FileError(f"{what} has {size} bytes, more than a sitting can have: it is not read")


# -- writing


def write_container(path: Path, manifest: str, parts: Mapping[str, Path], overwrite: bool) -> None:
    """Write a sitting as an archive if its name ends in ``.zip``, else as a folder.

    Parameters
    ----------
    path : Path
    manifest : str
    parts : mapping
        Files by the names of the parts; each name is another for other contents. They may be moved away.
    overwrite : bool
        Whether to take the place of a sitting that is there; anything else is never written over.

    Raises
    ------
    FileError
        If there is something that is no sitting, or a sitting and `overwrite` is false.
    OSError
        If it cannot be written; a sitting that was there is still whole.
    """
    if not overwrite:
        refuse_existing(path)
    _refuse_others(path)
    if path.suffix.lower() != ARCHIVE:
        _write_folder(path, manifest, parts, overwrite)
        return
    with replacing(path, overwrite) as temporary, open(temporary, "wb") as file:
        _write_archive(file, manifest, parts)


def _write_archive(file: IO[bytes], manifest: str, parts: Mapping[str, Path]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(MANIFEST, manifest, zipfile.ZIP_DEFLATED)
        for name, part in parts.items():
            archive.write(part, name)  # as it is: images are compressed already


def _write_folder(path: Path, manifest: str, parts: Mapping[str, Path], overwrite: bool) -> None:
    """Put new parts beside the old ones; they count as soon as the manifest is another, at once."""
    path.mkdir(exist_ok=overwrite)
    before = {file.name for file in path.iterdir()}
    for name, part in parts.items():
        if name not in before:
            with open(part, "rb+") as file:
                os.fsync(file.fileno())
            shutil.move(part, path / name)
    former = _part_names(path)
    with replacing(path / MANIFEST) as temporary:
        temporary.write_text(manifest, "utf-8")
    for name in former - parts.keys():
        with suppress(OSError):  # in use, on Windows
            (path / name).unlink()


def _part_names(folder: Path) -> set[str]:
    """The parts that the manifest of a folder names, which alone are ours to delete."""
    from napari_colorizer.sittings.manifest import parse

    try:
        with opened(folder) as reader:
            found = parse(reader.manifest(), folder)
    except FileError:
        return set()
    return {name for name in (found.labels_part, found.image_part) if name and PART_NAME.fullmatch(name)}


def _refuse_others(path: Path) -> None:
    """Raise `FileError` if there is something that is no sitting: it may be somebody's work."""
    if not os.path.lexists(path) or (path.is_dir() and not any(path.iterdir())):
        return
    as_archive = path.suffix.lower() == ARCHIVE
    try:
        with opened(path) as reader:
            reader.manifest()
    except FileError as error:
        raise FileError(f"{path} already exists, is not a sitting and is not overwritten: {error}") from error
    if as_archive == path.is_dir():
        raise FileError(f"{path} is there already as {'a folder' if as_archive else 'a file'}: choose another name")
