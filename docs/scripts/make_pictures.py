"""Make the pictures of the README and of the gallery with the bundled model.

    .ci/with-display python docs/scripts/make_pictures.py

For the plugin's samples, the gallery shows, side by side, the gray image, the predicted labels and the
colors that come of them, the corrected labels and the colors that come of those, and, where they are known, the true
colors. The corrections are polygons drawn by hand, in ``gallery.json``: points are x, y as fractions of the image's
sides, and what stands later covers what stands before. They are drawn over the predicted label map, unless ``start``
is "empty" or names an entry that stands before; ``called`` gives all labels of one class to another; the class
"unlabeled" erases. The screenshot is that of ``napari-colorizer demo``.

How much the corrections changed, and how far the colors are from the true ones, is printed: with another model, see
there whether a picture still makes its point.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from qtpy.QtWidgets import QApplication
from scipy import ndimage

from napari_colorizer import load_model
from napari_colorizer._napari import demo
from napari_colorizer._napari.colorize.natural_colors import with_natural_colors
from napari_colorizer._napari.io import sample_pixels
from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
from napari_colorizer.evaluation.metrics.color import ciede2000, to_lab
from napari_colorizer.models.model import Model
from napari_colorizer.training.pictures import overlay, to_gray

GALLERY = Path(__file__).parent / "gallery.json"
IMAGES = Path(__file__).parent.parent / "images"
ONE_CORRECTION = "photographer"  # the entry of the README's first picture
TWO_LABELS = {"photographer": "meadow called grass", "photographer-water": "meadow called water"}  # and of its second

WIDTH, WINDOW_WIDTH = 1400, 1200  # of a strip and of the window, in pixels
QUALITY = 88
GAP = 6  # between panels
CAPTION_SIZE, NAME_SIZE = 16, 14  # of the letters, in pixels
SMALLEST_NAMED = 0.008  # of the area: no name is written on a smaller region,
SMALLEST_SECOND = 0.03  # nor on one smaller than this if another region has that name already
ERASER = "unlabeled"


@dataclass(frozen=True)
class Panel:
    """An image (H, W, 3) under a caption; with a label map (H, W), that lies over it."""

    caption: str
    pixels: np.ndarray
    labels: np.ndarray | None = None


@dataclass(frozen=True)
class Example:
    """A photograph, its label maps (H, W) and the colors that come of them (H, W, 3), all of the same size."""

    gray: np.ndarray
    predicted: np.ndarray
    corrected: np.ndarray
    predicted_colors: np.ndarray
    corrected_colors: np.ndarray
    true_colors: np.ndarray | None
    by_hand: bool  # nothing of the predicted labels is in the corrected ones

    def report(self) -> str:
        """How much was corrected, and how far the colors are from the true ones before and after."""
        before, after = to_lab(self.predicted_colors), to_lab(self.corrected_colors)
        text = f"{(self.predicted != self.corrected).mean():4.0%} corrected; CIEDE2000: "
        text += f"{ciede2000(before, after).mean():4.1f} from predicted to corrected"
        if self.true_colors is not None:
            truth = to_lab(self.true_colors)
            errors = [ciede2000(truth, lab).mean() for lab in (to_lab(self.gray), before, after)]
            text += "; to the truth {:4.1f} gray, {:4.1f} predicted, {:4.1f} corrected".format(*errors)
        return text

    def panels(self) -> list[Panel]:
        """What the labels do: predicted ones and their colors, corrected ones and theirs."""
        how = "drawn" if self.by_hand else "corrected"
        return [
            Panel("predicted labels", self.gray, self.predicted),
            Panel("colors", self.predicted_colors),
            Panel(f"{how} labels", self.gray, self.corrected),
            Panel("colors" if self.by_hand else "corrected colors", self.corrected_colors),
        ]

    def all_panels(self) -> list[Panel]:
        """These between the gray image and, where they are known, the true colors."""
        truth = [] if self.true_colors is None else [Panel("true colors", self.true_colors)]
        return [Panel("gray", self.gray), *self.panels(), *truth]


def label_of(model: Model, name: str) -> int:
    """The id of a class; `ValueError` if the model has none of that name."""
    if name == ERASER:
        return UNLABELED
    if not model.classes.has_name(name):
        raise ValueError(f"{GALLERY.name} labels something {name!r}, but the model {model.name!r} has no such class")
    return model.classes.named(name).id


def draw_labels(model: Model, shape: tuple[int, int], polygons: list, start: np.ndarray | None = None) -> np.ndarray:
    """A label map of polygons, (H, W) int32, drawn over another one or over an empty one."""
    canvas = Image.fromarray(np.zeros(shape, np.int32) if start is None else start)
    for name, points in polygons:
        corners = [(x * shape[1], y * shape[0]) for x, y in points]
        ImageDraw.Draw(canvas).polygon(corners, fill=label_of(model, name))
    return np.array(canvas)


def make_example(model: Model, entry: dict, done: dict[str, Example]) -> Example:
    """Predict, correct and color an entry of the gallery."""
    photograph = sample_pixels(entry["sample"])
    in_color = photograph.ndim == 3
    gray = to_gray(photograph) if in_color else np.repeat(photograph[..., None], 3, axis=2)
    predicted = model.segment(gray, SegmentOptions(device="cpu")).astype(np.int32)
    starts = {name: example.corrected for name, example in done.items()}
    starts |= {"predicted": predicted, "empty": np.zeros_like(predicted)}
    labels = starts[entry.get("start", "predicted")].copy()
    for name, other in entry.get("called", {}).items():
        labels[labels == label_of(model, name)] = label_of(model, other)
    corrected = draw_labels(model, labels.shape, entry["polygons"], labels)
    session = model.session(gray, ColorizeOptions(device="cpu"))
    colors = session.colorize(predicted), session.colorize(corrected)
    by_hand = entry.get("start") == "empty"
    return Example(gray, predicted, corrected, *colors, photograph if in_color else None, by_hand)


def make_examples(model: Model) -> dict[str, Example]:
    """Every entry of the gallery, by name."""
    examples: dict[str, Example] = {}
    for name, entry in json.loads(GALLERY.read_text()).items():
        examples[name] = make_example(model, entry, examples)
        print(f"{name:20}", examples[name].report())
    return examples


def two_labels(examples: dict[str, Example]) -> list[Panel]:
    """The same photograph with two label maps, and the colors of each."""
    panels = []
    for name, caption in TWO_LABELS.items():
        example = examples[name]
        panels += [Panel(caption, example.gray, example.corrected), Panel("colors", example.corrected_colors)]
    return panels


def strip(panels: list[Panel], classes: ClassMap) -> Image.Image:
    """Panels beside each other, each under its caption."""
    width = (WIDTH - GAP * (len(panels) - 1)) // len(panels)
    height = round(width * panels[0].pixels.shape[0] / panels[0].pixels.shape[1])
    header = CAPTION_SIZE + 10
    picture = Image.new("RGB", (WIDTH, header + height), "white")
    for number, panel in enumerate(panels):
        left = number * (width + GAP)
        font = ImageFont.load_default(CAPTION_SIZE)
        ImageDraw.Draw(picture).text((left + width / 2, header / 2), panel.caption, "black", font, anchor="mm")
        pixels = panel.pixels if panel.labels is None else overlay(panel.pixels, panel.labels, classes)
        shown = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
        if panel.labels is not None:
            write_names(shown, panel.labels, classes)
        picture.paste(shown, (left, header))
    return picture


def write_names(picture: Image.Image, labels: np.ndarray, classes: ClassMap) -> None:
    """Write the names of the classes in the midst of their regions, the larger first; none covers another."""
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(NAME_SIZE)
    shrunk = np.asarray(Image.fromarray(labels).resize(picture.size, Image.Resampling.NEAREST))
    taken: list[tuple[float, float, float, float]] = []
    for _, label, x, y in sorted(named_regions(shrunk), reverse=True):
        name = ERASER if label == UNLABELED else classes[label].name
        across, down = draw.textlength(name, font) / 2 + 2, NAME_SIZE / 2 + 2
        x = min(max(x, across), picture.width - across)
        y = min(max(y, down), picture.height - down)
        left, top, right, bottom = x - across, y - down, x + across, y + down
        if all(left >= box[2] or right <= box[0] or top >= box[3] or bottom <= box[1] for box in taken):
            taken.append((left, top, right, bottom))
            draw.text((x, y), name, "white", font, anchor="mm", stroke_width=2, stroke_fill="black")


def named_regions(labels: np.ndarray) -> Iterator[tuple[int, int, float, float]]:
    """Area, class id, and the x, y that is farthest from the border, of every region large enough for a name."""
    for label in np.unique(labels):
        regions, _ = ndimage.label(labels == label)
        areas = np.bincount(regions.ravel())
        areas[0] = 0
        for number, area in enumerate(areas):
            if area >= (SMALLEST_NAMED if area == areas.max() else SMALLEST_SECOND) * labels.size:
                depth = ndimage.distance_transform_edt(np.pad(regions == number, 1))[1:-1, 1:-1]
                y, x = np.unravel_index(depth.argmax(), depth.shape)
                yield int(area), int(label), float(x), float(y)


def window() -> Image.Image:
    """The demo's window."""
    viewer, widget = demo.start()
    demo.wait_until_colored(widget.controller)
    settle()
    viewer.reset_view()  # it was fitted to the window before that had its size
    settle()
    picture = Image.fromarray(viewer.screenshot(canvas_only=False, flash=False)).convert("RGB")
    viewer.close()
    picture.thumbnail((WINDOW_WIDTH, WINDOW_WIDTH), Image.Resampling.LANCZOS)
    return picture


def settle() -> None:
    """Let the window lay itself out and paint itself."""
    for _ in range(20):
        QApplication.processEvents()
        time.sleep(0.05)


def main() -> None:
    """Write every picture into ``docs/images``."""
    model = load_model()
    examples = make_examples(model)
    panels = {name: example.all_panels() for name, example in examples.items()}
    panels |= {"one-correction": examples[ONE_CORRECTION].panels(), "two-labels": two_labels(examples)}
    classes = with_natural_colors(model.classes)  # as the window shows them
    pictures = {name: strip(shown, classes) for name, shown in panels.items()}
    pictures["window"] = window()
    IMAGES.mkdir(exist_ok=True)
    for name, picture in pictures.items():
        picture.save(IMAGES / f"{name}.jpg", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
