"""What is colored of a video: files of some frames each, and what the next frame needs, kept until all is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.batches.manifest import Record
from napari_colorizer.files import replacing
from napari_colorizer.series.carry import Carried
from napari_colorizer.series.coloring import Slice
from napari_colorizer.series.wishes import SliceWishes

PART_FRAMES = 48  # what a stop loses at most; each part begins with a whole picture, which takes room


class VideoParts:
    """The parts of a video in a folder, which is made when there is one.

    Parameters
    ----------
    folder : Path
    temporary : Path
        A folder for files that are being written.

    Attributes
    ----------
    paths : list of Path
    frames : int
        How many there are in all of them.
    """

    def __init__(self, folder: Path, temporary: Path):
        self._folder, self._temporary = folder, temporary
        self.paths: list[Path] = []
        while self._path().is_file():
            self.paths.append(self._path())
        self.frames = 0
        if self.paths:
            with np.load(self._state(len(self.paths) - 1)) as state:
                self.frames = int(state["frames"])

    @classmethod
    def of(cls, record: Record, folder: Path, temporary: Path) -> VideoParts:
        """Those of one source and recipe: a folder may hold parts of others."""
        facts = json.dumps([record.source_sha256, record.recipe], sort_keys=True)
        return cls(folder / sha256(facts.encode()).hexdigest()[:16], temporary)

    def last(self) -> Slice | None:
        """The last frame, from which the next one follows."""
        if not self.paths:
            return None
        with np.load(self._state(len(self.paths) - 1)) as state:
            carried = Carried(*(state[name] for name in Carried._fields))
            wishes = SliceWishes.from_rows(state["wishes"])
            return Slice(state["rgb"], carried, state["lightness"], state["chroma"], wishes)

    def new(self) -> Path:
        """Where the next part is to be written; `keep` keeps it."""
        return self._temporary / f"{uuid4().hex}.mp4"

    def keep(self, written: Path, frames: int, last: Slice) -> None:
        """Keep a part of so many frames, and its last frame."""
        self._folder.mkdir(parents=True, exist_ok=True)
        number = len(self.paths)
        self.frames += frames
        arrays: dict[str, Any] = {
            "frames": self.frames,
            "rgb": last.rgb,
            "lightness": last.lightness,
            "chroma": last.chroma,
            "wishes": last.wishes.to_rows(),
            **last.carried._asdict(),
        }
        with replacing(self._state(number)) as temporary, open(temporary, "wb") as file:
            np.savez(file, **arrays)
        self.paths.append(written.replace(self._path()))
        if number:
            self._state(number - 1).unlink(missing_ok=True)

    def listed(self) -> Path:
        """A new file that tells ffmpeg the parts in their order."""
        lines = ["ffconcat version 1.0", *(f"file {path.name}" for path in self.paths)]
        listing = self._folder / "parts.txt"
        listing.write_text("\n".join(lines) + "\n", "utf-8")
        return listing

    def _path(self) -> Path:
        return self._folder / f"{len(self.paths):06d}.mp4"

    def _state(self, number: int) -> Path:
        return self._folder / f"{number:06d}.npz"


def in_parts(frames: Iterator[NDArray[np.uint8]]) -> Iterator[Iterator[NDArray[np.uint8]]]:
    """The frames of each part; each is to be read to its end before the next one."""
    for first in frames:
        yield chain([first], islice(frames, PART_FRAMES - 1))
