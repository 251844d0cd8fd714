"""Writing into label maps, so that nothing of anybody's is lost: as one undo step, or into a copy."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_colorizer._napari.shared import layer_notes
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layer_transforms import transform_of
from napari_colorizer.classes import LARGEST_ID

if TYPE_CHECKING:
    from napari_colorizer._napari.colorize.controller import ColorizeController

PAINTED = ("zarr", "tensorstore")  # whose arrays napari can paint on, beside NumPy's
LARGEST_UNDO = 100_000_000  # pixels; napari keeps the indices, the old and the new value of each


def obstacle(layer: Labels, changed: int = 0) -> str:
    """Why a label map cannot be written into so that it can be undone; "" where it can.

    Parameters
    ----------
    layer : Labels
    changed : int
        How many pixels would change.
    """
    if layer.multiscale:
        return "has several levels"
    if not isinstance(layer.data, np.ndarray):
        return f"is not in memory ({_library(layer.data)})"
    if _is_file(layer.data):
        return "is a memory-mapped file"
    if not layer.data.flags.writeable:
        return "is read-only"
    if changed > LARGEST_UNDO:
        return "is too large for an undo"
    return ""


def can_be_painted(layer: Labels) -> bool:
    """Whether napari's own brush and bucket can paint on a label map: on dask they may fail, with a traceback."""
    if isinstance(layer.data, np.ndarray):
        return layer.data.flags.writeable
    return not layer.multiscale and _library(layer.data) in PAINTED


def _library(data: Any) -> str:
    return type(data).__module__.partition(".")[0]


def _is_file(data: Any) -> bool:
    """Whether an array, or what it is a view of, is mapped from a file."""
    while data is not None:
        if isinstance(data, np.memmap | mmap.mmap):
            return True
        data = getattr(data, "base", None)
    return False


def copy_of(layer: Labels) -> Labels:
    """A layer of the same labels in memory, with the same meaning, look and place; the first one is hidden."""
    data = np.array(on_layers.full_data(layer))
    copy = Labels(
        data,
        name=f"{layer.name} copy",
        opacity=layer.opacity,
        metadata=dict(layer.metadata),
        **transform_of(layer, data.ndim),
    )
    classes = on_layers.class_map_of(layer)
    if classes is not None:
        on_layers.show_classes(copy, classes)
    copy.contour = layer.contour
    layer_notes.note_laid(copy)
    layer.visible = False
    return copy


def writable(controller: ColorizeController, changed: int = 0) -> Labels:
    """The label map, if so many of its pixels can be changed and undone; else a copy, chosen in its place."""
    labels = controller.labels
    assert labels is not None
    reason = obstacle(labels, changed)
    if not reason:
        return labels
    copy = copy_of(labels)
    controller.viewer.add_layer(copy)
    controller.choose_labels(copy)
    controller.message.emit(
        f"The label map {labels.name!r} {reason}: it is left unchanged, and the changes are made in {copy.name!r}"
    )
    return copy


def write_labels(layer: Labels, index: tuple[int, ...], labels: NDArray[np.integer]) -> None:
    """Write a plane into a labels layer that has no `obstacle`, as one undo step."""
    changed = np.nonzero(layer.data[index] != labels)
    if not len(changed[0]):
        return
    make_room_for(layer, int(labels.max()))
    kind = np.min_scalar_type(max(layer.data.shape))  # napari keeps the indices: small ones take a quarter of the room
    values = labels[changed].astype(layer.data.dtype)
    leading = tuple(np.full(len(changed[0]), value, kind) for value in index)
    layer.data_setitem((*leading, *(axis.astype(kind) for axis in changed)), values)


def make_room_for(layer: Labels, label: int) -> None:
    """Make sure that the array of a labels layer can hold an id; what was drawn can be undone all the same."""
    if np.iinfo(layer.data.dtype).max < label <= LARGEST_ID:
        layer.data = np.asarray(layer.data).astype(np.uint16)


def replace_data(layer: Labels, data: NDArray[np.integer]) -> None:
    """Give a labels layer other data, and clear its undo history: it would replay stale strokes into them."""
    layer.data = data
    editable, mode = layer.editable, layer.mode
    layer.editable = not editable  # a change of this property is what resets the history, and takes the tool away
    layer.editable = editable
    layer.mode = mode
