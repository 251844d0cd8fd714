"""Decoded images with their label maps, brought to the size that is trained on, in memory as far as they fit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar, overload

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image

from napari_colorizer.datasets.masks import id_type
from napari_colorizer.datasets.sets import LabeledSet, Pair, Photo
from napari_colorizer.errors import FileError
from napari_colorizer.files import read_image

Progress = Callable[[float], None]
Item = TypeVar("Item")
Result = TypeVar("Result")
THREADS = 4  # decoding lets other threads run; more than this only fills memory
GRAY_STEP = 2  # channels that differ by no more are rounding, not color
FLOAT_MARGIN = 0.01


def read_photo(data: LabeledSet, pair: Pair, side: int, squash: int = 0) -> Photo:
    """Read a pair and shrink it: the image by area, the label map by its nearest pixels, straight from full size.

    Parameters
    ----------
    data : LabeledSet
    pair : Pair
        One of the set's.
    side : int
        Longest that the shorter side may be; smaller images stay as they are.
    squash : int
        Both sides of the result, whatever the image's aspect; 0: the aspect is kept.

    Raises
    ------
    FileError
        If the image or its mask cannot be read, or their sizes differ; the message names the file.
    """
    return _read(data, pair, side, squash)[0]


def _read(data: LabeledSet, pair: Pair, side: int, squash: int) -> tuple[Photo, str]:
    """A photo, and what is wrong with its mask, though not so wrong that it cannot be used."""
    rgb, problem = read_rgb(data, pair), ""
    height, width = rgb.shape[:2]
    size = (squash, squash) if squash else _shrunken(height, width, side)
    if pair.mask is None:
        labels = np.zeros(size, id_type(data.classes))
    else:
        labels, problem = read_labels(data, pair, pair.mask, (height, width))
        labels = nearest_labels(labels, size)
    if size != (height, width):
        shrinks = size[0] <= height and size[1] <= width
        how = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
        rgb = np.asarray(Image.fromarray(rgb).resize(size[::-1], how))
    return Photo(pair.image.stem, rgb, labels, pair.source, is_gray(rgb), pair.mask is not None), problem


def read_rgb(data: LabeledSet, pair: Pair) -> NDArray[np.uint8]:
    """The image of a pair (H, W, 3) in full size; `FileError` names it if that cannot be."""
    with naming(data, pair.image):
        return to_rgb8(read_image(pair.image), pair.image.name)


def read_labels(data: LabeledSet, pair: Pair, mask: Path, size: tuple[int, int]) -> tuple[NDArray[Any], str]:
    """The label map (H, W) of a pair in full size, and what in it counts as unlabeled since no class is that.

    Pixels of a pseudo-mask are 0 where the machine was less certain than the set demands.

    Raises
    ------
    FileError
        If the mask or its confidence cannot be read, or has not the size of the image; the message names it.
    """
    with naming(data, mask):
        labels, unknown = data.read_mask.read(mask)
    _check_size(data, pair, mask, labels.shape, size)
    if pair.pseudo and pair.confidence and data.least_confidence:
        with naming(data, pair.confidence):
            confidence = to_rgb8(read_image(pair.confidence), pair.confidence.name)[..., 0]
        _check_size(data, pair, pair.confidence, confidence.shape, size)
        labels = np.where(confidence < data.least_confidence * 255, labels.dtype.type(0), labels)
    if not unknown:
        return labels, ""
    return labels, f"{data.place(mask)} holds {', '.join(unknown)}, not in the class map: treated as unlabeled"


def to_rgb8(image: NDArray[Any], name: str = "the image") -> NDArray[np.uint8]:
    """Turn an image (H, W) or (H, W, 3 or 4) of any kind of numbers into 8-bit RGB (H, W, 3), without alpha.

    Integers count over the full range of their type, floats in 0..1; `FileError` for others.
    """
    values = image[..., :3] if image.ndim == 3 else np.stack([image] * 3, -1)
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype == bool:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind in "iu":
        info = np.iinfo(values.dtype)
        scaled = (values.astype(np.float64) - info.min) / (info.max - info.min)
    elif values.dtype.kind == "f":
        scaled = np.nan_to_num(values.astype(np.float64), nan=0.0)
        low, high = scaled.min(initial=0), scaled.max(initial=0)
        if low < -FLOAT_MARGIN or high > 1 + FLOAT_MARGIN:
            raise FileError(f"{name} holds numbers from {low:.4g} to {high:.4g}; an image of floats must lie in 0..1")
    else:
        raise FileError(f"{name} does not hold real numbers")
    return np.rint(scaled.clip(0, 1) * 255).astype(np.uint8)


def is_gray(rgb: NDArray[np.uint8]) -> bool:
    """Whether an image (H, W, 3) has no color."""
    some = rgb[::16, ::16]  # enough to tell most photographs at once
    return all((part.max(-1) - part.min(-1)).max(initial=0) <= GRAY_STEP for part in (some, rgb))


@contextmanager
def naming(data: LabeledSet, path: Path) -> Iterator[None]:
    """Make errors name a file by its place in the set: there may be several of that name."""
    try:
        yield
    except FileError as error:
        text, where = str(error), data.place(path)
        if text.startswith(path.name):
            raise FileError(where + text.removeprefix(path.name)) from error
        if where in text:
            raise
        raise FileError(f"{where}: {text}") from error


def in_threads(
    work: Callable[[Item], Result], items: Sequence[Item], on_progress: Progress | None = None
) -> Iterator[Result]:
    """The results of `work`, in order; `on_progress` gets the share that is done, and may raise to stop."""
    pool = ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1))
    try:
        for done, result in enumerate(pool.map(work, items), 1):
            yield result
            if on_progress:
                on_progress(done / len(items))
    finally:
        pool.shutdown(cancel_futures=True)


def _check_size(data: LabeledSet, pair: Pair, path: Path, size: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """Raise a `FileError` if a file does not have the size of the image that it belongs to."""
    if tuple(size) != tuple(wanted):
        raise FileError(
            f"{data.place(path)} has {size[1]} x {size[0]} pixels, but its image {data.place(pair.image)} has "
            f"{wanted[1]} x {wanted[0]}: make them the same size"
        )


def _shrunken(height: int, width: int, side: int) -> tuple[int, int]:
    scale = min(1.0, side / min(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def nearest_labels(labels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """The pixels of a label map that lie nearest to those of a map of another size."""
    if labels.shape == size:
        return labels
    rows, columns = (((np.arange(n) + 0.5) * full / n).astype(int) for n, full in zip(size, labels.shape, strict=True))
    return labels[rows[:, None], columns]


class PhotoStore(Sequence[Photo]):
    """Photos of a set by number: in memory while they fit, the others decoded from the disk each time.

    Goes to other processes by fork or pickle. Taking a photo that is on the disk raises `FileError` if its file is
    no longer there.

    Attributes
    ----------
    ids : tuple of int
        0 and the ids of the class map: the columns of `counts`.
    counts : array of int32, (n, K)
        How many pixels of each photo have each id.
    gray, labeled : array of bool, (n,)
        What `Photo` says of each.
    sources : tuple of str
        The source of each.
    pairs : tuple of Pair
        What each was read from.
    """

    def __init__(self, data: LabeledSet, side: int, squash: int = 0):
        self.ids = (0, *data.classes.ids)
        self.pairs: tuple[Pair, ...] = ()
        self.counts: NDArray[np.int32] = np.zeros((0, len(self.ids)), np.int32)
        self.gray: NDArray[np.bool_] = np.zeros(0, bool)
        self.labeled: NDArray[np.bool_] = np.zeros(0, bool)
        self.sources: tuple[str, ...] = ()
        self._data, self._side, self._squash = data, side, squash
        self._kept: list[Photo | None] = []

    @classmethod
    def load(
        cls,
        data: LabeledSet,
        pairs: Sequence[Pair],
        side: int,
        squash: int = 0,
        memory: int | None = None,
        on_progress: Progress | None = None,
    ) -> tuple[Self, list[str]]:
        """Read every pair once.

        Parameters
        ----------
        data, pairs, side, squash
            As in `read_photo`.
        memory : int, optional
            Bytes that decoded photos may take; half of what is available, if not given.
        on_progress : callable, optional
            Gets the share that is done; may raise to stop.

        Returns
        -------
        PhotoStore
            Photos in the order of `pairs`, without those that cannot be read.
        list of str
            What those were and why, and which masks hold what is in no class map.
        """
        if memory is None:
            memory = psutil.virtual_memory().available // 2
        store, problems = cls(data, side, squash), list[str]()

        def read(pair: Pair) -> tuple[Photo | None, str]:
            try:
                return _read(data, pair, side, squash)
            except FileError as error:
                return None, str(error)

        used, counts, facts = list[Pair](), list[NDArray[np.int32]](), list[tuple[bool, bool]]()
        for pair, (photo, problem) in zip(pairs, in_threads(read, pairs, on_progress), strict=True):
            if problem:
                problems.append(problem)
            if photo is None:
                continue
            memory -= photo.rgb.nbytes + photo.labels.nbytes
            store._kept.append(photo if memory >= 0 else None)
            used.append(pair)
            counts.append(count_ids(photo.labels, store.ids))
            facts.append((photo.gray, photo.labeled))
        store.pairs = tuple(used)
        store.sources = tuple(pair.source for pair in used)
        if used:
            store.counts = np.stack(counts)
            store.gray, store.labeled = np.array(facts).T
        return store, problems

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, index: int) -> Photo: ...
    @overload
    def __getitem__(self, index: slice) -> list[Photo]: ...
    def __getitem__(self, index: int | slice) -> Photo | list[Photo]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        photo = self._kept[index]
        return photo if photo is not None else read_photo(self._data, self.pairs[index], self._side, self._squash)


def count_ids(labels: NDArray[Any], ids: Sequence[int]) -> NDArray[np.int32]:
    """How many pixels have each of some ids."""
    return np.bincount(labels.ravel(), minlength=max(ids) + 1)[list(ids)].astype(np.int32)
