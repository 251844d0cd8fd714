"""What a person wishes for the colors of all images of a job: dots, pins, a palette, saturation and warmth."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.options import Adjustment
from napari_colorizer.engine.palettes import Palette
from napari_colorizer.engine.pins import Pins

ANY = ""  # the name of dots that are for each image


@dataclass(frozen=True)
class Wishes:
    """The same for each image, but for dots; goes to other processes by pickle.

    Attributes
    ----------
    pins : Pins
    palette : Palette or Pins, optional
        Colors of a GIMP palette, which go to classes by name or else to the ids of an image in turn; or pins. `pins`
        have the last word.
    strength : float
        0..1: how much of a palette the colors take.
    dots : mapping
        Hints by the name of an image without its suffix, or those of each image under `ANY`.
    adjustment : Adjustment
    """

    pins: Pins = field(default_factory=Pins)
    palette: Palette | Pins | None = None
    strength: float = 1.0
    dots: Mapping[str, Hints] = field(default_factory=dict)
    adjustment: Adjustment = field(default_factory=Adjustment)

    def hints(self, name: str) -> Hints | None:
        """The dots of an image of that name, without its suffix."""
        return self.dots.get(name, self.dots.get(ANY))

    def pins_for(self, labels: NDArray[Any] | None, classes: ClassMap) -> Pins:
        """The pins of an image with a label map (H, W) of some classes, or with none."""
        if isinstance(self.palette, Palette):
            ids = [] if labels is None else np.unique(labels).tolist()
            return self.palette.pins(classes, ids, self.strength) | self.pins
        return self.pins if self.palette is None else self.palette | self.pins

    def facts(self) -> dict[str, Any]:
        """What decides the colors, for JSON; nothing where nothing is wished."""
        if self == Wishes():
            return {}
        dots = {name: hints.rows.tolist() for name, hints in self.dots.items()}
        told = repr((self.pins, self.palette, self.strength, dots))
        return {**asdict(self.adjustment), "wishes_sha256": hashlib.sha256(told.encode()).hexdigest()}

    def lacking(self, classes: ClassMap, unused: set[Any], name: str, shape: tuple[int, int]) -> str:
        """What colors nothing in an image of that name and shape: dots outside, and pins of what is not there.

        Parameters
        ----------
        classes : ClassMap
        unused : set
            As `Session.unused_pins` gives it.
        name : str
            As for `hints`.
        shape : (int, int)
        """
        ids, told = {item.name.casefold(): item.id for item in classes}, list[str]()
        for label in self.pins.classes:
            known = ids.get(label.casefold()) if isinstance(label, str) else label
            if known is None:
                told.append(f"there is no class {label!r} to pin")
            elif known in unused:
                told.append(f"nothing in it is labeled {label!r}, so that pin does nothing")
        hints = self.hints(name)
        outside = 0 if hints is None else int((~hints.inside(shape)).sum())
        if outside:
            told.append(f"{outside} of {len(hints or ())} dots lie outside of it and color nothing")
        return "; ".join(told)
