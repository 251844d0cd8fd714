"""One background thread for one dock: the newest request of each kind is done, stale ones are dropped."""

from __future__ import annotations

import atexit
import traceback
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from napari.qt.threading import create_worker
from psygnal import Signal
from qtpy.QtCore import QThreadPool

from napari_colorizer._napari.shared.progress import Cancelled, Progress

Work = Callable[[], Any]
PATIENCE_AT_EXIT_MS = 60_000


@dataclass
class Request:
    """Something to be done in the background.

    Attributes
    ----------
    kind : str
        A newer request of the same kind takes the place of one that still waits.
    prepare : callable
        Called on the main thread when its turn comes; gives what is to be done in the thread, or None for nothing.
    then : callable
        Called on the main thread with the result.
    doing : str
        What to tell the user meanwhile.
    can_wait : bool
        Whether all others come before it.
    progress : Progress
        What the work tells, if anything, and looks at to see whether it is cancelled.
    """

    kind: str
    prepare: Callable[[], Work | None]
    then: Callable[[Any], None]
    doing: str
    can_wait: bool = False
    progress: Progress = field(default_factory=Progress)


class TaskQueue:
    """Does requests one after the other in a thread, and reports on the main thread."""

    busy = Signal(str)  # what is being done; "" when idle
    failed = Signal(str, Exception)  # what was being done, and what went wrong
    cancelled = Signal(str)  # what was being done, and is to end

    def __init__(self) -> None:
        self._waiting: dict[str, Request] = {}
        self._running = False
        self._current: Request | None = None  # what the thread does
        self._closed = False
        _queues.add(self)

    @property
    def closed(self) -> bool:
        """Whether nobody waits for a result any more; any thread may ask, and end what it does."""
        return self._closed

    @property
    def idle(self) -> bool:
        """Whether nothing is running or waiting."""
        return not self._running and not self._waiting

    @property
    def progress(self) -> Progress | None:
        """How far that is what the thread does; None where it does nothing."""
        return self._current.progress if self._current is not None else None

    def cancel(self) -> None:
        """Let what the thread does end as soon as it looks, and drop a request of the same kind that waits.

        Work that tells nothing of its progress goes on.
        """
        current = self._current
        if current is None or current.progress.done is None or current.progress.cancelled:
            return
        current.progress.cancelled = True
        self._waiting.pop(current.kind, None)
        self.cancelled.emit(current.doing)

    def comes_next(self, kind: str) -> bool:
        """Whether a request of a kind waits for nothing but what runs; any thread may ask."""
        request = self._first()
        return request is not None and request.kind == kind

    def _first(self) -> Request | None:
        """Which of the requests that wait comes next."""
        waiting = list(self._waiting.values())  # at once: the main thread may add to them
        return min(waiting, key=lambda request: request.can_wait, default=None)

    def submit(self, request: Request) -> None:
        """Do a request as soon as the thread is free."""
        if self._closed:
            return
        self._waiting[request.kind] = request
        self._next()

    def take(self, kind: str) -> Work | None:
        """What a request that still waits would do, prepared; it waits no more."""
        request = self._waiting.pop(kind, None)
        try:
            return request.prepare() if request is not None else None
        except Exception as error:
            assert request is not None
            self.failed.emit(request.doing, error)
            return None

    def close(self) -> None:
        """Drop what waits, and the result of what runs."""
        self._closed = True
        self._waiting.clear()

    def _next(self) -> None:
        while not self._running and not self._closed and (request := self._first()) is not None:
            del self._waiting[request.kind]
            self._running = True  # what is submitted while this is prepared must wait
            try:
                work = request.prepare()
            except Exception as error:
                self._running = False
                self.failed.emit(request.doing, error)
                continue
            self._running = False
            if work is not None:
                self._start(request, work)
        if not self._running and not self._closed:
            self.busy.emit("")

    def _start(self, request: Request, work: Work) -> None:
        self._running, self._current = True, request
        request.progress.begin()
        self.busy.emit(request.doing)
        to_do, asked = [work], [request]  # given up when done: napari's workers live on, with all that they hold
        del work, request

        def guarded() -> tuple[Any, Exception | None]:
            try:
                return to_do.pop()(), None
            except Exception as error:  # handed over as a value, so that the main thread always hears of it
                traceback.clear_frames(error.__traceback__)  # frees the arrays of the failed work
                return None, error

        def returned(outcome: tuple[Any, Exception | None]) -> None:
            self._running, self._current = False, None
            request = asked.pop()
            if self._closed:
                return
            result, error = outcome
            try:
                if error is not None:
                    raise error
                request.then(result)
            except Cancelled:
                pass
            except Exception as problem:
                self.failed.emit(request.doing, problem)
            self._next()

        create_worker(guarded, _start_thread=True, _connect={"returned": returned})


_queues: weakref.WeakSet[TaskQueue] = weakref.WeakSet()


@atexit.register  # after Qt, so that it comes before Qt is taken down
def _end_all() -> None:
    """Let what runs come to its end, whatever ends the interpreter: a thread that outlives Qt's objects aborts."""
    for queue in list(_queues):
        queue.close()
    QThreadPool.globalInstance().waitForDone(PATIENCE_AT_EXIT_MS)
