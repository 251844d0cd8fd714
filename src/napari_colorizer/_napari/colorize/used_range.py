"""A word about images that use little of what their numbers can hold."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from napari.layers import Image

from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.task_queue import Request, Work

if TYPE_CHECKING:
    from napari_colorizer._napari.colorize.controller import ColorizeController

AS_SHOWN = "it is colored with the contrast limits of its layer; in the shell, --limits {},{} does the same"
TOO_FLAT = "it is colored as it is shown, nearly black or with little contrast"
NO_LIMITS = "an RGB layer has no contrast limits: if it is too dark or lacks contrast, rescale its values"


class Used(NamedTuple):
    """What to say of the range of an image, and the limits that would help, if any."""

    note: str
    better: tuple[float, float] | None


def tell_of_range(controller: ColorizeController, image: Image) -> None:
    """Say, when the background has found out, whether an image uses little of its range, and offer what helps."""

    def prepare() -> Work | None:
        if image is not controller.image:
            return None
        with suppress(on_layers.LayerError):  # the coloring tells it
            picture = controller.picture_of(image)
            return lambda: used_range(picture)
        return None

    def tell(used: Used) -> None:
        if image is not controller.image or not used.note:
            return
        text, better = f"{image.name!r} {used.note}", used.better
        if better is None:
            controller.message.emit(text)
            return
        choices = {f"Show {better[0]:.9g} to {better[1]:.9g} as black to white": lambda: _show(image, better)}
        controller.choices_offered.emit(text, choices)

    controller.tasks.submit(Request("range", prepare, tell, "Looking at the image"))


def used_range(picture: on_layers.Picture) -> Used:
    """What the shell would say of an image too, and whether the layer shows it otherwise."""
    from napari_colorizer.color import LITTLE_USED, auto_limits, range_note  # brings torch

    pixels = np.asarray(picture.pixels)
    low, high = auto_limits(pixels)
    black, white = picture.limits or (low, high)
    flat = high - low < LITTLE_USED * (white - black)
    rgb = pixels.ndim == 3
    advice = NO_LIMITS if rgb else TOO_FLAT if flat else AS_SHOWN.format(f"{black:.9g}", f"{white:.9g}")
    if low >= high:  # blank
        return Used("", None)
    with suppress(ValueError):  # numbers that have no range of their own
        return Used(range_note(pixels, advice), (low, high) if flat and not rgb else None)
    return Used("", None)


def _show(image: Image, limits: tuple[float, float]) -> None:
    image.contrast_limits = limits
