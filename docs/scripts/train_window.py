"""Make the picture of the Train dock: a short fine-tuning on those samples that are in color.

.ci/with-display python docs/scripts/train_window.py
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
from make_pictures import GALLERY, IMAGES, draw_labels
from PIL import Image
from qtpy.QtWidgets import QApplication

from napari_colorizer import load_model
from napari_colorizer._napari.colorize.training_pairs import collected_folder
from napari_colorizer._napari.io import sample_pixels
from napari_colorizer._napari.train.widget import TrainWidget
from napari_colorizer.datasets.collect import add_pair

EPOCHS, SHOWN_AFTER = 8, 6
TILES = 3
PATIENCE_S = 1800


def collect() -> None:
    """Collect the gallery's label maps, with the photographs in color, each cut into tiles."""
    model = load_model()
    for name, entry in json.loads(GALLERY.read_text()).items():
        rgb = sample_pixels(entry["sample"])
        if rgb.ndim < 3:
            continue
        labels = draw_labels(model, rgb.shape[:2], entry["polygons"])
        for row, column in np.ndindex(TILES, TILES):
            tile = tuple(
                slice(size * place // TILES, size * (place + 1) // TILES)
                for size, place in zip(labels.shape, (row, column), strict=True)
            )
            if labels[tile].any():
                add_pair(collected_folder(), f"{name}_{row}{column}", rgb[tile], labels[tile], model.classes)


def wait_until(widget: TrainWidget, done: Callable[[], bool]) -> None:
    """Let Qt work until `done()` is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        QApplication.processEvents()
        time.sleep(0.01)
        if time.monotonic() > deadline:
            raise TimeoutError(widget.message.text())


def measured(widget: TrainWidget) -> int:
    """How many epochs have metrics."""
    return len(widget.controller.history.metrics.get("colorizer", {}).get("psnr", ()))


def main() -> None:
    """Train for a few epochs, and take the picture on the way."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAPARI_COLORIZER_MODELS"] = str(Path(folder) / "models")
        collect()
        viewer = napari.Viewer(title="napari-colorizer")
        viewer.window.resize(1500, 950)
        _, widget = viewer.window.add_plugin_dock_widget("napari-colorizer", "Train")
        widget.collected_button.click()
        widget.epochs.setValue(EPOCHS)
        widget.networks.setCurrentIndex(widget.networks.findData("colorizer"))
        widget.fields.boxes["epoch_size"].setValue(64)
        widget.start_button.click()
        wait_until(widget, lambda: measured(widget) > SHOWN_AFTER)
        viewer.reset_view()
        wait_until(widget, lambda: "epoch" in widget.controller.state)
        shot = viewer.screenshot(canvas_only=False, flash=False)
        Image.fromarray(shot).convert("RGB").save(IMAGES / "train.jpg", quality=88)
        widget.controller.close()
        viewer.close()


if __name__ == "__main__":
    main()
