"""Color a micrograph in a real window, and make the pictures and the list of actions of its page.

    .ci/with-display python docs/scripts/micrograph.py

The labels are made with scikit-image, as other plugins make them, and put into the window before the first action. It
fails where there are more actions than the page promises.
"""

from __future__ import annotations

import numpy as np
from hand import Hand, make_page
from make_pictures import Panel, strip
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialogButtonBox
from scipy import ndimage
from skimage.filters import gaussian, sobel, threshold_local, threshold_otsu
from skimage.measure import label
from skimage.morphology import disk
from skimage.segmentation import watershed

from napari_colorizer.classes import ClassMap

SAMPLE, MOST = "immunohistochemistry", 8
SEEDS = (  # a line in each gland: x, y
    ((30, 60), (150, 80), (200, 200)),
    ((300, 30), (400, 120), (390, 230)),
    ((20, 200), (80, 320), (100, 480)),
    ((315, 360), (315, 470)),
)
GLANDS, TISSUE, NUCLEI = len(SEEDS), len(SEEDS) + 1, len(SEEDS) + 2
SMALLEST_NUCLEUS, SMALLEST_HOLE = 25, 1500  # pixels
ON_GLAND, PINNED = (400, 320), "#c2304a"


def segment(gray: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Numbers of the glands, 1 to 4, of the tissue between them and of its nuclei; 0 where there is none of it.

    A gland is darker than what is around it, and watershed parts it from the next one along the edges between a line
    in each. Nuclei are darker than the tissue close by, holes are nearly white.
    """
    coarse = gaussian(gray, 6)
    dark = ndimage.binary_opening(ndimage.binary_fill_holes(coarse < threshold_otsu(coarse)), disk(9))
    lines = Image.new("I", gray.shape[::-1])
    for number, points in enumerate(SEEDS, 1):
        ImageDraw.Draw(lines).line(points, fill=number, width=12)
    labels = watershed(sobel(gaussian(gray, 4)), np.array(lines), mask=dark).astype(np.int32)
    fine = gaussian(gray, 1.5)
    nuclei = larger_than(SMALLEST_NUCLEUS, (fine < threshold_local(fine, 51, offset=0.06)) & ~dark)
    holes = larger_than(SMALLEST_HOLE, (gaussian(gray, 3) > 0.9) & ~dark)
    labels[(labels == 0) & ~holes] = TISSUE
    labels[nuclei] = NUCLEI
    return labels


def larger_than(size: int, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The connected parts of a mask that have more pixels than that."""
    parts = label(mask)
    large = np.bincount(parts.ravel()) > size
    large[0] = False
    return large[parts]


def color(hand: Hand) -> dict[str, Image.Image]:
    """Every action; gives the pictures."""
    viewer, dock = hand.viewer, hand.dock
    gray = viewer.layers[SAMPLE].data
    viewer.add_labels(segment(gray), name="segmentation")
    hand.wait()
    pictures = {}
    hand.choose("*Label map*: the layer *segmentation*", dock.label_maps, "segmentation")
    dialog = dock.instance_labels.dialog
    hand.press("in the dialog that opens: *Regions without a class*", dialog.no_classes)
    pictures["micrograph-question"] = hand.picture(dialog)
    hand.press("*OK*", dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok))
    tools = dock.color_tools
    hand.press("unfold *Color*", tools.folded.toggleButton())
    hand.press("*Color each label*: six labels, six hues of one palette", tools.things_button)
    panels = [Panel("gray", np.repeat(gray[..., None], 3, axis=2)), Panel("Color each label", colors_of(hand))]
    hand.press("*Shuffle*: the same colors in another order", tools.shuffle_button)
    panels.append(Panel("Shuffle", colors_of(hand)))
    hand.key("`Q` with the cursor on the round gland: opens its palette", Qt.Key.Key_Q, ON_GLAND)
    popup = tools.pins.popup
    pictures["micrograph-pin"] = hand.picture(popup)
    hand.type(f"type `{PINNED}`", popup.hex, PINNED)
    panels.append(Panel(f"after {len(hand.actions)} actions", colors_of(hand)))
    return pictures | {"micrograph-steps": strip(panels, ClassMap([])), "micrograph": Image.fromarray(colors_of(hand))}


def colors_of(hand: Hand) -> NDArray[np.uint8]:
    """The result of now, (H, W, 3)."""
    return np.array(hand.dock.controller.colors.data)


def main() -> None:
    """Write the pictures and the list."""
    make_page("micrograph.md", SAMPLE, color, MOST)


if __name__ == "__main__":
    main()
