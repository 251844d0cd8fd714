"""The session of the picture that is colored, kept from edit to edit. No Qt, no layers, no widgets."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import wraps
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize.wished import NOTHING, Asking
from napari_colorizer._napari.shared.layers import Picture
from napari_colorizer._napari.shared.progress import Progress
from napari_colorizer._napari.shared.thread_settings import processor_spared, promptly
from napari_colorizer.boxes import Box
from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.options import ColorizeOptions

if TYPE_CHECKING:
    from napari_colorizer.engine.levels import ColorLevels
    from napari_colorizer.engine.session import Session

Result = TypeVar("Result")
SESSION_SHARE = 0.1  # of the time that the first coloring takes: until it paints
SECONDS_OF_MORE = 0.25  # of painting what is left, from one time that it is shown to the next


@dataclass(frozen=True)
class Coloring:
    """What came of a label map.

    Attributes
    ----------
    counts : dict
        How many pixels each id has.
    levels : ColorLevels, optional
        Where colors have been painted; None where none have.
    done : bool
        Whether nothing is left to paint.
    origin : dict
        Name of the model and options that made the colors.
    """

    counts: dict[int, int]
    levels: ColorLevels | None = None
    done: bool = True
    origin: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AtHand:
    """The picture that is being colored.

    Attributes
    ----------
    key : tuple
        Model, picture and options.
    session : Session
    levels : ColorLevels
    layer : Any
        Which image layer it is a plane of.
    origin : dict
        See `Coloring`.
    """

    key: tuple[Any, ...]
    session: Session
    levels: ColorLevels
    layer: Any
    origin: dict[str, Any]


def _one_at_a_time(method: Callable[..., Result]) -> Callable[..., Result]:
    @wraps(method)
    def locked(cache: SessionCache, *arguments: Any, **options: Any) -> Result:
        with cache._lock:
            return method(cache, *arguments, **options)

    return locked


class SessionCache:
    """Keeps the session of the picture at hand, so that an edit costs no more than it must."""

    def __init__(self) -> None:
        self._at_hand: AtHand | None = None
        self._given: ColorLevels | None = None  # those that are shown, and so are nowhere black
        self._counts: dict[int, int] = {}
        self._lock = RLock()  # what is left is painted by the main thread where the dock is closed

    @_one_at_a_time
    def color(
        self,
        model: str,
        picture: Picture,
        labels: NDArray[np.integer],
        classes: ClassMap,
        options: ColorizeOptions,
        view: Box | None = None,
        anew: bool = False,
        newer: Callable[[], bool] = lambda: False,
        progress: Progress | None = None,
        asking: Asking = NOTHING,
    ) -> Coloring:
        """Color what has changed in the picture since the last time and lies in view; `color_more` does the rest.

        Parameters
        ----------
        view : Box, optional
            The pixels that are seen, of which those are painted that are off by what can be seen. By default everything
            is painted exactly.
        anew : bool
            Give the colors even if nothing has changed: they are not shown yet.
        newer : callable
            Whether a newer edit waits: then what can hardly be seen is left to that one.
        progress : Progress, optional
            Where it is cancelled, what is not painted yet is left to the next time, and colors that are black in parts
            are not given.
        asking : Asking
            Pins, dots and adjustment.
        """
        from napari_colorizer.engine.levels import HARDLY_SEEN, UNSEEN

        progress = progress or Progress()
        progress.tell(0.0)
        at_hand = self._take(model, picture, options)
        levels, new = at_hand.levels, at_hand.levels is not self._given
        if new:
            view = None  # nothing of a new picture is to stay black
        with promptly(), processor_spared():
            _edit(at_hand.session, labels, classes, asking)
            self._counts = at_hand.session.counts
            progress.tell(SESSION_SHARE)
            enough = _counting(levels, progress)
            painted = levels.paint(view, HARDLY_SEEN, enough)
            if not newer() and not progress.cancelled:
                exact = view is None or len(levels.arrays) == 1  # one array is saved and copied as it is
                rest = (None, 0.0) if exact else (view, UNSEEN)
                painted += levels.paint(*rest, lambda: enough() or newer())
        if new and progress.cancelled:
            return Coloring(self._counts, done=False)
        return self._coloring(at_hand, anew or new or bool(painted))

    @_one_at_a_time
    def color_more(
        self,
        view: Box | None = None,
        newer: Callable[[], bool] = lambda: False,
        progress: Progress | None = None,
    ) -> Coloring:
        """Paint a little of what is left to paint, first what lies in view, and less where a newer edit waits.

        Colors are given if some of them lie in view, or nothing is left.
        """
        at_hand, end = self._at_hand, time.perf_counter() + SECONDS_OF_MORE
        if at_hand is None:
            return Coloring(self._counts)
        cancelled = _counting(at_hand.levels, progress or Progress())

        def enough() -> bool:
            return cancelled() or newer() or time.perf_counter() > end

        with promptly(), processor_spared():
            painted = at_hand.levels.paint(view, enough=enough) + at_hand.levels.paint(enough=enough)
        seen = view is None or any(box.meets(view) for box in painted)
        return self._coloring(at_hand, bool(painted) and (seen or at_hand.levels.painted))

    @_one_at_a_time
    def ask(
        self,
        model: str,
        picture: Picture,
        labels: NDArray[np.integer],
        classes: ClassMap,
        options: ColorizeOptions,
        asking: Asking,
        question: Callable[[Session, NDArray[np.uint8] | None], Result],
    ) -> Result:
        """Ask the session of the picture something.

        Parameters
        ----------
        question : callable
            Is given the session, brought up to labels and wishes, and the colors (H, W, 3) that are shown, None where
            there are none yet; gives what is returned.
        """
        at_hand = self._take(model, picture, options)
        with promptly(), processor_spared():
            _edit(at_hand.session, labels, classes, asking)
            return question(at_hand.session, at_hand.levels.arrays[0] if at_hand.levels is self._given else None)

    @_one_at_a_time
    def clear(self) -> None:
        """Let go of the picture at hand, painted to its end."""
        at_hand, self._at_hand, self._given = self._at_hand, None, None
        if at_hand is not None:
            try:
                at_hand.levels.whole()
            finally:
                at_hand.levels.follow(None)

    @property
    def painted(self) -> bool:
        """Whether nothing is left to paint of the picture at hand."""
        at_hand = self._at_hand
        return at_hand is None or at_hand.levels.painted

    def _coloring(self, at_hand: AtHand, shown: bool) -> Coloring:
        levels = at_hand.levels
        if shown:
            self._given = levels
        return Coloring(self._counts, levels if shown else None, levels.painted, at_hand.origin)

    def _take(self, model: str, picture: Picture, options: ColorizeOptions) -> AtHand:
        """The picture at hand if it is this one, or this one in its place; its layer keeps its levels."""
        from napari_colorizer.engine.levels import ColorLevels

        loaded = inference.load(model)
        key, layer = (id(loaded), picture.key, options), picture.key[0]
        if self._at_hand is not None and self._at_hand.key == key:
            return self._at_hand
        levels = self._at_hand.levels if self._at_hand is not None and self._at_hand.layer == layer else None
        if levels is None:
            with suppress(Exception):  # what is wrong with the old picture must not keep the new one from its colors
                self.clear()  # nobody comes back to paint the rest
        else:
            self._at_hand = None
            levels.follow(None)  # frees the old session before there is a new one
        pixels, limits = picture.seen()
        session = loaded.session(pixels, options, limits)
        if levels is None or levels.shape != session.shape:
            levels = ColorLevels(session.shape)
        levels.follow(session)
        self._at_hand = AtHand(key, session, levels, layer, {"model": model, "options": vars(options)})
        return self._at_hand


def _edit(session: Session, labels: NDArray[np.integer], classes: ClassMap, asking: Asking) -> None:
    session.edit(labels, asking.hints, classes, pins=asking.pins, adjustment=asking.adjustment)


def _counting(levels: ColorLevels, progress: Progress) -> Callable[[], bool]:
    """What notes how much is left to paint, and says whether that is cancelled."""

    def cancelled() -> bool:
        progress.count_down(levels.left)
        return progress.cancelled

    cancelled()
    return cancelled
