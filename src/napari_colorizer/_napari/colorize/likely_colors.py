"""What colors a thing may have, each shown as this very thing in that color. No Qt, no layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_colorizer._napari.colorize.wished import Region
from napari_colorizer._napari.shared.layers import Picture
from napari_colorizer.engine.pins import Pin

if TYPE_CHECKING:
    from napari_colorizer.engine.session import Session

Thing = int | Region  # a class, by its id in the label map; or a region
Rgb = NDArray[np.uint8]
MOST = 9
PICTURE_SIZE = 64  # pixels of the longer side
MARGIN = 0.2  # of the sides of a thing, around it
VARIANT_SIZE = 160


class Offered(NamedTuple):
    """Colors that a thing may have.

    Attributes
    ----------
    colors : list of ((float, float), array of uint8, (h, w, 3))
        a*, b* of each, most likely first, and the thing in that color.
    lightness : float
        Mean L* of the thing.
    """

    colors: list[tuple[tuple[float, float], Rgb]]
    lightness: float


def mask_of(labels: NDArray[np.integer], thing: Thing) -> NDArray[np.bool_]:
    """The pixels of a class, or of a region."""
    if isinstance(thing, int):
        return labels == thing
    from skimage.morphology import flood

    return np.asarray(flood(labels, thing.pixel, connectivity=1), bool)


def offer(
    session: Session, shown: Rgb | None, picture: Picture, labels: NDArray[np.integer], thing: Thing
) -> Offered | None:
    """The likely colors of a thing; None where nothing of it is in the image.

    Parameters
    ----------
    session : Session
        Up to the labels.
    shown : array of uint8, (H, W, 3), optional
        The present colors.
    picture : Picture
    labels : array of integers, (H, W)
    thing : int or Region
    """
    from napari_colorizer.engine.previews import preview, thinned

    mask = mask_of(labels, thing)
    try:
        suggestions = session.suggest(thing if isinstance(thing, int) else thing.pixel, MOST)
    except ValueError:
        return None
    around = _around(mask)
    crop = (_gray(picture) if shown is None else shown)[around]
    thin = thinned(crop.shape, PICTURE_SIZE)
    small, inside = np.ascontiguousarray(crop[thin]), mask[around][thin].astype(np.uint8)
    colors = [(item.color, preview(small, inside, {1: Pin(item.color)})) for item in suggestions]
    return Offered(colors, _mean_lightness(small[inside > 0] if inside.any() else small.reshape(-1, 3)))


def same_region(labels: NDArray[np.integer], region: Region, others: list[Region]) -> list[Region]:
    """Those of some other regions that are this one, seen from another pixel of it."""
    mask = mask_of(labels, region)
    return [other for other in others if other.plane == region.plane and _holds(mask, other.pixel)]


def variants(number: int, seed: int, labels: NDArray[np.integer]) -> Callable[[Session, Rgb | None], list[Variant]]:
    """What asks a session for different colorings of the whole image; see `Session.variants`."""
    from napari_colorizer.engine.previews import preview, thinned

    def ask(session: Session, shown: Rgb | None) -> list[Variant]:
        if shown is None:
            return []
        thin = thinned(shown.shape, VARIANT_SIZE)
        small, ids = np.ascontiguousarray(shown[thin]), np.ascontiguousarray(labels[thin])
        found = []
        for pins in session.variants(number, seed):
            colors = {int(label): pin for label, pin in pins.classes.items()}
            found.append(Variant(colors, preview(small, ids, colors)))
        return found

    return ask


class Variant(NamedTuple):
    """A coloring of the whole image: pins by class id, and a small picture of it."""

    pins: dict[int, Pin]
    picture: Rgb


def _around(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns of a mask and a margin."""
    found = []
    for axis in (1, 0):
        places = np.flatnonzero(mask.any(axis=axis))
        first, last = int(places[0]), int(places[-1])
        margin = round(MARGIN * (last - first)) + 2
        found.append(slice(max(0, first - margin), last + margin + 1))
    return found[0], found[1]


def _gray(picture: Picture) -> Rgb:
    """A picture without color."""
    from napari_colorizer.color import normalize

    values = normalize(*picture.seen())
    values = values if values.ndim == 2 else values.mean(-1)
    return np.repeat(np.round(values * 255).astype(np.uint8)[..., None], 3, axis=2)


def _mean_lightness(pixels: Rgb) -> float:
    from skimage.color import rgb2lab

    return float(rgb2lab(pixels[None])[0, :, 0].mean())


def _holds(mask: NDArray[np.bool_], pixel: tuple[int, int]) -> bool:
    return all(value < side for value, side in zip(pixel, mask.shape, strict=True)) and bool(mask[pixel])
