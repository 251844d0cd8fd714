"""What pins and hints make of the chroma that the network predicts, computed anew only where it changes.

A pin moves all colors of a thing alike, so that their mean is the wish. On top of that a hint says by how much chroma
is off at its place, and where it asks for less, by what factor chroma is too large: the correction of each pixel is the
mean of those of the hints on its own label, the nearer and the more alike the more, and fades where all are unlike.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from napari_colorizer.boxes import Box
from napari_colorizer.classes import LARGEST_ID
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.likeness import DECISION, REACH, Likeness, Map, Reach
from napari_colorizer.engine.pins import Pin, Pixel, ResolvedPins

FAINT = 4.0  # of a*, b*: how much paler colors become is no ratio of fainter ones
NO_SAY = float(np.exp(-DECISION * REACH))  # weight at which a hint has half a say
Labels = NDArray[np.integer]


class Dot(NamedTuple):
    """A hint at working size: what it covers, where it reaches, and factor and shift of a*, b* that it asks for."""

    key: tuple[Any, ...]
    disk: tuple[NDArray[np.intp], NDArray[np.intp]]
    center: Pixel
    radius: float
    label: int
    factor: float
    shift: tuple[float, float]


class Wishes:
    """Chroma of one image at working size, with pins and hints.

    Parameters
    ----------
    frame : Frame
    likeness : callable
        Gives what is alike in the image; it is asked for with the first hint.
    """

    def __init__(self, frame: Frame, likeness: Callable[[], Likeness]):
        self._frame, self._likeness = frame, likeness
        self._known: Likeness | None = None
        self._reaches: dict[tuple[Any, ...], Reach] = {}
        self._dots: list[Dot] = []
        self._before: tuple[Map, Labels] | None = None  # chroma with pins, and labels, of the last time
        self.unused: set[int | Pixel] = set()

    def update(
        self, chroma: Map, labels: Labels, full_labels: Labels, hints: Hints, pins: ResolvedPins
    ) -> tuple[Map, Box | None]:
        """Follow all that the colors depend on.

        Parameters
        ----------
        chroma : array of float32, (2, h, w)
            a*, b* as the network has them.
        labels, full_labels : array of integers, (h, w) and (H, W)
        hints : Hints
        pins : ResolvedPins

        Returns
        -------
        array of float32, (2, h, w)
            Not to be altered.
        Box, optional
            Where it differs from the last time.
        """
        pinned, self.unused = apply_pins(chroma, labels, full_labels, pins, self._frame)
        dots = self._dots_of(hints, pinned, labels, full_labels)
        whole = Box.of(labels.shape)
        if self._before is None:
            self._result, boxes = np.empty_like(pinned), list[Box | None]([whole])
        else:
            differs = (pinned != self._before[0]).any(0) | (labels != self._before[1])
            boxes = [Box.around(torch.from_numpy(differs)), *self._moved(dots)]
        reaches = {dot.key: self._reach(dot) for dot in dots}
        self._reaches, self._dots, self._before = reaches, dots, (pinned, labels.copy())
        found = [box for box in boxes if box is not None]
        if not found:
            return self._result, None
        box = reduce(Box.joined, found)
        self._result[:, *box.slices] = self._corrected(box)
        return self._result, box

    def _dots_of(self, hints: Hints, pinned: Map, labels: Labels, full_labels: Labels) -> list[Dot]:
        """The hints that cover a pixel which no later one covers."""
        if not len(hints):
            return []
        frame = self._frame
        cover = hints.cover(frame, full_labels, labels).ravel()
        order = np.argsort(cover, kind="stable")
        numbers, starts = np.unique(cover[order], return_index=True)
        dots = []
        for number, places in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True):
            if number >= 0:
                disk = np.unravel_index(places, labels.shape)
                dots.append(_dot(hints.rows[number], (disk[0], disk[1]), pinned, labels, frame))
        return dots

    def _reach(self, dot: Dot) -> Reach:
        known = self._reaches.get(dot.key)
        if known is None:
            self._known = self._known or self._likeness()
            known = self._known.reach(dot.disk, dot.center, dot.radius)
        return known

    def _moved(self, dots: list[Dot]) -> list[Box]:
        """Where hints that are new, gone or of another color reach."""
        before, after = (
            {(*dot.key, dot.label, dot.factor, dot.shift): dot for dot in some} for some in (self._dots, dots)
        )
        if [key for key in before if key in after] != [key for key in after if key in before]:
            return [Box.of(self._frame.working)]  # sums of floats depend on the order
        gone = [self._reaches[dot.key].box for key, dot in before.items() if key not in after]
        for key, dot in after.items():
            if key not in before:
                self._reaches[dot.key] = self._reach(dot)
                gone.append(self._reaches[dot.key].box)
        return gone

    def _corrected(self, box: Box) -> Map:
        """Chroma in a box, with pins and hints."""
        assert self._before is not None
        pinned, labels = self._before[0][:, *box.slices], self._before[1]
        sums = np.zeros((3, box.height, box.width), np.float32)
        mix, say = np.zeros((2, box.height, box.width), np.float32)
        met = [dot for dot in self._dots if self._reaches[dot.key].box.meets(box)]
        for dot in met:
            part, weight, share = self._say(dot, box, labels)
            for axis, value in enumerate((*dot.shift, dot.factor - 1)):
                sums[axis, *part.slices] += np.float32(value) * share
            mix[part.slices] += share
            say[part.slices] += weight
        if not met:
            return pinned
        sums *= say / (say + NO_SAY) / np.maximum(mix, 1e-30)
        result = pinned + sums[:2] + sums[2] * pinned
        for dot in met:  # at its own place no other hint has a say
            rows, columns = dot.disk
            inside = (rows >= box.top) & (rows < box.bottom) & (columns >= box.left) & (columns < box.right)
            y, x = rows[inside] - box.top, columns[inside] - box.left
            result[:, y, x] = np.float32(dot.factor) * pinned[:, y, x] + np.array(dot.shift, np.float32)[:, None]
        return result

    def _say(self, dot: Dot, box: Box, labels: Labels) -> tuple[Box, Map, Map]:
        """The part of a box that a hint reaches, and its weight and share there."""
        reach = self._reaches[dot.key]
        own = Box(
            max(box.top, reach.box.top), min(box.bottom, reach.box.bottom),
            max(box.left, reach.box.left), min(box.right, reach.box.right),
        )  # fmt: skip
        inside, on_label = own.shifted(-reach.box.top, -reach.box.left).slices, labels[own.slices] == dot.label
        return own.shifted(-box.top, -box.left), reach.weight[inside] * on_label, reach.share[inside] * on_label


def apply_pins(
    chroma: Map, labels: Labels, full_labels: Labels, pins: ResolvedPins, frame: Frame
) -> tuple[Map, set[int | Pixel]]:
    """Chroma (2, h, w) with pins, and those classes and regions whose pin finds no pixel; see `Wishes.update`."""
    wishes: list[tuple[int | Pixel, Pin]] = [*pins.classes.items(), *pins.regions.items()]
    if not wishes:
        return chroma.copy(), set()
    owner = owners(labels, full_labels, pins, frame)
    count = np.bincount(owner.ravel(), minlength=len(wishes) + 1)
    sums = np.stack([np.bincount(owner.ravel(), values.ravel(), len(wishes) + 1) for values in chroma])
    means = sums / np.maximum(count, 1)
    moves = np.array([(1.0, 0.0, 0.0), *(_move(pin, means[:, n]) for n, (_, pin) in enumerate(wishes, 1))], np.float32)
    factor, *shift = moves.T[:, owner]
    return chroma * factor + np.stack(shift), {thing for n, (thing, _) in enumerate(wishes, 1) if not count[n]}


def _move(pin: Pin, mean: NDArray[np.float64]) -> tuple[float, float, float]:
    """Factor and shift of a*, b* that bring a mean where it is wished."""
    if pin.color is None:
        return 1 + pin.strength * (pin.factor - 1), 0.0, 0.0
    wish = np.array(pin.color)
    factor = _paler(wish, mean)
    a, b = pin.strength * (wish - factor * mean)
    return 1 + pin.strength * (factor - 1), float(a), float(b)


def _paler(wish: NDArray[np.float64], own: NDArray[np.float64]) -> float:
    """By what factor chroma is too large, if it is."""
    return min(1.0, float((np.hypot(*wish) + FAINT) / (np.hypot(*own) + FAINT)))


def owners(labels: Labels, full_labels: Labels, pins: ResolvedPins, frame: Frame) -> NDArray[np.intp]:
    """The number of the pin of each working pixel, from 1 on, classes first; 0: none."""
    lookup = np.zeros(LARGEST_ID + 1, np.intp)
    for number, label in enumerate(pins.classes, 1):
        if 0 <= label <= LARGEST_ID:  # no pixel has another
            lookup[label] = number
    owner: NDArray[np.intp] = lookup[labels]
    pieces: dict[int, NDArray[np.int32]] = {}
    for number, (y, x) in enumerate(pins.regions, len(pins.classes) + 1):
        own = int(full_labels[y, x])
        if own not in pieces:
            pieces[own] = ndimage.label(labels == own)[0]
        small = y * frame.working[0] // frame.full[0], x * frame.working[1] // frame.full[1]
        piece = pieces[own][small] or _nearest_piece(pieces[own], small)
        if piece:
            owner[pieces[own] == piece] = number
    return owner


def _nearest_piece(pieces: NDArray[np.int32], place: Pixel) -> int:
    """The piece that is nearest to a place that lost the vote; 0 where there is none."""
    rows, columns = pieces.nonzero()
    if not len(rows):
        return 0
    nearest = np.hypot(rows - place[0], columns - place[1]).argmin()
    return int(pieces[rows[nearest], columns[nearest]])


def _dot(
    row: NDArray[np.float64], disk: tuple[NDArray[np.intp], NDArray[np.intp]], pinned: Map, labels: Labels, frame: Frame
) -> Dot:
    """The hint of a row that covers some working pixels."""
    (height, width), (h, w) = frame.full, frame.working
    rows, columns = disk
    y, x = (row[0] + 0.5) * h / height - 0.5, (row[1] + 0.5) * w / width - 0.5
    inmost = int(np.hypot(rows - y, columns - x).argmin())
    center = int(rows[inmost]), int(columns[inmost])
    radius = float(min(row[4] * h / height, np.hypot(h, w)))
    own = pinned[:, rows, columns].mean(1, dtype=np.float64)
    factor = _paler(row[2:4], own)
    shift = row[2:4] - factor * own
    key = (center, radius, rows.tobytes(), columns.tobytes())
    return Dot(key, disk, center, radius, int(labels[center]), factor, (float(shift[0]), float(shift[1])))
