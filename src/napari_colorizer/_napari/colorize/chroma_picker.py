"""A plane of a* and b* to pick from: only what can be had at a lightness."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QImage, QMouseEvent, QPixmap
from qtpy.QtWidgets import QLabel

SIDE = 129  # pixels
MOST = 128  # of a* and b*; at each lightness, what there is of it fills the plane


class ChromaPicker(QLabel):
    """Shows the colors that there are at a lightness; a click picks one."""

    picked = Signal(tuple)  # a*, b*

    def __init__(self) -> None:
        super().__init__()
        self.lightness, self.reach = 65.0, float(MOST)
        self.setFixedSize(SIDE, SIDE)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setToolTip(
            "<p>All colors that are possible at this lightness: gray in the middle, more saturated outwards</p>"
        )
        self.setAccessibleName("Colors at this lightness")

    def show_lightness(self, lightness: float) -> None:
        """Show the colors at a lightness (L*, 0..100)."""
        from napari_colorizer.engine.palettes import available_colors  # brings torch

        self.lightness = lightness
        rgb, available = available_colors(lightness, 2 * MOST + 1)
        reach = int(np.abs(np.argwhere(available) - MOST).max(initial=1))
        self.reach, part = float(reach), slice(MOST - reach, MOST + reach + 1)
        rgba = np.ascontiguousarray(np.dstack([rgb, np.where(available, 255, 0).astype(np.uint8)])[part, part])
        side = len(rgba)
        image = QImage(rgba.data, side, side, 4 * side, QImage.Format.Format_RGBA8888)
        self.setPixmap(QPixmap.fromImage(image.copy()).scaled(SIDE, SIDE))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Qt's word that a mouse button was pressed: where there is no such color, the nearest of its hue is picked."""
        from napari_colorizer.engine.palettes import nearest_available  # brings torch

        place, middle = event.position(), (SIDE - 1) / 2
        wish = (place.x() / middle - 1) * self.reach, (1 - place.y() / middle) * self.reach
        self.picked.emit(nearest_available(self.lightness, wish))
