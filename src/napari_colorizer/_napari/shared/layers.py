"""What the plugin reads from napari's layers and writes to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap, label_colormap
from numpy.typing import NDArray

from napari_colorizer._napari.shared.display_mapping import Look
from napari_colorizer._napari.shared.layer_notes import METADATA_KEY, belongs_to, is_colors, note, notes_of
from napari_colorizer._napari.shared.layer_transforms import apart
from napari_colorizer.classes import ClassMap
from napari_colorizer.errors import ColorizerError

LABELS_OPACITY = 0.25


class LayerError(ColorizerError):
    """A layer that cannot be used as it is; the message names it and says what would help."""


@dataclass(frozen=True)
class Picture:
    """The plane of an image layer that is on the screen.

    Attributes
    ----------
    name : str
        Of the layer.
    pixels : array-like, (H, W) or (H, W, 3 or 4)
        Perhaps not computed yet: a plane of a dask array, say.
    limits : (float, float), optional
        The values that are shown black and white.
    key : tuple
        Equal for two pictures of the same pixels.
    look : Look, optional
        How they are shown, if not as they are.
    """

    name: str
    pixels: Any
    limits: tuple[float, float] | None
    key: tuple[Any, ...]
    look: Look | None = None

    def seen(self) -> tuple[NDArray[Any], tuple[float, float] | None]:
        """What is seen, and the values of it that are black and white; for the background."""
        if self.look is None:
            return np.asarray(self.pixels), self.limits
        return self.look.seen(self.pixels, self.limits), (0.0, 1.0)


def plane_index(layer: Image | Labels, viewer: ViewerModel) -> tuple[int, ...]:
    """Index of the plane of `layer` that `viewer` shows: one number for each axis before the last two.

    Raises
    ------
    LayerError
        If the layer has fewer than two axes, or the viewer does not show its last two.
    """
    leading = layer.ndim - 2
    if leading < 0:
        raise LayerError(f"the layer {layer.name!r} has only one axis; choose an image with at least two")
    if leading == 0:
        return ()
    if viewer.dims.ndisplay != 2 or set(viewer.dims.displayed) != {viewer.dims.ndim - 2, viewer.dims.ndim - 1}:
        raise LayerError(f"{layer.name!r} is colored plane by plane: show its last two axes in the 2D view")
    position = layer.world_to_data(viewer.dims.point)[:leading]
    shape = full_data(layer).shape
    return tuple(int(np.clip(round(value), 0, size - 1)) for value, size in zip(position, shape, strict=False))


def full_data(layer: Image | Labels) -> Any:
    """The array of a layer; of one with several levels, the finest."""
    return layer.data[0] if layer.multiscale else layer.data


def picture_of(layer: Image, viewer: ViewerModel, generation: int) -> Picture:
    """The plane of an image layer that is on the screen; `generation` counts the changes of its pixels."""
    if is_gray_with_alpha(layer):
        raise LayerError(about_alpha(layer))
    index = plane_index(layer, viewer)
    pixels = full_data(layer)[index]
    if 0 in pixels.shape:
        raise LayerError(f"the image {layer.name!r} is empty: its shape is {pixels.shape}")
    if pixels.dtype.kind == "c":
        raise LayerError(f"the image {layer.name!r} holds complex numbers; choose one with real numbers")
    limits = None if layer.rgb else (float(layer.contrast_limits[0]), float(layer.contrast_limits[1]))
    if layer.rgb and pixels.dtype.kind == "f":
        limits = (0.0, 1.0)
    look = Look.of(layer)
    return Picture(layer.name, pixels, limits, (id(layer), index, limits, look, generation), look)


def is_gray_with_alpha(layer: Image) -> bool:
    """Whether a layer is a gray image with an alpha channel, which napari takes for a stack of lines."""
    return not layer.rgb and layer.ndim > 2 and full_data(layer).shape[-1] == 2


def about_alpha(layer: Image) -> str:
    """What is wrong with such a layer, and what helps."""
    height, width = full_data(layer).shape[-3:-1]
    return (
        f"{layer.name!r} is a gray image with an alpha channel: napari takes it for a stack of {height} pictures of "
        f"{width} x 2. Press Take the gray part"
    )


def image_shape(layer: Image) -> tuple[int, ...]:
    """Shape of an image layer without its color axis."""
    shape = tuple(full_data(layer).shape)
    return shape[:-1] if layer.rgb else shape


def fits(labels: Labels, image: Image) -> bool:
    """Whether a label map has the shape of an image."""
    return tuple(full_data(labels).shape) == image_shape(image)


def plane_of(labels: Labels, image: Image, viewer: ViewerModel) -> NDArray[Any]:
    """The plane of a label map that is on the screen; the user may be painting on it."""
    return np.asarray(lazy_plane_of(labels, image, viewer))


def lazy_plane_of(labels: Labels, image: Image, viewer: ViewerModel) -> Any:
    """The plane of a label map that is on the screen, perhaps not computed yet: a plane of a dask array, say.

    Raises
    ------
    LayerError
        If the label map has another shape than the image, or does not lie on it.
    """
    if not fits(labels, image):
        raise LayerError(
            f"the label map {labels.name!r} has the shape {tuple(full_data(labels).shape)}, the image {image.name!r} "
            f"{image_shape(image)}{_rotated(labels, image)}: choose a label map of the same shape, or none and press "
            "Predict labels"
        )
    off = apart(labels, image, image_shape(image))
    if off:
        raise LayerError(
            f"the label map {labels.name!r} does not lie on the image {image.name!r}: {off}. Give both layers the same "
            "scale, translation and rotation"
        )
    return full_data(labels)[plane_index(labels, viewer)]


def _rotated(labels: Labels, image: Image) -> str:
    """A hint at what is the matter with a map whose sides are those of the image, the other way round."""
    own, wanted = tuple(full_data(labels).shape[-2:]), image_shape(image)[-2:]
    if own != wanted[::-1] or own == wanted:
        return ""
    return " (it is rotated by 90 degrees against the image: napari does not turn photographs as their files say)"


def active_layer(viewer: ViewerModel) -> Layer | None:
    """The selected layer itself: the viewer that plugins are given hands out a stand-in, another one each time."""
    layer = viewer.layers.selection.active
    return getattr(layer, "__wrapped__", layer)


def labels_for(image: Image | None, viewer: ViewerModel) -> Labels | None:
    """The label map that goes with an image layer, as noted or by name; None where none has a settled meaning."""
    if image is None:
        return None
    maps = [layer for layer in viewer.layers if isinstance(layer, Labels) and fits(layer, image) and is_settled(layer)]
    noted = [layer for layer in maps if belongs_to(layer, image)]
    return next(iter(noted or [layer for layer in maps if layer.name == labels_name(image)]), None)


def colors_for(image: Image | None, viewer: ViewerModel) -> Image | None:
    """The color layer that goes with an image layer; a copy that the user made of it is not painted on."""
    own = [layer for layer in viewer.layers if is_colors(layer) and belongs_to(layer, image)]
    return next((layer for layer in own if notes_of(layer)["colors"] == str(layer.unique_id)), None)


def add_preview(viewer: ViewerModel, layer: Image) -> None:
    """Add a layer on top that is no image to color; the user's own layer stays selected."""
    note(layer, colors=True)  # before anybody sees the layer
    add_beside(viewer, layer, len(viewer.layers))


