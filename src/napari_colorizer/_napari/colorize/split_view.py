"""The split view: the image as it was on the left of a divider, its colors on the right."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from napari.layers import Image
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QPushButton, QWidget
from vispy.visuals.filters.clipping_planes import PlanesClipper

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.keys import SPLIT, SPLIT_LEFT, SPLIT_RIGHT, shown
from napari_colorizer._napari.shared.dock import canvas_of, focus_canvas

STEP = 0.02  # of the canvas, by a key
GRIP, LINE = 11, 2  # pixels: what the mouse can take hold of, and what is seen of it
LINE_COLOR, EDGE_COLOR = "#ffffff", "#404040"  # one of them is seen on anything


class Divider(QWidget):
    """A line from the top to the bottom of a canvas, which the mouse drags.

    Parameters
    ----------
    canvas : QWidget
    share : float
        How much of the canvas lies left of it, from 0 to 1.
    """

    moved = Signal(float)  # the mouse has taken it to another share of the canvas

    def __init__(self, canvas: QWidget, share: float):
        super().__init__(canvas)
        self.setToolTip("<p>Drag it: the original image is on the left, its colors on the right</p>")
        self.setAccessibleName("Divider of the split view")
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.share = share
        canvas.installEventFilter(self)
        self.place()

    def place(self) -> None:
        """Stand where the share says, over the whole height."""
        canvas = self.parentWidget()
        assert canvas is not None
        self.setGeometry(round(self.share * canvas.width()) - GRIP // 2, 0, GRIP, canvas.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Stay at the same share of a canvas whose size changes."""
        if event.type() == QEvent.Type.Resize:
            self.place()
            self.moved.emit(self.share)
        return bool(super().eventFilter(watched, event))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Qt's word that it is taken hold of: the canvas is not to paint."""
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Qt's word that it is dragged."""
        canvas = self.parentWidget()
        assert canvas is not None
        x = self.mapToParent(event.position().toPoint()).x()
        self.moved.emit(min(max(x / max(canvas.width(), 1), 0.0), 1.0))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Qt's word that it is let go."""
        event.accept()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Qt's word that it is to be drawn: a light line with dark edges."""
        painter = QPainter(self)
        left = (GRIP - LINE) // 2
        painter.fillRect(left - 1, 0, LINE + 2, self.height(), QColor(EDGE_COLOR))
        painter.fillRect(left, 0, LINE, self.height(), QColor(LINE_COLOR))
        painter.end()


class SplitView:
    """Leaves the colors of a controller's image undrawn on the left of a divider.

    Only the drawing of the layers is cut off on the graphics card: their data, and what is saved of them, stay whole.
    The divider stands on the canvas, whatever is zoomed, moved or turned below it, and is where it was when the split
    is taken back up.

    Parameters
    ----------
    controller : ColorizeController
    dock : QWidget
        Lies in the window whose canvas is split.

    Attributes
    ----------
    on : bool
    share : float
        How much of the canvas is left of the divider, from 0 to 1.
    button : QPushButton
    """

    def __init__(self, controller: ColorizeController, dock: QWidget):
        self.controller, self.dock = controller, dock
        self.on, self.share = False, 0.5
        self.divider: Divider | None = None
        self._cut: list[tuple[Any, PlanesClipper]] = []  # what is drawn, and what cuts it off
        self.button = QPushButton("Split view", checkable=True)
        self.button.setToolTip(
            "<p>Shows the original image on the left of a divider that you can drag, and its colors on the right "
            f"({SPLIT}; {shown(SPLIT_LEFT)} and {shown(SPLIT_RIGHT)} move it)</p>"
        )
        self.button.clicked.connect(lambda _=False: self._on_clicked())
        controller.updates.colors_changed.connect(self._show)
        controller.viewer.dims.events.ndisplay.connect(self._on_ndisplay)
        controller.viewer.bind_key(SPLIT, lambda _: self.toggle(), overwrite=True)

    def release(self) -> None:
        """Show the whole of the colors again, and unbind the key."""
        self._switch(False)
        self.controller.viewer.dims.events.ndisplay.disconnect(self._on_ndisplay)
        self.controller.viewer.bind_key(SPLIT, None)

    def toggle(self) -> None:
        """Split the view, or show the whole of the colors again."""
        if not self.on and not self.controller.color_layers:
            self.controller.message.emit("There are no colors yet to compare the image with: press Colorize first")
        elif not self.on and canvas_of(self.dock) is None:
            self.controller.message.emit("There is no canvas to split: the dock is not in a napari window")
        else:
            self._switch(not self.on)
        self.button.setChecked(self.on)

    def move(self, share: float) -> None:
        """Move the divider to a share of the canvas, from 0 to 1."""
        self.share = min(max(share, 0.0), 1.0)
        self._place()

    def _on_clicked(self) -> None:
        self.toggle()
        focus_canvas(self.dock)

    def _switch(self, on: bool) -> None:
        if on == self.on:
            return
        self.on = on
        for key, step in ((SPLIT_LEFT, -STEP), (SPLIT_RIGHT, STEP)):
            act = (lambda _, step=step: self.move(self.share + step)) if on else None
            self.controller.viewer.bind_key(key, act, overwrite=True)
        self._show()

    def _on_ndisplay(self, _event: Any) -> None:
        self._show()

    def _show(self) -> None:
        """Cut off the layers that show the colors now, if they are to be, and no other any more; in 3D none."""
        self._leave()
        canvas = canvas_of(self.dock)
        if not self.on or self.controller.viewer.dims.ndisplay != 2 or canvas is None:
            return
        for layer in self.controller.color_layers:
            if (node := _node_of(layer, canvas)) is not None:
                self._cut.append((node, PlanesClipper(coord_system="canvas")))
                node.attach(self._cut[-1][1])
        if not self._cut:
            return
        self.divider = Divider(canvas.native, self.share)
        self.divider.moved.connect(self.move)
        self.divider.show()
        self._place()

    def _leave(self) -> None:
        for node, clipper in self._cut:
            node.detach(clipper)
            node.update()
        self._cut = []
        if self.divider is not None:
            with suppress(RuntimeError):  # it is gone with the window
                self.divider.hide()
                self.divider.deleteLater()
            self.divider = None

    def _place(self) -> None:
        if self.divider is None:
            return
        self.divider.share = self.share
        self.divider.place()
        x = self.share * self.divider.parentWidget().width()
        for node, clipper in self._cut:
            clipper.clipping_planes = np.array([[[x, 0, 0], [1, 0, 0]]], np.float32)
            node.update()


def _node_of(colors: Image, canvas: Any) -> Any:
    """What draws a layer on a canvas in the 2D view; None where nothing does."""
    visual = canvas.layer_to_visual.get(colors)
    return None if visual is None else visual._layer_node.get_node(2)
