"""An offer in the dock: a sentence and what can be done about it, without stopping anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_colorizer._napari.shared.text_box import TextBox


class OfferBar(QFrame):
    """Hidden, until there is something to offer."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = TextBox(most_lines=6)
        self.text.setAccessibleName("Offer")
        self.buttons: list[QPushButton] = []
        self._row = QHBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.text)
        layout.addLayout(self._row)
        self.hide()

    def show_offer(self, text: str, choices: Mapping[str, Callable[[], object]]) -> None:
        """Show an offer and its buttons; each hides it, and does what it stands for."""
        self.withdraw()
        self.text.setText(text)
        for name, act in choices.items():
            button = QPushButton(name)
            button.clicked.connect(lambda _=False, act=act: self._take(act))
            self._row.addWidget(button)
            self.buttons.append(button)
        self.show()

    def withdraw(self) -> None:
        """Offer nothing any more."""
        for button in self.buttons:
            _drop(button)
        self.buttons = []
        self.hide()

    def _take(self, act: Callable[[], object]) -> None:
        self.withdraw()
        act()


def _drop(widget: QWidget) -> None:
    widget.setParent(None)
    widget.deleteLater()
