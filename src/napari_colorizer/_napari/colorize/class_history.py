"""Undo and redo of what is done to class maps. No Qt, no layers' data."""

from __future__ import annotations

from typing import NamedTuple
from weakref import WeakKeyDictionary

from napari.layers import Image, Labels

from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.pins import Pins

NO_PINS = Pins()


class ClassState(NamedTuple):
    """What is to be known of the classes of a label map to bring them back.

    Attributes
    ----------
    own : ClassMap, optional
        What the label map carries; None where it carries none, or there is no label map.
    usual : ClassMap
        What a new label map gets.
    regions : bool
        The numbers of the label map are regions without a class.
    pins : Pins
        Of classes, by id: they come back with a class.
    """

    own: ClassMap | None
    usual: ClassMap
    regions: bool = False
    pins: Pins = NO_PINS


class ClassHistory:
    """What the classes of one label map were, and what was done to them: texts such as "Delete 'sky'"."""

    def __init__(self) -> None:
        self._before: list[tuple[str, ClassState]] = []
        self._after: list[tuple[str, ClassState]] = []

    def note(self, doing: str, before: ClassState) -> None:
        """Note what is being done, and what the classes were before."""
        self._before.append((doing, before))
        self._after.clear()

    def undo(self, now: ClassState) -> ClassState | None:
        """What the classes were before the last step, which `now` is redone as; None where there is none."""
        return _step(self._before, self._after, now)

    def redo(self, now: ClassState) -> ClassState | None:
        """What the classes were before the last `undo`; None where there was none."""
        return _step(self._after, self._before, now)

    @property
    def undoes(self) -> str:
        """What would be taken back; "" where there is nothing."""
        return self._before[-1][0] if self._before else ""

    @property
    def redoes(self) -> str:
        """What would be done again; "" where there is nothing."""
        return self._after[-1][0] if self._after else ""


def _step(
    taken: list[tuple[str, ClassState]], left: list[tuple[str, ClassState]], now: ClassState
) -> ClassState | None:
    if not taken:
        return None
    doing, state = taken.pop()
    left.append((doing, now))
    return state


_known: WeakKeyDictionary[Labels, dict[str, ClassHistory]] = WeakKeyDictionary()  # they outlive a dock that is closed


def class_history_of(labels: Labels, image: Image | None) -> ClassHistory:
    """That of a label map, while the file of an image is shown in its layers."""
    path = "" if image is None else str(image.metadata.get("path", ""))
    return _known.setdefault(labels, {}).setdefault(path, ClassHistory())
