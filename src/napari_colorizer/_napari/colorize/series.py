"""*Color all slices*: series and volumes."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize.carrying import CarryForward
from napari_colorizer._napari.colorize.prediction import Prediction
from napari_colorizer._napari.colorize.saving import file_name
from napari_colorizer._napari.colorize.series_source import LayerSource
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layer_transforms import put_on, transform_of
from napari_colorizer._napari.shared.progress import Cancelled, Progress
from napari_colorizer._napari.shared.task_queue import Request, TaskQueue, Work
from napari_colorizer.files import STORE_SUFFIX
from napari_colorizer.series.options import SeriesOptions

if TYPE_CHECKING:
    from napari_colorizer.series.coloring import SeriesColorizer
    from napari_colorizer.series.store import SeriesStore

Index = tuple[int, ...]
DOING = "Coloring all slices"
_temporary: list[tempfile.TemporaryDirectory[str]] = []  # until the program ends: a layer may outlive the dock


class SeriesColoring:
    """Colors all slices of a controller's image into a store, which a layer shows as they come.

    Parameters
    ----------
    prediction : Prediction

    Attributes
    ----------
    tasks : TaskQueue
        Its own: what is painted meanwhile is colored at once.
    options : SeriesOptions
    folder : Path, optional
        Where the colors are kept; None: in a temporary folder.
    store : SeriesStore, optional
    colors : Image, optional
        The layer that shows the store.
    forward : CarryForward
    """

    def __init__(self, prediction: Prediction):
        self.prediction, self.controller = prediction, prediction.controller
        self.tasks = TaskQueue()
        self.options = SeriesOptions()
        self.folder: Path | None = None
        self.store: SeriesStore | None = None
        self.colors: Image | None = None
        self._image: Image | None = None  # whose colors they are
        self._folders: dict[tuple[Any, ...], Path] = {}  # temporary ones, by image and shape
        self._fresh: set[Index] = set()  # colored since the layer was drawn
        self._source: LayerSource | None = None  # what they were made from
        self._corrected: set[Index] = set()  # since then
        self._alone = False  # the colors of the slice alone are shown over them
        self.forward = CarryForward(self.controller, self._colorizer)
        self.tasks.failed.connect(self.controller.complain)
        self.tasks.cancelled.connect(self._tell_cancelled)
        self.controller.outdated.connect(self._on_edit)
        self.controller.plane_changed.connect(self._show_right_colors)
        self.controller.place_changed.connect(self._on_place)

    def close(self) -> None:
        """End what runs; what is done is kept."""
        self.tasks.close()

    @property
    def offered(self) -> bool:
        """Whether the image is a series or a volume."""
        image = self.controller.image
        return image is not None and image.ndim > 2 and not on_layers.is_gray_with_alpha(image)

    # -- all slices

    def color_all(self) -> None:
        """Color what is not colored yet, or from something else, in the background."""
        progress = Progress()
        prepare, then = partial(self._prepare, progress), partial(self._show, progress)
        self.tasks.submit(Request("open", prepare, then, DOING, progress=progress))

    def _prepare(self, progress: Progress) -> Work | None:
        controller = self.controller
        image, labels = controller.image, controller.labels
        if image is None or not self.offered:
            controller.message.emit("Choose an image layer with several slices first")
            return None
        source = LayerSource.now(controller, image)
        if labels is not None:
            on_layers.lazy_plane_of(labels, image, controller.viewer)  # complains if it does not fit
        shape = on_layers.image_shape(image)
        folder = self.folder or self._temporary_folder(image, shape)
        colorizer, place = self._colorizer(), place_of(image)

        def work() -> tuple[Image, LayerSource, SeriesStore, Work]:
            from napari_colorizer.series.run import begin
            from napari_colorizer.series.store import Place, SeriesStore

            store = SeriesStore(store_in(folder, image.name), shape[:-2], (shape[-2], shape[-1]), Place(*place))
            begin(source, store)
            return image, source, store, lambda: self._color(colorizer(), source, store, progress)

        return work

    def _colorizer(self) -> Any:
        """What makes a `SeriesColorizer` of what is chosen now, in the background."""
        controller, options, confidence = self.controller, self.options, self.prediction.threshold
        name, chosen, classes = controller.model.name, controller.options, controller.classes
        wished = controller.wishes.now.classes, controller.adjustment

        def make() -> SeriesColorizer:
            from napari_colorizer.series.coloring import SeriesColorizer

            return SeriesColorizer(inference.load(name), chosen, options, confidence, classes, *wished)

        return make

    def _color(self, colorizer: SeriesColorizer, source: LayerSource, store: SeriesStore, progress: Progress) -> int:
        from napari_colorizer.series.run import color_series

        def tell(done: float) -> None:
            progress.tell(done)
            if self.tasks.closed:
                raise Cancelled

        return color_series(colorizer, source, store, tell, self._fresh.add)

    def _show(self, progress: Progress, opened: tuple[Image, LayerSource, SeriesStore, Work]) -> None:
        image, source, store, work = opened
        viewer = self.controller.viewer
        if image not in viewer.layers:
            return
        if self.colors not in viewer.layers or self.store is None or self.store.path != store.path:
            layer = Image(store.colors, rgb=True, name=f"{image.name} colors (all)", **transform_of(image, image.ndim))
            on_layers.add_preview(viewer, layer)
            viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(image) + 1)
            self.colors = layer
            self.controller.note_all_colors(image, layer)
        self.store, self._image, self._source, self._corrected = store, image, source, set()
        self.tasks.submit(Request("series", lambda: work, partial(self._finished, store), DOING, progress=progress))

    def _finished(self, store: SeriesStore, new: int) -> None:
        self.look()
        self._show_right_colors()
        kept = "They are deleted when napari is closed; to keep them, choose a folder and color all slices again"
        if store.path.parent not in self._folders.values():
            kept = f"They are kept in {store.path}"
        count = int(np.prod(store.lead))
        self.controller.message.emit(f"All {count} slices are colored, {new} of them just now. {kept}")

    def _temporary_folder(self, image: Image, shape: Index) -> Path:
        key = (image.unique_id, shape)
        if key not in self._folders:
            _temporary.append(tempfile.TemporaryDirectory(prefix="colorizer-", ignore_cleanup_errors=True))
            self._folders[key] = Path(_temporary[-1].name)
        return self._folders[key]

    def _tell_cancelled(self, doing: str) -> None:
        done = 0 if self.store is None else self.store.done
        self.controller.message.emit(
            f"{doing} was canceled: {done} are done and kept; press Color all slices to continue"
        )

    # -- what is shown

    def look(self) -> None:
        """Draw the slice on the screen again if it has been colored meanwhile."""
        index = self._index()
        if self._shown() and index in self._fresh:
            self._fresh.clear()
            self.colors.refresh(highlight=False, extent=False)

    def _shown(self) -> bool:
        """Whether the colors of all slices of the chosen image are in the viewer."""
        layers = self.controller.viewer.layers
        return self.colors is not None and self.colors in layers and self._image is self.controller.image

    def _on_place(self) -> None:
        """Let the colors of all slices go with their image."""
        if self._shown() and self._image is not None:
            put_on(self.colors, self._image)

    def _index(self) -> Index | None:
        image = self.controller.image
        try:
            return None if image is None else on_layers.plane_index(image, self.controller.viewer)
        except on_layers.LayerError:
            return None

    def _on_edit(self) -> None:
        controller, index = self.controller, self._index()
        if not self._shown() or index is None or self._source is None:
            return
        told = controller.labels, controller.wishes.now
        if index not in self._corrected and self._source.is_corrected(
            index, *told
        ):  # layers tell of edits that are none
            self._corrected.add(index)
        if self._is_behind(index) != self._alone:
            self._show_right_colors()

    def _is_behind(self, index: Index) -> bool:
        """Whether the colors of the series are not there for a slice, or were made before something was said of it."""
        assert self.store is not None
        assert self._source is not None
        now = self.controller.wishes.now.classes, self.controller.adjustment
        return index in self._corrected or self._source.for_all != now or not self.store.mark(index)

    def _show_right_colors(self) -> None:
        """Show the colors of the slice alone where those of the series are behind."""
        index, alone = self._index(), self.controller.colors
        if self._shown() and alone is not None and index is not None and self.store is not None:
            self._alone = alone.visible = self._is_behind(index)


def store_in(folder: Path, name: str) -> Path:
    """The store for the colors of an image of that name in a folder that the user has chosen: that, if it is one."""
    if folder.suffix == STORE_SUFFIX or (folder / "zarr.json").exists():
        return folder
    return folder / f"{file_name(name)}.color{STORE_SUFFIX}"  # by the suffix others know what it is


def place_of(image: Image) -> tuple[str, str, list[float], list[str | None]]:
    """What an OME-Zarr tells of an image layer: name, axes before y and x, and the scales and units of all."""
    letters = "".join(str(label)[:1].lower() for label in image.axis_labels[:-2])
    units = [None if str(unit) in ("pixel", "dimensionless") else str(unit) for unit in image.units]
    return image.name, letters if letters in ("t", "z", "tz") else "", [abs(float(step)) for step in image.scale], units
