"""What the plugin costs napari's main thread while a hand paints, in a real window.

A recorded stroke is painted by turns with its label map chosen in the dock and without, where the plugin hears nothing
of it. From each event of the mouse to the next, three times are taken:

- what the plugin does on the main thread: its handlers, which refresh the layer of the colors, and the upload of that
  layer's texture, timed where they are called;
- all that the main thread does: beside these the handlers of napari, drawing, and waiting for Python code in the
  background. What it does more than for the same event without the plugin is what the plugin causes in all. A screen
  that is drawn by the processor makes this large, and what else the machine does makes it uncertain;
- for how long a processor ran the main thread: all waiting, for whatever, is left out. Where the system counts in
  steps, as Windows does, only the mean means something.
"""

# The plugin is imported where it is needed only: opening the dock is to count what that loads.

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import napari
import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtWidgets import QApplication

from napari_colorizer._napari.bench.stroke import REST, Clock, Stroke
from napari_colorizer.bench.scene import BRUSH, LARGE, make_labels, make_photo, peak_memory

if TYPE_CHECKING:
    from napari_colorizer._napari.colorize.widget import ColorizeWidget

EVENTS = 200
PATIENCE = 300  # seconds for colors
SETTLING = 0.5  # seconds for a window to draw itself
IDS, PAINTED = (25, 36, 46, 50, 54), 57  # building, grass, road, sky, tree; water


@dataclass(frozen=True)
class StrokeTiming:
    """What painting a stroke costs the main thread; times in ms.

    Attributes
    ----------
    height, width : int
        Of the image.
    events : int
        Of a stroke.
    dock : float
        Until the dock is open, before torch is loaded.
    own_mean, own_median, own_p95 : float
        What the plugin does for an event: handlers, layer refresh, texture upload. (95th percentile.)
    added_mean, added_median, added_p95 : float
        What an event takes more than without the plugin, drawing included.
    processor_mean, processor_median, processor_p95 : float
        What an event takes of a processor's time on the main thread more than without the plugin.
    napari_median, napari_p95 : float
        What an event takes without the plugin.
    napari_processor_median, napari_processor_p95 : float
        The same of a processor's time on the main thread.
    shown : float
        How many times a second new colors are shown during the stroke.
    lost_alone, lost : int
        Events that the label map did not get, in all strokes without and with the plugin.
    same : bool
        Whether the label map after each stroke is that after the same stroke without the plugin.
    exact : float
        Median from the release of the button until all colors are exact.
    peak_mb : float
        The most memory, in 10^6 bytes, that the process has had in use.
    """

    height: int
    width: int
    events: int
    dock: float
    own_mean: float
    own_median: float
    own_p95: float
    added_mean: float
    added_median: float
    added_p95: float
    processor_mean: float
    processor_median: float
    processor_p95: float
    napari_median: float
    napari_p95: float
    napari_processor_median: float
    napari_processor_p95: float
    shown: float
    lost_alone: int
    lost: int
    same: bool
    exact: float
    peak_mb: float


def measure_strokes(
    shapes: Sequence[tuple[int, int]] = LARGE, rounds: int = 3, device: str = "auto", events: int = EVENTS
) -> list[StrokeTiming]:
    """Time strokes on images of some shapes, each in a window of a process of its own.

    Without a display the windows are opened on a virtual one.

    Raises
    ------
    ValueError
        If there is no virtual display either, or a process fails.
    """
    return [_in_process(shape, rounds, device, events) for shape in shapes]


def _in_process(shape: tuple[int, int], rounds: int, device: str, events: int) -> StrokeTiming:
    from napari_colorizer._napari.demo import virtual_display

    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "timing.json"
        arguments = [str(value) for value in (*shape, rounds, events, device, output)]
        command = [*virtual_display(), sys.executable, "-m", __name__, *arguments]
        finished = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        if finished.returncode:
            raise ValueError(f"the window ended with exit code {finished.returncode}; see the messages above")
        return StrokeTiming(**json.loads(output.read_text("utf-8")))


