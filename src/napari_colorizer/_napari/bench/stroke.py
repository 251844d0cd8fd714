"""A recorded stroke of the brush, sent to napari's canvas as the mouse would, and a clock for what it sets going."""

# The plugin is imported where it is needed only: who times how the dock opens wants to count what that loads.

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

import napari
import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication
from vispy.gloo.glir import GlirTexture2D

PACE = 0.012  # seconds from one event to the next; vispy drops moves that come within 10 ms
REST = 0.0005  # seconds between two looks at what Qt has to do
PATIENCE = 2  # seconds for an event to arrive
SWING = (250, 350)  # pixels up and down, left and right of the middle
JITTER = 6  # pixels by which every other move is off, so that none is lost without a trace
PRESS, MOVE, RELEASE = QEvent.Type.MouseButtonPress, QEvent.Type.MouseMove, QEvent.Type.MouseButtonRelease


class Clock:
    """Adds up how long the main thread works, and how much of that the plugin does.

    Attributes
    ----------
    worked, plugin, processor : float
        Seconds; `plugin` are those in its handlers, layer refresh included, and in uploading colors to textures;
        `processor` are those in which a processor ran the main thread: all waiting is left out.
    shown : int
        How often colors have been uploaded.
    """

    def __init__(self) -> None:
        self.shown, self._inside = 0, False
        self.reset()

    def reset(self) -> None:
        """Add up seconds anew."""
        self.worked = self.plugin = self.processor = 0.0

    def run(self, work: Callable[[], object]) -> None:
        """Do some work of the main thread."""
        began, processor = time.perf_counter(), time.thread_time()
        work()
        self.processor += time.thread_time() - processor
        self.worked += time.perf_counter() - began

    def let_work(self, seconds: float, enough: Callable[[], bool] = lambda: True) -> None:
        """Let Qt work for so many seconds, and longer, as far as there is patience, where that is not enough."""
        began = time.perf_counter()
        while True:
            self.run(QApplication.processEvents)
            passed = time.perf_counter() - began
            if passed >= seconds and (enough() or passed >= seconds + PATIENCE):
                return
            time.sleep(REST)

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Time the plugin meanwhile: all that it does on the main thread begins in one of these methods."""
        from napari_colorizer._napari.colorize.color_updates import ColorUpdates
        from napari_colorizer._napari.colorize.selection import Selection
        from napari_colorizer._napari.shared.task_queue import TaskQueue

        places: dict[str, Any] = {
            "_on_edit": Selection,
            "_show": ColorUpdates,
            "_show_more": ColorUpdates,
            "_next": TaskQueue,
            "set_data": GlirTexture2D,
        }
        originals = {name: getattr(owner, name) for name, owner in places.items()}
        for name, owner in places.items():
            setattr(owner, name, self._timed(originals[name]))
        try:
            yield
        finally:
            for name, owner in places.items():
                setattr(owner, name, originals[name])

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def timed(*arguments: Any) -> Any:
            texture = isinstance(arguments[0], GlirTexture2D)
            if self._inside or (texture and not _has_colors(arguments[-1])):
                return method(*arguments)
            self.shown += texture
            self._inside, began = True, time.perf_counter()
            try:
                return method(*arguments)
            finally:
                self._inside = False
                self.plugin += time.perf_counter() - began

        return timed


def _has_colors(texture: NDArray[Any]) -> bool:
    return texture.ndim == 3 and texture.shape[-1] >= 3


class Stroke:
    """A stroke on a label map, from the press of the button to its release.

    Parameters
    ----------
    viewer : napari.Viewer
        Shown, with the label map selected and in a mode that paints.
    labels : napari.layers.Labels
    events : int
        Press, moves and release.

    Attributes
    ----------
    lost : int
        Events that the layer did not get, of all strokes so far.
    released : float
        When the button was released the last time, by `time.perf_counter`.
    """

    def __init__(self, viewer: napari.Viewer, labels: Labels, events: int):
        self._viewer, self._points = viewer, points_through(labels.data.shape, events)
        self._seen, self.lost, self.released = 0, 0, 0.0
        labels.mouse_drag_callbacks.append(self._count)

    def paint(self, clock: Clock) -> NDArray[np.float64]:
        """Paint it: seconds (events, 3) of each event, what `Clock` calls worked, plugin and processor.

        The next event is sent when the layer has got the last one, but no faster than a mouse does.
        """
        times = np.empty((len(self._points), 3))
        kinds = [PRESS, *[MOVE] * (len(times) - 2), RELEASE]
        self._seen = 0
        for number, (kind, point) in enumerate(zip(kinds, self._points, strict=True)):
            clock.reset()
            sent = self.released = time.perf_counter()
            clock.run(partial(send_mouse, self._viewer, kind, point))
            clock.let_work(sent + PACE - time.perf_counter(), partial(self._has_seen, number + 1))
            times[number] = clock.worked, clock.plugin, clock.processor
        self.lost += len(times) - self._seen
        return times

    def _has_seen(self, events: int) -> bool:
        return self._seen >= events

    def _count(self, _layer: Labels, event: Any) -> Iterator[None]:
        self._seen += 1
        yield
        while event.type == "mouse_move":
            self._seen += 1
            yield
        self._seen += 1


def points_through(shape: tuple[int, ...], events: int) -> NDArray[np.float64]:
    """Points (events, 2) of a stroke around the middle of an image: an eight that trembles."""
    angle = np.linspace(0, 2 * np.pi, events)
    swing = [min(most, 0.3 * side) for most, side in zip(SWING, shape, strict=True)]
    points = np.stack([np.sin(2 * angle), np.cos(angle)], 1) * swing + np.array(shape) / 2
    points[1::2] += JITTER
    return points


def send_mouse(viewer: napari.Viewer, kind: QEvent.Type, point: NDArray[np.float64]) -> None:
    """Send the canvas an event of the left mouse button, at a point (y, x) of the world."""
    canvas = viewer.window._qt_viewer.canvas
    x, y = (canvas.view.transform * canvas.view.scene.transform).map(point[::-1])[:2]
    local = QPoint(round(x), round(y))
    position = QPointF(local), QPointF(canvas.native.mapToGlobal(local))
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    buttons = none if kind == MOVE else left, none if kind == RELEASE else left
    event = QMouseEvent(kind, *position, *buttons, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(canvas.native, event)
