"""One image of a folder after the other, label maps and colors saved on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from psygnal import Signal

from napari_colorizer._napari import layers as on_layers
from napari_colorizer._napari.prediction import Prediction
from napari_colorizer._napari.runner import Request, Work
from napari_colorizer.classes import ClassMap
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


class Folder:
    """The images of a folder, of which one is open.

    Beside ``A.jpg`` the label map is kept as ``A.labels.png`` and the colors as ``A.color.png``.

    Parameters
    ----------
    prediction : Prediction
    """

    changed = Signal()

    def __init__(self, prediction: Prediction):
        self.prediction = prediction
        self.controller = prediction.controller
        self.images: list[Path] = []
        self.position = 0
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
        self._turn_to(images, 0)

    def step(self, by: int) -> None:
        """Save what is open and go on to the next (1) or previous (-1) image."""
        position = self.position + by
        if not self.images:
            self.controller.message.emit("Open a folder of images first")
        elif 0 <= position < len(self.images):
            self._turn_to(self.images, position)
        else:
            self.controller.message.emit("This is the last image" if by > 0 else "This is the first image")

    def _turn_to(self, images: list[Path], position: int) -> None:
        def prepare() -> Work:
            save = self._prepare_save()
            path = images[position]

            def work() -> tuple[Any, Any, Any]:
                if save is not None:
                    save()
                image, map_file = read_image(path), beside(path, LABELS_SUFFIX)
                labels, classes = read_label_map(map_file) if map_file.is_file() else (None, None)
                return image, labels, classes

            return work

        def then(result: tuple[Any, Any, Any]) -> None:
            self.images, self.position = images, position
            self._show(*result)
            self.changed.emit()

        self.controller.runner.submit(Request("folder", prepare, then, "Saving and opening"))

    def _prepare_save(self) -> Work | None:
        """What writes the label map and the colors of the open image; None where there is nothing to save."""
        controller, path = self.controller, self.current
        if path is None or self._layer is None or controller.image is not self._layer or controller.labels is None:
            return None
        picture = on_layers.picture_of(self._layer, controller.viewer, controller.generation)
        labels = on_layers.plane_of(controller.labels, self._layer, controller.viewer)
        classes, options, model = controller.classes, controller.options, controller.model

        def save() -> None:
            write_label_map(beside(path, LABELS_SUFFIX), labels, classes)
            if model.color_ids:
                rgb = controller.bench.color(model.name, picture, labels, classes, options, force=True).rgb
                assert rgb is not None
                write_color(beside(path, COLOR_SUFFIX), rgb, f"colored with {model.name}")

        return save

    def _show(self, image: np.ndarray, labels: np.ndarray | None, classes: ClassMap | None) -> None:
        """Put the image and its label map, read or predicted, in the place of those of the last image."""
        controller, path = self.controller, self.current
        assert path is not None
        for layer in (controller.colors, controller.labels, self._layer):
            if self._layer is not None and layer is not None and layer in controller.viewer.layers:
                controller.viewer.layers.remove(layer)
        rgb = image.ndim == 3
        self._layer = Image(image, name=path.stem, rgb=rgb, metadata={"path": str(path)})
        controller.viewer.add_layer(self._layer)
        controller.choose_image(self._layer)
        if labels is None:
            if controller.model.has_segmenter:
                self.prediction.predict()
            return
        layer = Labels(labels, name=on_layers.labels_name(self._layer), opacity=on_layers.LABELS_OPACITY)
        if classes is not None:
            on_layers.show_classes(layer, classes)
        controller.viewer.add_layer(layer)
        controller.choose_labels(layer)
