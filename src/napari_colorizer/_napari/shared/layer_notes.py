"""What the plugin notes in the metadata of layers, which napari copies with them."""

from __future__ import annotations

from typing import Any

from napari.layers import Image, Labels, Layer

from napari_colorizer.classes import LAYER_NOTES

METADATA_KEY = LAYER_NOTES


def note(layer: Layer, **facts: Any) -> None:
    """Note facts in the metadata of a layer."""
    layer.metadata = {**layer.metadata, METADATA_KEY: {**notes_of(layer), **facts}}


def note_image(layer: Layer, image: Image) -> None:
    """Note that a layer is the label map or the colors of an image layer."""
    note(layer, image=str(image.unique_id))


def belongs_to(layer: Layer, image: Image | None) -> bool:
    """Whether a label map or color layer was noted as one of that image layer, whatever they are called now."""
    return image is not None and notes_of(layer).get("image") == str(image.unique_id)


def note_colors(layer: Image) -> None:
    """Note that a layer is one that the plugin colors; its copies know by it that they are copies."""
    note(layer, colors=str(layer.unique_id))


def is_colors(layer: Layer) -> bool:
    """Whether an image layer is one that the plugin colored, or a copy of such a layer."""
    return isinstance(layer, Image) and bool(notes_of(layer).get("colors"))


def note_laid(layer: Labels) -> None:
    """Note that a label map was laid by the plugin; a copy of it is the user's own."""
    note(layer, laid=str(layer.unique_id))


def is_laid(layer: Labels) -> bool:
    """Whether a label map was laid by the plugin, which may then show that of another image in its place."""
    return notes_of(layer).get("laid") == str(layer.unique_id)


def notes_of(layer: Layer) -> dict[str, Any]:
    """All facts that are noted in a layer; a copy."""
    return dict(layer.metadata.get(METADATA_KEY, {}))
