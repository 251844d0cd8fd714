"""The colors and counts of the chosen image, brought up to its label map in the background."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from threading import current_thread, main_thread
from typing import Any, NamedTuple

import numpy as np
from napari.layers import Image
from psygnal import Signal

import napari_colorizer
from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize.layer_events import PLACE_EVENTS, listen
from napari_colorizer._napari.colorize.result_layers import WholePicture, outline, refresh, show_colors, view_of
from napari_colorizer._napari.colorize.selection import Selection
from napari_colorizer._napari.colorize.session_cache import Coloring, SessionCache
from napari_colorizer._napari.colorize.wish_history import history_of
from napari_colorizer._napari.colorize.wished import Asking, Plane, Wished
from napari_colorizer._napari.shared import layer_notes
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layer_transforms import moved, put_on
from napari_colorizer._napari.shared.progress import Progress
from napari_colorizer._napari.shared.task_queue import Request, TaskQueue, Work
from napari_colorizer.engine.options import Adjustment

COUNTS_SECONDS = 0.25  # from one time to the next that counts are shown while a brush moves
VERSIONS = {"napari-colorizer": napari_colorizer.__version__, "torch": version("torch")}


class Asked(NamedTuple):
    """What colors were asked for, to tell whether they are still wanted when they come."""

    picture: tuple[Any, ...]  # the image, its data, the plane and the label map
    how: tuple[Any, ...]  # model, classes, options and wishes


class ColorUpdates:
    """Asks for colors and counts when what is chosen changes, and shows them on the image when they come.

    Parameters
    ----------
    selection : Selection
        Tells what is to be colored.
    tasks : TaskQueue
        Does it in the background.

    Attributes
    ----------
    colors : Image, optional
        The layer that shows the colors of the image.
    counts : dict
        How many pixels of the label map each id has.
    session_cache : SessionCache
    """

    counts_changed = Signal()
    colors_changed = Signal()  # they are shown in another layer, or in none
    succeeded = Signal()  # what was asked for last has come
    failed = Signal(str, Exception)  # what was being done, and what went wrong

    def __init__(self, selection: Selection, tasks: TaskQueue):
        self.selection, self.tasks = selection, tasks
        self.colors: Image | None = None
        self._last: Asked | None = None  # what was asked for last
        self.counts: dict[int, int] = {}
        self._counted = 0.0  # when they were shown last, in seconds
        self.session_cache = SessionCache()
        selection.image_about_to_change.connect(self._on_image)
        selection.labels_changed.connect(self._on_labels)
        selection.outdated.connect(self._follow)
        selection.plane_changed.connect(self._on_plane)
        selection.place_changed.connect(self._on_place)
        selection.viewer.layers.events.removed.connect(self._on_removed)

    # -- what is asked for

    def submit(self, color: bool) -> None:
        """Count the pixels of each class, and color the image if wanted."""
        chosen = self.selection
        if chosen.image is None or (chosen.labels is not None and not on_layers.is_settled(chosen.labels)):
            return
        color = color and bool(chosen.model.color_ids)
        kind, doing = ("color", "Coloring") if color else ("count", "Counting")
        progress = Progress()
        prepare, show = partial(self._prepare, color, progress), partial(self._show, progress)
        before, self._last = self._last, None
        with suppress(on_layers.LayerError):  # it is told when its turn comes
            self._last = self._asked()
        only_pixels = self._last is not None and self._last == before  # of the label map have changed
        follows_on = color and self.colors is not None and only_pixels
        self.tasks.submit(Request(kind, prepare, show, doing, follows_on=follows_on, progress=progress))

    def _asked(self) -> Asked | None:
        """What colors would be asked for now."""
        chosen = self.selection
        image = chosen.image
        if image is None or image not in chosen.viewer.layers:
            return None
        index = on_layers.plane_index(image, chosen.viewer)
        how = chosen.model, chosen.classes, chosen.options, chosen.adjustment, chosen.wishes.now
        return Asked((image, chosen.subject, index, chosen.labels), how)

    def _prepare(self, color: bool, progress: Progress) -> Work | None:
        chosen, asked = self.selection, self._asked()
        image, labels, cache = chosen.image, chosen.labels, self.session_cache
        if asked is None or image is None:
            return None
        picture = chosen.picture_of(image)
        plane = (
            np.zeros(picture.pixels.shape[:2], np.uint8)
            if labels is None
            else on_layers.lazy_plane_of(labels, image, chosen.viewer)
        )
        if not color:
            return lambda: (asked, Coloring(inference.count(np.asarray(plane))))
        model, classes, options = chosen.model.name, chosen.classes, chosen.options
        view, asking = view_of(self.colors, chosen.viewer), asked_in(chosen, image)
        how = view, view is None, self._newer, progress, asking
        return lambda: (asked, cache.color(model, picture, np.asarray(plane), classes, options, *how))

    def _prepare_more(self, asked: Asked, progress: Progress) -> Work | None:
        if self.colors is None:
            return None  # the layer was deleted
        view = view_of(self.colors, self.selection.viewer)
        return lambda: (asked, self.session_cache.color_more(view, self._newer, progress))

    def _newer(self) -> bool:
        """Whether what is being colored had better end: a newer edit waits, or nobody does."""
        return self.tasks.closed or self.tasks.comes_next("color")

    # -- what comes of it

    def _show(self, progress: Progress, result: tuple[Asked, Coloring]) -> None:
        asked, coloring = result
        now = self._asked()
        if progress.cancelled:
            if now is not None and now.picture == asked.picture:
                self._show_coloring(asked, coloring, progress)
            return
        if now is None or now.picture != asked.picture:
            if coloring.levels is not None and now is not None and now.picture[0] is asked.picture[0]:
                self.submit(True)  # they are the colors of what is no more there
            return
        self.succeeded.emit()
        self._show_coloring(asked, coloring, progress)
        if coloring.levels is not None and now.how != asked.how:
            self.submit(True)

    def _show_more(self, progress: Progress, result: tuple[Asked, Coloring]) -> None:
        if self.colors is not None:
            self._show_coloring(*result, progress)

    def _show_coloring(self, asked: Asked, coloring: Coloring, progress: Progress) -> None:
        viewer, image, now = self.selection.viewer, asked.picture[0], self._asked()
        if now is None or now.picture[0] is not image:
            return
        if now.picture == asked.picture and (not self._newer() or time.monotonic() > self._counted + COUNTS_SECONDS):
            self._counted = time.monotonic()
            self.show_counts(coloring.counts)  # else they are those of labels that are no more there
        if coloring.levels is not None:
            before, done = self.colors, coloring.done or progress.cancelled
            self._keep(show_colors(viewer, image, coloring.levels, before, self._catch_up, done))
            assert self.colors is not None
            if before is None and (labels := self.selection.labels) is not None and layer_notes.is_laid(labels):
                outline(labels)
            layer_notes.note(self.colors, **coloring.origin, versions=VERSIONS)
        if not coloring.done and not progress.cancelled:
            more, show = partial(self._prepare_more, asked, progress), partial(self._show_more, progress)
            self.tasks.submit(Request("more", more, show, "Coloring", can_wait=True, progress=progress))

    def _keep(self, colors: Image | None) -> None:
        """Note which layer shows the colors."""
        if colors is not self.colors:
            listen(self.colors, PLACE_EVENTS, self._on_moved, on=False)
            self.colors = colors
            listen(colors, PLACE_EVENTS, self._on_moved, on=True)
            self.colors_changed.emit()

    def show_counts(self, counts: dict[int, int]) -> None:
        """Note how many pixels each id has."""
        if counts != self.counts:
            self.counts = counts
            self.counts_changed.emit()

    def _catch_up(self, picture: WholePicture) -> None:
        """Color an edit that waits now, on the main thread: a picture is to be saved."""
        if self.colors is None or self.colors.data is not picture or current_thread() is not main_thread():
            return
        last = self.tasks.take("color", again=True)
        if last is not None:
            try:
                self._show(Progress(), last())
            except Exception as error:
                self.failed.emit("Coloring", error)
            self.submit(True)  # what was begun before the edit may come later

    # -- what happens around

    def _follow(self) -> None:
        """Bring counts and, if they follow, colors up to date."""
        if self.selection.labels is not None:
            self.submit(self.selection.following)
        elif self.selection.following and (self.colors is not None or self.selection.wishes.now):
            self.submit(True)

    def _on_image(self, image: Image | None) -> None:
        self._let_go()
        self._last, self.counts = None, {}
        self._keep(on_layers.colors_for(image, self.selection.viewer))

    def _on_labels(self) -> None:
        self._last, self.counts = None, {}

    def _on_plane(self) -> None:
        if self.colors is not None:
            self.submit(True)  # whether they follow edits or not: these are the colors of another plane
        else:
            self._follow()

    def _on_place(self) -> None:
        if self.colors is not None and self.selection.image is not None:
            put_on(self.colors, self.selection.image)

    def _on_moved(self, _event: Any = None) -> None:
        image, colors = self.selection.image, self.colors
        off = moved(colors, image) if image is not None and colors is not None else ""
        if off:
            self.selection.message.emit(
                f"The colors {colors.name!r} do not lie on the image {image.name!r} any more: {off}. What is painted "
                "is colored in its own place"
            )

    def _on_removed(self, event: Any) -> None:
        if event.value is self.colors:
            self._keep(None)

    def _let_go(self) -> None:
        """Bring the colors up to the last edit, in the background, and free their session: another image is chosen."""
        colors, last, cache = self.colors, self.tasks.take("color"), self.session_cache
        if self.tasks.idle and last is None and cache.painted:
            cache.clear()
            return

        def show(_done: None) -> None:
            if colors is not None and colors in self.selection.viewer.layers:
                refresh(colors)

        kind = f"finish {self.selection.generation}"  # one for each image: none takes the place of another
        self.tasks.submit(Request(kind, lambda: lambda: _finish(cache, last), show, "Coloring"))

    def close(self) -> None:
        """Paint the last edit, on the main thread: nobody comes back to paint the rest."""
        self.selection.viewer.layers.events.removed.disconnect(self._on_removed)
        listen(self.colors, PLACE_EVENTS, self._on_moved, on=False)
        last = self.tasks.take("color", again=self.colors is not None)
        self.tasks.close()
        with suppress(Exception):  # nobody is there to hear of it
            _finish(self.session_cache, last)
        if self.colors is not None:
            refresh(self.colors)


def asked_in(chosen: Selection, image: Image) -> Asking:
    """What is wished for the plane of an image that is shown."""
    index = on_layers.plane_index(image, chosen.viewer)
    return asked_for(history_of(image).now, on_layers.full_data(image), index, chosen.adjustment)


def asked_for(wished: Wished, data: Any, index: Plane, adjustment: Adjustment) -> Asking:
    """What is wished for a plane of an array (..., H, W), or (..., H, W, 3 or 4)."""
    shape = data.shape[len(index) : len(index) + 2]
    asking = wished.asking(index, (shape[0], shape[1]), adjustment)
    return asking._replace(hints=tuple(row for row in asking.hints if not has_no_value(data, (*index, *row[:2]))))


def has_no_value(data: Any, place: tuple[float, ...]) -> bool:
    """Whether an image is NaN at a place: it is black there, and a dot would color what is black beside it."""
    index = tuple(min(max(round(value), 0), side - 1) for value, side in zip(place, data.shape, strict=False))
    return data.dtype.kind == "f" and bool(np.isnan(np.asarray(data[index])).any())


def _finish(cache: SessionCache, last: Work | None) -> None:
    """Do the last edit of a picture, and let go of it."""
    try:
        if last is not None:
            last()
    finally:
        cache.clear()
