"""What the rows of the list of classes say, and which of them a search lets through, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qtpy.QtCore import QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtGui import QKeyEvent, QMouseEvent
from qtpy.QtWidgets import QTableView

from napari_colorizer.classes import UNLABELED

ID_ROLE, COUNT_ROLE, NAME_ROLE = (Qt.ItemDataRole.UserRole + number for number in range(3))


@dataclass(frozen=True)
class Standing:
    """What the model knows of a class, in the words of its row: after its name, at its right, and in its tooltip."""

    after: str = ""
    mark: str = ""
    tip: str = ""


KNOWN = Standing()
FREE = Standing(
    after=" (the model guesses, mostly gray)",
    tip="The model decides how to color unlabeled pixels, cautiously: most of them stay nearly gray. The eraser "
    "writes this",
)
UNKNOWN = Standing(
    after=" (not known to the model)", tip="The model does not know this class: its pixels are colored as unlabeled"
)
STRAY = replace(UNKNOWN, after=" (no class)")
NO_COLOR = Standing(
    after=" (no color)", tip="The model has no color for this class: its pixels are colored as unlabeled"
)
BY_HAND = Standing(mark="by hand", tip="The model never predicts this class, but can color it: paint it yourself")

MARK, COLOR_FIELD = 2, 3  # columns: the mark, and the color that a class is to have


class ClassTable(QTableView):
    """The rows; a click on a color field is no choice of a class to paint with, and Enter is a click on one."""

    field_clicked = Signal(QModelIndex)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Qt's word that a mouse button was pressed."""
        index = self.indexAt(event.position().toPoint())
        if index.column() == COLOR_FIELD:
            self.field_clicked.emit(index)
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Qt's word that a key was pressed."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.field_clicked.emit(self.currentIndex().siblingAtColumn(COLOR_FIELD))
        else:
            super().keyPressEvent(event)


def rank(text: str, name: str, label: int) -> int | None:
    """How well a class fits what is searched: 0 its name begins so, 1 a word of it, 2 a part; None not at all."""
    text, name = text.casefold(), name.casefold()
    if name.startswith(text) or str(label) == text:
        return 0
    if any(word.startswith(text) for word in name.replace("-", " ").split()):
        return 1
    return 2 if text in name or text in str(label) else None


class ClassFilter(QSortFilterProxyModel):
    """Lets through the classes that match the search and, if wanted, only those in the image.

    What fits better comes first, then what was used last, then what is in the image; without a search, all stay as
    they are in the class map.
    """

    def __init__(self) -> None:
        super().__init__()
        self.text, self.only_present = "", False
        self.recent: Sequence[int] = ()
        self.setDynamicSortFilter(False)  # no row is to jump while a stroke is drawn

    def search(self, text: str, only_present: bool, recent: Sequence[int]) -> None:
        """Look for a text; nothing lets all through."""
        self.text, self.only_present, self.recent = text, only_present, recent
        self.invalidate()
        self.sort(0)

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:  # noqa: N802
        """Qt's question whether a row is shown."""
        index = self.sourceModel().index(row, 0, parent)
        label, count = index.data(ID_ROLE), index.data(COUNT_ROLE)
        if label is None or (self.only_present and not count and label != UNLABELED):
            return False
        return rank(self.text, index.data(NAME_ROLE) or "", label) is not None

    def lessThan(self, left: QModelIndex, right: QModelIndex) -> bool:  # noqa: N802
        """Qt's question which of two rows comes first."""
        return self._place(left) < self._place(right)

    def _place(self, index: QModelIndex) -> tuple[int, ...]:
        if not self.text:
            return (index.row(),)
        label, name = index.data(ID_ROLE), index.data(NAME_ROLE)
        fits = rank(self.text, name or "", label)
        used = self.recent.index(label) if label in self.recent else len(self.recent)
        return (9 if fits is None else fits, used, not index.data(COUNT_ROLE), index.row())