def main() -> None:
    """Time strokes in a window of this process, and write what came of it to a JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("height", "width", "rounds", "events"):
        parser.add_argument(name, type=int)
    parser.add_argument("device")
    parser.add_argument("output", type=Path)
    told = parser.parse_args()
    viewer = napari.Viewer()
    viewer.window.resize(1500, 950)
    assert not {"torch", "napari_colorizer._napari.colorize.controller"} & set(sys.modules), (
        "opening the dock must load these"
    )
    timing = time_strokes(viewer, (told.height, told.width), told.rounds, told.device, told.events)
    told.output.write_text(json.dumps(vars(timing)), "utf-8")
    viewer.close()


def time_strokes(
    viewer: napari.Viewer, shape: tuple[int, int], rounds: int = 3, device: str = "auto", events: int = EVENTS
) -> StrokeTiming:
    """Lay an image and a label map into a shown, empty viewer, open the dock and time strokes, after one to warm up."""
    viewer.add_image(make_photo(shape), name="photo")
    labels = viewer.add_labels(make_labels(shape, IDS), name="map")
    Clock().let_work(SETTLING)
    began = time.perf_counter()
    _, widget = viewer.window.add_plugin_dock_widget("napari-colorizer", "Colorize")
    QApplication.processEvents()
    dock = (time.perf_counter() - began) * 1e3
    painting = _Painting(viewer, widget, labels, device, events)
    with painting.clock.attached():
        painting.take_turn()
        painting.wait_for_compiled()
        for _ in range(rounds):
            painting.take_turn()
    return painting.timing(dock)


class _Painting:
    """Paints the same stroke again and again, without the plugin and with it, and notes what it takes."""

    def __init__(self, viewer: napari.Viewer, widget: ColorizeWidget, labels: Labels, device: str, events: int):
        from napari_colorizer._napari.colorize.label_writing import replace_data
        from napari_colorizer._napari.shared import layers as on_layers

        self.clock, self._replace = Clock(), replace_data
        self._controller, self._labels, self._before = widget.controller, labels, labels.data.copy()
        on_layers.show_classes(labels, self._controller.default_classes)
        self._controller.set_options(device=device)
        self._listen(True)
        viewer.layers.selection.active = labels
        labels.mode, labels.brush_size, labels.selected_label = "paint", BRUSH, PAINTED
        camera = viewer.scene.camera
        camera.center, camera.zoom = tuple(side / 2 for side in labels.data.shape), 1
        self._alone, self._with = Stroke(viewer, labels, events), Stroke(viewer, labels, events)
        self._times: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        self._exact: list[float] = []
        self._shown: list[float] = []
        self._same = True

    def take_turn(self) -> None:
        """Paint the stroke without the plugin and with it, and take it back each time."""
        self._listen(False)
        alone = self._alone.paint(self.clock)
        expected = self._labels.data.copy()
        self._restore()
        self._listen(True)
        before, began = self.clock.shown, time.perf_counter()
        self._times.append((alone, self._with.paint(self.clock)))
        self._shown.append((self.clock.shown - before) / (time.perf_counter() - began))
        self._settle()
        self._exact.append(time.perf_counter() - self._with.released)
        self._same = self._same and np.array_equal(self._labels.data, expected)
        self._restore()

    def wait_for_compiled(self) -> None:
        """Let Qt work until colors are painted as they are from then on."""
        from napari_colorizer.engine.compiled import load_compiled

        while load_compiled().is_alive():
            self.clock.let_work(REST)

    def timing(self, dock: float) -> StrokeTiming:
        """What came of all turns but the first."""
        times = np.array(self._times[1:]) * 1e3  # (rounds, without or with, events, three times)
        alone, together = times[:, 0], times[:, 1]
        added = together - np.median(alone, 0)
        height, width = self._labels.data.shape
        return StrokeTiming(
            height,
            width,
            alone.shape[1],
            dock,
            *_summary(together[..., 1]),
            *_summary(added[..., 0]),
            *_summary(added[..., 2]),
            *_summary(alone[..., 0])[1:],
            *_summary(alone[..., 2])[1:],
            float(np.median(self._shown[1:])),
            self._alone.lost,
            self._with.lost,
            self._same,
            float(np.median(self._exact[1:])) * 1e3,
            peak_memory(),
        )

    def _listen(self, on: bool) -> None:
        """Choose the label map in the dock, or none: then the plugin hears nothing of strokes."""
        self._controller.choose_labels(self._labels if on else None)
        self._settle()

    def _restore(self) -> None:
        self._replace(self._labels, self._before.copy())
        self._settle()
        self.clock.let_work(SETTLING)

    def _settle(self) -> None:
        """Let Qt work until the background thread has nothing left to do."""
        deadline = time.monotonic() + PATIENCE
        while not self._controller.tasks.idle:
            self.clock.let_work(REST)
            if time.monotonic() > deadline:
                raise TimeoutError(f"the colors were not done within {PATIENCE} s")


def _summary(times: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean, median, 95th percentile."""
    return float(times.mean()), float(np.median(times)), float(np.percentile(times, 95))


if __name__ == "__main__":
    main()
