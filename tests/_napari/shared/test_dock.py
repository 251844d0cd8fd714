"""How wide the docks are, and the places for text in them."""

import pytest
from qtpy.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_colorizer._napari.shared.dock import Dock
from napari_colorizer._napari.shared.text_box import TextBox

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
