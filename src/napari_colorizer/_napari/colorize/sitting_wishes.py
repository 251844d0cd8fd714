"""Dots, pins and adjustment of an image, as a sitting keeps them."""

from __future__ import annotations

import weakref
from typing import Any

from napari.layers import Image

from napari_colorizer._napari.colorize.controller import ColorizeController

_given: weakref.WeakKeyDictionary[Image, dict[str, Any]] = weakref.WeakKeyDictionary()


def wishes_of(_controller: ColorizeController, image: Image | None) -> dict[str, Any]:
    """What is wished for the colors of an image: the fields `hints`, `pins` and `adjustment` of a `Sitting`.

    The window has no dots and pins yet: these are those of the sitting that was opened, so that none of them is lost.
    """
    return dict(_given.get(image, {})) if image is not None else {}


def give_wishes(_controller: ColorizeController, image: Image, wishes: dict[str, Any]) -> None:
    """Wish what a sitting says for the colors of an image."""
    _given[image] = wishes


def key_of_wishes(wishes: dict[str, Any]) -> str:
    """A text that is another for other wishes; empty for none."""
    if not wishes:
        return ""
    hints = wishes["hints"].rows.tolist() if "hints" in wishes else []
    return repr((hints, wishes.get("pins"), wishes.get("adjustment")))
