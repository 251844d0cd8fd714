"""The slices of an image layer and of its label map, read one by one in the background."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_colorizer._napari.shared import layer_notes
from napari_colorizer._napari.shared import layers as on_layers

Index = tuple[int, ...]
NOTE = "carried"  # of slices that were filled by us, by index: the checksum of what was written


@dataclass(frozen=True)
class LayerSource:
    """A stack of pictures and of label maps.

    Attributes
    ----------
    picture : Picture
        Any slice: tells how all are shown.
    images : array-like, (..., H, W) or (..., H, W, 3 or 4)
        Perhaps not computed yet.
    maps : array-like, (..., H, W), optional
    carried : dict
        See `NOTE`.
    taken : dict
        The checksums of the label maps that were asked for, by index; None where the user has said nothing.
    """

    picture: on_layers.Picture
    images: Any
    maps: Any
    carried: dict[str, int]
    taken: dict[Index, int | None] = field(default_factory=dict)

    @classmethod
    def of(cls, picture: on_layers.Picture, image: Image, labels: Labels | None) -> LayerSource:
        """What is in the layers now; what is painted meanwhile is read as far as its slice has not been yet."""
        maps = None if labels is None else on_layers.full_data(labels)
        return cls(picture, on_layers.full_data(image), maps, carried_slices(labels))

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

    def is_corrected(self, index: Index, labels: Labels | None) -> bool:
        """Whether the user has said something of a slice since its label map was asked for."""
        now = replace(self, maps=None if labels is None else on_layers.full_data(labels), taken={})
        now.labels(index)
        return index in self.taken and now.taken[index] != self.taken[index]


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
