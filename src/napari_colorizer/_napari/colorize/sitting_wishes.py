"""Dots, pins and adjustment of an image, as a sitting keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_colorizer._napari.colorize.color_updates import asked_in
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.wish_history import history_of
from napari_colorizer._napari.colorize.wished import NOTHING, Dot, Region, Wished
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.engine.pins import Pins, parse_color

if TYPE_CHECKING:  # they bring torch, which is for the background
    from napari_colorizer.engine.hints import Hints

LIGHTNESSES = range(10, 96, 5)  # at which a color is looked for that has some a*, b*


def wishes_of(controller: ColorizeController, image: Image | None) -> dict[str, Any]:
    """What is wished for the plane of an image that is shown, as a `Sitting` has it; empty where that is nothing."""
    if image is None:
        return {}
    asking = asked_in(controller, image)
    if asking == NOTHING:
        return {}
    from napari_colorizer.engine.hints import Hints

    return {"hints": Hints(asking.hints), "pins": asking.pins, "adjustment": asking.adjustment}


def give_wishes(controller: ColorizeController, image: Image, wishes: dict[str, Any]) -> None:
    """Wish what a sitting says for the plane of an image that is shown, in place of what was wished before."""
    plane = on_layers.plane_index(image, controller.viewer)
    pins = wishes["pins"] if "pins" in wishes else Pins()
    ids = {item.name.casefold(): item.id for item in controller.classes}
    classes = {
        ids.get(label.casefold()) if isinstance(label, str) else label: pin for label, pin in pins.classes.items()
    }
    wished = Wished(
        Pins({label: pin for label, pin in classes.items() if label is not None}),
        tuple((Region(plane, pixel), pin) for pixel, pin in pins.regions.items()),
        _dots(wishes["hints"], plane) if "hints" in wishes else (),
    )
    if controller.image is image:
        controller.wish(wished)
    else:
        history_of(image).note(wished)
    adjustment = wishes.get("adjustment", NOTHING.adjustment)
    controller.set_adjustment(saturation=adjustment.saturation, warmth=adjustment.warmth)
    controller.wishes_changed.emit()


def key_of_wishes(wishes: dict[str, Any]) -> str:
    """A text that is another for other wishes; empty for none."""
    if not wishes:
        return ""
    hints = wishes["hints"].rows.tolist() if "hints" in wishes else []
    return repr((hints, wishes.get("pins"), wishes.get("adjustment")))


def _dots(hints: Hints, plane: tuple[int, ...]) -> tuple[Dot, ...]:
    return tuple(Dot((*plane, y, x), _color_of(a, b), 2 * radius) for y, x, a, b, radius in hints.rows.tolist())


def _color_of(a: float, b: float) -> str:
    """The color whose a*, b* are nearest to some: at most lightnesses there is none with so much chroma."""
    from napari_colorizer.engine.palettes import to_hex

    colors = [to_hex((lightness, a, b)) for lightness in LIGHTNESSES]
    off = [np.hypot(*np.subtract(parse_color(color), (a, b))) for color in colors]
    return colors[int(np.argmin(off))]
