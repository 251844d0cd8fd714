"""The validation pictures of a training, as one layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from numpy.typing import NDArray

from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.files import read_image

NAME = "training preview"
GAP = 4  # pixels between two pictures


def mosaic(paths: Sequence[str | Path]) -> NDArray[np.uint8]:
    """Read RGB pictures and put them one below the other: (H, W, 3), black where one is narrower than the widest."""
    pictures = [np.asarray(read_image(path), np.uint8)[..., :3] for path in paths]
    height = sum(len(picture) for picture in pictures) + GAP * (len(pictures) - 1)
    result = np.zeros((height, max(picture.shape[1] for picture in pictures), 3), np.uint8)
    top = 0
    for picture in pictures:
        result[top : top + len(picture), : picture.shape[1]] = picture
        top += len(picture) + GAP
    return result


class Preview:
    """The layer ``training preview``, below the user's own layers and as wide as they are.

    Parameters
    ----------
    viewer : napari.Viewer or napari.components.ViewerModel
    """

    def __init__(self, viewer: ViewerModel):
        self.viewer = viewer
        self._layer: Image | None = None

    def begin(self) -> None:
        """Another training begins: the layer is wanted again, even if the user has deleted it."""
        if self._layer not in self.viewer.layers:
            self._layer = None

    def show(self, rgb: NDArray[np.uint8]) -> bool:
        """Show pictures (H, W, 3) in place of the last ones; whether that took a new layer beside others."""
        layer = self._layer
        if layer is None:
            return self._lay(rgb)
        if layer not in self.viewer.layers:
            return False
        if layer.data.shape == rgb.shape:
            layer.data[...] = rgb
            layer.refresh(highlight=False, extent=False)
        else:
            layer.data = rgb
        return False

    def _lay(self, rgb: NDArray[np.uint8]) -> bool:
        beside = bool(self.viewer.layers)
        self._layer = Image(rgb, rgb=True, name=NAME, **self._place(rgb.shape[1]))
        on_layers.add_preview(self.viewer, self._layer)
        return beside

    def _place(self, width: int) -> dict[str, Any]:
        """Where pictures of that width lie in the world."""
        if not self.viewer.layers:
            return {}
        extent = self.viewer.layers.extent
        (_, left), (bottom, right) = extent.world[:, -2:]
        scale = max(right - left, 1e-9) / width
        return {
            "scale": (scale, scale),
            "translate": (bottom + scale * 2 * GAP, left),
            "units": extent.units[-2:] if extent.units else None,
        }
