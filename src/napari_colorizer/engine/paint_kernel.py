"""Painting on the CPU, compiled: from coefficients at working size to 8-bit sRGB in one pass over the rows of pixels.

It does what `GuidedUpsampling.chroma_in` and `napari_colorizer.color.to_rgb` do in dozens of operations on whole boxes;
it needs neither their memory nor, in between, Python's lock. Each pixel is the same in whatever box it is painted.

Importing this module compiles it, or loads it from numba's cache, which knows of changes in this file alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32, int32, int64, njit, types, uint8, void
from numpy.typing import NDArray

from napari_colorizer.color import BISECTIONS, MOST_CHROMA, MOST_DISTANCE, XYZ_TO_RGB

Real = Any  # one float32
Color = tuple[Real, Real, Real]
Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Grids = tuple[Floats, NDArray[np.int32], NDArray[np.int32]]
Neighbors = tuple[NDArray[np.int64], NDArray[np.int64], Floats]

CELLS = 4096  # of linear values in 0..1: even in the dark each is narrower than a step of 8 bits
# Constants are float32: with Python's own numbers, numba would compute in float64.
ZERO, HALF, ONE, TWO = (np.float32(value) for value in (0, 0.5, 1, 2))
TIE = np.float32(1e-6)  # added to the weight of each neighbor of a pixel's own label
CELL_COUNT, EDGE, MOST = np.float32(CELLS), np.float32(MOST_DISTANCE), np.float32(MOST_CHROMA)
KNEE, TANGENT = np.float32(6 / 29), np.float32(3 * (6 / 29) ** 2)  # of CIE Lab, see `color._to_linear`
FOOT, SPAN, A_TO_X, B_TO_Z = (np.float32(value) for value in (16, 116, 1 / 500, -1 / 200))
(RX, RY, RZ), (GX, GY, GZ), (BX, BY, BZ) = np.array(XYZ_TO_RGB, np.float32)


def _byte_tables() -> tuple[Bytes, Floats]:
    """The byte of the linear value at which each cell begins, and the linear value at which each byte ends."""
    ends = (np.arange(255) + 0.5) / 255
    linear = np.where(ends > 12.92 * 0.0031308, ((ends + 0.055) / 1.055) ** 2.4, ends / 12.92)
    limits = np.append(linear, np.inf).astype(np.float32)
    begins = np.arange(CELLS + 1, dtype=np.float32) / CELL_COUNT
    return np.searchsorted(limits, begins, side="right").astype(np.uint8), limits


FIRST_BYTES, LIMITS = _byte_tables()
compiled: Any = njit(nogil=True, error_model="numpy")


@compiled
def _clipped(value: Real, low: Real, high: Real) -> Real:
    """The nearest value in a range; for NaN its lower end, so that it can be an index."""
    above = value if value > low else low
    return above if above < high else high


@compiled
def _cubed(root: Real) -> Real:
    bent = max(root, KNEE)
    return bent * bent * bent + TANGENT * (root - bent)


@compiled
def _linear(gray: Real, a: Real, b: Real) -> Color:
    """Linear RGB of the cube root of Y, and a*, b*."""
    x, y, z = _cubed(gray + a * A_TO_X), _cubed(gray), _cubed(gray + b * B_TO_Z)
    return RX * x + RY * y + RZ * z, GX * x + GY * y + GZ * z, BX * x + BY * y + BZ * z


@compiled
def _distance(rgb: Color) -> Real:
    """Largest distance from the middle of the range."""
    return max(abs(rgb[0] - HALF), max(abs(rgb[1] - HALF), abs(rgb[2] - HALF)))


@compiled
def _byte(linear: Real) -> Real:
    value = _clipped(linear, ZERO, ONE)
    byte = FIRST_BYTES[int(value * CELL_COUNT)]
    return byte + uint8(value >= LIMITS[byte])


@compiled
def _take_own(coefficients: Floats, y: int, left: int, lightness: Floats, chroma: Floats) -> None:
    """Chroma of a row of pixels of which each has coefficients of its own."""
    for k in range(2):
        for i in range(chroma.shape[1]):
            x = left + i
            value = coefficients[2 + k, y, x] + coefficients[k, y, x] * lightness[i]
            chroma[k, i] = _clipped(value, coefficients[4 + k, y, x], coefficients[6 + k, y, x])


@compiled
def _blend(
    coefficients: Floats, rows: Neighbors, columns: Neighbors, place: tuple[int, int], lightness: Floats, chroma: Floats
) -> None:
    """Chroma of a row of pixels from coefficients that are enlarged bilinearly."""
    (y, left), width = place, chroma.shape[1]
    top, bottom, down = rows[0][y], rows[1][y], rows[2][y]
    first = columns[0][left]
    line = np.empty((columns[1][left + width - 1] + 1 - first, 8), np.float32)  # between two working rows
    for k in range(8):
        for j in range(len(line)):
            value = coefficients[k, top, first + j]
            line[j, k] = value + down * (coefficients[k, bottom, first + j] - value)
    mixed = np.empty(8, np.float32)
    for i in range(width):
        start, end, across = columns[0][left + i] - first, columns[1][left + i] - first, columns[2][left + i]
        for k in range(8):
            mixed[k] = line[start, k] + across * (line[end, k] - line[start, k])
        for k in range(2):
            chroma[k, i] = _clipped(mixed[2 + k] + mixed[k] * lightness[i], mixed[4 + k], mixed[6 + k])


@compiled
def _keep_to_labels(
    grids: Grids,
    rows: Neighbors,
    columns: Neighbors,
    place: tuple[int, int],
    lightness: Floats,
    labels: NDArray[np.int32],
    chroma: Floats,
) -> None:
    """Put right the pixels of a row near a border of labels, from the neighbors that have the pixel's own label."""
    (coefficients, working_labels, cells), (y, left) = grids, place
    top, bottom, down = rows[0][y], rows[1][y], rows[2][y]
    upper, lower = working_labels[top], working_labels[bottom]
    mixed = np.empty(8, np.float32)
    for i in range(chroma.shape[1]):
        start, end, across, label = columns[0][left + i], columns[1][left + i], columns[2][left + i], labels[i]
        if cells[top + 1, start + 1] == label:
            continue
        one = ((ONE - down) * (ONE - across) + TIE) * np.float32(upper[start] == label)
        two = ((ONE - down) * across + TIE) * np.float32(upper[end] == label)
        three = (down * (ONE - across) + TIE) * np.float32(lower[start] == label)
        four = (down * across + TIE) * np.float32(lower[end] == label)
        total = one + two + three + four
        if total == ZERO:
            continue  # a stroke too thin to win a vote
        for k in range(8):
            above = one * coefficients[k, top, start] + two * coefficients[k, top, end]
            below = three * coefficients[k, bottom, start] + four * coefficients[k, bottom, end]
            mixed[k] = (above + below) / total
        for k in range(2):
            chroma[k, i] = _clipped(mixed[2 + k] + mixed[k] * lightness[i], mixed[4 + k], mixed[6 + k])


