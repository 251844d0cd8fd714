"""Tab shows what it goes to."""

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from napari_colorizer._napari.shared.dock import Dock
from napari_colorizer._napari.shared.focus import FocusFrame

SKY = 50


class Plain(Dock):
    def stop(self):
        pass


@pytest.fixture
def pair(qtbot):
    """A dock with two buttons, of which the first has the keys."""
    dock, content = Plain(), QWidget()
    qtbot.addWidget(dock)
    first, second = QPushButton("first"), QPushButton("second")
    layout = QVBoxLayout(content)
    layout.addWidget(first)
    layout.addWidget(second)
    dock.show_content(content)
    dock.show()
    dock.activateWindow()
    qtbot.waitUntil(dock.isActiveWindow, timeout=10_000)
    first.setFocus()
    return dock, first, second


def framed(within):
    return [frame.widget() for frame in within.findChildren(FocusFrame) if frame.isVisible()]


def test_tab_frames_what_it_goes_to_until_something_else_has_the_keys(pair):
    dock, first, second = pair
    assert framed(dock) == []
    without = dock.grab().toImage()
    QTest.keyClick(first, Qt.Key.Key_Tab)
    assert framed(dock) == [second]
    assert dock.grab().toImage() != without
    QTest.keyClick(second, Qt.Key.Key_Backtab)
    assert framed(dock) == [first]
    second.setFocus()  # as by a click
    assert framed(dock) == []


def test_in_the_palette_a_color_is_typed_at_once_and_tab_goes_from_top_to_bottom(bare_predicted, wait):
    _, dock = bare_predicted
    dock.show()
    pins = dock.color_tools.pins
    pins.open_class(SKY, QPoint())
    wait(dock)
    popup = pins.popup
    assert popup.focusWidget() is popup.hex
    likely = popup.buttons()
    likely[0].setFocus()
    for now in (*likely[1:], popup.auto, popup.factors["Gray"]):
        QTest.keyClick(QApplication.focusWidget() or popup, Qt.Key.Key_Tab)
        assert framed(popup) == [now]
    QTest.keyClicks(popup.hex, "#c2304a")
    QTest.keyClick(popup.hex, Qt.Key.Key_Return)
    assert not popup.isVisible()
    assert SKY in dock.controller.wishes.now.classes.classes
