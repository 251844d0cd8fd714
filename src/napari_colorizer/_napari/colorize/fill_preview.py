"""What a fill would change, as a layer that comes and goes."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Layer
from napari.utils.transforms import Affine
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from napari_colorizer._napari.colorize.result_layers import remove_later
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layer_transforms import transform_of

NAME = "what is filled"
ERASED = (1.0, 1.0, 1.0)  # how "unlabeled" is shown
OPACITY, BORDER_OPACITY = 110, 255


class FillPreview:
    """The layer that shows what would be filled, on top of the others while there is something to show.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
    name : str
        Of the layer.
    """

    def __init__(self, viewer: ViewerModel, name: str = NAME):
        self.viewer, self.name = viewer, name
        self._layer: Image | None = None

    def is_layer(self, layer: Layer | None) -> bool:
        """Whether a layer is this one."""
        return layer is not None and layer is self._layer

    def show(self, mask: NDArray[np.bool_], color: Any, image: Image) -> None:
        """Show a mask in a color.

        Parameters
        ----------
        mask : array of bool, (h, w)
            Of the whole image, perhaps smaller than it.
        color : array of float, (4,), optional
            RGBA in 0..1; None is erased.
        image : Image
            On which it lies.
        """
        rgba = _paint(mask, ERASED if color is None else color)
        layer = self._layer
        if layer is None or layer not in self.viewer.layers:
            self._lay(rgba, image)
            return
        if layer.data.shape != rgba.shape or not np.array_equal(layer.data, rgba):
            layer.data = rgba
        if not layer.visible:
            layer.visible = True

    def hide(self) -> None:
        """Show nothing for now."""
        if self._layer is not None and self._layer.visible:
            self._layer.visible = False

    def remove(self) -> None:
        """Take the layer away."""
        layer, self._layer = self._layer, None
        remove_later(self.viewer, layer)

    def _lay(self, rgba: NDArray[np.uint8], image: Image) -> None:
        self._layer = Image(rgba, rgb=True, name=self.name, **place_on(rgba.shape[:2], image))
        on_layers.add_preview(self.viewer, self._layer)


def _paint(mask: NDArray[np.bool_], color: Any) -> NDArray[np.uint8]:
    """A mask (h, w) in a color, with its border: RGBA."""
    rgba = np.zeros((*mask.shape, 4), np.uint8)
    rgba[mask, :3] = np.round(np.asarray(color)[:3] * 255)
    rgba[mask, 3] = OPACITY
    rgba[mask & ~binary_erosion(mask), 3] = BORDER_OPACITY
    return rgba


def place_on(shape: tuple[int, int], image: Image) -> dict[str, Any]:
    """Where a picture of that shape lies in the world, if it covers an image."""
    place = transform_of(image, 2)
    factor = np.array(on_layers.image_shape(image)[-2:]) / shape
    inner = Affine(scale=factor, translate=(factor - 1) / 2)  # its pixels to those of the image
    middle = Affine(**{name: place[name] for name in ("scale", "translate", "rotate", "shear")})
    outer = Affine(affine_matrix=place["affine"])
    matrix = outer.affine_matrix @ middle.affine_matrix @ inner.affine_matrix
    return {"affine": matrix, "units": place["units"], "axis_labels": place["axis_labels"]}
