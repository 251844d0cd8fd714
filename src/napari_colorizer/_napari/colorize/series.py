"""*Color all slices* and *Carry labels forward*: series and volumes."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize.label_writing import writable, write_labels
from napari_colorizer._napari.colorize.prediction import Prediction
from napari_colorizer._napari.colorize.series_source import LayerSource, note_carried
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layer_transforms import transform_of
from napari_colorizer._napari.shared.progress import Cancelled, Progress
from napari_colorizer._napari.shared.task_queue import Request, TaskQueue, Work
from napari_colorizer.series.options import SeriesOptions

if TYPE_CHECKING:
    from napari_colorizer.series.coloring import SeriesColorizer
    from napari_colorizer.series.store import SeriesStore

Index = tuple[int, ...]
DOING = "Coloring all slices"
CARRYING = "Carrying labels forward"
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
        self.tasks.failed.connect(self.controller.complain)
        self.tasks.cancelled.connect(self._tell_cancelled)
        self.controller.outdated.connect(self._on_edit)
        self.controller.plane_changed.connect(self._show_right_colors)

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
        source = LayerSource.of(controller.picture_of(image), image, labels)
        if labels is not None:
            on_layers.lazy_plane_of(labels, image, controller.viewer)  # complains if it does not fit
        shape = on_layers.image_shape(image)
        folder = self.folder or self._temporary_folder(image, shape)
        colorizer = self._colorizer()

        def work() -> tuple[Image, LayerSource, SeriesStore, Work]:
            from napari_colorizer.series.store import SeriesStore

            store = SeriesStore(folder, shape[:-2], (shape[-2], shape[-1]))
            return image, source, store, lambda: self._color(colorizer(), source, store, progress)

        return work

    def _colorizer(self) -> Any:
        """What makes a `SeriesColorizer` of what is chosen now, in the background."""
        controller, options, confidence = self.controller, self.options, self.prediction.threshold
        name, chosen, classes = controller.model.name, controller.options, controller.classes

        def make() -> SeriesColorizer:
            from napari_colorizer.series.coloring import SeriesColorizer

            return SeriesColorizer(inference.load(name), chosen, options, confidence, classes)

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
        self.store, self._image, self._source, self._corrected = store, image, source, set()
        self.tasks.submit(Request("series", lambda: work, partial(self._finished, store), DOING, progress=progress))

    def _finished(self, store: SeriesStore, new: int) -> None:
        self.look()
        self._show_right_colors()
        kept = "They go when napari ends; choose a folder, and color them again, to keep them"
        if store.path not in self._folders.values():
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
        self.controller.message.emit(f"{doing} was cancelled: {done} are done and kept, and it goes on from there")

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

    def _index(self) -> Index | None:
        image = self.controller.image
        try:
            return None if image is None else on_layers.plane_index(image, self.controller.viewer)
        except on_layers.LayerError:
            return None

    def _on_edit(self) -> None:
        index = self._index()
        if not self._shown() or index is None or self._source is None or index in self._corrected:
            return
        if self._source.is_corrected(index, self.controller.labels):  # layers tell of edits that are none
            self._corrected.add(index)
            self._show_right_colors()

    def _show_right_colors(self) -> None:
        """Show the colors of the slice alone where those of the series are not there, or are not up to an edit."""
        index, alone = self._index(), self.controller.colors
        if self._shown() and alone is not None and index is not None and self.store is not None:
            alone.visible = index in self._corrected or not self.store.mark(index)

    # -- from slice to slice

    def carry_forward(self) -> None:
        """Carry the labels of the slice that is shown to the next one, in the background, as one step of undo."""
        self.controller.tasks.submit(Request("carry", self._prepare_carrying, self._carried, CARRYING))

    def _prepare_carrying(self) -> Work | None:
        controller = self.controller
        image, labels = controller.image, controller.labels
        if image is None or labels is None or not self.offered:
            controller.message.emit("Choose an image layer with several slices, and label one of them first")
            return None
        plane = np.array(on_layers.plane_of(labels, image, controller.viewer))
        index = on_layers.plane_index(image, controller.viewer)
        after = (index[0] + 1, *index[1:])
        source = LayerSource.of(controller.picture_of(image), image, labels)
        if not plane.any():
            controller.message.emit("There are no labels on this slice: paint some, or press Predict labels")
        elif after[0] >= source.images.shape[0]:
            controller.message.emit("This is the last slice: there is none to carry labels to")
        elif source.labels(after) is not None:
            controller.message.emit(f"Slice {after[0]} has labels of its own: they stay as they are")
        else:
            colorizer = self._colorizer()
            return lambda: (labels, after, colorizer().carried(source.gray(index), plane, source.gray(after)))
        return None

    def _carried(self, result: tuple[Labels, Index, NDArray[Any]]) -> None:
        labels, index, carried = result
        controller = self.controller
        if labels is not controller.labels or controller.image is None:
            return
        if LayerSource.of(controller.picture_of(controller.image), controller.image, labels).labels(index) is not None:
            controller.message.emit(f"Slice {index[0]} was labeled meanwhile: it stays as it is")
            return
        labels = writable(controller)
        write_labels(labels, index, carried)
        note_carried(labels, index)
        dims = controller.viewer.dims
        point = controller.image.data_to_world((*index, *(0,) * (controller.image.ndim - len(index))))
        dims.set_point(dims.ndim - controller.image.ndim, point[0])
