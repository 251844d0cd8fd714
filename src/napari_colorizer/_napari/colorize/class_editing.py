"""Adding, changing and deleting classes, and their files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QKeyEvent
from qtpy.QtWidgets import (
    QColorDialog,
    QFileDialog,
    QHBoxLayout,
    QInputDialog,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolButton,
    QWidget,
)

from napari_colorizer._napari.colorize.class_history import NO_PINS, ClassHistory, ClassState, class_history_of
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer.classes import STRAY_COLOR, Class, ClassMap, distinct_color
from napari_colorizer.engine.pins import Pins

FILE_FILTER = "Class maps (*.json *.csv *.txt)"
STEPS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}


class ClassSearch(QLineEdit):
    """Where one types what is searched; the arrows up and down go on to the list."""

    moved = Signal(int)
    left = Signal()

    def __init__(self) -> None:
        super().__init__(placeholderText="Search classes", clearButtonEnabled=True)
        self.setToolTip(
            "<p>Type part of a name or a number: Enter paints with the first match, the arrow keys "
            "select another class, Esc ends the search</p>"
        )
        self.setAccessibleName("Search classes")

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Qt's word that a key was pressed."""
        if event.key() in STEPS:
            self.moved.emit(STEPS[event.key()])
        elif event.key() == Qt.Key.Key_Escape:
            self.clear()
            self.left.emit()
        else:
            super().keyPressEvent(event)


