"""Make the pictures of the README with the bundled model.

    python docs/make_pictures.py

The gallery shows, for photographs that scikit-image ships: the gray image, a label map, and the colors that come of
it. The label maps are rough polygons drawn by hand, in ``gallery.json``: what stands later covers what stands before,
points are x, y in parts of the image's sides. One strip keeps the predicted label map. The
screenshot is that of ``napari-colorizer demo``.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from napari_colorizer import load_model
from napari_colorizer._napari.demo import run
from napari_colorizer._napari.io import sample
from napari_colorizer.models.model import Model
from napari_colorizer.training.pictures import overlay

GALLERY = Path(__file__).parent / "gallery.json"
IMAGES = Path(__file__).parent / "images"
HEIGHT = 240


def draw_labels(model: Model, shape: tuple[int, int], polygons: list) -> np.ndarray:
    """A label map of polygons."""
    canvas = Image.new("L", (shape[1], shape[0]))
    for name, points in polygons:
        corners = [(x * shape[1], y * shape[0]) for x, y in points]
        ImageDraw.Draw(canvas).polygon(corners, fill=model.classes.named(name).id)
    return np.asarray(canvas)


def strip(model: Model, gray: np.ndarray, labels: np.ndarray) -> Image.Image:
    """Gray image, label map and colors beside each other."""
    shown = np.repeat(gray[..., None], 3, 2)
    parts = shown, overlay(shown, labels, model.classes), model.colorize(gray, labels)
    return Image.fromarray(np.concatenate(parts, axis=1))


def main() -> None:
    """Write every picture into ``docs/images``."""
    model = load_model()
    photographer = sample("camera")[0][0]
    strips = {"photographer-predicted": strip(model, photographer, model.segment(photographer))}
    for name, entry in json.loads(GALLERY.read_text()).items():
        gray = sample(entry["sample"])[0][0]
        strips[name] = strip(model, gray, draw_labels(model, gray.shape, entry["polygons"]))
    IMAGES.mkdir(exist_ok=True)
    for name, picture in strips.items():
        width = round(picture.width * HEIGHT / picture.height)
        picture.resize((width, HEIGHT), Image.Resampling.LANCZOS).save(IMAGES / f"{name}.jpg", quality=88)
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))
        window = Image.open(Path(folder) / "window.png").convert("RGB")
        window.save(IMAGES / "window.jpg", quality=88)


if __name__ == "__main__":
    main()
