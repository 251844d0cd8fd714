"""A sitting that was loaded, shown in a viewer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.result_layers import new_labels_layer
from napari_colorizer._napari.colorize.sitting_wishes import give_wishes
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import ClassMap
from napari_colorizer.errors import ColorizerError

if TYPE_CHECKING:  # it brings torch, which is for the background
    from napari_colorizer.sittings.sitting import Sitting


@dataclass(frozen=True)
class Found:
    """A sitting that was loaded.

    Attributes
    ----------
    name : str
    sitting : Sitting
    pixels : array, optional
        The image, where it is there as it was.
    model : str, optional
        Name of the model, where it is there as it was.
    problems : tuple of str
        What is not.
    """

    name: str
    sitting: Sitting
    pixels: NDArray[Any] | None
    model: str | None
    problems: tuple[str, ...]


def find(path: Path) -> Found:
    """Load a sitting, in the background, and look for its image and model."""
    from napari_colorizer.sittings.sitting import Sitting

    return look_for(path.stem, Sitting.load(path))


def look_for(name: str, sitting: Sitting, with_image: bool = True) -> Found:
    """Look, in the background, for the model and, if wanted, the image of a sitting."""
    from napari_colorizer.models.library import installed_models

    problems, pixels, model = list(sitting.problems), None, None
    if with_image:
        try:
            pixels = sitting.image.read()
        except (ColorizerError, OSError) as error:
            problems.append(str(error))
    try:
        file = sitting.model.find()
        model = next((name for name, other in installed_models().items() if other == file), str(file))
    except (ColorizerError, OSError) as error:
        problems.append(str(error))
    return Found(name, replace(sitting, problems=()), pixels, model, tuple(problems))


def show(controller: ColorizeController, found: Found) -> None:
    """Show a sitting in the viewer: what is missing of it is told, and the rest is there."""
    image = _show_image(controller, found)
    take_over(controller, found, image)
    _show_labels(controller, image, found.sitting.labels, found.sitting.classes)
    controller.message.emit("\n".join((f"Opened {found.name}", *found.problems)))


def take_over(controller: ColorizeController, found: Found, image: Image | None) -> None:
    """Choose the model and the options of a sitting, and wish what it says for the colors of an image."""
    sitting = found.sitting
    if found.model is not None and found.model != controller.model.name:
        controller.choose_model(found.model)
    options = sitting.options
    controller.set_options(working_size=options.working_size, chroma_gain=options.chroma_gain)
    if image is not None:
        said = {"hints": sitting.hints, "pins": sitting.pins, "adjustment": sitting.adjustment}
        give_wishes(controller, image, said)


def _show_image(controller: ColorizeController, found: Found) -> Image | None:
    """The layer of the image: the one at hand where it shows that image, a new one, or one that would do."""
    sitting, pixels = found.sitting, found.pixels
    now = controller.image
    if pixels is None:
        fits = sitting.labels is not None and now is not None and on_layers.image_shape(now) == sitting.labels.shape
        return now if fits else None
    if now is None or now.multiscale or now.data.shape != pixels.shape or not np.array_equal(now.data, pixels):
        path = sitting.image.path
        metadata = {} if path is None else {"path": str(sitting.image.find())}
        name = found.name if path is None else path.stem
        now = Image(pixels, name=name, rgb=pixels.ndim == 3, metadata=metadata)
        controller.viewer.add_layer(now)
        controller.choose_image(now)
    if not now.rgb:
        now.contrast_limits = sitting.limits or range_of(pixels)
    return now


def _show_labels(
    controller: ColorizeController, image: Image | None, labels: NDArray[Any] | None, classes: ClassMap | None
) -> None:
    if labels is None:
        return
    own = controller.model.classes if classes is None else classes
    if image is None:  # kept all the same
        layer = Labels(labels, name="label map of a sitting")
        on_layers.show_classes(layer, own)
        controller.viewer.add_layer(layer)
        return
    if controller.labels is not None:
        controller.labels.visible = False
    if len(own):
        controller.add_labels(labels, own)
        return
    layer = new_labels_layer(controller.viewer, image, labels, None)
    on_layers.mark_regions(layer)  # ids without classes
    controller.labels_written.emit(layer)
    controller.choose_labels(layer)


def range_of(pixels: NDArray[Any]) -> tuple[float, float]:
    """The values that mean black and white where nothing else is said."""
    if pixels.dtype.kind in "iu":
        info = np.iinfo(pixels.dtype)
        return float(info.min), float(info.max)
    return 0.0, 1.0
