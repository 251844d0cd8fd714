"""Sittings that were not saved: kept every minute, and offered when their image is opened again, or after a crash."""

from __future__ import annotations

import atexit
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray
from psygnal import Signal

from napari_colorizer._napari.colorize import running
from napari_colorizer._napari.colorize.autosave_files import Unsaved, newest, newest_of, remove, write_unsaved
from napari_colorizer._napari.colorize.autosave_texts import describing, found_in
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.saved_state import digest
from napari_colorizer._napari.colorize.sitting_view import Found, show, take_over
from napari_colorizer._napari.colorize.sitting_wishes import key_of_wishes, wishes_of
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.task_queue import Request, Work

LARGEST = 1 << 29  # bytes of a label map that is kept


@dataclass(frozen=True)
class Offer:
    """A sitting that was not saved, and the image that it belongs to; None where that is not open.

    `found` is what is known of it beside its label map, if anything.
    """

    image: Image | None
    unsaved: Unsaved
    found: Found | None = None

    @property
    def text(self) -> str:
        """What the user is told."""
        when = time.strftime("%d %b %Y, %H:%M", time.localtime(self.unsaved.when))
        if self.image is None:
            return f"napari ended unexpectedly. The last sitting ({self.unsaved.name!r}, {when}) was not saved"
        return f"{self.image.name!r} has an unsaved label map of {when}"


