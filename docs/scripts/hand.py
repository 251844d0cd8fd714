"""A hand in a real napari window: it clicks, paints and types as a user does, and counts what it did.

What the scripts of the two tutorials share: they take pictures on the way, and put the list of actions into their page.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import napari
import numpy as np
from make_pictures import IMAGES, QUALITY, WINDOW_WIDTH, settle
from napari._qt.widgets.qt_color_swatch import QColorSwatchEdit
from napari.layers import Points
from napari.utils.colormaps.standardize_color import transform_color
from numpy.typing import NDArray
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QCursor, QImage
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QWidget

from napari_colorizer._napari.actions import open_colorize
from napari_colorizer._napari.bench.stroke import MOVE, PACE, PRESS, RELEASE, send_mouse
from napari_colorizer._napari.colorize.widget import ColorizeWidget

DOCS = IMAGES.parent
WINDOW = 1500, 950  # pixels on the screen
LARGEST = 200_000  # bytes of a picture
PATIENCE_S = 300
STEP = 6  # pixels of the image from one move of the mouse to the next
MARKS = "<!-- actions -->\n", "<!-- end of actions -->\n"

Point = tuple[float, float]  # y, x


class Hand:
    """Does what a user does; each method is one action, and is done when the dock has nothing left to do.

    Parameters
    ----------
    viewer : napari.Viewer
    dock : ColorizeWidget

    Attributes
    ----------
    actions : list of str
        What was done, in the words of the page.
    """

    def __init__(self, viewer: napari.Viewer, dock: ColorizeWidget):
        self.viewer, self.dock = viewer, dock
        self.actions: list[str] = []
        viewer.window._qt_window.activateWindow()
        self.wait()

    def press(self, told: str, button: QAbstractButton) -> None:
        """Press a button."""
        if not button.isEnabled() or not button.isVisible():
            raise ValueError(f"a user cannot press {button.text()!r}")
        button.click()
        self._done(told)

    def choose(self, told: str, box: QComboBox, text: str) -> None:
        """Choose an entry of a list that folds down."""
        box.setCurrentText(text)
        box.activated.emit(box.currentIndex())
        self._done(told)

    def choose_class(self, told: str, name: str) -> None:
        """Click a class in the list of classes."""
        table, label = self.dock.class_list.table, self.dock.controller.classes.named(name).id
        row = table.model().index(self.dock.class_list.visible_ids().index(label), 0)
        table.scrollTo(row)
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(row).center())
        self._done(told)

    def key(self, told: str, key: Qt.Key, at: Point | None = None) -> None:
        """Press a key, with the cursor at a point of the image."""
        if at is not None:
            self._move(at)
        QTest.keyClick(QApplication.focusWidget() or self._canvas, key)
        self._done(told)

    def stroke(self, told: str, points: Sequence[Point]) -> None:
        """Draw a stroke, or click, with the tool of the selected layer."""
        self._move(points[0])
        send_mouse(self.viewer, PRESS, np.array(points[0]))
        for begin, end in pairwise(points):
            steps = max(1, round(np.hypot(*np.subtract(end, begin)) / STEP))
            for part in np.linspace(begin, end, steps + 1)[1:]:
                self._move(tuple(part))
        send_mouse(self.viewer, RELEASE, np.array(points[-1]))
        self._done(told)

    def type(self, told: str, field: QLineEdit, text: str) -> None:
        """Type something into a field, and press Enter."""
        field.selectAll()
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Qt.Key.Key_Return)
        self._done(told)

    def wait(self) -> None:
        """Let the dock finish, and the window paint itself."""
        settle()
        self._until(lambda: self.dock.controller.tasks.idle)
        settle()

    def picture(self, over: QWidget | None = None) -> Image.Image:
        """The window; with what has opened over it, as the screen shows both."""
        if over is None:
            picture = Image.fromarray(self.viewer.screenshot(canvas_only=False, flash=False)).convert("RGB")
        else:
            window = self.viewer.window._qt_window
            shown = window.frameGeometry().united(over.frameGeometry())
            picture = Image.fromarray(_screen()).crop(shown.getCoords())
        picture.thumbnail((WINDOW_WIDTH, WINDOW_WIDTH), Image.Resampling.LANCZOS)
        return picture

    def canvas(self) -> NDArray[np.uint8]:
        """What the canvas shows of the image, as it lies there."""
        return self.viewer.export_figure(flash=False)[..., :3]

    @property
    def _canvas(self) -> QWidget:
        return self.viewer.window._qt_viewer.canvas.native

    def _done(self, told: str) -> None:
        self.actions.append(told)
        print(f"{len(self.actions):3}. {told}", flush=True)
        self.wait()

    def _move(self, point: Point) -> None:
        """Move the mouse to a point of the image; napari drops moves that come too fast."""

        def arrived() -> bool:
            send_mouse(self.viewer, MOVE, np.array(point))
            time.sleep(PACE)
            return bool(np.allclose(self.viewer.cursor.position[-2:], point, atol=1))

        canvas = self.viewer.window._qt_viewer.canvas
        x, y = (canvas.view.transform * canvas.view.scene.transform).map(point[::-1])[:2]
        QCursor.setPos(self._canvas.mapToGlobal(QPoint(round(x), round(y))))
        self._until(arrived)

    def _until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not done():
            QApplication.processEvents()
            time.sleep(0.001)
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {len(self.actions)} actions the window did not answer")


@contextmanager
def opened(sample: str) -> Iterator[Hand]:
    """A hand in a window with a sample photograph and the dock, which knows nothing of earlier windows."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAPARI_COLORIZER_MODELS"] = str(Path(folder) / "models")
        viewer = napari.Viewer(title="napari-colorizer")
        viewer.open_sample("napari-colorizer", sample)
        viewer.window.resize(*WINDOW)
        hand = Hand(viewer, open_colorize(viewer))
        viewer.reset_view()  # it was fitted to the window before that had its size
        yield hand
        viewer.close()


