"""What both docks are made of: their width, names and tooltips, places for text, and their end."""

import gc
import weakref

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import QEvent, QPoint
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSlider,
    QTabBar,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_colorizer._napari.shared.dock import Dock
from napari_colorizer._napari.shared.text_box import TextBox

SKY = 50
NOISE = "no_end_of_a_name" * 10
SAID = f"prepared(run={NOISE!r})\nfor step in range(1, 4): progress(step, stages=2)\nended(0, mIoU=0.1)\n"


def settle():
    for _ in range(5):
        QApplication.processEvents()


def assert_fits(dock):
    settle()
    dock.resize(dock.minimumWidth(), 300)  # so low that it scrolls
    settle()
    assert dock.verticalScrollBar().isVisible()
    assert dock.viewport().width() >= dock.widget().minimumSizeHint().width()


def test_the_dock_train_is_never_too_narrow(open_train, sound_data, stand_in, until):
    _, widget = open_train(stand_in(f"{SAID}finished(model={NOISE!r})"), show=True)
    dock = widget.parentWidget()
    dock.setFloating(True)
    least = widget.minimumWidth()
    assert_fits(widget)
    widget.findChild(QCollapsible).expand(animate=False)
    assert_fits(widget)
    widget.findChild(QCollapsible).collapse(animate=False)
    widget.start_button.click()
    until(lambda: "installed" in widget.message.text())
    assert widget.curves.isVisible()
    assert_fits(widget)
    assert widget.minimumWidth() <= least + 40  # no word widens it


class Plain(Dock):
    def stop(self):
        pass


def test_a_dock_grows_with_its_content(qtbot):
    dock, content = Plain(), QWidget()
    qtbot.addWidget(dock)
    button = QPushButton("a word")
    QVBoxLayout(content).addWidget(button)
    dock.show_content(content)
    dock.show()
    before = dock.minimumWidth()
    button.setText("many words " * 20)
    settle()
    after = dock.minimumWidth()
    assert after > content.minimumSizeHint().width() > before
    button.setStyleSheet("font-size: 40px")
    settle()
    assert dock.minimumWidth() > content.minimumSizeHint().width() > after


def test_a_message_is_scrolled_to_with_all_its_lines(bare_dock, qtbot):
    _, dock = bare_dock()
    dock.resize(dock.minimumWidth(), 300)
    dock.show()
    dock.controller.message.emit("several words " * 20)
    message = dock.message
    qtbot.waitUntil(lambda: message.mapTo(dock.viewport(), message.rect().bottomLeft()).y() <= dock.viewport().height())
    assert message.height() > 3 * message.fontMetrics().lineSpacing()


@pytest.fixture
def box(qtbot):
    widget = TextBox(most_lines=4)
    qtbot.addWidget(widget)
    widget.resize(200, 20)
    return widget


def test_a_text_box_is_as_high_as_its_text(box):
    assert box.isHidden()
    box.setText("one")
    assert box.isVisible()
    one = box.height()
    box.setText("one\ntwo\nthree")
    assert 2.5 * one < box.height() < 3.5 * one
    assert not box.verticalScrollBar().isVisible()
    box.appendPlainText("\n" * 20)
    assert box.height() < 5 * one
    box.setText("")
    assert box.isHidden()


def test_a_long_word_breaks_and_can_be_copied(box, qtbot):
    box.setText("word")
    one = box.height()
    box.setText(NOISE[:60])
    assert box.height() > 1.5 * one
    assert box.minimumSizeHint().width() < 200
    box.selectAll()
    box.copy()
    assert QApplication.clipboard().text() == NOISE[:60]
    box.setText("some words " * 4)
    wide = box.height()
    box.resize(100, 20)
    settle()
    assert box.height() > wide


HANDLED = (QAbstractButton, QComboBox, QAbstractSpinBox, QSlider, QLineEdit, QAbstractItemView)
READ = (QPlainTextEdit, QProgressBar)
PARTS_OF_PARTS = (QListView, QHeaderView)  # the choices of a box, and what stands around a table
INNER = (QComboBox, QAbstractSpinBox, QLineEdit, QTabBar)  # make buttons of their own


def parts(dock, kinds):
    """The widgets of some kinds in a dock, but for those that Qt makes for another one of its own."""
    for part in dock.findChildren(QWidget):
        inner = part.objectName().startswith("qt_") or isinstance(part.parentWidget(), INNER)
        if isinstance(part, kinds) and not inner and not isinstance(part, PARTS_OF_PARTS):
            yield part


def called(part):
    return part.accessibleName() or (part.text() if isinstance(part, QAbstractButton) else "")


@pytest.mark.parametrize("name", ["Colorize", "Train"])
def test_whatever_is_handled_or_read_has_a_name_and_what_is_handled_says_what_it_does(bare, bare_train, name):
    _, dock = bare if name == "Colorize" else bare_train()
    assert len(list(parts(dock, HANDLED))) > 20
    assert [part for part in parts(dock, (*HANDLED, *READ)) if not called(part)] == []
    assert [called(part) for part in parts(dock, HANDLED) if not part.toolTip()] == []


def test_what_opens_beside_the_dock_has_names_of_its_own_and_tooltips_too(bare_predicted, photo, wait):
    viewer, dock = bare_predicted
    pins = dock.color_tools.pins
    pins.open_class(SKY, QPoint())
    wait(dock)
    pins.popup.buttons()[1].click()
    wait(dock)
    pins.open_class(SKY, QPoint())  # now it has colors used last, too
    wait(dock)
    cells = Labels(np.arange(photo.size).reshape(photo.shape) // 3000, name="cells")
    viewer.add_layer(cells)
    dock.controller.choose_labels(cells)
    wait(dock)
    for opened, fewest in ((pins.popup, 12), (dock.instance_labels.dialog, 7)):
        handled = [part for part in parts(opened, HANDLED) if not isinstance(part.parentWidget(), QDialogButtonBox)]
        assert len(handled) >= fewest
        assert len({called(part) for part in handled} - {""}) == len(handled)
        assert [called(part) for part in handled if not part.toolTip()] == []


@pytest.mark.parametrize("name", ["Colorize", "Train"])
def test_a_closed_dock_is_forgotten(library, make_napari_viewer, photo, wait, qtbot, predicts, name):
    predicts(np.full(photo.shape, 50, np.uint8))
    viewer = make_napari_viewer()
    viewer.add_image(photo, name="photo")
    dock = viewer.window.add_plugin_dock_widget("napari-colorizer", name)[1]
    if name == "Colorize":
        wait(dock).predict_button.click()
        wait(dock)
    kept = [weakref.ref(part) for part in (dock, dock.controller)]
    viewer.window.remove_dock_widget(dock)
    del dock

    def gone():
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        gc.collect()
        return all(part() is None for part in kept)

    qtbot.waitUntil(gone, timeout=10_000)
