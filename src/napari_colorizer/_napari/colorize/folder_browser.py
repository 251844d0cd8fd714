"""One image of a folder after the other, label maps and colors saved on the way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray
from psygnal import Signal

from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize.color_updates import asked_in
from napari_colorizer._napari.colorize.known_files import KnownFiles
from napari_colorizer._napari.colorize.layer_reuse import let_be_drawn, show_gray, show_image, show_label_map
from napari_colorizer._napari.colorize.prediction import Prediction
from napari_colorizer._napari.colorize.saved_state import SavedState, digest
from napari_colorizer._napari.colorize.wished import Wished
from napari_colorizer._napari.shared import layer_notes
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.questions import Answer
from napari_colorizer._napari.shared.task_queue import Request, Work
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.labels import dtype_for
from napari_colorizer.errors import FileError, readable
from napari_colorizer.files import (
    COLOR_SUFFIX,
    LABELS_SUFFIX,
    beside,
    images_in,
    read_image,
    read_label_map,
    write_color,
    write_label_map,
)

MOST_SHOWN = 60  # characters of a name that is too long
Opened = tuple[NDArray[Any], NDArray[Any] | None, ClassMap | None]  # an image, its label map and its classes


def kept_as(image: Path, images: list[Path], suffix: str) -> Path:
    """Where the label map or colors of an image are kept: ``A.labels.png``, or ``A.jpg.labels.png`` beside A.png."""
    same_stem = sum(other.stem.lower() == image.stem.lower() for other in images)
    return image.with_name(f"{image.name}{suffix}") if same_stem > 1 else beside(image, suffix)


def first_readable(images: list[Path], position: int, by: int) -> tuple[int, Opened, list[Exception]]:
    """Read the first image from a position on that can be read; gives its position, and what is wrong with others."""
    problems: list[Exception] = []
    while 0 <= position < len(images):
        try:
            return position, read_with_labels(images[position], images), problems
        except (FileError, OSError) as error:
            problems.append(error)
            position += by
    raise problems[0]


def read_with_labels(path: Path, images: list[Path]) -> Opened:
    """Read an image and the label map beside it, if there is one."""
    image, map_file = read_image(path), kept_as(path, images, LABELS_SUFFIX)
    try:
        there = map_file.is_file()
    except OSError as error:  # a name that is too long, say
        wanted = "its label map cannot be saved beside it"
        raise FileError(f"{readable(path.name, MOST_SHOWN)}: {wanted} ({error.strerror}); rename it") from error
    labels, classes = read_label_map(map_file) if there else (None, None)
    if labels is not None and labels.shape != image.shape[:2]:
        raise FileError(f"{map_file.name} has the shape {labels.shape}, {path.name} {image.shape[:2]}: move it away")
    return image, labels, classes


class FolderBrowser:
    """The images of a folder, of which one is open.

    Beside ``A.jpg`` the label map is kept as ``A.labels.png`` and the colors as ``A.color.png``. What has not changed
    is not written, and what somebody else wrote not without a question.

    Parameters
    ----------
    prediction : Prediction
    files : KnownFiles
    """

    changed = Signal()
    overwrite_requested = Signal(list, object)  # the files that would be overwritten, and who is told the answer
    saved = Signal(object, object)  # a label map that is safe now, and its plane

    def __init__(self, prediction: Prediction, files: KnownFiles):
        self.prediction = prediction
        self.controller = prediction.controller
        self.files, self.kept = files, SavedState(files)
        self._for_all: Answer | None = None  # what the user answered for the rest of the folder
        self.images: list[Path] = []
        self.position = 0
        self._unsaved = False  # the last try to save has failed, and the user was told
        self._layer: Image | None = None  # what was opened from here; nothing else is saved

    @property
    def current(self) -> Path | None:
        """File of the open image."""
        return self.images[self.position] if self.images else None

    def open(self, folder: str | Path) -> None:
        """Open the first image of a folder."""
        try:
            images = images_in(folder)
        except OSError as error:
            self.controller.message.emit(f"{folder} cannot be opened: {error.strerror}")
            return
        if not images:
            self.controller.message.emit(
                f"There are no images in {folder}: PNG, JPEG, TIFF, BMP or WebP files are read"
            )
            return
        self._turn_to(images, 0, 1)

    def step(self, by: int) -> None:
        """Save what is open and go on to the next (1) or previous (-1) image."""
        position = self.position + by
        if not self.images:
            self.controller.message.emit("Open a folder of images first")
        elif 0 <= position < len(self.images):
            self._turn_to(self.images, position, by)
        else:
            self.controller.message.emit("This is the last image" if by > 0 else "This is the first image")
            self._agree(self._save)

    def _save(self, left: frozenset[Path]) -> None:
        """Save what is open, but for the files that are to be left as they are."""
        prepare = partial(self._prepare_save, left=left)
        self.controller.tasks.submit(Request("save", lambda: prepare(self._own_labels()), lambda _: None, "Saving"))

    def _agree(self, then: Callable[[frozenset[Path]], None]) -> None:
        """Ask about files of others that would be overwritten, and go on with those that are to stay."""
        try:
            others = self.files.of_others(self._would_write(self._own_labels()))
        except on_layers.LayerError as error:
            self.controller.complain("Saving", error)
            return
        if not others:
            then(frozenset())
        elif self._for_all is not None:
            then(frozenset(others if self._for_all == "keep" else ()))
        else:

            def told(answer: Answer, for_all: bool) -> None:
                if answer != "cancel":
                    self._for_all = answer if for_all else None
                    then(frozenset(others if answer == "keep" else ()))

            self.overwrite_requested.emit(others, told)

    def _turn_to(self, images: list[Path], position: int, by: int) -> None:
        """Save what is open, and open an image; what cannot be read is passed over in the direction `by`."""
        self._agree(lambda left: self._save_and_open(images, position, by, left))

    def _save_and_open(self, images: list[Path], position: int, by: int, left: frozenset[Path]) -> None:
        saved: list[NDArray[Any] | None] = []
        insisting, self._unsaved = self._unsaved, False

        def prepare() -> Work:
            saved.append(self._own_labels())
            save = self._prepare_save(saved[-1], left)

            def work() -> tuple[int, Opened, list[Exception]]:
                if save is not None and not insisting:
                    save()
                return first_readable(images, position, by)

            return work

        def then(result: tuple[int, Opened, list[Exception]]) -> None:
            found, opened, problems = result
            now = self._own_labels()
            if now is not None and (saved[-1] is None or not np.array_equal(now, saved[-1])):
                self._turn_to(images, position, by)  # something was drawn in the meantime
                return
            if now is not None and not (insisting or left):
                self.saved.emit(self.controller.labels, now)
            if images is not self.images:
                self._for_all = None
            self.images, self.position = images, found
            self._note(*opened)
            self._show(*opened, "\n".join(f"Passed over: {problem}" for problem in problems))
            self.changed.emit()

        self.controller.tasks.submit(Request("folder", prepare, then, "Saving and opening"))

    def _own_labels(self) -> NDArray[Any] | None:
        """The label map of the image that was opened from here, on which the dock then works again."""
        controller = self.controller
        if self._layer is None or self._layer not in controller.viewer.layers:
            return None
        controller.choose_image(self._layer)
        if controller.labels is None:
            return None
        return on_layers.plane_of(controller.labels, self._layer, controller.viewer).copy()

    def _would_write(self, labels: NDArray[Any] | None) -> dict[Path, tuple[Any, ...]]:
        """The files that have to be written, and what they are to hold."""
        controller, path = self.controller, self.current
        if path is None or labels is None or self._layer is None:
            return {}
        if controller.labels is None or not on_layers.is_settled(controller.labels):
            return {}  # as it was read, its classes are not known yet
        own = digest(labels), controller.classes
        wanted: dict[Path, tuple[Any, ...]] = {kept_as(path, self.images, LABELS_SUFFIX): own}
        if controller.model.color_ids:
            how = controller.model, controller.options, controller.adjustment, controller.wishes.now
            wanted[kept_as(path, self.images, COLOR_SUFFIX)] = (*own, *how)
        return {file: contents for file, contents in wanted.items() if self.kept.lacks(file, *contents)}

    def _note(self, _image: NDArray[Any], labels: NDArray[Any] | None, classes: ClassMap | None) -> None:
        """Note what is in the files of the image that was opened."""
        controller, path = self.controller, self.current
        if labels is None or classes is None or path is None:
            return
        own = digest(labels), classes
        self.kept.note(kept_as(path, self.images, LABELS_SUFFIX), *own)
        how = controller.model, controller.options, controller.adjustment, Wished()
        self.kept.suppose(kept_as(path, self.images, COLOR_SUFFIX), *own, *how)

    def _prepare_save(self, labels: NDArray[Any] | None, left: frozenset[Path]) -> Work | None:
        """What writes the label map and the colors of the open image; None where there is nothing to save."""
        controller, path, layer = self.controller, self.current, self._layer
        wanted = {file: contents for file, contents in self._would_write(labels).items() if file not in left}
        if not wanted or path is None or labels is None or layer is None:
            return None
        picture = controller.picture_of(layer)
        classes, options, model = controller.classes, controller.options, controller.model
        asking = asked_in(controller, layer)

        def save() -> None:
            for file, contents in wanted.items():
                try:
                    if file.name.endswith(LABELS_SUFFIX):
                        write_label_map(file, labels, classes)
                    else:
                        rgb = inference.colorize(model.name, picture, labels, classes, options, asking)
                        write_color(file, rgb, f"colored with {model.name}")
                except OSError as error:
                    self._unsaved = True
                    raise FileError(
                        f"{path.name}: {file.name} cannot be saved in {path.parent} "
                        f"({error.strerror or error}). Make room, or press the button again to continue without saving"
                    ) from error
                self.kept.note(file, *contents)

        return save

    def _show(self, image: np.ndarray, labels: np.ndarray | None, classes: ClassMap | None, message: str) -> None:
        """Put the image and its label map, read or predicted, in the layers of the last ones."""
        controller, path, last = self.controller, self.current, self._layer
        assert path is not None
        own = controller.image is last
        kept, colors = (controller.labels, controller.colors) if own else (None, None)
        controller.choose_image(None)
        self._layer = show_image(controller.viewer, image, path.stem, str(path), last if own else None)
        on_it = partial(self._lay, self._layer, labels, classes, kept, colors, message)
        if kept is None or self._layer is last:
            on_it()
        else:
            controller.tasks.submit(Request("lay", lambda: let_be_drawn, lambda _: on_it(), "Opening"))

    def _lay(
        self,
        layer: Image,
        labels: NDArray[Any] | None,
        classes: ClassMap | None,
        kept: Labels | None,
        colors: Image | None,
        message: str,
    ) -> None:
        """Lay a label map on the image that was opened, in the layers `kept` and `colors` where there are such."""
        controller = self.controller
        if layer not in controller.viewer.layers:
            return
        show_gray(controller.viewer, colors, layer)
        if kept is not None and kept in controller.viewer.layers and layer_notes.is_laid(kept):
            usual = controller.default_classes
            if labels is None:
                show_label_map(kept, layer, np.zeros(on_layers.image_shape(layer), dtype_for(usual)), usual)
            else:
                show_label_map(kept, layer, labels, classes)
            controller.labels_written.emit(kept)
            controller.choose_image(None)  # it was taken as the first image that came, before its colors were there
            controller.choose_image(layer)
            controller.choose_labels(kept)
        else:
            controller.choose_image(layer)
            if labels is not None:
                controller.add_labels(labels, classes)
        if labels is None and controller.model.has_segmenter:
            self.prediction.predict()
        if message:
            controller.message.emit(message)
