"""The training set that is collected from the viewer, one image and its label map after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QWidget

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layers import LayerError
from napari_colorizer._napari.shared.questions import Answer, ask_to_overwrite
from napari_colorizer._napari.shared.signals import shared_signals
from napari_colorizer._napari.shared.task_queue import Request, Work
from napari_colorizer.classes import ClassMap
from napari_colorizer.errors import FileError
from napari_colorizer.files import images_in
from napari_colorizer.models.library import library_folder


def collected_folder() -> Path:
    """Where collected pairs are kept: beside the installed models."""
    return library_folder().parent / "training set"


def count_pairs(root: Path) -> int:
    """How many pairs a collected set has."""
    try:
        return len(images_in(root / "images"))
    except OSError:
        return 0


@dataclass(frozen=True)
class Collected:
    """A pair as it was saved.

    Attributes
    ----------
    image, mask : Path
    again : bool
        Whether its image was there before.
    gray : bool
        Whether the image has no color.
    replaced : bool
        Whether its label map took the place of another one.
    """

    image: Path
    mask: Path
    again: bool
    gray: bool
    replaced: bool


@dataclass(frozen=True)
class Doubt:
    """A pair whose image is there with other labels.

    Attributes
    ----------
    mask : Path
        Those labels.
    replace : callable
        Saves the pair in their place.
    """

    mask: Path
    replace: Callable[[], Collected]


class Collector:
    """Saves the plane that is on the screen, and its label map, as one more pair.

    Where that image is in the set already, whatever its layer, with other labels, it is asked which are to stay.

    Parameters
    ----------
    controller : ColorizeController
        Its image is the truth about colors if it is RGB; a gray one teaches the segmenter only.
    dock : QWidget
        In whose window it is asked.
    """

    def __init__(self, controller: ColorizeController, dock: QWidget):
        self.controller, self.dock = controller, dock

    def add(self) -> None:
        """Save the pair in the background, and say where it is."""
        request = Request("collect", self._prepare, self._tell, "Adding to the training set")
        self.controller.tasks.submit(request)

    def _prepare(self) -> Work:
        controller = self.controller
        image, labels = controller.image, controller.labels
        if image is None:
            raise LayerError("Choose the image layer to add to the training set first")
        if labels is None:
            raise LayerError(f"{image.name!r} has no label map yet: press Predict labels and correct the result")
        if on_layers.class_map_of(labels) is None:
            raise LayerError(f"the numbers of {labels.name!r} are not classes: give them classes before you add it")
        plane = on_layers.plane_of(labels, image, controller.viewer).copy()
        if not plane.any():
            raise LayerError(f"the label map {labels.name!r} is empty: label something before you add it")
        picture = controller.picture_of(image)
        index = on_layers.plane_index(image, controller.viewer)
        name, classes = "_".join((image.name, *map(str, index))), controller.classes
        return lambda: save_or_doubt(name, picture, plane, classes)

    def _tell(self, saved: Collected | Doubt) -> None:
        if isinstance(saved, Doubt):
            self._ask(saved)
            return
        root = collected_folder()
        count = count_pairs(root)
        done = "replaced in" if saved.replaced else "already, with these labels, in" if saved.again else "added to"
        text = f"{saved.image.stem!r} was {done} the training set, which has {count} pair{'s' * (count != 1)}: {root}"
        if saved.gray:
            text += "\nThe image is gray: it can train the segmenter, but not the colorizer"
        shared_signals.pairs_changed.emit()
        self.controller.message.emit(text)

    def _ask(self, doubt: Doubt) -> None:
        """Ask whether other labels of the same image are to be replaced."""

        def told(answer: Answer, _for_all: bool) -> None:
            if answer == "overwrite":
                request = Request("collect", lambda: doubt.replace, self._tell, "Adding to the training set")
                self.controller.tasks.submit(request)
            else:
                self.controller.message.emit(f"{doubt.mask.stem!r} stays in the training set with its old labels")

        ask_to_overwrite(self.dock.window(), [doubt.mask], told, what="The label map of the same image, added before.")


def save_or_doubt(name: str, picture: on_layers.Picture, labels: NDArray[Any], classes: ClassMap) -> Collected | Doubt:
    """Save a picture and its label map (H, W), unless other labels of it are there."""
    from napari_colorizer.datasets.collect import HasLabelsError

    try:
        return save(name, picture, labels, classes)
    except HasLabelsError as error:
        return Doubt(error.mask, lambda: save(name, picture, labels, classes, overwrite=True))


def save(
    name: str, picture: on_layers.Picture, labels: NDArray[Any], classes: ClassMap, overwrite: bool = False
) -> Collected:
    """Save a picture and its label map (H, W); `HasLabelsError` if other labels of it are there, and are to stay."""
    from napari_colorizer.color import normalize
    from napari_colorizer.datasets.collect import add_pair
    from napari_colorizer.datasets.photos import is_gray, to_rgb8

    rgb, root = to_rgb8(normalize(np.asarray(picture.pixels), picture.limits), name), collected_folder()
    try:
        added = add_pair(root, name, rgb, labels, classes, overwrite)
    except OSError as error:
        raise FileError(f"{name!r} cannot be added to the training set in {root}: {error.strerror or error}") from error
    return Collected(*added, gray=is_gray(rgb), replaced=added.again and overwrite)
