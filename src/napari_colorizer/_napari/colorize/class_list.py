"""The list of classes in the dock: search, choose the brush, edit."""

from __future__ import annotations

from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QColor, QIcon, QPixmap, QStandardItem, QStandardItemModel
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHeaderView,
    QVBoxLayout,
)

from napari_colorizer._napari.colorize.class_editing import ClassEditing, ClassSearch
from napari_colorizer._napari.colorize.class_rows import (
    BY_HAND,
    COLOR_FIELD,
    COUNT_ROLE,
    FREE,
    ID_ROLE,
    KNOWN,
    MARK,
    NAME_ROLE,
    NO_COLOR,
    STRAY,
    UNKNOWN,
    ClassFilter,
    ClassTable,
    Standing,
)
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.pin_tool import swatch
from napari_colorizer._napari.shared.dock import focus_canvas
from napari_colorizer.classes import STRAY_COLOR, UNLABELED, ClassMap
from napari_colorizer.engine.pins import Pin

MARK_COLOR = "#808080"  # legible on light and dark
ROW_HEIGHT, LEAST_ROWS = 20, 9
COLUMNS = 4
AUTO = "auto"
FIELD_TIP = "The color of this class in the result: a click opens a palette"


class ClassList(ClassEditing):
    """Shows the classes of the controller's label map, with color, name and number of pixels.

    The selected row is the brush, and the brush is the selected row, whoever changes it; where the search hides it,
    nothing is selected. A click gives the keys back to the canvas; a double click renames.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        super().__init__(controller)
        self.search = ClassSearch()
        self.only_present = QCheckBox("Only classes in this image")
        self.only_present.setToolTip("Hide the classes that do not occur in the label map")
        self.rows = QStandardItemModel(0, COLUMNS)
        self._shown: list[tuple[int, str, str, Standing, Pin | None] | None] = []  # what each row shows
        self._counted: list[int | None] = []  # and its pixels
        self.filter = ClassFilter()
        self.filter.setSourceModel(self.rows)
        self.table = self._make_table()
        self._updating = False  # rows change: the selection that Qt makes up meanwhile is nobody's
        self._moved = False  # the arrows were used since the last letter of a search
        self.search.textChanged.connect(self._refilter)
        self.search.moved.connect(self._move)
        self.search.returnPressed.connect(self._take_hit)
        self.search.left.connect(lambda: focus_canvas(self))
        self.only_present.toggled.connect(self._refilter)
        self.table.clicked.connect(self._on_clicked)
        self.table.doubleClicked.connect(lambda _: self.rename())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.search, self.only_present, self.table):
            layout.addWidget(widget)
        layout.addLayout(self.make_buttons())
        controller.classes_changed.connect(self.refresh)
        controller.brush_changed.connect(self._on_brush)
        controller.wishes_changed.connect(self.refresh)
        self.refresh()

    def _make_table(self) -> ClassTable:
        table = ClassTable()
        table.setModel(self.filter)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)  # Tab goes on to the next part of the dock
        table.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # wherever the mouse clicks, napari's keys are not for the list
        table.setMinimumHeight(ROW_HEIGHT * LEAST_ROWS + 2 * table.frameWidth())
        table.verticalHeader().hide()
        table.verticalHeader().setMinimumSectionSize(ROW_HEIGHT)
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.horizontalHeader().hide()
        table.setAccessibleName("Classes")
        table.setToolTip(
            "<p>Click a class to paint with it, double-click to rename it, Enter opens its palette; the numbers count "
            "pixels</p>"
        )
        table.selectionModel().selectionChanged.connect(self._on_selected)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, MARK, COLOR_FIELD):
            table.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        return table

    # -- showing

    def refresh(self) -> None:
        """Show the controller's classes and their pixels."""
        self._updating = True
        try:
            self._fill_rows()
        finally:
            self._updating = False
        brush = self.brush()
        if brush is not None and brush != self.selected():
            self.select(brush)

    def _fill_rows(self) -> None:
        counts, classes = self.controller.counts, self.controller.classes
        brush = self.brush()  # napari chooses any number: "m" the next one that is free
        stray = sorted({*counts, UNLABELED if brush is None else brush} - {UNLABELED, *classes.ids})
        labels = [UNLABELED, *classes.ids, *stray]
        if labels != [self.rows.item(row).data(ID_ROLE) for row in range(self.rows.rowCount())]:
            self.rows.setRowCount(0)
            for _ in labels:
                self.rows.appendRow([QStandardItem() for _ in range(COLUMNS)])
            self._shown, self._counted = [None] * len(labels), [None] * len(labels)
        standings, pins = self._standings(classes), self.controller.wishes.now.classes.classes
        changed = False
        for row, label in enumerate(labels):  # in place, so that the list does not jump while a stroke is drawn
            shown = (label, *self._describe(label), standings.get(label, STRAY), pins.get(label))
            count, before = counts.get(label, 0), self._counted[row]
            if shown != self._shown[row]:
                self._fill_row(row, *shown)
                self._shown[row], changed = shown, True
            if count != before:  # a stroke changes those of two classes only
                self._show_count(row, count)
                changed = changed or bool(count) != bool(before)
        self.table.setColumnHidden(MARK, BY_HAND not in standings.values())
        if changed:
            self.filter.invalidate()

    def _standings(self, classes: ClassMap) -> dict[int, Standing]:
        """What the model knows of each class, and of unlabeled pixels."""
        model = self.controller.model
        colored, predicted = model.colored(classes), model.predicted(classes)
        standings = {UNLABELED: FREE}
        for label in classes.ids:
            if label in colored:
                standings[label] = KNOWN if label in predicted or not model.has_segmenter else BY_HAND
            else:
                standings[label] = NO_COLOR if label in predicted else UNKNOWN
        return standings

    def _show_count(self, row: int, count: int) -> None:
        self._counted[row] = count
        self.rows.item(row).setData(count, COUNT_ROLE)
        self.rows.item(row, 1).setText(f"{count:,}" if count else "")

    def _fill_row(self, row: int, label: int, name: str, color: str, standing: Standing, pin: Pin | None) -> None:
        pixmap = QPixmap(14, 14)
        pixmap.fill(QColor(color))
        title, pixels, mark, field = (self.rows.item(row, column) for column in range(COLUMNS))
        title.setText(name + standing.after)
        title.setIcon(QIcon(pixmap))
        title.setData(name, NAME_ROLE)
        pixels.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        mark.setText(standing.mark)
        mark.setForeground(QColor(MARK_COLOR))
        for cell in (title, pixels, mark):
            cell.setData(label, ID_ROLE)
            font = cell.font()
            font.setItalic(cell is mark or (bool(standing.after) and label != UNLABELED))
            cell.setFont(font)
            cell.setToolTip(standing.tip)

        _show_pin(field, pin)
        field.setData(label, ID_ROLE)

    def _describe(self, label: int) -> tuple[str, str]:
        """Name and color of a row."""
        if label == UNLABELED:
            return "unlabeled", "#000000"
        if label not in self.controller.classes:
            return str(label), QColor(STRAY_COLOR).name()
        item = self.controller.classes[label]
        return item.name, item.color

    def _refilter(self) -> None:
        self._updating, self._moved = True, False
        try:
            text = self.search.text().strip()
            self.filter.search(text, self.only_present.isChecked(), self.controller.recent)
        finally:
            self._updating = False
        brush = self.brush()
        if brush is not None:
            self.select(brush)

    def _move(self, step: int) -> None:
        """Go down or up in what a search has found, from its first row on; without a search, from the brush on."""
        hits, here, searched = self.visible_ids(), self.selected(), bool(self.search.text().strip())
        if hits:
            at = hits.index(here) + step if (self._moved or not searched) and here in hits else 0
            self._moved = True
            self._take(hits[min(max(at, 0), len(hits) - 1)])

    def _take_hit(self) -> None:
        """Paint with the first hit, or with the one that the arrows have moved to; without a search, go on."""
        hits, here = self.visible_ids(), self.selected()
        if not self.search.text().strip():
            focus_canvas(self)
        elif hits:
            self._take(here if self._moved and here is not None and here in hits else hits[0])
            self.search.clear()
            focus_canvas(self)

    def _take(self, label: int) -> None:
        self.controller.choose_brush(label)
        self.select(label)

    def leave(self, label: int) -> None:
        """Paint with the class of the row below, or above, that of a label."""
        ids = self.visible_ids()
        others = ids[ids.index(label) + 1 :] or ids[: ids.index(label)][::-1]
        if others:
            self.controller.change_brush(others[0])
            self.select(others[0])

    def brush(self) -> int | None:
        """What is painted with; without a label map, what is selected."""
        labels = self.controller.labels
        return int(labels.selected_label) if labels is not None else self.selected()

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
            self.table.scrollTo(self.filter.index(ids.index(label), 0))
        else:
            self.table.clearSelection()

    # -- painting with it

    def _on_clicked(self, index: QModelIndex) -> None:
        self.controller.choose_brush(int(index.data(ID_ROLE)))
        focus_canvas(self)  # or napari's keys, such as 4 to fill, would go to the list

    def _on_brush(self, label: int) -> None:
        known = set(self.controller.counts) | {UNLABELED, *self.controller.classes.ids}
        if not {label, *(shown[0] for shown in self._shown if shown)} <= known:  # it has a row of its own, or had
            self.refresh()
        self.select(label)

    def _on_selected(self) -> None:
        """Paint with what is selected, by whatever key or program; a click does more."""
        label, brush = self.selected(), self.brush()
        if self._updating or self.controller.labels is None or label == brush:
            return
        if label is not None:
            self.controller.choose_brush(label)
        elif brush in self.visible_ids():
            self.select(brush)  # Ctrl and a click or Space take a row out of the selection, but no brush is none


def _show_pin(field: QStandardItem, pin: Pin | None) -> None:
    """Show what color a class is to have."""
    pixmap = QPixmap(14, 14)
    if pin is not None and pin.color is not None:
        pixmap.fill(QColor(swatch(pin.color)))
        field.setIcon(QIcon(pixmap))
        field.setText("")
    else:
        field.setIcon(QIcon())
        field.setText(AUTO if pin is None else f"{pin.factor:.0%}" if pin.factor else "gray")
        field.setForeground(QColor(MARK_COLOR))
    field.setToolTip(FIELD_TIP)
