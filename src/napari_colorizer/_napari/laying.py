"""The layers that the plugin lays on an image layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_colorizer._napari import layers as on_layers
from napari_colorizer.classes import ClassMap


def lay_labels(viewer: ViewerModel, image: Image, data: NDArray[Any], classes: ClassMap | None) -> Labels:
    """Lay a label map with some classes on an image layer."""
    layer = Labels(
        data,
        name=on_layers.labels_name(image),
        opacity=on_layers.LABELS_OPACITY,
        **on_layers.transform_of(image, data.ndim),
    )
    if classes is not None:
        on_layers.show_classes(layer, classes)
    viewer.add_layer(layer)
    return layer


def lay_colors(viewer: ViewerModel, image: Image, rgb: NDArray[np.uint8], before: Image | None) -> Image:
    """Show colors (H, W, 3) in the layer that they had before, if it is still there, or in a new one on the image."""
    if before is not None and before in viewer.layers and before.data.shape == rgb.shape:
        before.data[...] = rgb
        before.refresh(thumbnail=False, highlight=False, extent=False)
        return before
    active = on_layers.active_layer(viewer)
    if before is not None and before in viewer.layers:
        viewer.layers.remove(before)
    colors = Image(rgb, rgb=True, name=on_layers.colors_name(image), **on_layers.transform_of(image, 2))
    on_layers.note(colors, colors=True)  # before anybody sees the layer
    on_layers.note_image(colors, image)
    viewer.layers.insert(viewer.layers.index(image) + 1, colors)
    viewer.layers.selection.active = active
    return colors
