"""*Snap to edges*: the border of the last stroke, or of the region under the cursor, goes to the edges of the image."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.label_writing import writable, write_labels
from napari_colorizer._napari.colorize.layer_events import listen
from napari_colorizer._napari.colorize.pointing import Pixel, pixel_at
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.task_queue import Request, Work

DOING = "Snapping to edges"


class SnapTool:
    """Tidies regions of the label map of a controller.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        self.controller = controller
        self._labels: Labels | None = None
        self._painted: tuple[float, ...] | None = None  # where a stroke was drawn last, in the world
        controller.layers_changed.connect(self._follow)
        self._follow()

    def release(self) -> None:
        """Listen to no label map any more."""
        listen(self._labels, ("paint",), self._on_paint, False)
        self._labels = None

    def _follow(self) -> None:
        """Listen to the strokes on the chosen label map."""
        if self.controller.labels is not self._labels:
            self.release()
            self._labels, self._painted = self.controller.labels, None
            listen(self._labels, ("paint",), self._on_paint, True)

    def _on_paint(self, _event: Any = None) -> None:
        self._painted = tuple(self.controller.viewer.cursor.position)

    def snap_last_stroke(self) -> None:
        """Tidy the region in which a stroke was drawn last."""
        if self._painted is None:
            self.controller.message.emit("Paint a stroke first, or press Shift+G with the cursor over a region")
        else:
            self._snap(self._painted)

    def snap_under_cursor(self) -> None:
        """Tidy the region under the cursor."""
        self._snap(tuple(self.controller.viewer.cursor.position))

    def _snap(self, position: tuple[float, ...]) -> None:
        """Tidy a region in the background, as one undo step."""
        controller = self.controller

        def prepare() -> Work | None:
            labels, image = controller.labels, controller.image
            if labels is None or image is None or (pixel := pixel_at(labels, position)) is None:
                return None
            now = on_layers.plane_of(labels, image, controller.viewer).copy()
            index = on_layers.plane_index(labels, controller.viewer)
            picture = controller.picture_of(image)
            return lambda: (labels, index, now, _snapped(picture, now, pixel))

        controller.tasks.submit(Request("snap", prepare, self._show, DOING))

    def _show(self, result: tuple[Labels, tuple[int, ...], NDArray[Any], NDArray[Any]]) -> None:
        labels, index, before, wanted = result
        if labels is not self.controller.labels:
            return
        now = np.array(on_layers.full_data(labels)[index])
        wanted = np.where(now != before, now, wanted)  # what was drawn meanwhile
        write_labels(writable(self.controller, int(np.count_nonzero(now != wanted))), index, wanted)


def _snapped(picture: on_layers.Picture, labels: NDArray[Any], pixel: Pixel) -> NDArray[Any]:
    """In the background: the label map with one border moved."""
    import torch

    from napari_colorizer.color import lightness, normalize
    from napari_colorizer.engine.snap import snap

    gray = lightness(torch.from_numpy(np.ascontiguousarray(normalize(*picture.seen())))).numpy()
    return snap(gray, labels, pixel)
