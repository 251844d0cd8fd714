"""What a person wishes for the colors of one image: pins and dots. No Qt, no layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from napari_colorizer.engine.options import Adjustment
from napari_colorizer.engine.pins import Pin, Pins, Pixel, parse_color

Plane = tuple[int, ...]  # of a stack: an index for each axis before the last two
HALF = 0.5  # of a pixel: an image ends there beyond the center of its last one
Row = tuple[float, float, float, float, float]


class Dot(NamedTuple):
    """A point with a wanted color.

    Attributes
    ----------
    place : tuple of float
        In pixels, one for each axis of the image.
    color : str
        "#rrggbb".
    size : float
        Diameter, in pixels.
    """

    place: tuple[float, ...]
    color: str
    size: float


class Region(NamedTuple):
    """The connected pixels of one label around a pixel of a plane."""

    plane: Plane
    pixel: Pixel


class OnPlane(NamedTuple):
    """The dots and pinned regions of one plane of a stack."""

    dots: tuple[Dot, ...] = ()
    regions: tuple[tuple[Region, Pin], ...] = ()


class Asking(NamedTuple):
    """What a session is asked for beside labels: pins, rows of `Hints`, and what is done to the result."""

    pins: Pins
    hints: tuple[Row, ...]
    adjustment: Adjustment


NOTHING = Asking(Pins(), (), Adjustment())


@dataclass(frozen=True)
class Wished:
    """Pins and dots of an image; false where there are none.

    Attributes
    ----------
    classes : Pins
        Of classes, by id.
    regions : tuple of (Region, Pin)
        The later ones count.
    dots : tuple of Dot
    ends : frozenset of (Plane, str)
        Planes of a series on which the user has deleted all "dots", or "regions", that were carried there: from there
        on, those of the plane before hold no more.
    """

    classes: Pins = field(default_factory=Pins)
    regions: tuple[tuple[Region, Pin], ...] = ()
    dots: tuple[Dot, ...] = ()
    ends: frozenset[tuple[Plane, str]] = frozenset()

    def __bool__(self) -> bool:
        return bool(len(self.classes) or self.regions or self.dots)

    def with_region(self, region: Region, pin: Pin | None, instead_of: Iterable[Region] = ()) -> Wished:
        """These, and a pin of a region, or none, in place of those of some others."""
        gone = {region, *instead_of}
        others = tuple(item for item in self.regions if item[0] not in gone)
        return replace(self, regions=others if pin is None else (*others, (region, pin)))

    def on(self, plane: Plane, shape: tuple[int, int]) -> OnPlane:
        """What of it lies on a plane of that shape."""
        dots = tuple(dot for dot in self.dots if lies_in(dot, plane, shape))
        return OnPlane(dots, tuple(item for item in self.regions if item[0].plane == plane))

    def with_plane(self, plane: Plane, shape: tuple[int, int], new: OnPlane) -> Wished:
        """These, and on a plane of that shape others in place of its dots, and of its regions, where there are any."""
        old = self.on(plane, shape)
        dots, regions = (old.dots if new.dots else ()), (old.regions if new.regions else ())
        return replace(
            self,
            dots=(*(dot for dot in self.dots if dot not in dots), *new.dots),
            regions=(*(item for item in self.regions if item not in regions), *new.regions),
        )

    def with_ends(self, before: Wished, carried: Mapping[Plane, OnPlane], shape: tuple[int, int]) -> Wished:
        """These, after something was deleted: also on the planes that it was carried on to, and not carried again.

        Parameters
        ----------
        before : Wished
            What was wished before it was deleted.
        carried : mapping
            What was carried to each plane from the one before.
        shape : (int, int)
            Of a plane.
        """
        result, ends = self, set(self.ends)
        for plane in sorted({*carried, *(_next(plane, -1) for plane in carried)}):
            for kind in OnPlane._fields:
                was, now = (getattr(item.on(plane, shape), kind) for item in (before, result))
                if now:
                    ends.discard((plane, kind))
                elif was:
                    there = getattr(result.on(_next(plane, -1), shape), kind)
                    if there and getattr(carried.get(plane, OnPlane()), kind):
                        ends.add((plane, kind))
                    result = result._without_carried(_next(plane), kind, carried, shape)
        return replace(result, ends=frozenset(ends))

    def _without_carried(
        self, plane: Plane, kind: str, carried: Mapping[Plane, OnPlane], shape: tuple[int, int]
    ) -> Wished:
        """These without the dots, or regions, of a plane and those after it, until there are some of the user's."""
        result = self
        while there := getattr(result.on(plane, shape), kind):
            if there != getattr(carried.get(plane, OnPlane()), kind):
                break
            kept: dict[str, Any] = {kind: tuple(item for item in getattr(result, kind) if item not in there)}
            result, plane = replace(result, **kept), _next(plane)
        return result

    def asking(self, plane: Plane, shape: tuple[int, int], adjustment: Adjustment) -> Asking:
        """What of it concerns a plane of that shape; what lies outside of it does not."""
        there = self.on(plane, shape)
        regions = {
            where.pixel: pin for where, pin in there.regions if where.pixel[0] < shape[0] and where.pixel[1] < shape[1]
        }
        return Asking(self.classes | Pins(regions=regions), tuple(_row(dot) for dot in there.dots), adjustment)


def _next(plane: Plane, step: int = 1) -> Plane:
    """The plane after another one in its series, or before it."""
    return (plane[0] + step, *plane[1:])


def lies_in(dot: Dot, plane: Plane, shape: tuple[int, int]) -> bool:
    """Whether a dot lies on a plane of that shape."""
    if not np.isfinite(dot.place).all() or tuple(round(value) for value in dot.place[:-2]) != plane:
        return False
    return all(-HALF <= value < side - HALF for value, side in zip(dot.place[-2:], shape, strict=True))


def _row(dot: Dot) -> Row:
    return (*dot.place[-2:], *_chroma(dot.color), dot.size / 2)  # type: ignore[return-value]


_chroma = lru_cache(maxsize=1024)(parse_color)
