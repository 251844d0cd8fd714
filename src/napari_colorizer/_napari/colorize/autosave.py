"""Label maps that were not saved: kept every minute, and offered when their image is opened again."""

from __future__ import annotations

import atexit
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray
from psygnal import Signal

from napari_colorizer._napari.colorize.autosave_files import Unsaved, newest_of, remove, write_unsaved
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.saved_state import digest
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.task_queue import Request, Work

LARGEST = 1 << 29  # bytes of a label map that is kept


@dataclass(frozen=True)
class Offer:
    """A label map that was not saved, and the image that it belongs to."""

    image: Image
    unsaved: Unsaved

    @property
    def text(self) -> str:
        """What the user is told."""
        when = time.strftime("%d %b %Y, %H:%M", time.localtime(self.unsaved.when))
        return f"{self.image.name!r} has a label map that was not saved, of {when}"


class Autosave:
    """Keeps the label map that is worked on, until it is saved.

    Parameters
    ----------
    controller : ColorizeController
    """

    offer_changed = Signal(object)  # an Offer; None when there is none any more

    def __init__(self, controller: ColorizeController):
        self.controller = controller
        self.offer: Offer | None = None
        self._began = time.time_ns()  # each session writes files of its own
        self._keys: weakref.WeakKeyDictionary[Image, tuple[int, str]] = weakref.WeakKeyDictionary()
        self._safe: weakref.WeakKeyDictionary[Labels, bytes] = weakref.WeakKeyDictionary()
        self._files: dict[str, set[Path]] = {}  # what was kept of each image in this session, or restored
        self._due: list[tuple[str, bytes, Unsaved]] = []
        self._image, self._labels = controller.image, controller.labels
        controller.layers_changed.connect(self._on_layers)
        controller.labels_written.connect(self._on_labels_written)
        _all.add(self)
        self._on_layers()

    def close(self) -> None:
        """Keep what is not saved, now."""
        _all.discard(self)
        self.controller.layers_changed.disconnect(self._on_layers)
        self.controller.labels_written.disconnect(self._on_labels_written)
        self.flush()

    def keep(self) -> None:
        """Keep the label map in the background, if it has changed and was not saved."""
        self._take()
        if self._due:
            self.controller.tasks.submit(Request("autosave", lambda: self._write, lambda _: None, "", can_wait=True))

    def flush(self) -> None:
        """Keep the label map at once: there may be no later."""
        self._take()
        self._write()

    def saved(self, labels: Labels, data: NDArray[Any]) -> None:
        """A label map is in a file of the user's now: what was kept of it is not needed."""
        if labels.ndim != 2 or labels is not self._labels or self._image is None:
            return
        self._safe[labels] = digest(data)
        key = self._key(self._image)
        if digest(labels.data) == self._safe[labels] and key is not None:
            self._due = [due for due in self._due if due[0] != key]
            remove(self._files.pop(key, set()))

    def restore(self) -> None:
        """Lay the label map that is offered on its image, as a layer of its own."""
        offer, controller = self.offer, self.controller
        if offer is None or offer.image is not controller.image:
            return
        if controller.labels is not None:
            controller.labels.visible = False
        self._put(None)
        controller.add_labels(offer.unsaved.labels, offer.unsaved.classes)
        if controller.labels is not None:
            self._safe.pop(controller.labels, None)  # it is as little saved as before
        self._files.setdefault(offer.unsaved.key, set()).add(offer.unsaved.path)

    def discard(self) -> None:
        """Delete the label map that is offered."""
        if self.offer is not None:
            remove({self.offer.unsaved.path})
        self._put(None)

    def _put(self, offer: Offer | None) -> None:
        if offer is not self.offer:
            self.offer = offer
            self.offer_changed.emit(offer)

    def _on_labels_written(self, labels: Labels) -> None:
        """What a label map holds as it is written can be made again, or lies in a file."""
        if isinstance(labels.data, np.ndarray) and labels.data.nbytes <= LARGEST:
            self._safe[labels] = digest(labels.data)

    def _on_layers(self) -> None:
        image, labels = self.controller.image, self.controller.labels
        if labels is not self._labels or image is not self._image:
            self.keep()  # those from which the user turns
        if labels is not None and labels not in self._safe:
            self._on_labels_written(labels)
        before, self._image, self._labels = self._image, image, labels
        if image is not before:
            self._put(None)
        if image is not None and self._key(image) is None:
            self._look_for(image)

    def _key(self, image: Image) -> str | None:
        """What the files of an image are called; None where that has not been found out."""
        data, key = self._keys.get(image, (0, None))
        return key if data == id(image.data) else None

    def _look_for(self, image: Image) -> None:
        """Find out in the background whether a label map of an image was not saved."""
        data, shape = image.data, on_layers.image_shape(image)

        def prepare() -> Work:
            pixels = on_layers.full_data(image)
            where = f"{image.metadata.get('path') or image.source.path} {image.name}"
            return lambda: find(pixels, where)

        def find(pixels: Any, where: str) -> tuple[str, Unsaved | None]:
            key = key_of(pixels if isinstance(pixels, np.ndarray) else None, shape, where)
            return key, newest_of(key)

        def then(found: tuple[str, Unsaved | None]) -> None:
            key, unsaved = found
            if image.data is not data:
                return
            self._keys[image] = id(data), key
            if unsaved is not None and image is self.controller.image and self._is_news(unsaved, image):
                self._put(Offer(image, unsaved))

        self.controller.tasks.submit(Request("look for unsaved", prepare, then, ""))

    def _is_news(self, unsaved: Unsaved, image: Image) -> bool:
        labels = self.controller.labels
        if unsaved.labels.shape != on_layers.image_shape(image) or unsaved.path in self._files.get(unsaved.key, set()):
            return False
        return labels is None or not np.array_equal(on_layers.full_data(labels), unsaved.labels)

    def _take(self) -> None:
        """Copy the label map, if it may have to be kept."""
        image, labels = self._image, self._labels
        if (
            image is None
            or labels is None
            or not isinstance(labels.data, np.ndarray)
            or not on_layers.fits(labels, image)
        ):
            return
        key = self._key(image)
        if key is None or labels.data.nbytes > LARGEST or not on_layers.is_settled(labels):
            return
        now = digest(labels.data)
        if now == self._safe.get(labels) or not labels.data.any():
            return
        unsaved = Unsaved(key, self._began, labels.data.copy(), on_layers.class_map_of(labels), image.name, time.time())
        self._due = [*(due for due in self._due if due[0] != key), (key, now, unsaved)]

    def _write(self) -> None:
        due, self._due = self._due, []
        for key, now, unsaved in due:
            path = write_unsaved(unsaved, now)
            if path is not None:
                self._files.setdefault(key, set()).add(path)


def key_of(pixels: NDArray[Any] | None, shape: tuple[int, ...], where: str) -> str:
    """What the files of an image are called: by its first plane, or by where it lies if that is not in memory."""
    what = np.frombuffer(where.encode(), np.uint8) if pixels is None else pixels[(0,) * (len(shape) - 2)]
    return digest(np.frombuffer(digest(what) + repr(shape).encode(), np.uint8)).hex()


_all: weakref.WeakSet[Autosave] = weakref.WeakSet()


@atexit.register
def _keep_all() -> None:
    for autosave in list(_all):
        autosave.flush()
