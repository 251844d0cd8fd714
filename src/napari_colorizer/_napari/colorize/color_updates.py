"""The colors of a controller's image, brought up to its label map in the background."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from importlib.metadata import version
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_colorizer._napari.colorize.result_layers import WholePicture, outline, refresh, show_colors, view_of
from napari_colorizer._napari.colorize.session_cache import Coloring, SessionCache
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.progress import Progress
from napari_colorizer._napari.shared.task_queue import Request, Work

if TYPE_CHECKING:
    from napari_colorizer._napari.colorize.controller import ColorizeController

VERSIONS = {package: version(package) for package in ("napari-colorizer", "torch")}


class Asked(NamedTuple):
    """What colors were asked for, to tell whether they are still wanted when they come."""

    picture: tuple[Any, ...]  # the image, its data, the plane and the label map
    how: tuple[Any, ...]  # model, classes and options


class ColorUpdates:
    """Asks for colors and counts, and lays them on the image when they come.

    Parameters
    ----------
    controller : ColorizeController
        Holds the layers, the options and what comes of them.
    """

    def __init__(self, controller: ColorizeController):
        self.controller = controller

    def _newer(self) -> bool:
        """Whether what is being colored had better end: a newer edit waits, or nobody does."""
        return self.controller.tasks.closed or self.controller.tasks.comes_next("color")

    def submit(self, color: bool) -> None:
        """Count the pixels of each class, and color the image if wanted."""
        controller = self.controller
        if controller.image is None or (controller.labels is not None and not on_layers.is_settled(controller.labels)):
            return
        color = color and bool(controller.model.color_ids)
        kind, doing = ("color", "Coloring") if color else ("count", "Counting")
        progress = Progress()
        prepare, show = partial(self._prepare, color, progress), partial(self._show, progress)
        controller.tasks.submit(Request(kind, prepare, show, doing, progress=progress))

    def _asked(self) -> Asked | None:
        """What colors would be asked for now."""
        controller = self.controller
        image = controller.image
        if image is None or image not in controller.viewer.layers:
            return None
        index = on_layers.plane_index(image, controller.viewer)
        return Asked(
            (image, controller.subject, index, controller.labels),
            (controller.model, controller.classes, controller.options),
        )

    def _prepare(self, color: bool, progress: Progress) -> Work | None:
        controller, asked = self.controller, self._asked()
        image, labels, cache = controller.image, controller.labels, controller.session_cache
        if asked is None or image is None:
            return None
        picture = on_layers.picture_of(image, controller.viewer, controller.generation)
        plane = (
            np.zeros(picture.pixels.shape[:2], np.uint8)
            if labels is None
            else on_layers.lazy_plane_of(labels, image, controller.viewer)
        )
        if not color:
            return lambda: (asked, cache.count(np.asarray(plane)))
        model, classes, options = controller.model.name, controller.classes, controller.options
        view = view_of(controller.colors, controller.viewer)
        return lambda: (
            asked,
            cache.color(model, picture, np.asarray(plane), classes, options, view, view is None, self._newer, progress),
        )

    def _show(self, progress: Progress, result: tuple[Asked, Coloring]) -> None:
        asked, coloring = result
        now = self._asked()
        if progress.cancelled:
            if now is not None and now.picture == asked.picture:
                self._lay(asked, coloring, progress)
            return
        if now is None or now.picture != asked.picture:
            if coloring.levels is not None and now is not None and now.picture[0] is asked.picture[0]:
                self.submit(True)  # they are the colors of what is no more there
            return
        self.controller.settle_complaint()
        self._lay(asked, coloring, progress)
        if coloring.levels is not None and now.how != asked.how:
            self.submit(True)

    def _lay(self, asked: Asked, coloring: Coloring, progress: Progress) -> None:
        controller, image, now = self.controller, asked.picture[0], self._asked()
        if now is None or now.picture[0] is not image:
            return
        if now.picture == asked.picture:
            controller.show_counts(coloring.counts)  # else they are those of labels that are no more there
        if coloring.levels is not None:
            before = controller.colors
            controller.colors = show_colors(controller.viewer, image, coloring.levels, before, self._catch_up)
            if before is None:
                outline(controller.labels)
            on_layers.note(controller.colors, **coloring.origin, versions=VERSIONS)
        if not coloring.done and not progress.cancelled:
            more, show = partial(self._prepare_more, asked, progress), partial(self._show_more, progress)
            controller.tasks.submit(Request("more", more, show, "Coloring", can_wait=True, progress=progress))

    def _prepare_more(self, asked: Asked, progress: Progress) -> Work | None:
        controller = self.controller
        if controller.colors is None:
            return None  # the layer was deleted
        view = view_of(controller.colors, controller.viewer)
        return lambda: (asked, controller.session_cache.color_more(view, self._newer, progress))

    def _show_more(self, progress: Progress, result: tuple[Asked, Coloring]) -> None:
        if self.controller.colors is not None:
            self._lay(*result, progress)

    def _catch_up(self, picture: WholePicture) -> None:
        """Color an edit that waits now, on the main thread: a picture is to be saved."""
        controller = self.controller
        if controller.colors is None or controller.colors.data is not picture or current_thread() is not main_thread():
            return
        last = controller.tasks.take("color")
        if last is not None:
            try:
                self._show(Progress(), last())
            except Exception as error:
                controller.complain("Coloring", error)
            self.submit(True)  # what was begun before the edit may come later

    def let_go(self) -> None:
        """Bring the colors up to the last edit, in the background, and free their session: another image is chosen."""
        controller = self.controller
        colors, last = controller.colors, controller.tasks.take("color")
        if controller.tasks.idle and last is None and controller.session_cache.painted:
            controller.session_cache.clear()
            return

        def show(_done: None) -> None:
            if colors is not None and colors in controller.viewer.layers:
                refresh(colors)

        kind = f"finish {controller.generation}"  # one for each image: none takes the place of another
        controller.tasks.submit(
            Request(kind, lambda: lambda: _finish(controller.session_cache, last), show, "Coloring")
        )

    def close(self) -> None:
        """Paint the last edit, on the main thread: nobody comes back to paint the rest."""
        controller = self.controller
        last = controller.tasks.take("color")
        controller.tasks.close()
        with suppress(Exception):  # nobody is there to hear of it
            _finish(controller.session_cache, last)
        if controller.colors is not None:
            refresh(controller.colors)


def _finish(cache: SessionCache, last: Work | None) -> None:
    """Do the last edit of a picture, and let go of it."""
    try:
        if last is not None:
            last()
    finally:
        cache.clear()
