"""Likely colors for a class or a region of one photograph, and whole colorings made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.engine.palettes import to_hex

FEWEST, MOST = 5, 9
LIKELY = (
    20.0  # a*, b* distance from what the network gives, at which a stored color is as likely as its weight, over e^.5
)
OWN_WEIGHT = 0.5  # of what the network gives, beside all stored colors
ALIKE = 9.0  # a*, b* distance below which two suggestions look the same
FILLING = 0.02  # weight of all that only fills up
FILL_CHROMA = 28.0
HUES = 8

Cluster = tuple[float, float, float]


class Suggestion(NamedTuple):
    """A likely color.

    Attributes
    ----------
    a, b : float
    weight : float
        0..1: how likely, of all that are suggested.
    shown : str
        "#rrggbb" at the mean lightness of what it is suggested for.
    """

    a: float
    b: float
    weight: float
    shown: str

    @property
    def color(self) -> tuple[float, float]:
        """a*, b*: what `Pins` take."""
        return self.a, self.b


class Seen(NamedTuple):
    """What there is of a class or a region: its label, mean L* and mean a*, b* (2,) as the network has them."""

    label: int
    lightness: float
    chroma: NDArray[np.float64]


def check_number(n: int) -> None:
    """Raise `ValueError` for a number of suggestions that is out of range."""
    if not FEWEST <= n <= MOST:
        raise ValueError(f"the number of suggestions must lie in {FEWEST}..{MOST}, not {n}")


def likely_colors(seen: Seen, stored: Sequence[Cluster], n: int, fill: bool = True) -> list[Suggestion]:
    """The likely colors of a thing, most likely first.

    Parameters
    ----------
    seen : Seen
    stored : sequence of (a*, b*, weight)
        Colors that things of its class mostly have.
    n : int
        How many, at most; those that look alike are one.
    fill : bool
        Whether less likely colors follow where there are fewer.
    """
    own = seen.chroma
    candidates = [(float(own[0]), float(own[1]), OWN_WEIGHT)]
    for a, b, weight in stored:
        away = np.hypot(a - own[0], b - own[1]) / LIKELY
        candidates.append((a, b, weight * float(np.exp(-0.5 * away * away)) + FILLING * weight))
    candidates.sort(key=lambda item: -item[2])
    chosen: list[Cluster] = []
    for candidate in [*candidates, *(_filling(candidates) if fill else ())]:
        near = [other for other in chosen if np.hypot(candidate[0] - other[0], candidate[1] - other[1]) < ALIKE]
        if not near and len(chosen) < n:
            chosen.append(candidate)
    total = sum(weight for *_, weight in chosen)
    return [Suggestion(a, b, weight / total, to_hex((seen.lightness, a, b))) for a, b, weight in chosen]


def _filling(likely: Sequence[Cluster]) -> list[Cluster]:
    """What a person may want beside likely colors: none, stronger and weaker ones, and every hue; less and less so."""
    own_a, own_b, _ = likely[0]
    more = [(0.0, 0.0), *((a * f, b * f) for a, b, _ in likely[:2] for f in (1.6, 0.5))]
    start = np.arctan2(own_b, own_a)
    turns = sorted((np.pi * 2 * k / HUES for k in range(HUES)), key=np.cos, reverse=True)
    more += [(FILL_CHROMA * float(np.cos(start + t)), FILL_CHROMA * float(np.sin(start + t))) for t in turns]
    return [(a, b, FILLING / (2 + place)) for place, (a, b) in enumerate(more)]


def draw_variants(
    suggestions: Mapping[int, Sequence[Suggestion]], n: int, rng: np.random.Generator
) -> list[dict[int, tuple[float, float]]]:
    """Different colorings of an image: one of its likely colors for each class.

    Parameters
    ----------
    suggestions : mapping
        By class id.
    n : int
        Fewer where there are not as many.
    rng : np.random.Generator
    """
    found: list[dict[int, tuple[float, float]]] = []
    for _ in range(20 * n):
        if len(found) == n:
            break
        drawn = {}
        for label, colors in suggestions.items():
            weights = np.sqrt([color.weight for color in colors])  # surprises
            drawn[label] = colors[int(rng.choice(len(colors), p=weights / weights.sum()))].color
        if drawn not in found:
            found.append(drawn)
    return found
