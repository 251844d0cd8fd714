"""Fitting on the CPU, compiled: chroma as a linear function of lightness, anew where chroma or labels have changed.

It does what `GuidedUpsampling` and `napari_colorizer.engine.local_fit` do in a hundred operations; in between, it does
not need Python's lock. Each pixel is the same in whatever box it is fitted.

Importing this module compiles it, or loads it from numba's cache, which knows of changes in this file alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32, int32, int64, njit, types
from numpy.typing import NDArray

Real = Any  # one float32
Floats = NDArray[np.float32]
Integers = NDArray[np.integer]
Place = tuple[int, int, int, int]  # top, bottom, left, right
Grids = tuple[Floats, NDArray[np.int32], NDArray[np.int32], Floats]

ZERO, MOST_LIGHTNESS, INFINITE = (np.float32(value) for value in (0, 100, np.inf))
NO_LABEL = np.int32(-1)  # one that no pixel has
SUMS = 11  # of each pixel: count; L, a, b, LL, La, Lb of its neighbors; lowest a, b; highest a, b
# What is around a pixel are its 8 neighbors: the radius of `local_fit` is 1.
compiled: Any = njit(nogil=True, error_model="numpy")


@compiled
def _take(grids: Grids, chroma: Floats, labels: Integers, changed: Place, negligible: Real) -> Place:
    """Take over labels and chroma; the box around what differs, which ends where it begins if nothing does."""
    (_, own, _, fitted), (top, bottom, left, right) = grids, changed
    first, last, low, high = bottom, top, right, left
    for y in range(top, bottom):
        for x in range(left, right):
            a, b = chroma[0, y - top, x - left], chroma[1, y - top, x - left]
            moved = max(abs(a - fitted[0, y, x]), abs(b - fitted[1, y, x])) > negligible
            if moved or own[y, x] != labels[y - top, x - left]:
                first, last, low, high = min(first, y), max(last, y + 1), min(low, x), max(high, x + 1)
    for y in range(first, last):
        for x in range(low, high):
            fitted[0, y, x], fitted[1, y, x] = chroma[0, y - top, x - left], chroma[1, y - top, x - left]
    return first, max(first, last), low, max(low, high)


@compiled
def _relabel(grids: Grids, labels: Integers, changed: Place, box: Place, relabeled: Floats) -> None:
    """Take over the labels of a box, and those of the cells around them; 1 where a pixel had another one before."""
    (_, own, cells, _), (top, bottom, left, right) = grids, box
    for y in range(top, bottom):
        for x in range(left, right):
            label = labels[y - changed[0], x - changed[2]]
            relabeled[y - top, x - left] = np.float32(own[y, x] != label)
            own[y, x] = label
    h, w = own.shape
    for y in range(top, bottom + 1):
        above, below = max(y - 1, 0), min(y, h - 1)
        for x in range(left, right + 1):
            before, behind = max(x - 1, 0), min(x, w - 1)
            corner = own[above, before]
            uniform = corner == own[above, behind] and corner == own[below, before] and corner == own[below, behind]
            cells[y, x] = corner if uniform else NO_LABEL


@compiled
def _differ(values: Floats, row: int, own: tuple[int, int], right: int, same: Floats, out: Floats) -> None:
    """How the pixels some columns to the right in a row differ from a row of pixels, where they have the same label."""
    y, left = own
    there, here = values[row, left + right : left + right + len(out)], values[y, left : left + len(out)]
    for i in range(len(out)):
        out[i] = same[i] * (there[i] - here[i])


@compiled
def _add_product(total: Floats, one: Floats, other: Floats) -> None:
    for i in range(len(total)):
        total[i] += one[i] * other[i]


@compiled
def _widen(low: Floats, high: Floats, values: Floats) -> None:
    for i in range(len(values)):
        low[i], high[i] = min(low[i], values[i]), max(high[i], values[i])


@compiled
def _gather(
    lightness: Floats, fitted: Floats, labels: NDArray[np.int32], y: int, left: int, sums: Floats, away: Floats
) -> None:
    """Sums over the pixels of the same label around each of a row, of how they differ from it."""
    (h, w), width = labels.shape, sums.shape[1]
    sums[:] = ZERO
    for row in range(max(y - 1, 0), min(y + 2, h)):
        for right in range(-1, 2):
            begin, end = max(left + right, 0) - right, min(left + width + right, w) - right
            place, part = (y, begin), slice(begin - left, end - left)
            same, light, a, b = away[0, part], away[1, part], away[2, part], away[3, part]
            there, here = labels[row, begin + right : end + right], labels[y, begin:end]
            for i in range(len(same)):
                same[i] = np.float32(there[i] == here[i])
            _differ(lightness, row, place, right, same, light)
            _differ(fitted[0], row, place, right, same, a)
            _differ(fitted[1], row, place, right, same, b)
            for k in range(4):
                _add_product(sums[k, part], same, away[k, part])
            for k in range(1, 4):
                _add_product(sums[3 + k, part], light, away[k, part])
            _widen(sums[7, part], sums[9, part], a)
            _widen(sums[8, part], sums[10, part], b)


@compiled
def _solve(lightness: Floats, chroma: Floats, sums: Floats, first: int, smoothness: Real, after: Floats) -> None:
    """Coefficients (8, n) of a row of pixels from their sums; of a* if `first` is 0, of b* if it is 1."""
    for i in range(len(lightness)):
        count = sums[0, i]
        light, color = sums[1, i] / count, sums[2 + first, i] / count
        slope = (sums[5 + first, i] / count - light * color) / (sums[4, i] / count - light * light + smoothness)
        after[first, i] = slope
        after[2 + first, i] = chroma[i] + color - slope * (lightness[i] + light)
        after[4 + first, i], after[6 + first, i] = chroma[i] + sums[7 + first, i], chroma[i] + sums[9 + first, i]


@compiled
def _replace(before: Floats, after: Floats, change: Floats, span: Floats) -> None:
    """Replace coefficients (8, n) of a row of pixels; by how much a* and b* (2, n) change at most, and their span."""
    for k in range(2):
        for i in range(after.shape[1]):
            slope, offset = after[k, i] - before[k, i], after[2 + k, i] - before[2 + k, i]
            of_limits = max(abs(after[4 + k, i] - before[4 + k, i]), abs(after[6 + k, i] - before[6 + k, i]))
            change[k, i] = max(max(abs(offset), abs(slope * MOST_LIGHTNESS + offset)), of_limits)
            span[k, i] = max(before[6 + k, i], after[6 + k, i]) - min(before[4 + k, i], after[4 + k, i])
    before[:] = after


@compiled
def _grown(box: Place, shape: tuple[int, int]) -> Place:
    """A box and the pixels around it, in the image."""
    top, bottom, left, right = box
    return max(top - 1, 0), min(bottom + 1, shape[0]), max(left - 1, 0), min(right + 1, shape[1])


@compiled
def _spans(coefficients: Floats, box: Place) -> Floats:
    """The span of a* and b* (2, h, w) of each pixel of a box."""
    top, bottom, left, right = box
    spans = np.empty((2, bottom - top, right - left), np.float32)
    for k in range(2):
        for y in range(top, bottom):
            for x in range(left, right):
                spans[k, y - top, x - left] = coefficients[6 + k, y, x] - coefficients[4 + k, y, x]
    return spans


@compiled
def _spread(values: Floats) -> Floats:
    """The largest of each value (h, w) of 0 and more and its neighbors."""
    (h, w), rows, out = values.shape, np.empty_like(values), np.empty_like(values)
    for y in range(h):
        above, here, below = values[max(y - 1, 0)], values[y], values[min(y + 1, h - 1)]
        for x in range(w):
            rows[y, x] = max(max(above[x], here[x]), below[x])
    for y in range(h):
        for x in (0, w - 1):
            out[y, x] = max(max(rows[y, max(x - 1, 0)], rows[y, x]), rows[y, min(x + 1, w - 1)])
        for x in range(1, w - 1):
            out[y, x] = max(max(rows[y, x - 1], rows[y, x]), rows[y, x + 1])
    return out


@compiled
def _bounds(change: Floats, wide_a: Floats, wide_b: Floats, mixed: Floats, place: tuple[int, int]) -> Floats:
    """By how much a* or b*, whichever does more, changes at most; by no bound where a pixel was relabeled.

    `place` tells where the change begins in what is wide.
    """
    bounds, (down, right) = np.empty(mixed.shape, np.float32), place
    for y in range(mixed.shape[0]):
        for x in range(mixed.shape[1]):
            of_a = min(change[0, y, x], wide_a[y + down, x + right])
            of_b = min(change[1, y, x], wide_b[y + down, x + right])
            bounds[y, x] = INFINITE if mixed[y, x] > ZERO else max(of_a, of_b)
    return bounds


_GRIDS = types.Tuple((float32[:, :, ::1], int32[:, ::1], int32[:, ::1], float32[:, :, ::1]))
_PLACE = types.UniTuple(int64, 4)
_RESULT = types.Tuple((_PLACE, float32[:, ::1]))
_SIGNATURE = _RESULT(_GRIDS, float32[:, ::1], float32[:, :, :], int64[:, :], _PLACE, float32, float32)


def _fit(
    grids: Grids,
    lightness: Floats,
    chroma: Floats,
    labels: NDArray[np.int64],
    changed: Place,
    smoothness: float,
    negligible: float,
) -> tuple[Place, Floats]:
    """Take over chroma and labels of a box of working pixels; nothing tells whether it lies in the image.

    Parameters
    ----------
    grids : four arrays
        Coefficients (8, h, w) of float32, labels (h, w) and labels of cells (h + 1, w + 1) of int32, and chroma (2, h,
        w) that was fitted, of float32, as `GuidedUpsampling` has them; altered.
    lightness : array of float32, (h, w)
    chroma, labels : array of float32, (2, box height, box width), and of int64, (box height, box width)
    changed : (int, int, int, int)
        Top, bottom, left, right of the box.
    smoothness, negligible : float
        See `fit_chroma` and `GuidedUpsampling.fit`.

    Returns
    -------
    (int, int, int, int), array of float32
        What `GuidedUpsampling.fit` gives; an empty box if nothing differs.
    """
    coefficients, own, _, fitted = grids
    differing = _take(grids, chroma, labels, changed, negligible)
    if differing[0] == differing[1]:
        return differing, np.empty((0, 0), np.float32)
    box = _grown(differing, own.shape)
    needed = _grown(box, own.shape)
    (top, bottom, left, right), (above, _, before, _) = box, needed
    spans = _spans(coefficients, needed)
    shape = (bottom - top, right - left)
    change, mixed = np.empty((2, *shape), np.float32), np.zeros(shape, np.float32)
    _relabel(grids, labels, changed, differing, mixed[differing[0] - top :, differing[2] - left :])
    sums, away = np.empty((SUMS, right - left), np.float32), np.empty((4, right - left), np.float32)
    after = np.empty((8, right - left), np.float32)
    for y in range(top, bottom):
        _gather(lightness, fitted, own, y, left, sums, away)
        for k in range(2):
            _solve(lightness[y, left:right], fitted[k, y, left:right], sums, k, smoothness, after)
        row, columns = y - above, slice(left - before, right - before)
        _replace(coefficients[:, y, left:right], after, change[:, y - top], spans[:, row, columns])
    return box, _bounds(change, _spread(spans[0]), _spread(spans[1]), _spread(mixed), (top - above, left - before))


fit: Any = njit(_SIGNATURE, cache=True, nogil=True, error_model="numpy")(_fit)
