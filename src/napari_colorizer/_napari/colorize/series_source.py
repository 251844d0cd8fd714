"""The slices of an image layer, and what the user has said of each, read one by one in the background."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_colorizer._napari.colorize.color_updates import asked_for
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.wished import OnPlane, Wished
from napari_colorizer._napari.shared import layer_notes
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.engine.options import Adjustment
from napari_colorizer.engine.pins import Pins

if TYPE_CHECKING:  # it brings torch, which is for the background
    from napari_colorizer.series.wishes import SliceWishes

Index = tuple[int, ...]
NOTE = "carried"  # of slices that were filled by us, by index: the checksum of what was written


_carried_wishes: WeakKeyDictionary[Image, dict[Index, OnPlane]] = WeakKeyDictionary()  # dots have no metadata


@dataclass(frozen=True)
class LayerSource:
    """A stack of pictures and of label maps, and the dots and pins on them.

    Attributes
    ----------
    picture : Picture
        Any slice: tells how all are shown.
    images : array-like, (..., H, W) or (..., H, W, 3 or 4)
        Perhaps not computed yet.
    maps : array-like, (..., H, W), optional
    carried : dict
        See `NOTE`.
    wished : Wished
    adjustment : Adjustment
    carried_wishes : dict
        What was carried to a slice, by index.
    taken : dict
        The checksums of the label maps that were asked for, by index; None where the user has said nothing.
    """

    picture: on_layers.Picture
    images: Any
    maps: Any
    carried: dict[str, int]
    wished: Wished
    adjustment: Adjustment
    carried_wishes: dict[Index, OnPlane]
    taken: dict[Index, int | None] = field(default_factory=dict)

    @classmethod
    def now(cls, controller: ColorizeController, image: Image) -> LayerSource:
        """What is there now; labels that are painted meanwhile are read as far as their slice has not been yet."""
        labels = controller.labels
        maps = None if labels is None else on_layers.full_data(labels)
        wishes = controller.wishes.now, controller.adjustment, dict(_carried_wishes.get(image, {}))
        images = on_layers.full_data(image)
        return cls(controller.picture_of(image), images, maps, carried_slices(labels), *wishes)

    def gray(self, index: Index) -> tuple[NDArray[Any], tuple[float, float] | None]:
        """A slice as it is seen, and the values of it that are black and white."""
        return replace(self.picture, pixels=self.images[index]).seen()

    def labels(self, index: Index) -> NDArray[np.integer] | None:
        """What the user has said of a slice; None where it is empty or was carried there, and not touched since."""
        plane = None if self.maps is None else np.array(self.maps[index])
        if plane is not None and (not plane.any() or self.carried.get(str(index)) == checksum(plane)):
            plane = None
        self.taken[index] = None if plane is None else checksum(plane)
        return plane

    def map(self, index: Index) -> NDArray[np.integer] | None:
        """The label map of a slice, whoever has made it."""
        return None if self.maps is None else np.asarray(self.maps[index])

    def all_wishes(self, index: Index) -> OnPlane:
        """The dots and pinned regions of a slice."""
        shape = self.images.shape[len(index) : len(index) + 2]
        return self.wished.on(index, (shape[0], shape[1]))

    def own_wishes(self, index: Index) -> OnPlane:
        """The same; without dots, or regions, that were carried there and not touched since."""
        there, carried = self.all_wishes(index), self.carried_wishes.get(index, OnPlane())
        return OnPlane(
            () if there.dots == carried.dots else there.dots,
            () if there.regions == carried.regions else there.regions,
        )

    def wishes(self, index: Index) -> SliceWishes | None:
        """What the user wishes for the colors of a slice; None where that is nothing, or was carried there."""
        from napari_colorizer.engine.hints import Hints
        from napari_colorizer.series.wishes import SliceWishes

        own = self.own_wishes(index)
        asking = asked_for(Wished(dots=own.dots, regions=own.regions), self.images, index, self.adjustment)
        return SliceWishes(Hints(asking.hints), asking.pins.regions, self.ends(index)) or None

    def ends(self, index: Index) -> frozenset[str]:
        """Whether dots, or regions, of the slice before do not hold on, as the user has deleted them here."""
        return frozenset(kind for plane, kind in self.wished.ends if plane == index)

    @property
    def for_all(self) -> tuple[Pins, Adjustment]:
        """What is wished for all slices."""
        return self.wished.classes, self.adjustment

    def is_corrected(self, index: Index, labels: Labels | None, wished: Wished) -> bool:
        """Whether the user has said something of a slice since it was asked for."""
        now = replace(self, maps=None if labels is None else on_layers.full_data(labels), wished=wished, taken={})
        now.labels(index)
        said = index in self.taken and now.taken[index] != self.taken[index]
        return said or (now.own_wishes(index), now.ends(index)) != (self.own_wishes(index), self.ends(index))


def carried_slices(labels: Labels | None) -> dict[str, int]:
    """The checksums of the slices of a labels layer that were filled by us."""
    return {} if labels is None else dict(labels.metadata.get(layer_notes.METADATA_KEY, {}).get(NOTE, {}))


def note_carried(labels: Labels, index: Index) -> None:
    """Note that a slice of a labels layer is as we have filled it."""
    plane = np.asarray(on_layers.full_data(labels)[index])
    layer_notes.note(labels, **{NOTE: carried_slices(labels) | {str(index): checksum(plane)}})


def checksum(plane: NDArray[np.integer]) -> int:
    """Tells label maps apart, whatever the type of their numbers."""
    return zlib.crc32(np.ascontiguousarray(plane, np.int64).tobytes())


def with_ends(image: Image, before: Wished, now: Wished) -> Wished:
    """What is wished for an image after something was deleted; see `Wished.with_ends`."""
    shape = on_layers.image_shape(image)[-2:]
    return now.with_ends(before, _carried_wishes.get(image, {}), (shape[0], shape[1]))


def note_carried_wishes(image: Image, index: Index, wishes: OnPlane) -> None:
    """Note that dots, or pinned regions, of a slice of an image layer are as we have carried them there."""
    known = _carried_wishes.setdefault(image, {})
    before = known.get(index, OnPlane())
    known[index] = OnPlane(wishes.dots or before.dots, wishes.regions or before.regions)
