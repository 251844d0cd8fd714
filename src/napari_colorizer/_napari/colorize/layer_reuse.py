"""Another picture in the layers of the last one.

napari ends with a segmentation fault where a label map is removed, or gets other colors, and a layer is added before
the canvas is drawn again. So layers are kept and get other data; where one must go, another is added first, and the
rest waits until that has been drawn.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_colorizer._napari.colorize.label_writing import replace_data
from napari_colorizer._napari.colorize.result_layers import DRAWN_MS, remove_later
from napari_colorizer._napari.shared import layer_notes
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layer_transforms import put_on
from napari_colorizer.classes import ClassMap


def let_be_drawn() -> None:
    """Wait, in the background, until what was added has been drawn and what was to go is gone."""
    time.sleep(2 * DRAWN_MS / 1000)


def show_image(viewer: ViewerModel, pixels: NDArray[Any], name: str, path: str, before: Image | None) -> Image:
    """Show an image (H, W) or (H, W, 3 or 4), in the layer of the last one if that can hold it."""
    rgb = pixels.ndim == 3
    if before is not None and before in viewer.layers and before.rgb == rgb and not before.multiscale:
        before.data = pixels
        before.name, before.metadata = name, {"path": path}
        if not rgb:
            before.reset_contrast_limits_range()
            before.reset_contrast_limits()
        viewer.reset_view()
        return before
    layer = Image(pixels, name=name, rgb=rgb, metadata={"path": path})
    position = viewer.layers.index(before) if before is not None and before in viewer.layers else len(viewer.layers)
    viewer.layers.insert(position, layer)
    remove_later(viewer, before)
    layer.name = name
    viewer.reset_view()
    return layer


def show_label_map(layer: Labels, image: Image, data: NDArray[Any], classes: ClassMap | None) -> None:
    """Show the label map of another image in a layer; without a class map its numbers may mean anything."""
    replace_data(layer, data)
    layer.name = on_layers.labels_name(image)
    put_on(layer, image)
    if classes is None:
        on_layers.forget_classes(layer)
    else:
        on_layers.show_classes(layer, classes)
    layer_notes.note_image(layer, image)


def show_gray(viewer: ViewerModel, colors: Image | None, image: Image) -> None:
    """Make a color layer show an image in gray until its colors come; one of a large picture is removed."""
    if colors is None or colors not in viewer.layers:
        return
    if colors.multiscale:
        layer_notes.note(colors, colors="")
        remove_later(viewer, colors)
        return
    pixels = np.asarray(image.data)
    gray = pixels if image.rgb else np.repeat(_eight_bits(pixels, image.contrast_limits)[..., None], 3, axis=2)
    colors.data = np.array(gray[..., :3])
    colors.name = on_layers.colors_name(image)
    put_on(colors, image)
    layer_notes.note_image(colors, image)


def _eight_bits(pixels: NDArray[Any], limits: tuple[float, float]) -> NDArray[np.uint8]:
    low, high = limits
    scaled = (pixels.astype(np.float32) - low) * (255 / max(high - low, 1e-12))
    return np.clip(np.nan_to_num(scaled), 0, 255).astype(np.uint8)
