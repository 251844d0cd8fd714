"""The list of classes in the dock: search, choose the brush, edit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from qtpy.QtCore import QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtGui import QColor, QIcon, QPixmap, QStandardItem, QStandardItemModel
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QColorDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QInputDialog,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_colorizer._napari.controller import ColorizeController
from napari_colorizer._napari.layers import STRAY_COLOR
from napari_colorizer.classes import UNLABELED, Class, ClassMap, distinct_color

ID_ROLE, COUNT_ROLE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
MARK = 2  # the column of marks
MARK_COLOR = "#808080"  # legible on light and dark
FILE_FILTER = "Class maps (*.json *.csv *.txt)"


@dataclass(frozen=True)
class Standing:
    """What the model knows of a class, in the words of its row: after its name, at its right, and in its tooltip."""

    after: str = ""
    mark: str = ""
    tip: str = ""


KNOWN = Standing()
UNKNOWN = Standing(
    after=" (not known to the model)", tip="The model does not know this: such pixels are colored as unlabeled"
)
STRAY = replace(UNKNOWN, after=" (no class)")
NO_COLOR = Standing(
    after=" (no color)", tip="The model has no color for this class: such pixels are colored as unlabeled"
)
BY_HAND = Standing(mark="by hand", tip="The model never predicts this class, but knows its color: paint it yourself")


class ClassFilter(QSortFilterProxyModel):
    """Lets through the classes that match the search and, if wanted, only those in the image."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.only_present = "", False

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:  # noqa: N802
        """Qt's question whether a row is shown."""
        index = self.sourceModel().index(row, 0, parent)
        label, count = index.data(ID_ROLE), index.data(COUNT_ROLE)
        if self.only_present and not count and label != UNLABELED:
            return False
        return self.text.casefold() in f"{label} {index.data()}".casefold()


