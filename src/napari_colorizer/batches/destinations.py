"""Where the result of an image goes: a file of its own, a page of a TIFF or a place in a zarr store."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from numpy.typing import NDArray

from napari_colorizer.batches.recipe import Recipe
from napari_colorizer.batches.tiff_stacks import encode_page
from napari_colorizer.batches.zarr_stores import read_levels, write_image
from napari_colorizer.checksums import checksum, checksum_of
from napari_colorizer.errors import FileError
from napari_colorizer.files import is_file, refuse_existing, replacing


class Destination(Protocol):
    """Where a result goes."""

    in_place: bool  # whether it is written at once where it stays, not to the side

    def checksum(self) -> str | None:
        """Of what is there; None if nothing is."""

    def refuse(self) -> None:
        """Raise `FileError` if there is anything."""

    def write(self, recipe: Recipe, result: NDArray[Any]) -> tuple[Path | None, str]:
        """Write it; gives the file to the side, if there is one, and its checksum."""


@dataclass(frozen=True)
class FileDestination:
    """A file for one image, written to a folder for temporary files."""

    target: Path
    temporary: Path
    in_place: bool = False

    def checksum(self) -> str | None:
        """See `Destination`."""
        return checksum(self.target) if is_file(self.target) else None

    def refuse(self) -> None:
        """See `Destination`."""
        refuse_existing(self.target)

    def write(self, recipe: Recipe, result: NDArray[Any]) -> tuple[Path | None, str]:
        """See `Destination`."""
        written = self.beside()
        recipe.write(written, result)
        return written, checksum(written)

    def beside(self) -> Path:
        """A file to the side of the same format."""
        return self.temporary / f"{uuid4().hex}{self.target.suffix}"


@dataclass(frozen=True)
class VideoDestination(FileDestination):
    """A file for a video, and a folder that keeps the parts of it until all are there."""

    parts: Path = field(kw_only=True)


@dataclass(frozen=True)
class PageDestination:
    """An encoded page, kept until all pages of a TIFF are there."""

    target: Path
    temporary: Path
    dtype: str
    in_place: bool = False

    def checksum(self) -> str | None:
        """See `Destination`."""
        return checksum(self.target) if is_file(self.target) else None

    def refuse(self) -> None:
        """Nobody but this program writes there."""

    def write(self, recipe: Recipe, result: NDArray[Any]) -> tuple[Path | None, str]:
        """See `Destination`."""
        written = self.temporary / uuid4().hex
        with replacing(written) as temporary:
            temporary.write_bytes(encode_page(result.astype(self.dtype, copy=False)))
        return written, checksum(written)


@dataclass(frozen=True)
class StoreDestination:
    """One image in a zarr store."""

    store: Path
    place: tuple[int, ...]
    in_place: bool = True

    def checksum(self) -> str | None:
        """See `Destination`."""
        return checksum_of(read_levels(self.store, self.place))

    def refuse(self) -> None:
        """See `Destination`."""
        raise FileError(
            f"{self.store} was changed at {list(self.place)} and is not overwritten: use --overwrite, or choose "
            "another place"
        )

    def write(self, recipe: Recipe, result: NDArray[Any]) -> tuple[Path | None, str]:
        """See `Destination`."""
        return None, checksum_of(write_image(self.store, self.place, result))
