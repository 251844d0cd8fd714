"""A series in the real viewer: made, opened, colored, corrected at two key frames, colored again, and saved.

    python docs/scripts/series_demo.py PHOTO FOLDER

A window moves over PHOTO. FOLDER gets ``film.color.zarr``, the colors of all slices, and a strip of some of them,
``strip.png``. On a machine without a display: ``.ci/with-display python docs/scripts/series_demo.py ...``. What it
prints is quoted in docs/series.md.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import napari
import numpy as np
import psutil
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtWidgets import QApplication

from napari_colorizer import load_model, read_image
from napari_colorizer._napari.colorize.widget import ColorizeWidget
from napari_colorizer.color import lightness
from napari_colorizer.engine.pins import Pin
from napari_colorizer.evaluation.aged_photos import gray_of
from napari_colorizer.evaluation.flicker import Film, measure_flicker, moving_window
from napari_colorizer.evaluation.metrics.color import RGB, to_lab
from napari_colorizer.files import write_color

KEYS = (0.25, 0.75)  # of the series: slices that are corrected
SHOWN = 6  # slices in the strip
STEP = 3.0  # pixels from slice to slice
PINNED = ("sky", Pin((0.0, -25.0)))  # for the whole series, from the first correction on


def wait(widget: ColorizeWidget) -> None:
    """Let the viewer live until nothing is left to do."""
    while not (widget.series.tasks.idle and widget.controller.tasks.idle):
        QApplication.processEvents()
        time.sleep(0.01)


def correct(viewer: napari.Viewer, widget: ColorizeWidget, number: int) -> Labels:
    """Predict the labels of a slice, paint a square of another class into it, as a brush would, and set a dot."""
    viewer.dims.set_point(0, number)
    wait(widget)
    widget.predict_button.click()
    wait(widget)
    labels, classes = widget.controller.labels, widget.controller.classes
    height, width = labels.data.shape[1:]
    rows, columns = np.mgrid[height // 3 : height // 2, width // 3 : width // 2]
    label = classes.named("flower").id
    labels.data_setitem((np.full(rows.size, number), rows.ravel(), columns.ravel()), label)
    widget.color_tools.dots_button.click()
    viewer.layers["Dots"].add((number, height * 0.7, width * 0.5))
    viewer.layers.selection.active = labels
    wait(widget)
    return labels


def tell_flicker(photo: RGB, size: tuple[int, int], colors: RGB, keys: list[int]) -> None:
    """Print how the colors that were saved flicker, against each slice colored for itself; corrected slices apart."""
    film = Film(moving_window(photo, len(colors), size, STEP))
    changes = np.array(film.flicker([to_lab(rgb) for rgb in colors]))
    into_key = np.isin(np.arange(1, len(colors)), keys)
    saved, alone = changes[~into_key].mean(), measure_flicker(load_model(), [film]).flicker
    print(f"flicker: {saved:.3f} saved, {alone:.3f} if each slice is colored for itself: {saved / alone:.2f} of it")
    print(f"change to the slices that were corrected: {changes[into_key].mean():.3f}")


def open_window(series: NDArray[np.uint8], folder: Path) -> tuple[napari.Viewer, ColorizeWidget]:
    """Open a window with the series and the dock, which keeps the colors in a folder."""
    viewer = napari.Viewer(show=os.environ.get("QT_QPA_PLATFORM") != "offscreen")
    viewer.add_image(series, name="film")
    _, widget = viewer.window.add_plugin_dock_widget("napari-colorizer", "Colorize")
    widget.controller.message.connect(lambda text: text and print(f"  {text}"))
    widget.series.folder = folder
    wait(widget)
    return viewer, widget


def main() -> None:
    """Print what it does."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--slices", type=int, default=120)
    chosen = parser.parse_args()
    import torch

    photo = read_image(chosen.photo)
    gray = (gray_of(lightness(torch.tensor(photo) / 255).numpy()) * 255).round().astype(np.uint8)
    size = (gray.shape[0] * 3 // 4, gray.shape[1] * 3 // 4)
    series = np.stack(moving_window(gray, chosen.slices, size, STEP))
    viewer, widget = open_window(series, chosen.folder)
    memory = psutil.Process().memory_info().rss
    for what, keys in (("as it is", ()), ("corrected", [int(share * chosen.slices) for share in KEYS])):
        for number in keys:
            labels = correct(viewer, widget, number)
        if keys:
            widget.color_tools.pins.pin(widget.controller.classes.named(PINNED[0]).id, PINNED[1])
            wait(widget)
        begun = time.perf_counter()
        widget.series_bar.color_button.click()
        wait(widget)
        print(f"{series.shape} {what}: {time.perf_counter() - begun:.0f} s")
    print(f"memory: {(psutil.Process().memory_info().rss - memory) / 2**20:+.0f} MiB while coloring")
    for number in keys:
        kept = np.array_equal(widget.series.store.labels((number,)), labels.data[number])
        print(f"slice {number} is as it was corrected: {kept}")
    dots = [len(widget.series.store.read((number,)).wishes.hints) for number in range(chosen.slices)]
    print(f"slices with a dot: {np.count_nonzero(dots)}, from {np.flatnonzero(dots)[0]} to {np.flatnonzero(dots)[-1]}")
    (opened,) = viewer.open(chosen.folder / "film.color.zarr", plugin="napari-colorizer")
    saved = np.asarray(opened.data[0] if opened.multiscale else opened.data)
    print(f"napari opens what was saved: {np.array_equal(saved, np.asarray(widget.series.colors.data))}")
    places = np.linspace(0, chosen.slices - 1, SHOWN).astype(int)
    write_color(chosen.folder / "strip.png", np.hstack([saved[place] for place in places]))
    viewer.close()
    tell_flicker(photo, size, saved, keys)


if __name__ == "__main__":
    main()