def _screen() -> NDArray[np.uint8]:
    image = QApplication.primaryScreen().grabWindow(0).toImage().convertToFormat(QImage.Format.Format_RGBX8888)
    values = np.frombuffer(image.constBits().asarray(image.sizeInBytes()), np.uint8)
    return values.reshape(image.height(), image.width(), 4)[..., :3].copy()


def face_color_field(viewer: napari.Viewer, dots: Points) -> QLineEdit:
    """Where the color of the selected dots is typed, among napari's own controls of the layer."""
    shown = viewer.window._qt_viewer.controls.widgets[dots]
    now = transform_color(dots.current_face_color)
    return next(
        edit.line_edit
        for edit in shown.findChildren(QColorSwatchEdit)
        if np.allclose(transform_color(edit.line_edit.text()), now, atol=0.01)
    )


def save(pictures: dict[str, Image.Image]) -> None:
    """Write pictures into ``docs/images``, none of them larger than a page should load."""
    for name, picture in pictures.items():
        path = IMAGES / f"{name}.jpg"
        for quality in range(QUALITY, 0, -4):
            picture.save(path, quality=quality, optimize=True)
            if path.stat().st_size <= LARGEST:
                break


def make_page(page: str, sample: str, color: Callable[[Hand], dict[str, Image.Image]], most: int) -> None:
    """Let a function color a sample, and write the pictures that it gives and its actions for a page."""
    with opened(sample) as hand:
        pictures = color(hand)
        actions = hand.actions
    save(pictures)
    write_actions(page, actions, most)


def write_actions(page: str, actions: Sequence[str], most: int) -> None:
    """Put the list of actions between the marks of a page; `ValueError` if there are more than it promises."""
    if len(actions) > most:
        raise ValueError(f"{len(actions)} actions are more than {most}")
    path = DOCS / page
    before, rest = path.read_text("utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    lines = "".join(f"{number}. {told}\n" for number, told in enumerate(actions, 1))
    path.write_text(f"{before}{MARKS[0]}\n{lines}\n{MARKS[1]}{after}", "utf-8")
    print(f"{len(actions)} actions; at most {most}")
