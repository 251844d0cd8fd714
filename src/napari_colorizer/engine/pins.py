"""Pins: what color all of a class, or of a connected region, is to have."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from skimage.color import rgb2lab

from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.hints import LARGEST_CHROMA

MOST_FACTOR = 4.0
HEX = re.compile(r"#?([0-9a-fA-F]{6})")
Pixel = tuple[int, int]
Color = str | tuple[float, float]


@dataclass(frozen=True)
class Pin:
    """What is wished for the color of a thing; its lightness, shading and texture stay.

    Attributes
    ----------
    color : (float, float), optional
        a*, b* that the thing is to have in the mean; None: its own.
    factor : float
        0..4, on the chroma that the thing has without the pin: 0 is neutral. Counts where there is no color.
    strength : float
        0..1: how much of the way to that the colors go.

    Raises
    ------
    ValueError
        If a value lies outside its range.
    """

    color: tuple[float, float] | None = None
    factor: float = 1.0
    strength: float = 1.0

    def __post_init__(self) -> None:
        if self.color is not None and not all(abs(value) <= LARGEST_CHROMA for value in self.color):
            raise ValueError(f"the a* and b* of a pin must lie in -{LARGEST_CHROMA}..{LARGEST_CHROMA}")
        if not 0 <= self.factor <= MOST_FACTOR:
            raise ValueError(f"the factor of a pin must lie in 0..{MOST_FACTOR:g}, not {self.factor}")
        if not 0 <= self.strength <= 1:
            raise ValueError(f"the strength of a pin must lie in 0..1, not {self.strength}")

    @classmethod
    def of(cls, wish: Wish) -> Pin:
        """The pin of a wish: "#rrggbb", (a*, b*), a factor on chroma, or a pin."""
        if isinstance(wish, Pin):
            return wish
        if isinstance(wish, (int, float)):
            return cls(factor=float(wish))
        return cls(color=parse_color(wish))


Wish = Pin | Color | float
ByClass = Mapping[int, Wish] | Mapping[str, Wish] | Mapping[int | str, Wish]


class ResolvedPins(NamedTuple):
    """Pins by class id and by pixel of a region."""

    classes: dict[int, Pin]
    regions: dict[Pixel, Pin]


class Pins:
    """Wished colors of classes and regions: a set that never changes; its methods give new ones.

    Parameters
    ----------
    classes : mapping, optional
        By class id or name: "#rrggbb" or (a*, b*), of which lightness is no part; a number: a factor on the chroma (0
        neutral, below 1 weaker, above stronger); or a `Pin`.
    regions : mapping, optional
        The same by a pixel (row, column) of a region, the connected pixels of one label. Where regions overlap, the
        later one counts; a region counts before its class.

    Raises
    ------
    ValueError
        If a wish is not one, or a pixel is negative.

    Examples
    --------
    >>> pins = Pins({"sky": "#7799cc"}).with_region((40, 60), 0)  # that region neutral
    >>> len(pins)
    2
    """

    def __init__(self, classes: ByClass | None = None, regions: Mapping[Pixel, Wish] | None = None):
        self.classes: dict[int | str, Pin] = {label: Pin.of(wish) for label, wish in (classes or {}).items()}
        self.regions = {(int(y), int(x)): Pin.of(wish) for (y, x), wish in (regions or {}).items()}
        if any(min(pixel) < 0 for pixel in self.regions):
            raise ValueError("the pixel of a region must lie in the image: row and column of 0 or more")

    def __len__(self) -> int:
        return len(self.classes) + len(self.regions)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pins) and self._items() == other._items()

    def __hash__(self) -> int:
        return hash(self._items())

    def __repr__(self) -> str:
        return f"Pins({self.classes}, {self.regions})"

    def __or__(self, other: Pins) -> Pins:
        """These and others, which count where both say something."""
        return Pins(_later(self.classes, other.classes), _later(self.regions, other.regions))

    def with_class(self, label: int | str, wish: Wish) -> Pins:
        """These, and a wish for a class in place of what there was of it."""
        return self | Pins({label: wish})

    def with_region(self, pixel: Pixel, wish: Wish) -> Pins:
        """These, and a wish for the region around a pixel."""
        return self | Pins(regions={pixel: wish})

    def without(self, *things: int | str | Pixel) -> Pins:
        """These but those of some classes (id or name) and regions (pixel)."""
        return Pins(
            {label: pin for label, pin in self.classes.items() if label not in things},
            {pixel: pin for pixel, pin in self.regions.items() if pixel not in things},
        )

    def at_strength(self, strength: float) -> Pins:
        """The same wishes, each with that strength (0..1)."""
        return Pins(
            {label: Pin(pin.color, pin.factor, strength) for label, pin in self.classes.items()},
            {pixel: Pin(pin.color, pin.factor, strength) for pixel, pin in self.regions.items()},
        )

    def resolve(self, classes: ClassMap, shape: tuple[int, int]) -> ResolvedPins:
        """The pins by class id, names looked up (upper and lower case are one); unknown names are left out.

        Raises
        ------
        ValueError
            If the pixel of a region lies outside an image of that shape.
        """
        for y, x in self.regions:
            if y >= shape[0] or x >= shape[1]:
                raise ValueError(f"the region pinned at row {y}, column {x} lies outside of the image, {shape}")
        ids = {item.name.casefold(): item.id for item in classes}
        found: dict[int, Pin] = {}
        for label, pin in self.classes.items():
            known = ids.get(label.casefold()) if isinstance(label, str) else int(label)
            if known is not None:
                found = _later(found, {known: pin})
        return ResolvedPins(found, dict(self.regions))

    def _items(self) -> tuple[object, ...]:
        return frozenset(self.classes.items()), tuple(self.regions.items())


def parse_color(color: Color) -> tuple[float, float]:
    """a*, b* of "#rrggbb" or of (a*, b*) itself; `ValueError` for anything else."""
    if isinstance(color, str):
        match = HEX.fullmatch(color.strip())
        if match is None:
            raise ValueError(f"a color must be #rrggbb, such as #ff8800, not {color!r}")
        rgb = np.array([[bytes.fromhex(match[1])[i] for i in range(3)]], np.uint8)
        _, a, b = rgb2lab(rgb)[0].tolist()
        return round(a, 3), round(b, 3)
    try:
        a, b = (float(value) for value in color)
    except (TypeError, ValueError):
        raise ValueError(f"a color must be #rrggbb or a* and b*, not {color!r}") from None
    if not (math.isfinite(a) and math.isfinite(b)):
        raise ValueError(f"the a* and b* of a color must be finite numbers, not {color}")
    return a, b


def _later(first: Mapping, second: Mapping) -> dict:  # type: ignore[type-arg]
    """Both, those of the second in its own order behind the others."""
    return {key: value for key, value in first.items() if key not in second} | dict(second)


def to_pins(pins: Pins | ByClass | None) -> Pins:
    """Pins of what a function was given: pins, or wishes by class."""
    return pins if isinstance(pins, Pins) else Pins(pins)
