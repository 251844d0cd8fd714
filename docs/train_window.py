"""Make the picture of the Train dock: a short fine-tuning on the color photographs that scikit-image ships.

.ci/with-display python docs/train_window.py
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import napari
from make_pictures import GALLERY, IMAGES, draw_labels
from PIL import Image
from qtpy.QtWidgets import QApplication
from skimage import data

from napari_colorizer import load_model
from napari_colorizer._napari.collect import collected_folder
from napari_colorizer._napari.io import SAMPLES
from napari_colorizer._napari.train_widget import TrainWidget
from napari_colorizer.training.data.collect import add_pair

EPOCHS, SHOWN_AFTER = 6, 4
PATIENCE_S = 1800


def collect() -> None:
    """Collect the gallery's label maps, with the photographs in color."""
    model = load_model()
    for name, entry in json.loads(GALLERY.read_text()).items():
        rgb = getattr(data, entry["sample"])()
        if rgb.ndim == 3 and entry["sample"] in SAMPLES:
            labels = draw_labels(model, rgb.shape[:2], entry["polygons"])
            add_pair(collected_folder(), name, rgb, labels, model.classes)


def wait_until(widget: TrainWidget, done: object) -> None:
    """Let Qt work until `done()` is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        QApplication.processEvents()
        time.sleep(0.01)
        if time.monotonic() > deadline:
            raise TimeoutError(widget.message.text())


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
        wait_until(widget, lambda: len(widget.controller.history.metrics.get("colorizer", {}).get("psnr", ())) > SHOWN_AFTER)
        viewer.reset_view()
        wait_until(widget, lambda: "epoch" in widget.controller.state)
        shot = viewer.screenshot(canvas_only=False, flash=False)
        Image.fromarray(shot).convert("RGB").save(IMAGES / "train.jpg", quality=88)
        widget.controller.close()
        viewer.close()


if __name__ == "__main__":
    main()
