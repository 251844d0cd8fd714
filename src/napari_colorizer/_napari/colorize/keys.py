"""The keys of the dock: which they are, and what the *Keys* page says of them. Who acts on one binds it from here."""

from __future__ import annotations

from typing import NamedTuple

MOST_RECENT, CHOICES = 9, 3  # classes that have a key: those used last, and those offered for a doubtful region

# Of the viewer. napari has no use for these on label maps, images and points.
RESULT_ONLY, BEFORE, KEPT_COPY = "R", "U", "Y"  # result, uncolored
SPLIT, SPLIT_LEFT, SPLIT_RIGHT = "W", "Shift-Left", "Shift-Right"
DOTS, PALETTE, HELP = "D", "Q", "F1"
SAVE = "Ctrl+Shift+S"  # Qt's, in the whole window
# Of the label map. Without Shift or Alt, most are tools of napari's.
SPREAD, SNAP, FILL, END = "Shift-S", "Shift-G", "Shift-F", "Escape"
SHOW_DOUBT, NEXT_DOUBT = "Shift-D", "Shift-N"
PICK = "Shift-E"
RECENT = tuple(f"Alt-{place}" for place in range(1, MOST_RECENT + 1))
RESET_CLASS, RESET_REGION = "Shift-C", "Shift-R"
TAKE_CHOICE = tuple(str(place) for place in range(1, CHOICES + 1))
# Of the layer of dots.
UNDO, REDO = ("Control-Z",), ("Control-Shift-Z", "Control-Y")


class Group(NamedTuple):
    """Keys that are heard at one place.

    Attributes
    ----------
    title : str
    lines : tuple of (tuple of str, str)
        Keys, and what each of them does.
    """

    title: str
    lines: tuple[tuple[tuple[str, ...], str], ...]


PAGE = (
    Group(
        "On the canvas",
        (
            ((RESULT_ONLY,), "held: the result alone, without label map and dots"),
            ((BEFORE,), "held: the original image, uncolored"),
            ((KEPT_COPY,), "held: the copy of the colors made by Keep a copy"),
            ((SPLIT,), "split view: the original image on the left, its colors on the right"),
            ((SPLIT_LEFT, SPLIT_RIGHT), "move the divider of the split view"),
            ((PALETTE,), "palette for the region under the cursor"),
            ((DOTS,), "color dots; again: back to the label map"),
            ((SAVE,), "saves the label map and the colors"),
            ((HELP,), "shows these keys"),
        ),
    ),
    Group(
        "On the label map, while it is the selected layer",
        (
            ((SPREAD,), "spreads your strokes"),
            ((SNAP,), "snaps the region under the cursor to the edges of the image"),
            ((FILL,), "highlights the object under the cursor; a click, or the key again, fills it"),
            ((END,), "ends Fill object; leaves a doubtful region as it is"),
            ((SHOW_DOUBT,), "shows or hides where the model is unsure"),
            ((NEXT_DOUBT,), "goes to the next doubtful region"),
            (TAKE_CHOICE, "while classes are offered for it: chooses the first, second, third"),
            ((PICK,), "paints with the class under the cursor"),
            (RECENT, "paint with the last class used, the one before it, …"),
            ((RESET_CLASS,), "resets the class under the cursor to the prediction"),
            ((RESET_REGION,), "resets the region under the cursor to the prediction"),
        ),
    ),
    Group(
        "On the layer of dots, while it is the selected layer",
        ((UNDO, "undoes the last change of pins and dots"), (REDO, "redoes what was undone")),
    ),
    Group(
        "In the dock",
        (
            (("Tab", "Shift-Tab"), "go to the next, previous button, field or list"),
            (("Space",), "presses a button"),
            (("Up", "Down"), "in the search and in the list of classes: select another class"),
            (("Return",), "in the search: paints with the first match; in the list: opens the palette of the class"),
            (("Escape",), "in the search: ends it"),
        ),
    ),
)


def shown(key: str) -> str:
    """A key as people write it."""
    names = {"Control": "Ctrl", "Escape": "Esc", "Return": "Enter"}
    return "+".join(names.get(part, part) for part in key.split("-"))


def shown_together(keys: tuple[str, ...]) -> str:
    """Some keys as people write them; of more than three, the first and the last."""
    written = [shown(key) for key in keys]
    return f"{written[0]} … {written[-1]}" if len(written) > 3 else ", ".join(written)
