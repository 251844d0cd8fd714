"""One background thread for one dock: the newest request of each kind is done, stale ones are dropped."""

from __future__ import annotations

import atexit
import traceback
import weakref
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple

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
    follows_on : bool
        Whether it may be prepared while one of its kind is done, and be begun before the result of that is used.
    progress : Progress
        What the work tells, if anything, and looks at to see whether it is cancelled.
    """

    kind: str
    prepare: Callable[[], Work | None]
    then: Callable[[Any], None]
    doing: str
    can_wait: bool = False
    follows_on: bool = False
    progress: Progress = field(default_factory=Progress)


class Outcome(NamedTuple):
    """What came of a request: a result, or what went wrong, handed over so that the main thread always hears of it."""

    request: Request
    result: Any = None
    error: Exception | None = None


class TaskQueue:
    """Does requests one after the other in a thread, and reports on the main thread."""

    busy = Signal(str)  # what is being done; "" when idle
    failed = Signal(str, Exception)  # what was being done, and what went wrong
    cancelled = Signal(str)  # what was being done, and is to end

    def __init__(self) -> None:
        self._waiting: dict[str, Request] = {}
        self._ready: tuple[Request, Work] | None = None  # one of those that wait, prepared for the thread to go on with
        self._lock = Lock()  # of what waits, and which of that is ready
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
        with self._lock:  # meanwhile the thread goes on with nothing else
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
        with self._lock:
            self._waiting[request.kind] = request
        self._prepare_next(request)
        self._next()

    def take(self, kind: str, again: bool = False) -> Work | None:
        """What a request that still waits would do, prepared; it waits no more.

        Parameters
        ----------
        kind : str
        again : bool
            Where none waits, give once more what the thread does, if it is of that kind: it may not have begun to.
        """
        with self._lock:
            request, current = self._waiting.pop(kind, None), self._current
        if again and request is None and current is not None and current.kind == kind:
            request = current if not (self._closed or current.progress.cancelled) else None
        try:
            return request.prepare() if request is not None else None
        except Exception as error:
            assert request is not None
            self.failed.emit(request.doing, error)
            return None

    def close(self) -> None:
        """Drop what waits, and the result of what runs."""
        self._closed = True
        with self._lock:
            self._waiting.clear()

    def _prepare_next(self, request: Request) -> None:
        """Prepare a request that may follow on what the thread does."""
        current = self._current
        if not request.follows_on or current is None or current.kind != request.kind or self._first() is not request:
            return
        with suppress(Exception):  # it is told when its turn comes
            work = request.prepare()
            with self._lock:
                self._ready = (request, work) if work is not None else None

    def _follow_on(self) -> Work | None:
        """What the thread goes on with, if anything is ready and still wanted."""
        with self._lock:
            ready, self._ready = self._ready, None
            if ready is None or self._first() is not ready[0]:
                return None
            before, request = self._current, self._waiting.pop(ready[0].kind)
            if before is not None and before.progress.done is not None:
                request.progress.done = 0.0  # it is of the same kind: it can be cancelled from the beginning
            self._current = request
            request.progress.begin()
            return ready[1]

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
        self._running, self._current, self._ready = True, request, None
        request.progress.begin()
        self.busy.emit(request.doing)
        to_do = [work]  # given up when done: napari's workers live on, with all that they hold
        del work, request

        def work_through() -> Generator[Outcome, None, Outcome]:
            while True:
                outcome = self._done(to_do.pop())
                following = self._follow_on() if outcome.error is None else None
                if following is None:
                    return outcome
                to_do.append(following)
                del following
                yield outcome

        def returned(outcome: Outcome) -> None:
            self._running, self._current = False, None
            self._use(outcome)
            self._next()

        create_worker(work_through, _start_thread=True, _connect={"yielded": self._use, "returned": returned})

    def _done(self, work: Work) -> Outcome:
        """Do what is to be done, in the thread."""
        assert self._current is not None
        request = self._current
        try:
            return Outcome(request, work())
        except Exception as error:
            traceback.clear_frames(error.__traceback__)  # frees the arrays of the failed work
            return Outcome(request, error=error)

    def _use(self, outcome: Outcome) -> None:
        """Use what came of a request, on the main thread."""
        if self._closed:
            return
        try:
            if outcome.error is not None:
                raise outcome.error
            outcome.request.then(outcome.result)
        except Cancelled:
            pass
        except Exception as problem:
            self.failed.emit(outcome.request.doing, problem)


_queues: weakref.WeakSet[TaskQueue] = weakref.WeakSet()


@atexit.register  # after Qt, so that it comes before Qt is taken down
def _end_all() -> None:
    """Let what runs come to its end, whatever ends the interpreter: a thread that outlives Qt's objects aborts."""
    for queue in list(_queues):
        queue.close()
    QThreadPool.globalInstance().waitForDone(PATIENCE_AT_EXIT_MS)
