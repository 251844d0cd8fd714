"""Zarr stores that this program has written, as layers that read from the disk what is on the screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import npe2

LayerTuple = tuple[Any, ...]


def get_store_reader(path: str | list[str]) -> Callable[[str], list[LayerTuple]] | None:
    """Reader of zarr stores; napari offers it for all folders, so those of others are read as napari does it."""
    return read_store if isinstance(path, str) else None


def read_store(path: str) -> list[LayerTuple]:
    """Colors as one RGB layer, or label maps as labels with their classes; both lazily, with scale and axes."""
    from napari_colorizer.batches.zarr_stacks import is_store  # zarr takes a second
    from napari_colorizer.ome_zarr import NOTES, levels_of

    group = _open_ours(path) if is_store(Path(path)) else None
    if group is not None and group.attrs.get(NOTES, {}).get("kind") != "labels":
        levels = levels_of(group)
        data = levels if len(levels) > 1 else levels[0]
        return [(data, {"name": Path(path).stem, "rgb": True, **_place(group)}, "image")]
    layers = npe2.read([path], stack=False, plugin_name="napari")
    return layers if group is None else [(data, _as_labels(path, group), "labels") for data, *_ in layers]


def _open_ours(path: str) -> Any:
    """The group of a store that this program has written; None for those of others."""
    import zarr

    from napari_colorizer.ome_zarr import NOTES

    node = zarr.open(path, mode="r")
    return node if isinstance(node, zarr.Group) and any(key.startswith(NOTES) for key in node.attrs) else None


def _as_labels(path: str, group: Any) -> dict[str, Any]:
    from napari_colorizer.classes import ClassMap
    from napari_colorizer.ome_zarr import NOTES

    classes = ClassMap.from_json(group.attrs[NOTES]["classes"])
    return {"name": Path(path).stem, **_place(group), **classes.layer_options()}


def _place(group: Any) -> dict[str, Any]:
    """Scale and names of the axes but for channels, as OME-Zarr tells them; a series of many axes tells none."""
    if "ome" not in group.attrs:
        return {}
    image = group.attrs["ome"]["multiscales"][0]
    scale = image["datasets"][0]["coordinateTransformations"][0]["scale"]
    kept = [(axis["name"], step) for axis, step in zip(image["axes"], scale, strict=True) if axis["name"] != "c"]
    return {"axis_labels": [name for name, _ in kept], "scale": [step for _, step in kept]}
