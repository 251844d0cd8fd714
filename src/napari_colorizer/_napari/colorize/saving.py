"""Saving the label map and the colors of the image on the screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray
from psygnal import Signal

from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize.color_updates import asked_in
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.known_files import KnownFiles
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layers import LayerError
from napari_colorizer._napari.shared.questions import Answer, Told
from napari_colorizer._napari.shared.task_queue import Request, Work
from napari_colorizer.color_files import write_picture
from napari_colorizer.errors import FileError
from napari_colorizer.files import write_label_map

NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
LONGEST_NAME = 200  # bytes of a name that a suffix is added to


class Saver:
    """Writes the label map, the colors, or both, and never over somebody's file unasked.

    Parameters
    ----------
    controller : ColorizeController
    files : KnownFiles
    """

    overwrite_requested = Signal(list, object)  # the files that would be overwritten, and who is told the answer
    saved = Signal(object, object)  # a label map that is safe now, and its plane

    def __init__(self, controller: ColorizeController, files: KnownFiles):
        self.controller, self.files = controller, files
        self.folder: Path | None = None  # where something was saved last

    def suggestion(self, suffix: str) -> Path | None:
        """Where something of the image would be saved; None, and a message, if there is nothing or no name for it."""
        if self.controller.image is None:
            self.controller.message.emit("There is nothing to save yet: open an image first")
            return None
        try:
            return self._place(self.controller.image, suffix)
        except LayerError as error:
            self.controller.message.emit(str(error))
            return None

    def _place(self, image: Image, suffix: str) -> Path:
        """In the last folder, or beside the image."""
        source = path_of(image)
        folder = self.folder or (source.parent if source is not None else Path.home())
        index = on_layers.plane_index(image, self.controller.viewer)
        stem = source.stem if source is not None else image.name
        return folder / f"{file_name('_'.join((stem, *map(str, index))))}{suffix}"

    def save(self, labels: Path | None = None, colors: Path | None = None, agreed: bool = False) -> None:
        """Save the label map, the colors, or both, each to a file; `agreed` says that the user knows what is there."""
        paths = [path for path in (labels, colors) if path is not None]
        others = [] if agreed else self.files.of_others(paths)
        if not others:
            self.controller.tasks.submit(
                Request("save as", lambda: self._prepare(labels, colors), self._tell, "Saving")
            )
            return

        def told(answer: Answer, _for_all: bool) -> None:
            kept = others if answer == "keep" else []
            some_labels, some_colors = (None if path in kept else path for path in (labels, colors))
            if answer != "cancel" and (some_labels or some_colors):
                self.save(some_labels, some_colors, agreed=True)

        asked: Told = told
        self.overwrite_requested.emit(others, asked)

    def _prepare(self, labels: Path | None, colors: Path | None) -> Work:
        controller = self.controller
        image, layer = controller.image, controller.labels
        if image is None:
            raise LayerError("There is nothing to save yet: open an image first")
        if labels is not None and layer is None:
            raise LayerError(f"{image.name!r} has no label map to save yet: press Predict labels, or paint some labels")
        plane = None if layer is None else on_layers.plane_of(layer, image, controller.viewer).copy()
        classes = None if layer is None else on_layers.class_map_of(layer)
        rgb = self._colors(image, plane) if colors is not None else None
        description = f"colored with {controller.model.name}"

        def work() -> tuple[list[Path], Labels | None, NDArray[Any] | None]:
            written = []
            if labels is not None and plane is not None:
                write(labels, lambda: write_label_map(labels, plane, classes))
                written.append(labels)
            if colors is not None and rgb is not None:
                pixels = rgb()
                write(colors, lambda: write_picture(colors, pixels, description))
                written.append(colors)
            return written, layer if labels is not None else None, plane

        return work

    def _colors(self, image: Image, plane: NDArray[Any] | None) -> Callable[[], NDArray[np.uint8]]:
        """What gives the colors: those that are shown, or, where they follow the label map, those of it."""
        controller = self.controller
        if controller.colors is not None and not controller.following:
            shown = np.array(controller.colors.data)
            return lambda: shown
        if controller.colors is None and not controller.model.color_ids:
            raise LayerError(
                f"{image.name!r} has no colors, and the model {controller.model.name!r} cannot color: "
                "choose another model"
            )
        picture = controller.picture_of(image)
        model, classes, asking = controller.model.name, controller.classes, asked_in(controller, image)
        labels = np.zeros(picture.pixels.shape[:2], np.uint8) if plane is None else plane
        options = controller.options
        return lambda: inference.colorize(model, picture, labels, classes, options, asking)

    def _tell(self, result: tuple[list[Path], Labels | None, NDArray[Any] | None]) -> None:
        written, layer, plane = result
        for path in written:
            self.files.note(path)
        self.folder = written[0].parent
        if layer is not None:
            self.saved.emit(layer, plane)
        names = " and ".join(path.name for path in written)
        self.controller.message.emit(f"Saved {names} in {self.folder}")


def write(path: Path, writer: Callable[[], None]) -> None:
    """Write a file; `FileError`, with its name and what helps, if it cannot be."""
    try:
        writer()
    except OSError as error:
        reason = error.strerror or error
        raise FileError(f"{path.name} cannot be saved in {path.parent} ({reason}). Choose another folder") from error


def path_of(image: Image | None) -> Path | None:
    """The file that an image layer was opened from."""
    if image is None:
        return None
    path = image.metadata.get("path") or image.source.path
    return Path(path) if isinstance(path, str | Path) else None


def file_name(text: str) -> str:
    """The name of a layer, without what a file's name cannot have."""
    name = NOT_IN_NAMES.sub("_", text).strip(" .") or "image"
    return name.encode()[:LONGEST_NAME].decode(errors="ignore")
