"""What was made from what: a line of JSON for each result, in a file beside the results."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from napari_colorizer.errors import FileError

NAME = "napari-colorizer.jsonl"


@dataclass(frozen=True)
class Record:
    """A line of the manifest.

    Attributes
    ----------
    result : str
        The file or store, relative to the folder of the manifest.
    slice : tuple of int, optional
        Which image of a stack; None for the whole file.
    sha256 : str
        The checksum of what was written; empty for what was begun.
    source, source_sha256 : str
        What it was made from. Of an image of a stack, the checksum is that of its values.
    labels, labels_sha256 : str, optional
        The label map that was given.
    recipe : dict
        `Recipe.facts`.
    """

    result: str
    slice: tuple[int, ...] | None
    sha256: str
    source: str
    source_sha256: str
    labels: str | None = None
    labels_sha256: str | None = None
    recipe: dict[str, Any] = field(default_factory=dict)

    def to_line(self) -> str:
        """One line of JSON, with the version of this program and the time."""
        facts = {"software": _software(), "time": datetime.now(UTC).isoformat(timespec="seconds")}
        return json.dumps({**asdict(self), **facts}) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Record | None:
        """The record in a line; None where there is none, as in one that was being written when the power failed."""
        try:
            facts = json.loads(line)
            known = {name: facts.get(name) for name in cls.__dataclass_fields__}
            if not isinstance(known["result"], str) or not isinstance(known["sha256"], str):
                return None
            known["slice"] = None if known["slice"] is None else tuple(known["slice"])
            return cls(**known)
        except (ValueError, TypeError, AttributeError):
            return None

    def made_like(self, other: Record) -> bool:
        """Whether both were made from the same things in the same way, wherever these lay."""
        return (self.source_sha256, self.labels_sha256, self.recipe) == (
            other.source_sha256,
            other.labels_sha256,
            other.recipe,
        )


class Manifest:
    """The records of a folder; each is on the disk before `add` returns.

    Raises
    ------
    FileError
        If the file cannot be read.
    """

    def __init__(self, folder: Path):
        self.path = folder / NAME
        self._records: dict[str, dict[tuple[int, ...] | None, list[Record]]] = {}
        try:
            text = self.path.read_bytes().decode("utf-8", "replace") if self.path.exists() else ""
        except OSError as error:
            raise FileError(f"{self.path} cannot be read: {error.strerror}") from error
        self._torn = bool(text) and not text.endswith("\n")
        for record in map(Record.from_line, text.splitlines()):
            if record is not None:
                self._keep(record)

    def last(self, result: str, index: tuple[int, ...] | None) -> Record | None:
        """What was written of a result last."""
        records = self._records.get(result, {}).get(index)
        return records[-1] if records else None

    def replaceable(self, record: Record) -> frozenset[str]:
        """Checksums of what was written in a record's place from the same source and by the same recipe.

        What has one of these may be replaced unasked, as after a scan was made anew or a label map was corrected; what
        has another, somebody else has made or changed, or it was made from something else.
        """
        there = self._records.get(record.result, {}).get(record.slice, ())
        return frozenset(
            other.sha256 for other in there if (other.source, other.recipe) == (record.source, record.recipe)
        )

    def add(self, record: Record) -> None:
        """Write a line; `OSError` if there is no room for it."""
        line = b"\n" * self._torn + record.to_line().encode()
        self._torn = True  # until it is whole
        with open(self.path, "ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self._torn = False
        self._keep(record)

    def _keep(self, record: Record) -> None:
        records = self._records.setdefault(record.result, {})
        if record.slice is None:  # a TIFF is whole, or a store was begun anew: what was said of their images is over
            self._records[record.result] = records = {None: records.get(None, [])}
        records.setdefault(record.slice, []).append(record)


def _software() -> str:
    try:
        return f"napari-colorizer {version('napari-colorizer')}"
    except PackageNotFoundError:
        return "napari-colorizer"