def add_beside(viewer: ViewerModel, layer: Layer, position: int) -> None:
    """Add a layer at a position while the user's own stays the active one; nobody hears that the new one was it."""
    active, changes = active_layer(viewer), viewer.layers.selection.events.active
    changes.block()  # a tool in the hand would be put away
    try:
        viewer.layers.insert(position, layer)
        viewer.layers.selection.active = active
    finally:
        changes.unblock()


def labels_name(image: Image | None) -> str:
    """Name of the label map of an image layer."""
    return f"{image.name} labels" if image is not None else ""


def colors_name(image: Image | None) -> str:
    """Name of the color layer of an image layer."""
    return f"{image.name} colors" if image is not None else ""


def meaning_of(labels: Labels | None, usual: ClassMap) -> ClassMap:
    """The classes of a label map: its own, none where its numbers are regions, or the usual ones."""
    if labels is None:
        return usual
    return class_map_of(labels) or (ClassMap() if is_regions(labels) else usual)


def class_map_of(layer: Labels) -> ClassMap | None:
    """The class map that a labels layer carries; None where it has none."""
    text = notes_of(layer).get("classes")
    return _parse_classes(text) if isinstance(text, str) else None


@lru_cache
def _parse_classes(text: str) -> ClassMap:
    return ClassMap.from_json(text)


def is_regions(layer: Labels) -> bool:
    """Whether the user said that the numbers of a labels layer are regions without a class."""
    return bool(notes_of(layer).get("regions"))


def mark_regions(layer: Labels) -> None:
    """Note that the numbers of a labels layer are regions without a class."""
    note(layer, regions=True, classes=None)


def is_settled(layer: Labels) -> bool:
    """Whether it is known what the numbers of a labels layer mean."""
    return class_map_of(layer) is not None or is_regions(layer)


def show_classes(layer: Labels, classes: ClassMap) -> None:
    """Give a labels layer a class map: its colors, the names in the status bar, and a copy in the metadata."""
    options = classes.layer_options()
    note(layer, **options["metadata"][METADATA_KEY])
    shown = DirectLabelColormap(color_dict=options["colormap"])
    if not _are_same(layer.colormap, shown):  # a changed one is a new texture
        layer.colormap = shown
    layer.features = options["features"]


def _are_same(before: Any, after: DirectLabelColormap) -> bool:
    """Whether two colormaps show the same colors."""
    if not isinstance(before, DirectLabelColormap) or before.color_dict.keys() != after.color_dict.keys():
        return False
    return all(np.array_equal(before.color_dict[label], color) for label, color in after.color_dict.items())


def forget_classes(layer: Labels) -> None:
    """Take the class map from a labels layer: what its numbers mean is not known."""
    note(layer, regions=False, classes=None)
    layer.colormap = label_colormap()
    layer.features = {}
