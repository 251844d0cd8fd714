"""What a dock says of itself as long as there is nothing to work on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from qtpy.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout

ACROSS = 3  # buttons


class Welcome(QFrame):
    """Some short sentences, and buttons to begin with.

    Parameters
    ----------
    lines : sequence of str
        Rich text.
    choices : mapping
        Text of each button, and what it does.
    tip : str
        What the buttons are for.
    """

    def __init__(
        self, lines: Sequence[str], choices: Mapping[str, Callable[[], object]] | None = None, tip: str = ""
    ) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = QLabel("".join(f"<p style='margin: 2px 0'>{line}</p>" for line in lines), wordWrap=True)
        self.buttons = [QPushButton(text, toolTip=tip) for text in choices or ()]
        layout, grid = QVBoxLayout(self), QGridLayout()
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.text)
        layout.addLayout(grid)
        for place, (button, act) in enumerate(zip(self.buttons, (choices or {}).values(), strict=True)):
            button.clicked.connect(lambda _=False, act=act: act())
            grid.addWidget(button, place // ACROSS, place % ACROSS)
