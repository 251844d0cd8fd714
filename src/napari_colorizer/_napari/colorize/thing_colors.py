"""Colors of a harmonious palette for things that no model knows: instance labels, micrographs, classes of one's own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.result_layers import outline
from napari_colorizer.classes import LARGEST_ID, UNLABELED
from napari_colorizer.engine.pins import Pins

if TYPE_CHECKING:
    from napari_colorizer.engine.palettes import Palette

LARGEST = 12  # colors; more things share them in turn
TOO_LARGE = (
    f"Labels with ids above {LARGEST_ID} are not colored ({{count}} here): renumber them first, for example with "
    "skimage.segmentation.relabel_sequential"
)


class ThingColors:
    """Gives every id that the model has no color for one of a palette; all ids, where it has one for each.

    Parameters
    ----------
    controller : ColorizeController

    Attributes
    ----------
    palette : Palette, optional
        Of the last time.
    """

    def __init__(self, controller: ColorizeController):
        self.controller = controller
        self.palette: Palette | None = None
        self._seed = 0

    def ids(self) -> list[int]:
        """What gets colors, in order."""
        counts = self.controller.counts
        present = sorted(label for label, count in counts.items() if count and UNLABELED < label <= LARGEST_ID)
        known = self.controller.model.colored(self.controller.classes)
        return [label for label in present if label not in known] or present

    def color(self) -> None:
        """Give each thing a color; another time, of other hues. To be seen: the label map is outlined."""
        from napari_colorizer.engine.palettes import Palette  # brings torch

        ids = self.ids()
        if ids:
            self._pin(Palette.harmonious(min(len(ids), LARGEST), self._seed), ids)
            self._seed += 1
            outline(self.controller.labels)
        if left := sum(label > LARGEST_ID for label in self.controller.counts):
            self.controller.message.emit(TOO_LARGE.format(count=left))
        elif not ids:
            self.controller.message.emit("There are no labels to color: choose a label map, or paint one")

    def shuffle(self) -> None:
        """The same colors in another order."""
        if self.palette is not None:
            self._seed += 1
            self._pin(self.palette.shuffled(self._seed), self.ids())

    def replace(self, number: int, color: str) -> None:
        """Put a color, #rrggbb, in the place of one of the palette."""
        if self.palette is not None:
            self._pin(self.palette.replaced(number, color), self.ids())

    def use(self, palette: Palette) -> None:
        """Take the colors of another palette."""
        self._pin(palette, self.ids())

    def _pin(self, palette: Palette, ids: list[int]) -> None:
        self.palette = palette
        wished = self.controller.wishes.now
        self.controller.wish(replace(wished, classes=wished.classes | Pins(palette.by_id(ids))))
