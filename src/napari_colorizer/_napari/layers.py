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

from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.errors import ColorizerError

METADATA_KEY = "napari-colorizer"
STRAY_COLOR = "magenta"
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
    """

    name: str
    pixels: Any
    limits: tuple[float, float] | None
    key: tuple[Any, ...]


def plane_index(layer: Image | Labels, viewer: ViewerModel) -> tuple[int, ...]:
    """Index of the plane of `layer` that `viewer` shows: one number for each axis before the last two.

    Raises
    ------
    LayerError
        If the layer has fewer than two axes, or the viewer does not show its last two.
    """
    leading = layer.ndim - 2
    if leading < 0:
        raise LayerError(f"the layer {layer.name!r} has one axis only; choose an image with at least two")
    if leading == 0:
        return ()
    if viewer.dims.ndisplay != 2 or set(viewer.dims.displayed) != {viewer.dims.ndim - 2, viewer.dims.ndim - 1}:
        raise LayerError(f"{layer.name!r} is colored plane by plane: show its last two axes, in the 2D view")
    position = layer.world_to_data(viewer.dims.point)[:leading]
    shape = full_data(layer).shape
    return tuple(int(np.clip(round(value), 0, size - 1)) for value, size in zip(position, shape, strict=False))


def full_data(layer: Image | Labels) -> Any:
    """The array of a layer; of one with several levels, the finest."""
    return layer.data[0] if layer.multiscale else layer.data


def picture_of(layer: Image, viewer: ViewerModel, generation: int) -> Picture:
    """The plane of an image layer that is on the screen; `generation` counts the changes of its pixels."""
    index = plane_index(layer, viewer)
    pixels = full_data(layer)[index]
    if 0 in pixels.shape:
        raise LayerError(f"the image {layer.name!r} is empty: its shape is {pixels.shape}")
    if pixels.dtype.kind == "c":
        raise LayerError(f"the image {layer.name!r} holds complex numbers; choose one with real numbers")
    limits = None if layer.rgb else (float(layer.contrast_limits[0]), float(layer.contrast_limits[1]))
    if layer.rgb and pixels.dtype.kind == "f":
        limits = (0.0, 1.0)
    return Picture(layer.name, pixels, limits, (id(layer), index, limits, generation))


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
        If the label map has another shape than the image.
    """
    if not fits(labels, image):
        raise LayerError(
            f"the label map {labels.name!r} has the shape {tuple(full_data(labels).shape)}, the image {image.name!r} "
            f"{image_shape(image)}: choose a label map of the same shape, or none and press Predict labels"
        )
    return full_data(labels)[plane_index(labels, viewer)]


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
    return next((layer for layer in own if _notes(layer)["colors"] == str(layer.unique_id)), None)


def belongs_to(layer: Layer, image: Image | None) -> bool:
    """Whether a label map or color layer was noted as one of that image layer, whatever they are called now."""
    return image is not None and _notes(layer).get("image") == str(image.unique_id)


def note(layer: Layer, **facts: Any) -> None:
    """Note facts in the metadata of a layer."""
    layer.metadata = {**layer.metadata, METADATA_KEY: {**_notes(layer), **facts}}


def note_image(layer: Layer, image: Image) -> None:
    """Note that a layer is the label map or the colors of an image layer."""
    note(layer, image=str(image.unique_id))


def note_colors(layer: Image) -> None:
    """Note that a layer is one that the plugin colors; its copies know by it that they are copies."""
    note(layer, colors=str(layer.unique_id))


def note_laid(layer: Labels) -> None:
    """Note that a label map was laid by the plugin; a copy of it is the user's own."""
    note(layer, laid=str(layer.unique_id))


def is_laid(layer: Labels) -> bool:
    """Whether a label map was laid by the plugin, which may then show that of another image in its place."""
    return _notes(layer).get("laid") == str(layer.unique_id)


def _notes(layer: Layer) -> dict[str, Any]:
    return dict(layer.metadata.get(METADATA_KEY, {}))


def labels_name(image: Image | None) -> str:
    """Name of the label map of an image layer."""
    return f"{image.name} labels" if image is not None else ""


def colors_name(image: Image | None) -> str:
    """Name of the color layer of an image layer."""
    return f"{image.name} colors" if image is not None else ""


def transform_of(layer: Layer, ndim: int) -> dict[str, Any]:
    """Where a layer lies in the world: the arguments that give a new layer of its last `ndim` axes the same place."""
    last = slice(layer.ndim - ndim, None)
    affine = np.eye(ndim + 1)
    affine[:-1, :-1] = layer.affine.linear_matrix[last, last]
    affine[:-1, -1] = layer.affine.translate[last]
    return {
        "scale": layer.scale[last],
        "translate": layer.translate[last],
        "rotate": layer.rotate[last, last],
        "shear": _shear(layer, last),
        "affine": affine,
        "units": layer.units[last],
        "axis_labels": layer.axis_labels[last],
    }


def _shear(layer: Layer, last: slice) -> NDArray[np.float64]:
    """The part of the upper-triangular shear values that concerns the last axes."""
    full = np.eye(layer.ndim)
    full[np.triu_indices(layer.ndim, 1)] = layer.shear
    part = full[last, last]
    return part[np.triu_indices(len(part), 1)]


def class_map_of(layer: Labels) -> ClassMap | None:
    """The class map that a labels layer carries; None where it has none."""
    text = _notes(layer).get("classes")
    return _parse_classes(text) if isinstance(text, str) else None


@lru_cache
def _parse_classes(text: str) -> ClassMap:
    return ClassMap.from_json(text)


def is_regions(layer: Labels) -> bool:
    """Whether the user said that the numbers of a labels layer are regions without a class."""
    return bool(_notes(layer).get("regions"))


def mark_regions(layer: Labels) -> None:
    """Note that the numbers of a labels layer are regions without a class."""
    note(layer, regions=True, classes=None)


def is_settled(layer: Labels) -> bool:
    """Whether it is known what the numbers of a labels layer mean."""
    return class_map_of(layer) is not None or is_regions(layer)


def show_classes(layer: Labels, classes: ClassMap) -> None:
    """Give a labels layer a class map: its colors, the names in the status bar, and a copy in the metadata."""
    note(layer, regions=False, classes=classes.to_json())
    colors: dict[int | None, Any] = {item.id: item.color for item in classes}
    shown = DirectLabelColormap(color_dict={**colors, UNLABELED: "transparent", None: STRAY_COLOR})
    if not _are_same(layer.colormap, shown):  # a changed one is a new texture
        layer.colormap = shown
    layer.features = {
        "index": [UNLABELED, *classes.ids],
        "class": ["unlabeled", *(item.name for item in classes)],
    }


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


def is_colors(layer: Layer) -> bool:
    """Whether an image layer is one that the plugin colored, or a copy of such a layer."""
    return isinstance(layer, Image) and bool(_notes(layer).get("colors"))
