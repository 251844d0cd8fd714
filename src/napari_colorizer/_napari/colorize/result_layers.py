"""The layers that the plugin lays on an image layer."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from napari.layers._multiscale_data import MultiScaleData
from numpy.typing import NDArray
from qtpy.QtCore import QTimer

from napari_colorizer._napari.shared import layer_notes
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layer_transforms import transform_of
from napari_colorizer.boxes import Box
from napari_colorizer.classes import ClassMap

if TYPE_CHECKING:
    from napari_colorizer.engine.levels import ColorLevels


def new_labels_layer(viewer: ViewerModel, image: Image, data: NDArray[Any], classes: ClassMap | None) -> Labels:
    """Lay a label map with some classes on an image layer."""
    layer = Labels(
        data,
        name=on_layers.labels_name(image),
        opacity=on_layers.LABELS_OPACITY,
        **transform_of(image, data.ndim),
    )
    if classes is not None:
        on_layers.show_classes(layer, classes)
    layer_notes.note_laid(layer)
    viewer.add_layer(layer)
    return layer


DRAWN_MS = 60  # Qt draws a canvas some 5 ms after it was changed
LARGEST_OUTLINED = 4_000_000  # pixels; napari finds the borders anew at each move of the brush
OUTLINES_ACROSS, OUTLINE_OPACITY = 300, 0.8
CatchUp = Callable[["WholePicture"], None]


class WholePicture(MultiScaleData):
    """The levels of a large picture; as one array, and so in a file that napari saves, it is the full one.

    Parameters
    ----------
    levels : ColorLevels
    catch_up : callable
        Is given this, before it is one array, to bring its levels up to the last edit; they are painted here.
    """

    def __init__(self, levels: ColorLevels, catch_up: CatchUp = lambda _: None):
        super().__init__(levels.arrays)
        self.levels, self._catch_up = levels, catch_up

    def show(self, levels: ColorLevels, catch_up: CatchUp) -> None:
        """Take other levels, of the same sizes, in the place of these."""
        self.levels, self._catch_up, self._data = levels, catch_up, list(levels.arrays)

    def __deepcopy__(self, memo: Any) -> WholePicture:
        self._catch_up(self)
        return WholePicture(deepcopy(self.levels, memo))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        self._catch_up(self)
        return np.array(self.levels.whole(), dtype, copy=copy)


def show_colors(
    viewer: ViewerModel, image: Image, levels: ColorLevels, before: Image | None, catch_up: CatchUp, done: bool = True
) -> Image:
    """Show colors in the layer that they had before, if it is still there, or in a new one on the image.

    See `WholePicture` for `catch_up`. The layer's thumbnail waits until they are done.
    """
    if before is not None and before in viewer.layers and _shows(before, levels, catch_up):
        refresh(before, thumbnail=done)
        return before
    colors = Image(
        WholePicture(levels, catch_up) if len(levels.arrays) > 1 else levels.arrays[0],
        multiscale=len(levels.arrays) > 1,
        rgb=True,
        name=on_layers.colors_name(image),
        **transform_of(image, 2),
    )
    layer_notes.note_colors(colors)  # before anybody sees the layer
    layer_notes.note_image(colors, image)
    on_layers.add_beside(viewer, colors, viewer.layers.index(image) + 1)
    if before is not None:
        remove_later(viewer, before)
        colors.name = on_layers.colors_name(image)
    return colors


def outline(labels: Labels | None) -> None:
    """Show only the borders of a label map: filled, it hides the colors under it."""
    if labels is None or labels.contour or labels.data.size > LARGEST_OUTLINED:
        return
    labels.contour = max(1, round(max(labels.data.shape[-2:]) / OUTLINES_ACROSS))
    labels.opacity = OUTLINE_OPACITY


def remove_later(viewer: ViewerModel, layer: Layer | None) -> None:
    """Hide a layer now, and remove it when that has been drawn."""
    if layer is None or layer not in viewer.layers:
        return
    layer.visible = False
    layer.name = f"{layer.name} (before)"  # the name is another's now

    def remove() -> None:
        if layer in viewer.layers:
            viewer.layers.remove(layer)

    QTimer.singleShot(DRAWN_MS, remove)


def refresh(colors: Image, thumbnail: bool = True) -> None:
    """Show what has been painted into the arrays of a layer."""
    colors.refresh(thumbnail=thumbnail, highlight=False, extent=False)


def _shows(layer: Image, levels: ColorLevels, catch_up: CatchUp) -> bool:
    """Whether a layer shows these colors; where it can, it does from now on."""
    shapes = [array.shape for array in (layer.data if layer.multiscale else [layer.data])]
    if shapes != [array.shape for array in levels.arrays]:
        return False
    if not layer.multiscale and layer.data is not levels.arrays[0]:
        layer.data = levels.arrays[0]
    elif isinstance(layer.data, WholePicture):
        layer.data.show(levels, catch_up)
    return not layer.multiscale or isinstance(layer.data, WholePicture)


def view_of(layer: Image | None, viewer: ViewerModel) -> Box | None:
    """The pixels of an image layer that are on the screen, none if it is hidden; None where there is no such layer."""
    if layer is None or layer not in viewer.layers:
        return None
    if not layer.visible:
        return Box(0, 0, 0, 0)
    first, last = layer.corner_pixels  # of the level that is shown
    factor = layer.downsample_factors[layer.data_level][:2] if layer.multiscale else np.ones(2)
    (top, left), (bottom, right) = np.floor(first * factor).astype(int), np.ceil((last + 1) * factor).astype(int)
    return Box(int(top), int(bottom), int(left), int(right))
