"""Undo and redo of what is wished for the colors of images. No Qt, no layers' data."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from napari.layers import Image

from napari_colorizer._napari.colorize.wished import Wished


class WishHistory:
    """The pins and dots of one image, and what they were.

    Attributes
    ----------
    now : Wished
    """

    def __init__(self) -> None:
        self.now = Wished()
        self._before: list[Wished] = []
        self._after: list[Wished] = []
        self._going_on = ""

    def note(self, wished: Wished, going_on: str = "") -> bool:
        """Take over something else, as one more step; gives whether it is something else.

        Parameters
        ----------
        wished : Wished
        going_on : str
            What is going on, such as the drag of a slider: as long as that is the same, it all is one step.
        """
        if wished == self.now:
            return False
        if not going_on or going_on != self._going_on:
            self._before.append(self.now)
        self.now, self._going_on = wished, going_on
        self._after.clear()
        return True

    @property
    def before(self) -> Wished:
        """What was wished before what is going on."""
        return self._before[-1] if self._going_on else self.now

    def settle(self) -> None:
        """What went on has come to its end."""
        self._going_on = ""

    def undo(self) -> bool:
        """Go back by a step; gives whether there was one."""
        return self._step(self._before, self._after)

    def redo(self) -> bool:
        """Go forth again; gives whether there was something to go to."""
        return self._step(self._after, self._before)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to go back."""
        return bool(self._before)

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back."""
        return bool(self._after)

    def _step(self, taken: list[Wished], left: list[Wished]) -> bool:
        if not taken:
            return False
        left.append(self.now)
        self.now, self._going_on = taken.pop(), ""
        return True


_known: WeakKeyDictionary[Image, dict[str, WishHistory]] = WeakKeyDictionary()  # they outlive a dock that is closed


def history_of(image: Image | None) -> WishHistory:
    """That of an image, or of the file that is shown in it; of none, an empty one."""
    if image is None:
        return WishHistory()
    path = str(image.metadata.get("path", ""))
    return _known.setdefault(image, {}).setdefault(path, WishHistory())
