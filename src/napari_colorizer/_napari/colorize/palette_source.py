"""*Palette from a photograph*: its mean color of each class becomes pins of the image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image

from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.wish_history import WishHistory
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.task_queue import Request, Work
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.options import SegmentOptions
from napari_colorizer.engine.pins import Pins

if TYPE_CHECKING:
    from napari_colorizer.engine.palettes import Palette

SHOWN_LIGHTNESS = 65.0  # of the colors in a file
NONE_IN_COMMON = "{name!r} shows none of the classes in the label map of {image!r}: no color was taken"


class PaletteSource:
    """Takes colors from another RGB layer, or from a file, as one step of undo.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        self.controller = controller
        self.strength = 1.0
        self._taken: Pins | None = None  # in full strength

    def layers(self) -> list[Image]:
        """The layers that colors can be taken from."""
        own = (self.controller.image, self.controller.colors)
        return [layer for layer in self.controller.viewer.layers if _is_photo(layer) and layer not in own]

    def take(self, photo: Image) -> None:
        """Take the colors of a photograph, by its own label map, or by a predicted one, in the background."""
        controller = self.controller
        wishes = controller.wishes
        if controller.image is None:
            controller.message.emit("Choose an image layer first")
            return
        request = Request(
            "palette",
            lambda: self._prepare(photo),
            lambda pins: self._show(wishes, photo.name, pins),
            f"Taking the colors of {photo.name}",
        )
        controller.tasks.submit(request)

    def _prepare(self, photo: Image) -> Work:
        controller, viewer = self.controller, self.controller.viewer
        picture = controller.picture_of(photo)
        labels = on_layers.labels_for(photo, viewer)
        plane = None if labels is None else on_layers.lazy_plane_of(labels, photo, viewer)
        classes = on_layers.meaning_of(labels, controller.model.classes)
        model, options = controller.model, SegmentOptions(controller.options.working_size, controller.options.device)
        if labels is None and not model.has_segmenter:
            raise on_layers.LayerError(f"the model {model.name!r} predicts no labels: give {photo.name!r} a label map")

        def work() -> Pins:
            from napari_colorizer.engine.palettes import palette_of  # brings torch

            pixels, _ = picture.seen()
            found = inference.predict(model.name, picture, options).labels() if plane is None else np.asarray(plane)
            return palette_of(pixels, found, classes)

        return work

    def _show(self, wishes: WishHistory, name: str, pins: Pins) -> None:
        if wishes is self.controller.wishes:  # still those of the same image
            self.pin(self.by_id(pins), name)

    def pin(self, pins: Pins, name: str) -> None:
        """Pin some colors of classes beside the others, as strongly as is chosen."""
        image, wished = self.controller.image, self.controller.wishes.now
        if not len(pins) or image is None:
            shown = image.name if image is not None else ""
            self.controller.message.emit(NONE_IN_COMMON.format(name=name, image=shown))
            return
        self._taken = pins
        self.controller.wishes.settle()
        going_on = self._going_on()
        self.controller.wish(replace(wished, classes=wished.classes | pins.at_strength(self.strength)), going_on)

    def set_strength(self, strength: float) -> None:
        """How much of the way to the colors that were taken last the image goes, 0..1: still the same step of undo."""
        self.strength = strength
        taken, wished = self._taken, self.controller.wishes.now
        if taken is None:
            return
        known = wished.classes.classes
        still = {
            label: pin for label, pin in taken.classes.items() if label in known and known[label].color == pin.color
        }
        if still:
            classes = wished.classes | Pins(still).at_strength(strength)
            self.controller.wish(replace(wished, classes=classes), self._going_on())

    def by_id(self, pins: Pins) -> Pins:
        """Pins by names, as those of the classes of the label map; of others there are none."""
        return Pins(pins.resolve(self.controller.classes, (1, 1)).classes)

    def _going_on(self) -> str:
        return f"strength of {id(self._taken)}"

    # -- files

    def read(self, path: str | Path) -> Palette | None:
        """Take the colors of a GIMP palette that bear the names of classes; gives the palette if none does."""
        from napari_colorizer.engine.palettes import Palette  # brings torch

        palette = Palette.read(path)
        named = palette.pins(self.controller.classes)
        if not len(named):
            return palette
        self.pin(self.by_id(named), Path(path).name)
        return None

    def colors(self) -> dict[int | str, tuple[float, float]]:
        """The pinned a*, b* of classes."""
        pins = self.controller.wishes.now.classes.classes
        return {label: pin.color for label, pin in pins.items() if pin.color is not None}

    def write(self, path: str | Path) -> None:
        """Write the pinned colors of classes, with their names, as a GIMP palette; a file that is there is replaced."""
        from napari_colorizer.engine.palettes import Palette, to_hex  # brings torch

        colors, classes = self.colors(), self.controller.classes
        names = tuple(_name(int(label), classes) for label in colors)
        Palette(tuple(to_hex((SHOWN_LIGHTNESS, *color)) for color in colors.values()), names).write(path, True)


def _is_photo(layer: object) -> bool:
    return isinstance(layer, Image) and bool(layer.rgb) and not layer.multiscale


def _name(label: int, classes: ClassMap) -> str:
    return classes[label].name if label in classes else str(label)