class ClassList(QWidget):
    """Shows the classes of the controller's label map, with color, name and number of pixels.

    A click makes a class the brush; a double click renames it.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        super().__init__()
        self.controller = controller
        self.search = QLineEdit(placeholderText="Search classes", clearButtonEnabled=True)
        self.only_present = QCheckBox("Only classes in this image")
        self.rows = QStandardItemModel(0, 3)
        self._shown: list[tuple[int, str, str, int, Standing] | None] = []  # what each row shows
        self.filter = ClassFilter()
        self.filter.setSourceModel(self.rows)
        self.table = self._make_table()
        self.search.textChanged.connect(self._refilter)
        self.only_present.toggled.connect(self._refilter)
        self.table.clicked.connect(self._on_clicked)
        self.table.doubleClicked.connect(lambda _: self.rename())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.search, self.only_present, self.table):
            layout.addWidget(widget)
        layout.addLayout(self._make_buttons())
        controller.classes_changed.connect(self.refresh)
        controller.brush_changed.connect(self.select)
        self.refresh()

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.filter)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setMinimumHeight(150)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(22)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, MARK):
            table.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        return table

    def _make_buttons(self) -> QVBoxLayout:
        rows = QVBoxLayout()
        actions = (("Add…", self.add), ("Rename…", self.rename), ("Recolor…", self.recolor), ("Delete", self.delete))
        for row in (actions, (("Load class map…", self.load), ("Save class map…", self.save))):
            line = QHBoxLayout()
            for text, slot in row:
                button = QPushButton(text)
                button.clicked.connect(lambda _=False, slot=slot: slot())
                line.addWidget(button)
            rows.addLayout(line)
        return rows

    # -- showing

    def refresh(self) -> None:
        """Show the controller's classes and their pixels."""
        counts, classes = self.controller.counts, self.controller.classes
        stray = sorted(set(counts) - {UNLABELED, *classes.ids})
        labels = [UNLABELED, *classes.ids, *stray]
        chosen = self.selected()
        if labels != [self.rows.item(row).data(ID_ROLE) for row in range(self.rows.rowCount())]:
            self.rows.setRowCount(0)
            self.rows.setHorizontalHeaderLabels(["class", "pixels", ""])
            for _ in labels:
                self.rows.appendRow([QStandardItem() for _ in range(3)])
            self._shown = [None] * len(labels)
        standings = self._standings(classes)
        for row, label in enumerate(labels):  # in place, so that the list does not jump while a stroke is drawn
            shown = (label, *self._describe(label), counts.get(label, 0), standings.get(label, STRAY))
            if shown != self._shown[row]:  # a stroke changes the counts of two classes only
                self._fill_row(row, *shown)
                self._shown[row] = shown
        self.table.setColumnHidden(MARK, BY_HAND not in standings.values())
        brush = self.controller.labels.selected_label if self.controller.labels is not None else chosen
        if brush is not None and brush != self.selected():
            self.select(int(brush))

    def _standings(self, classes: ClassMap) -> dict[int, Standing]:
        """What the model knows of each class, and of unlabeled pixels."""
        model = self.controller.model
        colored, predicted = model.colored(classes), model.predicted(classes)
        standings = {UNLABELED: KNOWN}
        for label in classes.ids:
            if label in colored:
                standings[label] = KNOWN if label in predicted or not model.has_segmenter else BY_HAND
            else:
                standings[label] = NO_COLOR if label in predicted else UNKNOWN
        return standings

    def _fill_row(self, row: int, label: int, name: str, color: str, count: int, standing: Standing) -> None:
        pixmap = QPixmap(14, 14)
        pixmap.fill(QColor(color))
        title, pixels, mark = (self.rows.item(row, column) for column in range(3))
        title.setText(name + standing.after)
        title.setIcon(QIcon(pixmap))
        title.setData(count, COUNT_ROLE)
        pixels.setText(f"{count:,}" if count else "")
        pixels.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        mark.setText(standing.mark)
        mark.setForeground(QColor(MARK_COLOR))
        for cell in (title, pixels, mark):
            cell.setData(label, ID_ROLE)
            font = cell.font()
            font.setItalic(cell is mark or bool(standing.after))
            cell.setFont(font)
            cell.setToolTip(standing.tip)

    def _describe(self, label: int) -> tuple[str, str]:
        """Name and color of a row."""
        if label == UNLABELED:
            return "unlabeled (the model decides)", "#000000"
        if label not in self.controller.classes:
            return str(label), QColor(STRAY_COLOR).name()
        item = self.controller.classes[label]
        return item.name, item.color

    def _refilter(self) -> None:
        self.filter.text = self.search.text().strip()
        self.filter.only_present = self.only_present.isChecked()
        self.filter.invalidate()

    def visible_ids(self) -> list[int]:
        """Ids of the rows that the search lets through."""
        return [self.filter.index(row, 0).data(ID_ROLE) for row in range(self.filter.rowCount())]

    def selected(self) -> int | None:
        """Id of the selected row."""
        rows = self.table.selectionModel().selectedRows()
        return int(rows[0].data(ID_ROLE)) if rows else None

    def select(self, label: int) -> None:
        """Move the selection to a class; where the search hides it, nothing is selected."""
        if label in (ids := self.visible_ids()):
            self.table.selectRow(ids.index(label))
        else:
            self.table.clearSelection()

    # -- editing

    def _on_clicked(self, index: QModelIndex) -> None:
        self.controller.choose_brush(int(index.data(ID_ROLE)))

    def _selected_class(self) -> Class | None:
        """The selected class; a stray id, which has none yet, gets a name to begin with."""
        label = self.selected()
        if not label:
            self.controller.message.emit("Select a class in the list first")
            return None
        classes = self.controller.classes
        return classes[label] if label in classes else Class(label, f"class {label}", distinct_color(label))

    def _put(self, label: int, name: str, color: str, known_as: str = "") -> bool:
        """Add or change a class; False, with a message, if it cannot be."""
        try:
            self.controller.set_classes(self.controller.classes.with_class(Class(label, name.strip(), color, known_as)))
        except ValueError as error:
            self.controller.message.emit(str(error))
            return False
        return True

    def add(self) -> None:
        """Ask for a name and add a class."""
        name, agreed = QInputDialog.getText(self, "Add class", "Name of the new class:")
        if agreed:
            label = self.controller.classes.unused_id(self.controller.counts)
            if self._put(label, name, distinct_color(label)):
                self.controller.choose_brush(label)

    def rename(self) -> None:
        """Ask for another name of the selected class; one that the model knows keeps its colors."""
        item = self._selected_class()
        if item is None:
            return
        name, agreed = QInputDialog.getText(self, "Rename class", f"New name of {item.name!r}:", text=item.name)
        if agreed:
            model, classes = self.controller.model, self.controller.classes
            known = item.id in model.colored(classes) | model.predicted(classes)
            known_as = item.known_as or (item.name if known else "")
            self._put(item.id, name, item.color, known_as)

    def recolor(self) -> None:
        """Ask for another display color of the selected class."""
        item = self._selected_class()
        if item is None:
            return
        color = QColorDialog.getColor(QColor(item.color), self, f"Display color of {item.name!r}")
        if color.isValid():
            self._put(item.id, item.name, color.name(), item.known_as)

    def delete(self) -> None:
        """Delete the selected class; its pixels keep their id, and are shown as having no class."""
        item = self._selected_class()
        if item is None or item.id not in self.controller.classes:
            return
        self.controller.set_classes(self.controller.classes.without(item.id))
        count = self.controller.counts.get(item.id, 0)
        if count:
            self.controller.message.emit(
                f"{count:,} pixels still have the id {item.id} of the deleted class {item.name!r}; they are shown in "
                f"{STRAY_COLOR} and colored as unlabeled. Paint over them, or give the id a name again"
            )

    def load(self) -> None:
        """Ask for a file and take its class map."""
        path, _ = QFileDialog.getOpenFileName(self, "Load class map", "", FILE_FILTER)
        if not path:
            return
        try:
            self.controller.set_classes(ClassMap.read(path))
        except (ValueError, OSError) as error:
            self.controller.message.emit(str(error))

    def save(self) -> None:
        """Ask for a file and write the class map to it."""
        path, _ = QFileDialog.getSaveFileName(self, "Save class map", "classes.json", FILE_FILTER)
        if not path:
            return
        try:
            self.controller.classes.write(Path(path))
            self.controller.message.emit(f"Class map written to {path}")
        except (ValueError, OSError) as error:
            self.controller.message.emit(str(error))
