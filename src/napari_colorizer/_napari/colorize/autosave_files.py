"""Files of sittings that were not saved."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.classes import ClassMap
from napari_colorizer.files import replacing
from napari_colorizer.models.library import library_folder

_written: dict[Path, bytes] = {}  # what each file holds, so that it is not written again


@dataclass(frozen=True)
class Unsaved:
    """A sitting that was not saved.

    Attributes
    ----------
    key : str
        Of its image.
    began : int
        The session in which it was drawn.
    labels : array
    classes : ClassMap, optional
    name : str
        Of the image.
    when : float
        Seconds, as `time.time` has them.
    said : str
        All but the label map, as the manifest of a sitting has it; empty in files of former versions.
    """

    key: str
    began: int
    labels: NDArray[Any]
    classes: ClassMap | None
    name: str
    when: float
    said: str = ""

    @property
    def path(self) -> Path:
        """Its file."""
        return unsaved_folder() / f"{self.key}-{self.began}.npz"


def unsaved_folder() -> Path:
    """Where they are kept: beside the installed models."""
    return library_folder().parent / "unsaved label maps"


def write_unsaved(unsaved: Unsaved, now: bytes) -> Path | None:
    """Write one, unless its file holds this already (`now` is its digest); None if it cannot be, as on a full disk."""
    path = unsaved.path
    if _written.get(path) == now and path.exists():
        return path
    classes = unsaved.classes.to_json() if unsaved.classes is not None else ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, open(temporary, "wb") as file:
            name, said = np.array(unsaved.name), np.array(unsaved.said)
            own = np.array(classes)
            np.savez_compressed(file, labels=unsaved.labels, classes=own, name=name, said=said, when=unsaved.when)
    except OSError:
        return None
    _written[path] = now
    return path


def newest_of(key: str) -> Unsaved | None:
    """The one of an image that was written last; what is damaged is passed over."""
    with suppress(OSError):
        for path in sorted(unsaved_folder().glob(f"{key}-*.npz"), reverse=True):
            with suppress(Exception):  # whatever a damaged file gives rise to
                return _read(path, key)
    return None


def newest() -> Unsaved | None:
    """The one of any image that was written last and knows its image; what is damaged is passed over."""
    found = []
    with suppress(OSError):
        found = [(path.stat().st_mtime_ns, path) for path in unsaved_folder().glob("*-*.npz")]
    for _, path in sorted(found, reverse=True):
        with suppress(Exception):  # whatever a damaged file gives rise to
            unsaved = _read(path, path.stem.rpartition("-")[0])
            if unsaved.said:
                return unsaved
    return None


def _read(path: Path, key: str) -> Unsaved:
    with np.load(path, allow_pickle=False) as file:
        text = str(file["classes"])
        return Unsaved(
            key,
            int(path.stem.rpartition("-")[2]),
            file["labels"],
            ClassMap.from_json(text) if text else None,
            str(file["name"]),
            float(file["when"]),
            str(file["said"]) if "said" in file else "",
        )


def remove(paths: Iterable[Path]) -> None:
    """Delete files; one that is in use stays."""
    for path in paths:
        _written.pop(path, None)
        with suppress(OSError):
            path.unlink(missing_ok=True)
