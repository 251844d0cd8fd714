"""Images that napari shows otherwise than they are meant, and what to do about them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from PIL import Image as Picture

from napari_colorizer._napari.colorize.used_range import tell_of_range
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.task_queue import Request
from napari_colorizer.files import read_image
from napari_colorizer.tiff_unpacking import any_size

if TYPE_CHECKING:
    from napari_colorizer._napari.colorize.controller import ColorizeController

ORIENTATION = 274  # the EXIF and TIFF tag


def is_turned(image: Image) -> bool:
    """Whether napari has read an image from a file that says that it is to be shown rotated or mirrored."""
    path = image.source.path
    return isinstance(path, str) and _orientation(path) not in (0, 1)


@lru_cache(maxsize=64)
def _orientation(path: str) -> int:
    try:
        with any_size(), Picture.open(path) as picture:
            return int(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # whatever is wrong with it, napari has read it
        return 1


class UnusualImages:
    """Offers to show an image as it is meant.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        self.controller = controller
        self._last: tuple[Image | None, int] | None = None  # the image that was looked at, and which picture it was
        controller.layers_changed.connect(self._look)
        self._look()

    def _look(self) -> None:
        image = self.controller.image
        now = image, self.controller.subject
        if now == self._last:
            return
        self._last = now
        if image is None:
            return
        if on_layers.is_gray_with_alpha(image):
            take = self._show_upright if is_turned(image) else self._take_gray
            self.controller.choices_offered.emit(
                on_layers.about_alpha(image), {"Take the gray part": lambda: take(image)}
            )
        elif is_turned(image):
            name = Path(image.source.path).name
            self.controller.choices_offered.emit(
                f"{name} is to be shown rotated or mirrored, which napari ignores: a label map of the upright "
                f"photograph, such as the shell and Open folder make, does not fit {image.name!r}",
                {"Show it upright": lambda: self._show_upright(image)},
            )
        else:
            tell_of_range(self.controller, image)

    def _take_gray(self, image: Image) -> None:
        pixels = np.asarray(on_layers.full_data(image)[..., 0])
        self._show(image, pixels, "gray", image.source.path, scale=image.scale[:-1], translate=image.translate[:-1])

    def _show_upright(self, image: Image) -> None:
        path = image.source.path
        request = Request(
            "upright",
            lambda: lambda: read_image(path),
            lambda pixels: self._show(image, pixels, "upright", path, rgb=pixels.ndim == 3),
            "Opening",
        )
        self.controller.tasks.submit(request)

    def _show(self, image: Image, pixels: np.ndarray, what: str, path: str | None, **how: Any) -> None:
        """Lay an image in the place of another, which is hidden."""
        metadata = {"path": path} if path else {}
        layer = Image(pixels, name=f"{image.name} {what}", metadata=metadata, **{"rgb": False, **how})
        image.visible = False
        self.controller.viewer.add_layer(layer)
        self.controller.choose_image(layer)
