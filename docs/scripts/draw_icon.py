"""Draw the plugin's icon: a landscape, gray on its left and colored on its right, with the lightness of the same image.

python docs/scripts/draw_icon.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage import color

ICON = Path(__file__).parent.parent.parent / "src" / "napari_colorizer" / "icon.png"
SIZE, FINER = 256, 4  # pixels of a side; drawn finer, then reduced
SKY, SUN, HILLS, MEADOW, DIVIDER = "#7fb7e6", "#f6c445", "#4f8f7a", "#78b04a", "#ffffff"
CORNER, DIVIDER_WIDTH = 0.2, 0.025  # as parts of a side


def draw() -> Image.Image:
    """Draw the icon, RGBA."""
    side = SIZE * FINER
    landscape = Image.new("RGB", (side, side), SKY)
    pen = ImageDraw.Draw(landscape)
    pen.ellipse(_box(0.34, 0.16, 0.66, 0.48), fill=SUN)
    pen.ellipse(_box(-0.35, 0.42, 0.62, 1.5), fill=HILLS)
    pen.ellipse(_box(0.45, 0.45, 1.35, 1.5), fill=HILLS)
    pen.ellipse(_box(-0.3, 0.66, 1.3, 1.9), fill=MEADOW)
    landscape.paste(_gray(landscape.crop((0, 0, side // 2, side))), (0, 0))
    pen.rectangle(_box(0.5 - DIVIDER_WIDTH / 2, 0, 0.5 + DIVIDER_WIDTH / 2, 1), fill=DIVIDER)
    corners = Image.new("L", landscape.size)
    ImageDraw.Draw(corners).rounded_rectangle(_box(0, 0, 1, 1), CORNER * side, fill=255)
    landscape.putalpha(corners)
    return landscape.resize((SIZE, SIZE), Image.Resampling.BOX)


def _box(*parts: float) -> tuple[float, ...]:
    return tuple(part * SIZE * FINER for part in parts)


def _gray(image: Image.Image) -> Image.Image:
    """The same lightness without chroma."""
    lab = color.rgb2lab(np.asarray(image))
    lab[..., 1:] = 0
    return Image.fromarray(np.round(color.lab2rgb(lab) * 255).astype(np.uint8))


if __name__ == "__main__":
    draw().save(ICON, optimize=True)