class Autosave:
    """Keeps the label map that is worked on, and what was chosen and wished beside it, until it is saved.

    Parameters
    ----------
    controller : ColorizeController
    """

    offer_changed = Signal(object)  # an Offer; None when there is none any more
    restored = Signal()  # another model and other options may be chosen now

    def __init__(self, controller: ColorizeController):
        self.controller = controller
        self.offer: Offer | None = None
        self._began = time.time_ns()  # each session writes files of its own
        self._keys: weakref.WeakKeyDictionary[Image, tuple[int, str]] = weakref.WeakKeyDictionary()
        self._safe: weakref.WeakKeyDictionary[Labels, bytes] = weakref.WeakKeyDictionary()
        self._files: dict[str, set[Path]] = {}  # what was kept of each image in this session, or restored
        self._safe_wishes: weakref.WeakKeyDictionary[Image, str] = weakref.WeakKeyDictionary()
        self._due: list[tuple[str, bytes, Unsaved, Callable[[], str] | None]] = []
        self._image, self._labels = controller.image, controller.labels
        self._others: weakref.WeakKeyDictionary[Image, weakref.ref[Labels]] = weakref.WeakKeyDictionary()
        self._taken: weakref.WeakKeyDictionary[Labels, bytes] = weakref.WeakKeyDictionary()  # as copied last
        controller.layers_changed.connect(self._on_layers)
        controller.labels_written.connect(self._on_labels_written)
        _all.add(self)
        self._on_layers()
        if running.begin() and self._image is None:
            self._look_for_last(asked=False)

    def close(self) -> None:
        """Keep what is not saved, now."""
        _all.discard(self)
        if not _all:
            running.end()
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
        if digest(labels.data) == self._safe[labels] and key is not None and not self._has_wishes(self._image):
            self._due = [due for due in self._due if due[0] != key]
            remove(self._files.pop(key, set()))

    def wishes_kept(self, image: Image) -> None:
        """All that is wished for the colors of an image is in a file of the user's now."""
        self._safe_wishes[image] = key_of_wishes(wishes_of(self.controller, image))

    def restore_last(self) -> None:
        """Open the last sitting that was not saved, of whatever image."""
        self._look_for_last(asked=True)

    def restore(self) -> None:
        """Lay the label map that is offered on its image, as a layer of its own, and choose what was chosen."""
        offer, controller = self.offer, self.controller
        if offer is not None and offer.image is None and offer.found is not None:
            self._put(None)
            self._show(offer.unsaved, offer.found)
            return
        if offer is None or offer.image is None or offer.image is not controller.image:
            return
        if controller.labels is not None:
            controller.labels.visible = False
        self._put(None)
        if offer.found is not None:
            take_over(controller, offer.found, offer.image)
            self.restored.emit()
        controller.add_labels(offer.unsaved.labels, offer.unsaved.classes)
        if controller.labels is not None:
            self._safe.pop(controller.labels, None)  # it is as little saved as before
        self._files.setdefault(offer.unsaved.key, set()).add(offer.unsaved.path)

    def discard(self) -> None:
        """Delete the label map that is offered."""
        if self.offer is not None:
            remove({self.offer.unsaved.path})
        self._put(None)

    def _look_for_last(self, asked: bool) -> None:
        """Find the last sitting in the background, and show it if it was asked for; else offer it."""

        def find() -> tuple[Unsaved, Found | None] | None:
            unsaved = newest()
            return None if unsaved is None else (unsaved, found_in(unsaved, with_image=True))

        def then(last: tuple[Unsaved, Found | None] | None) -> None:
            if last is None or last[1] is None:
                if asked:
                    self.controller.message.emit("There is no sitting to restore: everything is saved")
            elif asked:
                self._show(last[0], last[1])
            elif self.offer is None and self.controller.image is None and last[1].pixels is not None:
                self._put(Offer(None, *last))

        self.controller.tasks.submit(Request("look for the last", lambda: find, then, ""))

    def _show(self, unsaved: Unsaved, found: Found) -> None:
        """Show a sitting that was not saved, and still is not."""
        self._files.setdefault(unsaved.key, set()).add(unsaved.path)
        show(self.controller, found)
        if self.controller.labels is not None:
            self._safe.pop(self.controller.labels, None)
        self.restored.emit()

    def _has_wishes(self, image: Image) -> bool:
        """Whether something is wished for the colors of an image that is in no file of the user's."""
        return key_of_wishes(wishes_of(self.controller, image)) != self._safe_wishes.get(image, "")

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
        if self._image is not None and self._labels is not None:
            self._others[self._image] = weakref.ref(self._labels)
        elif self._image is not None:
            self._others.pop(self._image, None)
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

        def find(pixels: Any, where: str) -> tuple[str, Unsaved | None, Found | None]:
            key = key_of(pixels if isinstance(pixels, np.ndarray) else None, shape, where)
            unsaved = newest_of(key)
            return key, unsaved, None if unsaved is None else found_in(unsaved)

        def then(result: tuple[str, Unsaved | None, Found | None]) -> None:
            key, unsaved, found = result
            if image.data is not data:
                return
            self._keys[image] = id(data), key
            if unsaved is not None and image is self.controller.image and self._is_news(unsaved, image):
                self._put(Offer(image, unsaved, found))

        self.controller.tasks.submit(Request("look for unsaved", prepare, then, ""))

    def _is_news(self, unsaved: Unsaved, image: Image) -> bool:
        labels = self.controller.labels
        if unsaved.labels.shape != on_layers.image_shape(image) or unsaved.path in self._files.get(unsaved.key, set()):
            return False
        return labels is None or not np.array_equal(on_layers.full_data(labels), unsaved.labels)

    def _take(self) -> None:
        """Copy the label map, if it may have to be kept, and those of other images that were painted on since."""
        if self._image is not None and self._labels is not None:
            self._take_of(self._image, self._labels)
        for image, known in list(self._others.items()):
            labels = known()
            if labels is not None and image is not self._image and labels is not self._labels:
                self._take_of(image, labels, painted=True)

    def _take_of(self, image: Image, labels: Labels, painted: bool = False) -> None:
        """Copy a label map, if it may have to be kept, or only if it was painted on since it was copied last."""
        if not isinstance(labels.data, np.ndarray) or not on_layers.fits(labels, image):
            return
        key = self._key(image)
        if key is None or labels.data.nbytes > LARGEST or not on_layers.is_settled(labels):
            return
        now = digest(labels.data)
        if painted and now == self._taken.get(labels):
            return
        self._taken[labels] = now
        if (now == self._safe.get(labels) or not labels.data.any()) and not self._has_wishes(image):
            return
        classes = on_layers.class_map_of(labels)
        unsaved = Unsaved(key, self._began, labels.data.copy(), classes, image.name, time.time())
        state, describe = describing(self.controller, image, classes) or ("", None)
        self._due = [*(due for due in self._due if due[0] != key), (key, now + state.encode(), unsaved, describe)]

    def _write(self) -> None:
        due, self._due = self._due, []
        for key, now, unsaved, describe in due:
            with suppress(Exception):  # the label map is kept, whatever is the matter with the rest
                unsaved = replace(unsaved, said=describe() if describe is not None else "")
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
    running.end()
