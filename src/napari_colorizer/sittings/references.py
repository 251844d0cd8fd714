"""Which image and which model a sitting is of: where they lie, and checksums by which they are known again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_colorizer import checksums
from napari_colorizer.checksums import Stamp, stamp
from napari_colorizer.errors import FileError, ModelError
from napari_colorizer.files import is_file, read_image
from napari_colorizer.models.library import find_model, installed_models


def checksum(path: Path) -> str:
    """That of `napari_colorizer.checksums`, computed anew only where the file was written anew."""
    return _checksum(path, stamp(path))


@lru_cache(maxsize=64)
def _checksum(path: Path, _stamp: Stamp) -> str:
    return checksums.checksum(path)


@dataclass(frozen=True)
class ImageReference:
    """An image by its file, or, where no file gives it as it is, with its pixels.

    Attributes
    ----------
    path : Path, optional
        Its file, absolute.
    checksum : str
        SHA-256 of that file; empty where there is none.
    elsewhere : tuple of Path
        Where else the file may lie by now: images and sittings are moved together.
    pixels : array, (H, W), (H, W, 3) or (H, W, 4), optional
        What is kept of an image without a file.
    """

    path: Path | None = None
    checksum: str = ""
    elsewhere: tuple[Path, ...] = ()
    pixels: NDArray[Any] | None = field(default=None, compare=False)

    @classmethod
    def of(cls, image: str | Path | NDArray[Any]) -> ImageReference:
        """The reference of a file, or of an array without one; `FileError` if there is no such file."""
        if isinstance(image, np.ndarray):
            return cls(pixels=image)
        path = Path(image).absolute()
        if not is_file(path):
            raise FileError(f"there is no file {path}")
        return cls(path, checksum(path))

    @property
    def known(self) -> bool:
        """Whether there is anything to read the image from."""
        return self.path is not None or self.pixels is not None

    def find(self) -> Path:
        """The file as it was.

        Raises
        ------
        FileError
            If it is not there any more, or another one is in its place; the message says which.
        """
        if self.path is None:
            raise FileError("this sitting does not name the file of its image: name the image to color")
        there = [path for path in (self.path, *self.elsewhere) if is_file(path)]
        same = _with_checksum(there, self.checksum)
        if same is not None:
            return same
        if there:
            raise FileError(
                f"the image {there[0]} was changed since this sitting was saved (its checksum differs). The rest of "
                "the sitting is intact: restore the former file, or name another image to color"
            )
        raise FileError(
            f"the image of this sitting is missing: there is no file {self.path}. The rest of the sitting is intact: "
            "restore the file, or put it beside the sitting, or name the image to color"
        )

    def read(self) -> NDArray[Any]:
        """The image, (H, W) or (H, W, 3 or 4), as `read_image` gives it; errors are those of it and of `find`."""
        return self.pixels if self.pixels is not None else read_image(self.find())


@dataclass(frozen=True)
class ModelReference:
    """A model by its name, as it was.

    Attributes
    ----------
    name : str
        Of an installed model, or the absolute path of its file.
    checksum : str
        SHA-256 of the file.
    """

    name: str
    checksum: str

    @classmethod
    def of(cls, name: str | Path) -> ModelReference:
        """The reference of an installed model or a model file; `ModelError` if there is none."""
        path = find_model(name)
        return cls(str(name) if str(name) in installed_models() else str(path.absolute()), checksum(path))

    def find(self) -> Path:
        """The file as it was, under whatever name it is installed now.

        Raises
        ------
        ModelError
            If it is not there any more, or another one has its name; the message says which.
        """
        missing = ""
        try:
            there = [find_model(self.name)]
        except ModelError as error:
            there, missing = [], str(error)
        same = _with_checksum([*there, *installed_models().values()], self.checksum)
        if same is not None:
            return same
        kept = "The rest of the sitting is intact: install that model again"
        if missing:
            raise ModelError(f"the model of this sitting is missing: {missing}. {kept}")
        raise ModelError(
            f"the model {self.name!r} is not the one that this sitting was colored with (its checksum differs). "
            f"{kept}, under any name"
        )


def _with_checksum(paths: Iterable[Path], wanted: str) -> Path | None:
    """The first of some files that has a checksum; one that cannot be read has none."""
    for path in paths:
        try:
            if checksum(path) == wanted:
                return path
        except OSError:
            continue
    return None
