"""The demo: a sample photograph, its predicted labels and its colors, in a real napari window."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import napari
import numpy as np
from napari.utils.io import imsave
from qtpy.QtWidgets import QApplication

from napari_colorizer._napari.actions import open_colorize
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.widget import ColorizeWidget
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.files import refuse_existing
from napari_colorizer.training.pictures import overlay

SAMPLE = "camera"
PATIENCE_S = 300
PICTURES = ("gray", "labels", "colors", "window")


def run(output: Path, overwrite: bool = False) -> None:
    """Open the demo; without a display, run it under a virtual one and write its pictures to a folder.

    Raises
    ------
    ValueError
        If there is neither, one of the pictures is there already and `overwrite` is false, or the demo fails.
    """
    under_display = virtual_display()
    if not under_display:
        start()
        napari.run()
        return
    if not overwrite:
        for name in PICTURES:
            refuse_existing(output / f"{name}.png")
    print("There is no display: the demo runs on a virtual one and writes pictures of its window.")
    finished = subprocess.run([*under_display, sys.executable, "-m", __name__, str(output)], check=False)
    if finished.returncode:
        raise ValueError(f"the demo ended with exit code {finished.returncode}; see the messages above")


def virtual_display() -> list[str]:
    """What a command must begin with to run under a virtual display; nothing where there is a real one.

    Raises
    ------
    ValueError
        If there is neither.
    """
    if sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return []
    if shutil.which("xvfb-run") is None:
        raise ValueError("there is no display, and no virtual one (Xvfb): install xvfb, or use a machine with a screen")
    return ["xvfb-run", "--auto-servernum", "--server-args=-screen 0 1600x1000x24"]


def start() -> tuple[napari.Viewer, ColorizeWidget]:
    """Open the window with the sample photograph and set the prediction going."""
    viewer = napari.Viewer(title="napari-colorizer")
    viewer.open_sample("napari-colorizer", SAMPLE)
    viewer.window.resize(1500, 950)
    widget = open_colorize(viewer)
    widget.prediction.predict()
    return viewer, widget


def wait_until_colored(controller: ColorizeController) -> None:
    """Let Qt work until the background thread has nothing left to do."""
    deadline = time.monotonic() + PATIENCE_S
    while controller.colors is None or not controller.tasks.idle:
        QApplication.processEvents()
        time.sleep(0.01)
        if time.monotonic() > deadline:
            raise TimeoutError(f"the demo did not finish within {PATIENCE_S} s")


def write_pictures(viewer: napari.Viewer, controller: ColorizeController, output: Path) -> list[Path]:
    """Write the gray image, the label overlay, the colors and a screenshot of the window."""
    assert controller.image is not None
    assert controller.labels is not None
    assert controller.colors is not None
    output.mkdir(parents=True, exist_ok=True)
    picture = on_layers.picture_of(controller.image, viewer, 0)
    gray = np.repeat(np.asarray(picture.pixels)[..., None], 3, axis=2)
    labels = overlay(gray, controller.labels.data, controller.classes)
    window = viewer.screenshot(canvas_only=False, flash=False)
    paths = [output / f"{name}.png" for name in PICTURES]
    for path, pixels in zip(paths, (gray, labels, np.asarray(controller.colors.data), window), strict=True):
        imsave(str(path), pixels)
    return paths


def main() -> None:
    """Run the demo under the display that there is, write its pictures and end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    viewer, widget = start()
    wait_until_colored(widget.controller)
    for _ in range(10):  # let the window paint itself
        QApplication.processEvents()
        time.sleep(0.05)
    for path in write_pictures(viewer, widget.controller, arguments.output):
        print(path)
    viewer.close()


if __name__ == "__main__":
    main()
