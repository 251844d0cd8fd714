"""A place for text that is as high as its text."""

from __future__ import annotations

import math

from qtpy.QtCore import Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QFrame, QPlainTextEdit, QSizePolicy


class TextBox(QPlainTextEdit):
    """Shows text that can be copied, and nothing while there is none.

    It is as high as its text, breaks a word that is wider than itself, and so never widens a dock.

    Parameters
    ----------
    most_lines : int
        It scrolls where it has more.
    framed : bool
    """

    def __init__(self, most_lines: int, framed: bool = False):
        super().__init__(readOnly=True, maximumBlockCount=2000, tabChangesFocus=True)
        self.most_lines = most_lines
        if not framed:
            self.setFrameShape(QFrame.Shape.NoFrame)
            self.viewport().setAutoFillBackground(False)
            self.document().setDocumentMargin(0)
            self.setStyleSheet("background: transparent; border: none; padding: 0")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.textChanged.connect(self._fit)
        self._fit()

    def text(self) -> str:
        """What is shown."""
        return self.toPlainText()

    def setText(self, text: str) -> None:  # noqa: N802
        """Show a text in place of what is shown."""
        self.setPlainText(text)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Lines break elsewhere in another width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setVisible(not self.document().isEmpty())
        most, height, block = self.most_lines * self.fontMetrics().lineSpacing(), 0.0, self.document().firstBlock()
        while block.isValid() and height <= most:
            height += self.blockBoundingRect(block).height()
            block = block.next()
        scrolls = height > most
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAlwaysOn if scrolls else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )
        around = 2 * (self.frameWidth() + self.document().documentMargin())
        self.setFixedHeight(math.ceil((most if scrolls else height) + around))
