"""The *Keys* page lists what is bound, and Tab goes to whatever can be pressed."""

import pytest
from napari.layers import Image
from napari.utils.key_bindings import coerce_keybinding
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget, QPushButton, QShortcut, QToolButton, QWidget
from superqt import QCollapsible

from napari_colorizer._napari.colorize.keys import CHOICES, PAGE, shown, shown_together

CANVAS, MAP, DOTS, DOCK = ({key for keys, _ in group.lines for key in keys} for group in PAGE)
SKY = 50


def bound(keymap):
    return {str(key) for key in keymap}


def written(keys):
    """Keys as napari keeps them."""
    return {str(coerce_keybinding(key)) for key in keys}


@pytest.fixture
def busy(bare_predicted, wait):
    """A dock in which all that binds keys is at work."""
    viewer, widget = bare_predicted
    widget.map_tools.doubt.choices = [(SKY, 0.5), (36, 0.3), (1, 0.1)]
    widget.map_tools.choice_keys.bind(widget.controller.labels)
    widget.color_tools.dots.toggle()
    widget.filling.toggle()  # the other way round, the layer of dots would put it away
    widget.color_tools.split._switch(True)
    return viewer, widget


def test_the_page_lists_every_key_that_is_bound_and_no_other(busy):
    viewer, widget = busy
    shortcuts = {key.key().toString() for key in widget.findChildren(QShortcut)}
    assert bound(viewer.keymap) == written(CANVAS - shortcuts)
    assert shortcuts <= CANVAS
    assert bound(widget.controller.labels.keymap) == written(MAP)
    assert bound(widget.color_tools.dots.layer.keymap) == written(DOTS)
    assert len([key for key in MAP if key.isdigit()]) == CHOICES
    text = widget.keys_page.text.text().replace(",<br>", ", ")
    for group in PAGE:
        assert group.title in text
        for keys, does in group.lines:
            assert f"<b>{shown_together(keys)}</b>" in text
            assert does.split(";")[0] in text


def test_a_closed_dock_leaves_no_key(busy):
    viewer, widget = busy
    labels = widget.controller.labels
    widget.stop()
    assert bound(viewer.keymap) == set()
    assert bound(labels.keymap) == set()


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (("Shift-F",), "Shift+F"),
        (("Control-Z", "Escape"), "Ctrl+Z, Esc"),
        (tuple(f"Alt-{number}" for number in range(1, 10)), "Alt+1 … Alt+9"),
    ],
)
def test_keys_are_written_as_on_a_keyboard(keys, text):
    assert shown_together(keys) == text
    assert shown(keys[0]) == text.split(",")[0].split(" ")[0]


def test_a_key_opens_the_page_also_behind_another_dock(open_dock, photo, qtbot):
    viewer, widget = open_dock(Image(photo, name="photo"), show=True)
    viewer.window.add_dock_widget(QWidget(), name="other", tabify=True)
    window = viewer.window._qt_window
    window.tabifyDockWidget(widget.parentWidget(), window.findChildren(QDockWidget)[-1])
    QApplication.processEvents()
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, Qt.Key.Key_F1)
    page = widget.keys_page
    assert page.isExpanded()
    qtbot.waitUntil(page.text.isVisible, timeout=10_000)
    qtbot.waitUntil(lambda: not page.text.visibleRegion().isEmpty(), timeout=10_000)  # scrolled to


def tabbed(first):
    """What Tab goes to in turn, from a part of a dock on."""
    found = []
    here = first
    here.setFocus()
    while here not in found:
        found.append(here)
        QTest.keyClick(here, Qt.Key.Key_Tab)
        here = QApplication.focusWidget()
    return found


def unfold(dock):
    for part in dock.findChildren(QCollapsible):
        part.expand(animate=False)
    QApplication.processEvents()


@pytest.mark.parametrize("name", ["Colorize", "Train"])
def test_tab_goes_to_whatever_can_be_pressed_and_it_says_what_it_is(bare_predicted, bare_train, qtbot, name):
    _, dock = bare_predicted if name == "Colorize" else bare_train()
    if name == "Colorize":
        dock.color_tools.things.color()
        dock.color_tools._show_swatches()
        dock.map_tools.choices.show()
    dock.show()
    dock.activateWindow()
    qtbot.waitUntil(dock.isActiveWindow, timeout=10_000)
    unfold(dock)
    pressed = [
        part
        for part in (*dock.findChildren(QPushButton), *dock.findChildren(QToolButton))
        if part.isVisible() and part.isEnabled() and not part.objectName().startswith("qt_")
    ]
    reached = tabbed(dock.images if name == "Colorize" else dock.data)
    assert len(pressed) > (25 if name == "Colorize" else 4)
    assert (dock.class_list.table if name == "Colorize" else dock.name) in reached
    assert [part.text() or part.accessibleName() for part in pressed if part not in reached] == []
    assert [part for part in pressed if not (part.accessibleName() or part.text())] == []
    assert [part.text() for part in pressed if not part.toolTip()] == []


def test_enter_opens_the_palette_of_a_class(bare_predicted, wait):
    _, dock = bare_predicted
    opened = []
    dock.color_tools.pins.open_class = lambda label, at: opened.append(label)
    dock.show()
    dock.class_list.select(SKY)
    QTest.keyClick(dock.class_list.table, Qt.Key.Key_Return)
    assert opened == [SKY]
