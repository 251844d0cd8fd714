"""The part of the dock that says what colors things are to have."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from napari.layers import Image
from qtpy.QtCore import QModelIndex, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QColorDialog,
    QFileDialog,
    QGridLayout,
    QMenu,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_colorizer._napari.colorize.adjustment_sliders import AdjustmentSliders
from napari_colorizer._napari.colorize.class_list import ClassList
from napari_colorizer._napari.colorize.class_rows import ID_ROLE
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.dots_layer import DotsLayer
from napari_colorizer._napari.colorize.held_copy import HeldCopy
from napari_colorizer._napari.colorize.palette_source import PaletteSource
from napari_colorizer._napari.colorize.pin_tool import PinTool
from napari_colorizer._napari.colorize.split_view import SplitView
from napari_colorizer._napari.colorize.surprise import Surprise
from napari_colorizer._napari.colorize.thing_colors import ThingColors
from napari_colorizer._napari.shared.dock import FoldedPart, focus_canvas, form, row
from napari_colorizer._napari.shared.questions import Answer, ask_to_overwrite

FILES, SUFFIX = "GIMP palettes (*.gpl)", ".gpl"
SWATCHES, ACROSS, SWATCH = 24, 12, 18  # of a palette; pixels
STEPS = 100
SWATCH_TIP = "click to replace this color"


class ColorTools(QWidget):
    """What is wished for colors, in a group that folds away.

    Parameters
    ----------
    controller : ColorizeController
    class_list : ClassList
        Has a color field in each row.
    parent : QWidget
        Of the palette.

    Attributes
    ----------
    folded : FoldedPart
        This, with a title to fold and unfold it.
    """

    def __init__(self, controller: ColorizeController, class_list: ClassList, parent: QWidget):
        super().__init__()
        self.controller = controller
        self.pins, self.dots = PinTool(controller, parent), DotsLayer(controller)
        self.adjustment, self.palette_source = AdjustmentSliders(controller), PaletteSource(controller)
        self.things, self.surprise, self.held = ThingColors(controller), Surprise(controller), HeldCopy(controller)
        self.split = SplitView(controller, parent)
        self.class_list = class_list
        class_list.table.field_clicked.connect(self._open_palette)
        self._make_buttons()
        self._make_palette()
        self._lay_out()
        controller.wishes_changed.connect(self._show_steps)
        controller.wishes_changed.connect(self.adjustment.show)
        controller.layers_changed.connect(self._show_swatches)
        self._show_steps()

    def release(self) -> None:
        """Unbind the keys, and let go of the layers."""
        for tool in (self.pins, self.dots, self.adjustment, self.held, self.split):
            tool.release()

    # -- what it is made of

    def _make_buttons(self) -> None:
        self.dots_button = _button(
            "Color dots",
            "Adds a layer of color dots (D; again: back to the label map): the object under a dot gets the dot's "
            "color. Move, recolor and delete dots with napari's own tools",
            self._take_dots,
        )
        undo = "Undoes the last change of pins and dots (Ctrl+Z on the layer of dots)"
        self.undo_button = _button("↶ Undo", undo, partial(self.controller.step_wishes, True))
        redo = "Redoes the change that was undone (Ctrl+Shift+Z on the layer of dots)"
        self.redo_button = _button("↷ Redo", redo, partial(self.controller.step_wishes, False))
        self.surprise_button = _button(
            "Surprise me",
            "Shows four plausible colorings, new ones each time; click one to adopt it as pins",
            self.surprise.ask,
        )
        self.hold_button = _button(
            "Keep a copy",
            "Keeps a copy of the current colors in a hidden layer: hold Y to compare with it",
            self.held.hold,
        )
        self.things_button = _button(
            "Color each label",
            "Gives each label that the model has no color for one of a harmonious palette: instance labels, "
            "micrographs, your own classes. Press again for other hues",
            lambda: self._with_swatches(self.things.color),
        )
        self.shuffle_button = _button(
            "Shuffle", "The same colors in another order", lambda: self._with_swatches(self.things.shuffle)
        )

    def _make_palette(self) -> None:
        self.palette_button = QPushButton("Palette from")
        self.palette_button.setToolTip(
            "<p>Pins each class to its mean color in another RGB layer (by the label map of that layer, or a "
            "predicted one), or to a color of a GIMP palette; one step of undo</p>"
        )
        self.palette_menu = QMenu(self.palette_button)
        self.palette_menu.aboutToShow.connect(self._fill_menu)
        self.palette_button.setMenu(self.palette_menu)
        self.strength = QSlider(Qt.Orientation.Horizontal, maximum=STEPS, value=STEPS, pageStep=STEPS // 10)
        self.strength.setToolTip(
            "<p>How strongly the palette is applied: none of it at the left, all of it at the right</p>"
        )
        self.strength.valueChanged.connect(lambda value: self.palette_source.set_strength(value / STEPS))
        self.swatches = QWidget()
        self.swatch_buttons = [
            QToolButton(accessibleName=f"Color {n + 1}", toolTip=SWATCH_TIP) for n in range(SWATCHES)
        ]
        grid = QGridLayout(self.swatches)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(2)
        for number, swatch in enumerate(self.swatch_buttons):
            swatch.setFixedSize(SWATCH, SWATCH)
            swatch.clicked.connect(partial(self._replace, number))
            grid.addWidget(swatch, number // ACROSS, number % ACROSS, Qt.AlignmentFlag.AlignLeft)
        self._show_swatches()

    def _lay_out(self) -> None:
        sliders = self.adjustment.sliders
        warmth = QWidget()
        line = row(sliders["warmth"], self.adjustment.reset_button)
        line.setContentsMargins(0, 0, 0, 0)
        warmth.setLayout(line)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row(self.dots_button, self.undo_button, self.redo_button))
        layout.addLayout(form({"Saturation": sliders["saturation"], "Warmth": warmth}))
        layout.addLayout(row(self.palette_button, self.strength))
        layout.addLayout(row(self.things_button, self.shuffle_button))
        layout.addWidget(self.swatches)
        layout.addLayout(row(self.surprise_button, self.hold_button, self.split.button))
        layout.addWidget(self.surprise)
        self.strength.setAccessibleName("Strength of the palette")
        sliders["warmth"].setAccessibleName("Warmth")
        self.folded = FoldedPart("Color", "Dots, palettes and other ways to choose the colors")
        self.folded.addWidget(self)

    # -- what the user wants

    def _take_dots(self) -> None:
        self.dots.toggle()
        focus_canvas(self)

    def _open_palette(self, field: QModelIndex) -> None:
        table = self.class_list.table
        self.pins.open_class(
            int(field.data(ID_ROLE)), table.viewport().mapToGlobal(table.visualRect(field).bottomLeft())
        )

    def _fill_menu(self) -> None:
        menu = self.palette_menu
        menu.clear()
        layers: list[Image] = self.palette_source.layers()
        for layer in layers:
            menu.addAction(layer.name, partial(self.palette_source.take, layer))
        if not layers:
            menu.addAction("(no other RGB layer is open)").setEnabled(False)
        menu.addSeparator()
        menu.addAction("Palette file (.gpl)…", self._ask_to_read)
        menu.addAction("Save the pinned colors (.gpl)…", self._ask_to_write)

    def _ask_to_read(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open a palette", "", FILES)
        if not path:
            return
        try:
            unnamed = self.palette_source.read(path)
        except ValueError as error:
            self.controller.message.emit(str(error))
            return
        if unnamed is not None:
            self._with_swatches(partial(self.things.use, unnamed))

    def _ask_to_write(self) -> None:
        if not self.palette_source.colors():
            self.controller.message.emit("There is no palette to save: no class has a pinned color yet")
            return
        chosen, _ = QFileDialog.getSaveFileName(self, "Save the pinned colors", "palette.gpl", FILES)
        if not chosen:
            return
        path = Path(chosen)
        if path.suffix.lower() == SUFFIX:
            self._write(path)
            return
        path = path.with_name(f"{path.name}{SUFFIX}")
        if not path.exists():
            self._write(path)
            return

        def told(answer: Answer, _for_all: bool) -> None:  # the file dialog has asked about another name
            if answer == "overwrite":
                self._write(path)

        ask_to_overwrite(self.window(), [path], told)

    def _write(self, path: Path) -> None:
        try:
            self.palette_source.write(path)
        except (ValueError, OSError) as error:
            self.controller.message.emit(str(error))

    def _replace(self, number: int, _checked: bool = False) -> None:
        palette = self.things.palette
        if palette is not None:
            color = QColorDialog.getColor(QColor(palette.colors[number]), self, "Color of the palette")
            if color.isValid():
                self._with_swatches(partial(self.things.replace, number, color.name()))

    # -- what is shown

    def _with_swatches(self, act: Callable[[], object]) -> None:
        act()
        self._show_swatches()

    def _show_swatches(self) -> None:
        """Show the palette that things were given."""
        colors = self.things.palette.colors[:SWATCHES] if self.things.palette is not None else ()
        self.swatches.setVisible(bool(colors))
        self.shuffle_button.setEnabled(bool(colors))
        for number, swatch in enumerate(self.swatch_buttons):
            swatch.setVisible(number < len(colors))
            if number < len(colors):
                swatch.setStyleSheet(f"background-color: {colors[number]}; border-radius: 2px")
                swatch.setToolTip(f"{colors[number]}: {SWATCH_TIP}")

    def _show_steps(self) -> None:
        wishes = self.controller.wishes
        self.undo_button.setEnabled(wishes.can_undo)
        self.redo_button.setEnabled(wishes.can_redo)


def _button(text: str, tip: str, act: Callable[[], object]) -> QPushButton:
    made = QPushButton(text)
    made.setToolTip(f"<p>{tip}</p>")
    made.clicked.connect(lambda _=False: act())
    return made
