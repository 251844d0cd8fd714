"""Color the astronaut in a real window, and make the pictures and the list of actions of the tutorial.

    .ci/with-display python docs/scripts/tutorial.py

Places and classes are given here, not taken from what the model predicts; so another model changes the pictures, not
the actions. It fails where there are more of them than the page promises.
"""

from __future__ import annotations

import numpy as np
from hand import Hand, face_color_field, make_page
from make_pictures import WINDOW_WIDTH, Panel, strip
from PIL import Image
from qtpy.QtCore import Qt

from napari_colorizer.classes import ClassMap

MOST = 12
SUIT = [(232, 100), (290, 75), (330, 45), (400, 35), (490, 45), (450, 90), (320, 100), (300, 170), (335, 205),
        (470, 205), (420, 265), (300, 300), (330, 345)]  # fmt: skip
FLAG = [(20, 15), (60, 30), (95, 25), (150, 60), (200, 70), (210, 20), (290, 20), (330, 8), (400, 5), (500, 8)]
ON_SUIT, ON_STRIPE, ON_FIELD = (330, 130), (160, 62), (95, 33)
RED, BLUE = "#b02030", "#2c3c8c"


def color(hand: Hand) -> dict[str, Image.Image]:
    """Every action; gives the pictures."""
    viewer, dock = hand.viewer, hand.dock
    gray = np.repeat(viewer.layers["astronaut"].data[..., None], 3, axis=2)
    hand.press("*Predict labels*: a label map and its colors", dock.predict_button)
    pictures = {"tutorial-predicted": hand.picture()}
    predicted = colors_of(hand)
    hand.choose_class("a click on *clothes* in the list of classes", "clothes")
    hand.stroke("one long stroke through the suit", SUIT)
    hand.choose_class("a click on *curtain*: the closest class for a flag", "curtain")
    hand.stroke("one stroke through the flag", FLAG)
    strokes = Panel("two strokes", hand.canvas())
    hand.press("*Spread strokes*: similar areas get the same classes", dock.map_tools.spread_button)
    pictures["tutorial-map"] = strip([strokes, Panel("spread", hand.canvas())], ClassMap([]))
    pictures["tutorial-map"].thumbnail((WINDOW_WIDTH, WINDOW_WIDTH))
    hand.key("`D`: color dots; the first is orange", Qt.Key.Key_D)
    hand.stroke("a dot on the suit", [ON_SUIT])
    pictures["tutorial-dot"] = hand.picture()
    dots = dock.color_tools.dots.layer
    for what, place, wanted in (("a stripe", ON_STRIPE, RED), ("the blue field", ON_FIELD, BLUE)):
        hand.stroke(f"a dot on {what} of the flag", [place])
        hand.type(f"its *face color*: `{wanted}`", face_color_field(viewer, dots), wanted)
    pictures["tutorial-window"] = hand.picture()
    panels = [Panel("gray", gray), Panel("as predicted", predicted)]
    panels += [Panel(f"after {len(hand.actions)} actions", colors_of(hand))]
    return pictures | {"tutorial-result": strip(panels, ClassMap([]))}


def colors_of(hand: Hand) -> np.ndarray:
    """The result of now, (H, W, 3)."""
    return np.array(hand.dock.controller.colors.data)


def main() -> None:
    """Write the pictures and the list."""
    make_page("tutorial.md", "astronaut", color, MOST)


if __name__ == "__main__":
    main()
