"""Finding pictures that are the same, or nearly, without comparing them pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 16
NEAR_BITS = (
    20  # of the 256 of the hash: halving and JPEG at quality 50 flip some 12, neighboring video frames differ more
)
NEAR_LEVELS = 8.0  # mean difference of the thumbnails, of 255; pictures without structure share a hash
ROWS_AT_ONCE = 64  # bounds the memory of a comparison


@dataclass(frozen=True)
class Fingerprint:
    """What tells pictures apart.

    Attributes
    ----------
    bits : array of uint64, (4,)
        The 16 x 16 difference hash: where the picture grows brighter to the right.
    thumbnail : array of uint8, (16, 17, 3)
    """

    bits: NDArray[np.uint64]
    thumbnail: NDArray[np.uint8]


def fingerprint(image: Image.Image) -> Fingerprint:
    """The fingerprint of an RGB image."""
    thumbnail = image.resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    gray = np.asarray(thumbnail.convert("L"))
    return Fingerprint(np.packbits(gray[:, 1:] > gray[:, :-1]).view(np.uint64), np.asarray(thumbnail))


def find_twins(ours: Sequence[Fingerprint], others: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    """For each of `ours` that is (nearly) the same picture as some of `others`: both numbers, the nearest of those."""
    if not ours or not others:
        return []
    found: dict[int, tuple[float, int]] = {}
    bits, their_bits = (np.stack([one.bits for one in prints]) for prints in (ours, others))
    for start in range(0, len(ours), ROWS_AT_ONCE):
        distances = _distances(bits[start : start + ROWS_AT_ONCE], their_bits)
        for i, j in zip(*np.nonzero(distances <= NEAR_BITS), strict=True):
            difference = _difference(ours[start + i], others[j])
            if difference <= min(NEAR_LEVELS, found.get(start + int(i), (NEAR_LEVELS, 0))[0]):
                found[start + int(i)] = (difference, int(j))
    return [(i, j) for i, (_, j) in sorted(found.items())]


def _distances(ours: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    """How many bits differ, (n, m)."""
    total = np.zeros((len(ours), len(others)), np.uint16)
    for word in range(ours.shape[1]):
        total += np.bitwise_count(ours[:, None, word] ^ others[None, :, word])
    return total


def _difference(one: Fingerprint, other: Fingerprint) -> float:
    return float(np.abs(one.thumbnail.astype(np.int16) - other.thumbnail).mean())
