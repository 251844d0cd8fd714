"""All slices of a series colored into a store: what is done stays, what follows a change is done anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.checksums import checksum_of
from napari_colorizer.series.coloring import SeriesColorizer
from napari_colorizer.series.store import Index, SeriesStore
from napari_colorizer.series.wishes import SliceWishes


class Source(Protocol):
    """Where the slices of a series come from."""

    def gray(self, index: Index) -> tuple[NDArray[Any], tuple[float, float] | None]:
        """A slice (H, W), (H, W, 3) or (H, W, 4), and the values of it that mean black and white."""

    def labels(self, index: Index) -> NDArray[np.integer] | None:
        """What a person has said of a slice, which is a key frame then; None where nobody has."""

    def wishes(self, index: Index) -> SliceWishes | None:
        """The dots and pinned regions that a person has given a slice; None where nobody has."""


def in_order(lead: Index) -> Iterator[list[Index]]:
    """The series of an array with leading axes: along the first of them, one for each place on the others.

    >>> list(in_order((2, 2)))
    [[(0, 0), (1, 0)], [(0, 1), (1, 1)]]
    """
    for others in product(*(range(length) for length in lead[1:])):
        yield [(first, *others) for first in range(lead[0])]


def color_series(
    colorizer: SeriesColorizer,
    source: Source,
    store: SeriesStore,
    tell: Callable[[float], None] = lambda _: None,
    colored: Callable[[Index], None] = lambda _: None,
) -> int:
    """Color all slices that are not done, or were made from something else.

    A slice depends on its pixels, its labels and wishes, the options, and all slices before it. No more than a few
    slices are in memory at a time, whatever the length.

    Parameters
    ----------
    colorizer : SeriesColorizer
    source : Source
    store : SeriesStore
    tell : callable
        Is told which share (0..1) is done; what it raises ends this, and the next call goes on from there.
    colored : callable
        Is told the index of each slice that has been colored.

    Returns
    -------
    int
        How many slices were colored.

    Raises
    ------
    FileError
        If another program writes into the store, or it holds the colors of another series.
    """
    total, done, new = max(1, int(np.prod(store.lead))), 0, 0
    with store.writing():
        begin(source, store)
        for indices in in_order(store.lead):
            mark, last = blake2b(_told(colorizer), digest_size=8).digest(), None
            for before, index in zip([None, *indices[:-1]], indices, strict=True):
                tell(done / total)
                (gray, limits), labels, wishes = source.gray(index), source.labels(index), source.wishes(index)
                mark = _mark(mark, gray, limits, labels, wishes)
                number = int.from_bytes(mark, "big") or 1
                if store.mark(index) == number:
                    last = None
                else:
                    colorizer.last = last or (store.read(before) if before is not None else None)
                    last = colorizer.color(gray, labels, limits, wishes)
                    store.write(index, last, number)
                    colored(index)
                    new += 1
                done += 1
        tell(1.0)
    return new


def begin(source: Source, store: SeriesStore) -> None:
    """Let a store be that of a series; `FileError` if it holds the colors of another one."""
    ends = tuple(0 for _ in store.lead), tuple(length - 1 for length in store.lead)
    store.begin([checksum_of([source.gray(index)[0]]) for index in ends])


def _told(colorizer: SeriesColorizer) -> bytes:
    """All that decides on colors beside the slices themselves."""
    model = colorizer.model
    weights = {
        name: sum(float(part.double().sum()) for part in network.state_dict().values())
        for name, network in model.networks.items()
    }
    classes = [(item.id, item.name, item.known_as) for item in colorizer.classes or ()]
    chosen = (colorizer.options, colorizer.series, colorizer.confidence, colorizer.adjustment, colorizer.pins)
    return repr((model.name, weights, classes, *chosen)).encode()


def _mark(
    before: bytes,
    gray: NDArray[Any],
    limits: tuple[float, float] | None,
    labels: NDArray[np.integer] | None,
    wishes: SliceWishes | None,
) -> bytes:
    found = blake2b(before, digest_size=8)
    for array in (gray, labels, None if wishes is None else wishes.to_rows()):
        found.update(repr(None if array is None else (array.dtype.str, array.shape)).encode())
        found.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    if wishes is not None:
        found.update("".join(sorted(wishes.ends)).encode())
    found.update(repr(limits).encode())
    return found.digest()