class ClassEditing(QWidget):
    """What can be done to the selected class of a controller's label map.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        super().__init__()
        self.controller = controller
        self._without_map = ClassHistory()  # of the classes that a new label map gets

    @property
    def history(self) -> ClassHistory:
        """What was done to the classes of the label map."""
        labels, image = self.controller.labels, self.controller.image
        return self._without_map if labels is None else class_history_of(labels, image)

    def undo(self) -> None:
        """Take back what was done last to the classes."""
        self._restore(self.history.undo(self.controller.class_state))

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._restore(self.history.redo(self.controller.class_state))

    def _undo_if(self, doing: str) -> None:
        """Take back a step, if it still is the last one."""
        if self.history.undoes == doing:
            self.undo()
        else:
            self.controller.message.emit(
                "The classes were changed in the meantime: … > Undo undoes one change after the other"
            )

    def _restore(self, state: ClassState | None) -> None:
        if state is not None:
            former = self.controller.classes
            self.controller.restore_classes(state)
            self._take_pins_along(former, state.pins)

    def _change(self, doing: str, classes: ClassMap) -> None:
        """Take other classes, as one step that can be taken back."""
        former = self.controller.classes
        if classes != former:
            self.history.note(doing, self.controller.class_state)
        self.controller.set_classes(classes)
        self._take_pins_along(former)

    def _take_pins_along(self, former: ClassMap, noted: Pins = NO_PINS) -> None:
        """Let pins go with the classes that are gone, and come back as noted with those that are back."""
        classes, wished = self.controller.classes, self.controller.wishes.now
        gone = [label for label in former.ids if label not in classes]
        back = {label: pin for label, pin in noted.classes.items() if label in classes and label not in former}
        self.controller.wish(replace(wished, classes=Pins(back) | wished.classes.without(*gone)))

    def selected(self) -> int | None:
        """Id of the selected class."""
        raise NotImplementedError

    def leave(self, label: int) -> None:
        """Paint with the class of the row below, or above, that of a label."""
        raise NotImplementedError

    def make_buttons(self) -> QHBoxLayout:
        """A button for each."""
        line = QHBoxLayout()
        line.setSpacing(2)
        for text, slot, tip in (
            ("Add…", self.add, "Add a class"),
            ("Rename…", self.rename, "Rename the selected class; a class that the model knows keeps its colors"),
            ("Recolor…", self.recolor, "Change the display color of the selected class"),
            (
                "Delete",
                self.delete,
                "Delete the selected class and its pinned color; its pixels keep their class id "
                "(… > Undo brings all of it back)",
            ),
        ):
            button = QPushButton(text)
            button.setToolTip(tip)
            button.clicked.connect(lambda _=False, slot=slot: slot())
            line.addWidget(button)
        more = QToolButton(text="…", accessibleName="Class map")
        more.setToolTip("Undo changes of the classes; load or save the class map")
        more.setStyleSheet("QToolButton::menu-indicator { image: none }")  # there is room for one of both
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        more.setMenu(self._make_menu(more))
        line.addWidget(more)
        return line

    def _make_menu(self, parent: QWidget) -> QMenu:
        menu = QMenu(parent)
        undo, redo = menu.addAction("Undo", self.undo), menu.addAction("Redo", self.redo)
        menu.addSeparator()
        menu.addAction("Load class map…", self.load)
        menu.addAction("Save class map…", self.save)

        def show_steps() -> None:
            for action, name, doing in ((undo, "Undo", self.history.undoes), (redo, "Redo", self.history.redoes)):
                action.setText(f"{name}: {doing}".replace("&", "&&") if doing else name)
                action.setEnabled(bool(doing))

        menu.aboutToShow.connect(show_steps)
        return menu

    def _selected_class(self) -> Class | None:
        """The selected class; a stray id, which has none yet, gets a name to begin with."""
        label = self.selected()
        if not label:
            self.controller.message.emit("Select a class in the list first")
            return None
        classes = self.controller.classes
        return classes[label] if label in classes else Class(label, f"class {label}", distinct_color(label))

    def _put(self, doing: str, label: int, name: str, color: str, known_as: str = "") -> bool:
        """Add or change a class; False, with a message, if it cannot be."""
        try:
            self._change(doing, self.controller.classes.with_class(Class(label, name.strip(), color, known_as)))
        except ValueError as error:
            self.controller.message.emit(str(error))
            return False
        return True

    def add(self) -> None:
        """Ask for a name and add a class."""
        name, agreed = QInputDialog.getText(self, "Add class", "Name of the new class:")
        if agreed:
            label = self.controller.classes.unused_id(self.controller.counts)
            if self._put(f"Add {name!r}", label, name, distinct_color(label)):
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
            self._put(f"Rename {item.name!r}", item.id, name, item.color, known_as)

    def recolor(self) -> None:
        """Ask for another display color of the selected class."""
        item = self._selected_class()
        if item is None:
            return
        color = QColorDialog.getColor(QColor(item.color), self, f"Display color of {item.name!r}")
        if color.isValid():
            self._put(f"Recolor {item.name!r}", item.id, item.name, color.name(), item.known_as)

    def delete(self) -> None:
        """Delete the selected class; its pixels keep their id, and are shown as having no class."""
        item = self._selected_class()
        if item is None:
            return
        if item.id not in self.controller.classes:
            self.controller.message.emit(f"{item.id} is the id of no class: there is nothing to delete")
            return
        count = self.controller.counts.get(item.id, 0)
        if not count:
            self.leave(item.id)  # which has no row any more
        self._change(f"Delete {item.name!r}", self.controller.classes.without(item.id))
        if count:
            self.controller.message.emit(
                f"{count:,} pixels still have the id {item.id} of the deleted class {item.name!r}; they are shown in "
                f"{STRAY_COLOR} and colored as unlabeled. Paint over them, give the id a name again, or bring the "
                "class back (… > Undo)"
            )

    def load(self) -> None:
        """Ask for a file and take its class map."""
        path, _ = QFileDialog.getOpenFileName(self, "Load class map", "", FILE_FILTER)
        if not path:
            return
        try:
            classes = ClassMap.read(path)
        except (ValueError, OSError) as error:
            self.controller.message.emit(str(error))
            return
        former, name = self.controller.classes, Path(path).name
        if classes != former:
            doing = f"Load {name}"
            self._change(doing, classes)
            told = f"The {len(classes)} classes of {name} replaced the {len(former)} former ones"
            answers = {"Take it back": lambda: self._undo_if(doing), "Keep them": lambda: None}
            self.controller.choices_offered.emit(told, answers)

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
