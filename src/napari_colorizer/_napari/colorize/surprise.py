"""*Surprise me*: a strip of different plausible colorings of the image; a click takes one over as pins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from qtpy.QtCore import QSize
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QGridLayout, QToolButton, QWidget

from napari_colorizer._napari.colorize.color_popup import pixmap_of
from napari_colorizer._napari.colorize.color_updates import asked_in
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.likely_colors import Variant, variants
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.task_queue import Request, Work
from napari_colorizer.engine.pins import Pins

COUNT, ACROSS = 4, 2
WIDTH = 130  # pixels of a preview
NONE = "There is nothing to vary: the image has no class that the model can color. Press Predict labels first"


class Surprise(QWidget):
    """The strip, hidden until there is something to show.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        super().__init__()
        self.controller = controller
        self.seed = -1
        self.variants: list[Variant] = []
        self.buttons = [QToolButton(accessibleName=f"Coloring {number + 1}") for number in range(COUNT)]
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(3)
        for number, button in enumerate(self.buttons):
            button.setIconSize(QSize(WIDTH, WIDTH))
            button.setToolTip("Colors the image like this, with a pin for each class")
            button.clicked.connect(lambda _=False, number=number: self.take(number))
            grid.addWidget(button, number // ACROSS, number % ACROSS)
        controller.wishes_changed.connect(self._on_wishes)
        self._of: object = None  # the wishes of the image whose colorings are shown
        self.hide()

    def ask(self) -> None:
        """Look for four colorings, others each time."""
        controller = self.controller
        if controller.image is None:
            controller.message.emit("Choose an image layer first")
            return
        self.seed += 1
        if controller.colors is None:
            controller.colorize()
        controller.tasks.submit(Request("variants", self._prepare, self._show, "Looking for other colorings"))

    def take(self, number: int) -> None:
        """Pin the classes as in one of the colorings: one step of undo."""
        wished = self.controller.wishes.now
        colors = Pins(self.variants[number].pins)
        self.controller.wish(replace(wished, classes=wished.classes | colors))

    def _prepare(self) -> Work | None:
        chosen, image = self.controller, self.controller.image
        if image is None or not chosen.model.color_ids:
            return None
        picture, asking, cache, seed = (
            chosen.picture_of(image), asked_in(chosen, image), chosen.updates.session_cache, self.seed
        )  # fmt: skip
        plane = None if chosen.labels is None else on_layers.plane_of(chosen.labels, image, chosen.viewer)
        wishes, model, classes, options = chosen.wishes, chosen.model.name, chosen.classes, chosen.options

        def work() -> tuple[object, list[Variant]]:
            labels = np.zeros(picture.pixels.shape[:2], np.uint8) if plane is None else plane.copy()
            question = variants(COUNT, seed, labels)
            return wishes, cache.ask(model, picture, labels, classes, options, asking, question)

        return work

    def _show(self, found: tuple[object, list[Variant]]) -> None:
        wishes, drawn = found
        if wishes is not self.controller.wishes:
            return
        self.variants = drawn
        if not self.variants:
            self.controller.message.emit(NONE)
        self._of = wishes
        for number, button in enumerate(self.buttons):
            button.setVisible(number < len(self.variants))
            if number < len(self.variants):
                button.setIcon(QIcon(pixmap_of(self.variants[number].picture)))
        self.setVisible(bool(self.variants))

    def _on_wishes(self) -> None:
        """Show no colorings of another image than the chosen one."""
        if self.controller.wishes is not self._of:
            self.hide()