@compiled
def _shrink(gray: Floats, a: Floats, b: Floats) -> None:
    """Shrink the a*, b* (n,) of pixels until they fit into the gamut, as `color._shrink_chroma` does."""
    share = np.empty(len(gray), np.float32)
    for i in range(len(gray)):
        finer = MOST / max(np.sqrt(a[i] * a[i] + b[i] * b[i]), MOST)
        a[i], b[i], share[i] = a[i] * finer, b[i] * finer, ZERO
    step = HALF
    for _ in range(BISECTIONS):
        for i in range(len(gray)):
            more = share[i] + step
            fits = _distance(_linear(gray[i], more * a[i], more * b[i])) <= EDGE
            share[i] = more if fits else share[i]
        step *= HALF
    step *= TWO  # the edge lies between `share` and `share + step`
    for i in range(len(gray)):
        more = share[i] + step
        low = _distance(_linear(gray[i], share[i] * a[i], share[i] * b[i])) - HALF
        high = _distance(_linear(gray[i], more * a[i], more * b[i])) - HALF
        part = share[i] + step * (_clipped(low / (low - high), ZERO, ONE) if low != high else ZERO)
        a[i], b[i] = a[i] * part, b[i] * part


@compiled
def _encode(lightness: Floats, a: Floats, b: Floats, out: Bytes) -> None:
    """8-bit sRGB (n, 3) of L*, a*, b* (n,) of a row of pixels; alters a* and b*."""
    width = len(lightness)
    gray, outside = np.empty(width, np.float32), np.empty(width + 1, np.int32)
    red, green, blue = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    for i in range(width):
        gray[i] = (lightness[i] + FOOT) / SPAN
        red[i], green[i], blue[i] = _linear(gray[i], a[i], b[i])
    count = 0
    for i in range(width):
        outside[count] = i
        count += _distance((red[i], green[i], blue[i])) > EDGE
    if count:
        for n in range(count):
            i = outside[n]
            gray[n], a[n], b[n] = gray[i], a[i], b[i]  # in front: what stood there has its color already
        _shrink(gray[:count], a[:count], b[:count])
        for n in range(count):
            i = outside[n]
            red[i], green[i], blue[i] = _linear(gray[n], a[n], b[n])
    for i in range(width):
        out[i, 0], out[i, 1], out[i, 2] = _byte(red[i]), _byte(green[i]), _byte(blue[i])


_GRIDS = types.Tuple((float32[:, :, ::1], int32[:, ::1], int32[:, ::1]))
_NEIGHBORS = types.Tuple((int64[::1], int64[::1], float32[::1]))
_SIGNATURE = void(
    float32[:, ::1], int32[:, ::1], _GRIDS, _NEIGHBORS, _NEIGHBORS, types.UniTuple(int64, 4), uint8[:, :, :]
)


def _paint(
    lightness: Floats,
    labels: NDArray[np.int32],
    grids: Grids,
    rows: Neighbors,
    columns: Neighbors,
    box: tuple[int, int, int, int],
    out: Bytes,
) -> None:
    """Paint a box of full-size pixels; nothing tells whether it lies in the image.

    Parameters
    ----------
    lightness, labels : array of float32 and of int32, (H, W)
    grids : three arrays
        Coefficients (8, h, w) of float32, labels (h, w) and labels of cells (h + 1, w + 1), both of int32, as
        `GuidedUpsampling` has them.
    rows, columns : three arrays each
        What `neighbors` gives of the heights and of the widths.
    box : (int, int, int, int)
        Top, bottom, left, right; not empty.
    out : array of uint8, (H, W, 3)
    """
    top, bottom, left, right = box
    coefficients = grids[0]
    chroma = np.empty((2, right - left), np.float32)
    for y in range(top, bottom):
        light = lightness[y, left:right]
        if lightness.shape == coefficients.shape[1:]:
            _take_own(coefficients, y, left, light, chroma)
        else:
            _blend(coefficients, rows, columns, (y, left), light, chroma)
            _keep_to_labels(grids, rows, columns, (y, left), light, labels[y, left:right], chroma)
        _encode(light, chroma[0], chroma[1], out[y, left:right])


paint: Any = njit(_SIGNATURE, cache=True, nogil=True, error_model="numpy")(_paint)
