"""Which files may be overwritten without a question."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class KnownFiles:
    """The files that were read or written here, as they were then; all others may be somebody's work."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, int] | None] = {}

    def note(self, path: Path) -> None:
        """A file was read or written."""
        self._seen[path] = _state(path)

    def of_others(self, paths: Iterable[Path]) -> list[Path]:
        """Those files that are there, and were neither read nor written here as they are now."""
        return [path for path in paths if _state(path) not in (None, self._seen.get(path))]


def _state(path: Path) -> tuple[int, int] | None:
    """When a file was written, and its size; None where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
