"""What the dock says of itself as long as there is no image, and the samples that it offers."""

from __future__ import annotations

from functools import partial

from napari.layers import Layer

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.io import LayerTuple, sample
from napari_colorizer._napari.shared.task_queue import Request
from napari_colorizer._napari.shared.welcome import Welcome

LINES = (
    "Colorize colors a gray image by a label map, which says what is where in it.",
    "Open an image (<i>File &gt; Open</i>, or drop it on the canvas), or start with a sample:",
    "Then press <b>Predict labels</b>, and correct the label map: the colors follow.",
)
SAMPLES = {
    "Photographer": "camera",
    "Old photograph": "battery_park",
    "Astronaut": "astronaut",
    "Cat": "chelsea",
    "Coffee": "coffee",
    "Rocket": "rocket",
    "Micrograph": "immunohistochemistry",
}


class ColorizeWelcome(Welcome):
    """Offers the sample images.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        self.controller = controller
        choices = {text: partial(self.open, name) for text, name in SAMPLES.items()}
        super().__init__(LINES, choices, "Opens this sample image, in gray")

    def open(self, name: str) -> None:
        """Open a sample image, which may have to be downloaded, in the background."""
        self.controller.tasks.submit(
            Request("sample", lambda: partial(sample, name), self._show, "Opening the sample image")
        )

    def _show(self, layers: list[LayerTuple]) -> None:
        for layer in layers:
            self.controller.viewer.add_layer(Layer.create(*layer))
