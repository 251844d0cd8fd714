"""Label maps and models as files that napari opens and saves, and sample photographs and micrographs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.notifications import show_info
from skimage import color, data

from napari_colorizer._napari.shared.layer_notes import METADATA_KEY
from napari_colorizer._napari.shared.layers import class_map_of, show_classes
from napari_colorizer._napari.shared.signals import shared_signals
from napari_colorizer.color_files import write_picture
from napari_colorizer.errors import FileError
from napari_colorizer.files import read_image, read_label_map, write_label_map

LayerTuple = tuple[Any, dict[str, Any], str]
SAMPLES = {
    "astronaut": "Eileen Collins, photographed by NASA, public domain",
    "battery_park": "Castle Clinton and Battery Park, New York, in 1961, photographed by Jack E. Boucher, National "
    "Park Service, public domain",
    "camera": "Photographer, by Lav Varshney, CC0",
    "chelsea": "Chelsea the cat, by Stefan van der Walt, CC0",
    "coffee": "Cup of coffee, by Rachel Michetti, CC0",
    "immunohistochemistry": "Glands of the colon under a light microscope, by the Center for Microscopy and Molecular "
    "Imaging, no known copyright restrictions",
    "rocket": "Falcon 9 on its launch pad, by SpaceX, CC0",
}


def sample(name: str) -> list[LayerTuple]:
    """A photograph or micrograph as a gray layer of 8 bits, with its source and terms."""
    image = sample_pixels(name)
    if image.ndim == 3:
        image = np.round(color.rgb2gray(image) * 255).astype(np.uint8)
    return [(image, {"name": name, "metadata": {"credit": SAMPLES[name]}}, "image")]


def sample_pixels(name: str) -> np.ndarray:
    """A sample as it was taken, uint8: gray (H, W) or in color (H, W, 3). It lies here, or scikit-image ships it."""
    here = Path(__file__).with_name(f"{name}.jpg")
    return read_image(here) if here.exists() else getattr(data, name)()


astronaut = partial(sample, "astronaut")
battery_park = partial(sample, "battery_park")
camera = partial(sample, "camera")
chelsea = partial(sample, "chelsea")
coffee = partial(sample, "coffee")
immunohistochemistry = partial(sample, "immunohistochemistry")
rocket = partial(sample, "rocket")


def get_label_map_reader(path: str | list[str]) -> Callable[[str], list[LayerTuple]] | None:
    """Reader of label maps; the manifest offers it for the names that label maps get here, ``*labels.png``."""
    return read_labels_layer if isinstance(path, str) and path.lower().endswith(".png") else None


def read_labels_layer(path: str) -> list[LayerTuple]:
    """Read a label map as a named Labels layer, with the classes that the file holds."""
    labels, classes = read_label_map(path)
    layer = Labels(labels, name=Path(path).name.removesuffix(".png").removesuffix(".labels"))
    if classes is not None:
        layer.name = f"{layer.name} labels"
        show_classes(layer, classes)
    return [layer.as_layer_data_tuple()]


def write_labels_layer(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write a 2-D labels layer as an indexed PNG with its class map inside; `OSError` if it cannot be."""
    labels = np.asarray(data)
    name = attributes.get("name")
    if labels.ndim != 2:
        raise OSError(
            f"the labels layer {name!r} has {labels.ndim} axes; a PNG holds two. Save it as TIFF, or save a single "
            "plane"
        )
    layer = Labels(labels, metadata=attributes.get("metadata") or {})
    try:
        write_label_map(path, labels, class_map_of(layer))
    except FileError as error:  # napari takes a ValueError for "there is no such writer", and does not show its text
        raise OSError(f"the labels layer {name!r} cannot be saved as PNG: {error}") from error
    return [path]


def write_colors_layer(path: str, data: Any, attributes: dict[str, Any]) -> list[str]:
    """Write an 8-bit RGB layer as PNG, JPEG, TIFF, WebP or BMP, whatever the case of the suffix; `OSError` if not."""
    name, rgb = attributes.get("name"), np.asarray(data)
    if rgb.ndim != 3 or rgb.shape[2] not in (3, 4) or rgb.dtype != np.uint8:
        raise OSError(
            f"the layer {name!r} is not an 8-bit RGB image ({rgb.dtype}, shape {rgb.shape}), which alone can be "
            "saved as colors. Choose another file type"
        )
    notes = (attributes.get("metadata") or {}).get(METADATA_KEY, {})
    try:
        write_picture(path, rgb, f"colored with {notes['model']}" if notes.get("model") else "")
    except FileError as error:
        raise OSError(f"the layer {name!r} cannot be saved: {error}") from error
    return [path]


def get_model_reader(path: str | list[str]) -> Callable[[str], list[tuple[None]]] | None:
    """Reader of model files: opening one installs it."""
    if isinstance(path, list) or not path.lower().endswith(".safetensors"):
        return None
    return install_model_file


def install_model_file(path: str) -> list[tuple[None]]:
    """Install a model file under its own name; gives no layers."""
    from napari_colorizer.models.library import install_file

    name = install_file(path).stem
    shared_signals.models_changed.emit()
    show_info(f"The model {name!r} is installed: choose it in the Colorize dock")
    return [(None,)]  # napari's way to say that a file was read, but gives no layer
