"""The colors of a series in a folder: an OME-Zarr store that is read and written slice by slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from napari_colorizer.errors import FileError
from napari_colorizer.ome_zarr import MOST_AXES, NAMES, Level, create_levels, levels_of, metadata, write_levels
from napari_colorizer.series.carry import Carried
from napari_colorizer.series.coloring import Slice
from napari_colorizer.series.wishes import COLUMNS, SliceWishes

KEY = "napari-colorizer series"  # of the attribute that tells our stores from others
FORMAT = 2
STATE = Path("0", ".series")  # a group of its own, within an array: nobody who looks for images comes across it
WISHES_AT_ONCE = 16  # rows of a chunk
Index = tuple[int, ...]


class Place(NamedTuple):
    """What an OME-Zarr tells of a series.

    Attributes
    ----------
    name : str
    axes : str
        "", "t", "z" or "tz": a letter for each axis before y and x. "" also where it is not known.
    scale, units : sequence
        Of these axes, then of y and x; empty where they are not known.
    """

    name: str = "colors"
    axes: str = ""
    scale: Sequence[float] = ()
    units: Sequence[str | None] = ()


class SeriesStore:
    """What is known of each slice of a series, on the disk.

    It is an OME-Zarr 0.5 of the colors with a pyramid. Hidden in it is what the next slice needs: the
    arrays ``labels``, ``overruled`` and ``certainty`` (..., H, W), ``seen`` (..., 3, h, w; L*, a*, b* at working size),
    ``wishes`` and ``marks`` (...). A slice is done when it has a mark, which is written last.

    Parameters
    ----------
    path : Path
        A store of ours, an empty folder, or one that is not there yet.
    lead : tuple of int
        How many slices there are along each axis; what has more than two such axes is no OME-Zarr.
    size : (int, int)
        Height and width of each.
    place : Place, optional
        What is told of a store that is made now.

    Attributes
    ----------
    colors : Level of uint8, (..., H, W, 3)
        Slices that are not done are black. napari shows it as it is.

    Raises
    ------
    FileError
        If it holds anything else, a series of another shape, or one that a former version has colored.
    """

    def __init__(self, path: Path, lead: Index, size: tuple[int, int], place: Place | None = None):
        import zarr  # which takes a second, and only series need

        self.path, self.lead, self.size = Path(path), lead, size
        if self.path.exists() and not self.path.is_dir():
            raise FileError(f"{self.path} is a file: choose a folder for the colors of a series")
        if self.path.exists() and any(self.path.iterdir()):
            self._group: Any = self._open(zarr)
        else:
            self._group = self._make(zarr, place or Place())
        self._state: Any = zarr.open_group(self.path / STATE, mode="r+")
        self.colors = Level(self._group["0"])
        self._marks: Any = self._state["marks"]

    def _make(self, zarr: Any, place: Place) -> Any:
        group = zarr.open_group(self.path, mode="a", zarr_format=3)
        axes = place.axes or NAMES.get(len(self.lead), "")
        levels = create_levels(group, axes, self.lead, self.size, np.dtype(np.uint8), colors=True)
        state = zarr.open_group(self.path / STATE, mode="w-", zarr_format=3)
        for name, kind in (("labels", np.uint16), ("overruled", np.uint16), ("certainty", np.uint8)):
            self._add(state, name, self.size, kind)
        self._add(state, "wishes", (0, COLUMNS), np.float64, chunk=(WISHES_AT_ONCE, COLUMNS), fill=np.nan)
        state.create_array("marks", shape=self.lead, chunks=self.lead, dtype=np.uint64, fill_value=0)
        if len(self.lead) <= MOST_AXES:
            count = len(self.lead) + 2
            where = place.scale or (1.0,) * count, place.units or (None,) * count
            group.attrs["ome"] = metadata(place.name, axes, *where, colors=True, levels=levels)
        group.attrs[KEY] = {"format": FORMAT, "shape": [*self.lead, *self.size]}  # last: without it, it is not ours
        return group

    def _add(self, group: Any, name: str, shape: Index, kind: type, chunk: Index | None = None, fill: float = 0) -> Any:
        """Make an array with that shape for each slice."""
        chunks = (*(1 for _ in self.lead), *(chunk or shape))
        return group.create_array(name, shape=(*self.lead, *shape), chunks=chunks, dtype=kind, fill_value=fill)

    def _open(self, zarr: Any) -> Any:
        try:
            group = zarr.open_group(self.path, mode="r+")
            told = dict(dict(group.attrs)[KEY])
        except Exception as error:
            raise FileError(f"{self.path} is not a store of the colors of a series: choose an empty folder") from error
        if told.get("format") != FORMAT:
            raise FileError(
                f"{self.path} holds the colors of a series in the format of another version of this program, and is "
                "not changed: choose another folder"
            )
        if told.get("shape") != [*self.lead, *self.size]:
            raise FileError(
                f"{self.path} holds the colors of a series of shape {tuple(told.get('shape', ()))}, this one has "
                f"{(*self.lead, *self.size)}: choose another folder"
            )
        return group

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep others from writing meanwhile; `FileError` if somebody else does."""
        lock = FileLock(self.path / STATE / ".lock")
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

    def begin(self, ends: Sequence[str]) -> None:
        """Begin to color a series, or go on with it.

        Parameters
        ----------
        ends : sequence of str
            Checksums of its first and its last slice.

        Raises
        ------
        FileError
            If it holds colors of a series of which both are others: somebody may want to keep them.
        """
        told = dict(self._group.attrs[KEY])
        if self.done and "ends" in told and not set(told["ends"]) & set(ends):
            raise FileError(f"{self.path} holds the colors of another series: choose another folder")
        self._group.attrs[KEY] = {**told, "ends": list(ends)}

    def mark(self, index: Index) -> int:
        """What a slice was made from, as `write` was told; 0 where it is not done."""
        return int(self._marks[index])

    @property
    def done(self) -> int:
        """How many slices are done."""
        return int(np.count_nonzero(self._marks[...]))

    def write(self, index: Index, item: Slice, mark: int) -> None:
        """Keep a slice, and note what it was made from; `FileError` if the store is not there any more."""
        if not (self.path / "zarr.json").exists():  # what is written would lie there without what says what it is
            raise FileError(f"{self.path} was removed while colors were written into it: color all slices again")
        self._marks[index] = 0
        write_levels(levels_of(self._group), index, item.rgb)
        for name, part in zip(Carried._fields, item.carried, strict=True):
            self._state[name][index] = part
        self._seen(item.lightness.shape)[index] = np.concatenate([item.lightness[None], item.chroma])
        self._write_wishes(index, item.wishes.to_rows())
        self._marks[index] = mark

    def _seen(self, shape: Index) -> Any:
        """The array for slices of that working size; where they had another one, all of them are to be made again."""
        if "seen" in self._state and self._state["seen"].shape[len(self.lead) :] != (3, *shape):
            self._marks[...] = 0
            del self._state["seen"]
        if "seen" not in self._state:
            return self._add(self._state, "seen", (3, *shape), np.float32)
        return self._state["seen"]

    def _write_wishes(self, index: Index, rows: NDArray[np.float64]) -> None:
        wishes = self._state["wishes"]
        most = wishes.shape[-2]
        if len(rows) > most:
            most = len(rows)
            wishes.resize((*self.lead, most, COLUMNS))
        if most:
            padding = np.full((most - len(rows), COLUMNS), np.nan)
            wishes[index] = np.concatenate([rows, padding])

    def read(self, index: Index) -> Slice:
        """A slice that is done."""
        seen: NDArray[np.float32] = np.asarray(self._state["seen"][index])
        carried = Carried(*(np.asarray(self._state[name][index]) for name in Carried._fields))
        rows = np.asarray(self._state["wishes"][index])
        wishes = SliceWishes.from_rows(rows[np.isfinite(rows).all(1)])
        return Slice(self.colors[index], carried, seen[0], seen[1:], wishes)

    def labels(self, index: Index) -> NDArray[np.uint16]:
        """The labels (H, W) by which a slice was colored."""
        return np.asarray(self._state["labels"][index])
