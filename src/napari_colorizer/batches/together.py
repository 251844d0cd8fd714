"""Tasks done in this process, several at once: on a GPU the networks are faster so, and reading and writing go on."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Event
from typing import Any

from numpy.typing import NDArray

from napari_colorizer.batches.tasks import FAULTS, Outcome, Outcomes, Ready, Task, Tell, begin, failed, finish, no_tell

MOST_WRITERS = 8
GPU_BATCH = 8


class _StoppedError(Exception):
    """The job ends before it is done."""


class Together:
    """Does tasks in batches: while the networks work, a thread reads the next images and others write the last ones.

    Parameters
    ----------
    size : int
        How many images go through the networks at once, where they have one padded size at working size.
    """

    def __init__(self, size: int):
        self._size = size

    def outcomes(self, tasks: Iterator[Task], tell: Tell = no_tell) -> Outcomes:
        """See `napari_colorizer.batches.run.Workers`; in the order of the tasks."""
        stopped = Event()

        def tell_on(images: int) -> None:
            if stopped.is_set():
                raise _StoppedError  # whoever stops a job need not wait for the end of a video
            tell(images)

        with (
            ThreadPoolExecutor(1) as reading,  # of a stack that is kept open, one image is read at a time
            ThreadPoolExecutor(min(MOST_WRITERS, os.cpu_count() or 1)) as writing,
        ):
            read: deque[tuple[Task, Future[Ready | Outcome]]] = deque()
            written: deque[tuple[Task, Future[Outcome]]] = deque()
            try:
                while True:
                    for task in islice(tasks, 2 * self._size - len(read)):
                        read.append((task, reading.submit(begin, task, tell_on)))
                    if not read:
                        break
                    batch = [read.popleft() for _ in range(min(self._size, len(read)))]
                    written += self._make(batch, writing)
                    while len(written) > self._size:
                        yield _next(written)
                while written:
                    yield _next(written)
            finally:
                stopped.set()
                reading.shutdown(cancel_futures=True)
                writing.shutdown(cancel_futures=True)

    def _make(
        self, batch: Sequence[tuple[Task, Future[Ready | Outcome]]], writing: ThreadPoolExecutor
    ) -> Iterator[tuple[Task, Future[Outcome]]]:
        """Make the results of a batch, and have them written."""
        begun = [future.result() for _, future in batch]
        made = iter(_make([one for one in begun if isinstance(one, Ready)]))
        for (task, _), one in zip(batch, begun, strict=True):
            result = next(made) if isinstance(one, Ready) else one
            if isinstance(result, Outcome):
                yield task, _known(result)
            elif isinstance(one, Ready):
                yield task, writing.submit(finish, one, *result)


def _make(ready: Sequence[Ready]) -> Sequence[tuple[NDArray[Any], str] | Outcome]:
    """The results of tasks, in one pass; one by one if that fails, so that only those fail that are at fault."""
    if not ready:
        return []
    try:
        return ready[0].task.recipe.make_together([one.given for one in ready])
    except FAULTS:
        return [_make_alone(one) for one in ready]


def _make_alone(ready: Ready) -> tuple[NDArray[Any], str] | Outcome:
    try:
        return ready.task.recipe.make(*ready.given)
    except FAULTS as error:
        return failed(ready.task, error)


def _known(outcome: Outcome) -> Future[Outcome]:
    future: Future[Outcome] = Future()
    future.set_result(outcome)
    return future


def _next(written: deque[tuple[Task, Future[Outcome]]]) -> tuple[Task, Outcome]:
    task, future = written.popleft()
    return task, future.result()
