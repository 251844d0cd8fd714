"""A plane of a* and b* to pick from: only what can be had at a lightness."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QImage, QMouseEvent, QPixmap
from qtpy.QtWidgets import QLabel

SIDE = 129  # pixels


class ChromaPicker(QLabel):
    """Shows the colors that there are at a lightness; a click picks one."""

    picked = Signal(tuple)  # a*, b*

    def __init__(self) -> None:
        super().__init__()
        self.lightness = 65.0
        self.setFixedSize(SIDE, SIDE)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setToolTip("<p>All colors that this can have at its lightness: gray in the middle, stronger outwards</p>")
        self.setAccessibleName("Colors at this lightness")

    def show_lightness(self, lightness: float) -> None:
        """Show the colors at a lightness (L*, 0..100)."""
        from napari_colorizer.engine.palettes import available_colors  # brings torch

        self.lightness = lightness
        rgb, available = available_colors(lightness, SIDE)
        rgba = np.ascontiguousarray(np.dstack([rgb, np.where(available, 255, 0).astype(np.uint8)]))
        image = QImage(rgba.data, SIDE, SIDE, 4 * SIDE, QImage.Format.Format_RGBA8888)
        self.setPixmap(QPixmap.fromImage(image.copy()))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Qt's word that a mouse button was pressed: where there is no such color, the nearest of its hue is picked."""
        from napari_colorizer.engine.palettes import nearest_available  # brings torch

        place, middle = event.position(), (SIDE - 1) / 2
        wish = (place.x() / middle - 1) * 128, (1 - place.y() / middle) * 128
        self.picked.emit(
            nearest_available(self.lightness, (max(-128, min(128, wish[0])), max(-128, min(128, wish[1]))))
        )
