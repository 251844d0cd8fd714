"""Dots, pins and adjustment of an image, as a sitting keeps them."""

from __future__ import annotations

import weakref
from typing import Any

from napari.layers import Image

from napari_colorizer._napari.colorize.controller import ColorizeController

_given: weakref.WeakKeyDictionary[Image, dict[str, Any]] = weakref.WeakKeyDictionary()


def wishes_of(controller: ColorizeController) -> dict[str, Any]:
    """What is wished for the colors of the chosen image: the fields `hints`, `pins` and `adjustment` of a `Sitting`.

    The window has no dots and pins yet: these are those of the sitting that was opened, so that none of them is lost.
    """
    return dict(_given.get(controller.image, {})) if controller.image is not None else {}


def give_wishes(controller: ColorizeController, wishes: dict[str, Any]) -> None:
    """Wish what a sitting says for the colors of the chosen image."""
    if controller.image is not None:
        _given[controller.image] = wishes
