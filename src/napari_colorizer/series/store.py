"""The colors of a series in a folder: a zarr store that is read and written slice by slice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from napari_colorizer.errors import FileError
from napari_colorizer.series.carry import Carried
from napari_colorizer.series.coloring import Slice

KEY = "napari-colorizer series"  # of the attribute that tells our stores from others
FORMAT = 1
Index = tuple[int, ...]


class SeriesStore:
    """What is known of each slice of a series, on the disk.

    Its folder holds the arrays ``colors`` (..., H, W, 3), ``labels``, ``overruled`` and ``certainty`` (..., H, W),
    ``state`` (..., 3, h, w; L*, a*, b* at working size) and ``marks`` (...), a chunk for each slice. A slice is done
    when it has a mark, which is written last.

    Parameters
    ----------
    path : Path
        A folder of ours, an empty one, or one that is not there yet.
    lead : tuple of int
        How many slices there are along each axis.
    size : (int, int)
        Height and width of each.

    Attributes
    ----------
    colors : zarr.Array of uint8
        Slices that are not done are black. napari shows it as it is.

    Raises
    ------
    FileError
        If the folder holds anything else, or a series of another shape.
    """

    def __init__(self, path: Path, lead: Index, size: tuple[int, int]):
        import zarr  # which takes a second, and only series need

        self.path, self.lead, self.size = Path(path), lead, size
        if self.path.exists() and not self.path.is_dir():
            raise FileError(f"{self.path} is a file: choose a folder for the colors of a series")
        if self.path.exists() and any(item.name != ".lock" for item in self.path.iterdir()):
            self._group: Any = self._open(zarr)
        else:
            self._group = zarr.open_group(self.path, mode="a", zarr_format=3)
            self._group.attrs[KEY] = {"format": FORMAT, "shape": [*lead, *size]}
        self.colors = self._array("colors", (*size, 3), np.uint8)
        self._labels = self._array("labels", size, np.uint16)
        self._overruled = self._array("overruled", size, np.uint16)
        self._certainty = self._array("certainty", size, np.uint8)
        self._marks = self._array("marks", (), np.uint64)

    def _open(self, zarr: Any) -> Any:
        try:
            group = zarr.open_group(self.path, mode="r+")
            told = dict(group.attrs)[KEY]
        except Exception as error:
            raise FileError(
                f"{self.path} holds something else than the colors of a series: choose an empty folder"
            ) from error
        wanted = {"format": FORMAT, "shape": [*self.lead, *self.size]}
        if told != wanted:
            raise FileError(
                f"{self.path} holds the colors of a series of shape {tuple(told.get('shape', ()))}, this one has "
                f"{(*self.lead, *self.size)}: choose another folder"
            )
        return group

    def _array(self, name: str, shape: Index, kind: type) -> Any:
        if name in self._group:
            return self._group[name]
        chunks = (*(1 for _ in self.lead), *shape) if shape else self.lead
        return self._group.create_array(name, shape=(*self.lead, *shape), chunks=chunks, dtype=kind, fill_value=0)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep others from writing meanwhile; `FileError` if somebody else does."""
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise FileError(
                f"{self.path} is being written by another program: wait, or choose another folder"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def mark(self, index: Index) -> int:
        """What a slice was made from, as `write` was told; 0 where it is not done."""
        return int(self._marks[index])

    @property
    def done(self) -> int:
        """How many slices are done."""
        return int(np.count_nonzero(self._marks[...]))

    def write(self, index: Index, item: Slice, mark: int) -> None:
        """Keep a slice, and note what it was made from."""
        self._marks[index] = 0
        state = self._array("state", (3, *item.lightness.shape), np.float32)
        if state.shape[len(self.lead) :] != (3, *item.lightness.shape):  # made at another working size
            del self._group["state"]
            self._marks[...] = 0
            state = self._array("state", (3, *item.lightness.shape), np.float32)
        self.colors[index] = item.rgb
        self._labels[index], self._overruled[index], self._certainty[index] = item.carried
        state[index] = np.concatenate([item.lightness[None], item.chroma])
        self._marks[index] = mark

    def read(self, index: Index) -> Slice:
        """A slice that is done."""
        state: NDArray[np.float32] = np.asarray(self._group["state"][index])
        carried = Carried(*(np.asarray(part[index]) for part in (self._labels, self._overruled, self._certainty)))
        return Slice(np.asarray(self.colors[index]), carried, state[0], state[1:])

    def labels(self, index: Index) -> NDArray[np.uint16]:
        """The labels (H, W) by which a slice was colored."""
        return np.asarray(self._labels[index])
