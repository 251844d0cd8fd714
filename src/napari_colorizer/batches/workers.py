"""Who does the tasks of a job: processes of this machine, or a cluster of dask.distributed."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any
from uuid import uuid4

from napari_colorizer.batches.tasks import Outcome, Outcomes, Task, Tell, do_with_one_thread, no_tell

TRIES = 3
AHEAD = 2  # tasks for each worker, so that none waits for the next
LOST = f"its worker was lost {TRIES} times: is there too little memory?"
CONNECT_SECONDS = 10


class LocalWorkers:
    """Processes of this machine, each with a model of its own and one thread; those that are lost are replaced.

    Parameters
    ----------
    count : int
        How many.
    """

    def __init__(self, count: int):
        self._count = count
        self._running: dict[Future[Outcome], tuple[Task, int]] = {}  # with how often a worker was lost over each
        self._suspects: deque[tuple[Task, int]] = deque()  # were being done when one was lost: now they are done alone

    def outcomes(self, tasks: Iterator[Task], tell: Tell = no_tell) -> Outcomes:
        """See `napari_colorizer.batches.run.Workers`; when closed early, it does not wait for what is being done."""
        pool = _Pool(self._count)
        try:
            while self._hand_out(pool, tasks):
                finished = wait(self._running, return_when=FIRST_COMPLETED).done
                if any(isinstance(future.exception(), BrokenExecutor) for future in finished):
                    yield from self._suspect()
                    pool.end()
                    pool = _Pool(self._count)
                else:
                    yield from [(self._running.pop(future)[0], future.result()) for future in finished]
        finally:
            pool.end()

    def _hand_out(self, pool: _Pool, tasks: Iterator[Task]) -> bool:
        """Give the workers something to do; whether there is anything."""
        if self._suspects:
            if not self._running:
                self._submit(pool, *self._suspects.popleft())
            return True
        while len(self._running) < AHEAD * self._count and (task := next(tasks, None)) is not None:
            self._submit(pool, task, 0)
        return bool(self._running)

    def _submit(self, pool: _Pool, task: Task, lost: int) -> None:
        try:
            future = pool.submit(task)
        except BrokenExecutor as error:  # a worker was lost meanwhile
            future = Future()
            future.set_exception(error)
        self._running[future] = task, lost

    def _suspect(self) -> Outcomes:
        """Do again, one by one, what was being done; give up what workers were lost over again and again."""
        for future, (task, lost) in self._running.items():
            if future.done() and not future.exception():
                yield task, future.result()
            elif lost + 1 == TRIES:
                yield task, Outcome("failed", error=f"{task.source.name}: {LOST}")
            else:
                self._suspects.append((task, lost + 1))
        self._running.clear()


class _Pool:
    """Processes that end at once when they are told to, or when this one ends, whatever they are doing."""

    def __init__(self, count: int):
        context = multiprocessing.get_context("spawn")  # threads of PyTorch do not survive a fork
        theirs, self._ours = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(count, context, initializer=_begin_worker, initargs=(theirs,))

    def submit(self, task: Task) -> Future[Outcome]:
        """Have a task done; `BrokenExecutor` if a worker was lost."""
        with _held_back(signal.SIGINT):  # a worker that begins now is never told of it
            return self._pool.submit(do_with_one_thread, task)

    def end(self) -> None:
        """End the workers; what they are doing is lost."""
        self._ours.close()
        self._pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _held_back(number: signal.Signals) -> Iterator[None]:
    """Let a signal come later: meanwhile begun processes never get it, where the system knows that."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(life: Connection) -> None:
    """Leave signals of the terminal to the process that began this one, and end when that closes its end of a pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        with suppress(EOFError, OSError):
            life.recv()
        os._exit(1)

    Thread(target=watch, name="watch the parent", daemon=True).start()


class Scheduler:
    """The workers of a cluster of dask.distributed; what a lost one did is done again by another.

    Parameters
    ----------
    address : str
        Such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    ValueError
        If dask.distributed is not installed.
    """

    def __init__(self, address: str):
        try:
            import distributed
        except ImportError as error:
            raise ValueError(f"--scheduler needs dask: pip install distributed ({error})") from error
        for name in ("distributed", "distributed.client"):  # that a lost worker's task is done again is no news
            logging.getLogger(name).setLevel(logging.ERROR)
        self._distributed = distributed
        self._address = address

    def outcomes(self, tasks: Iterator[Task], tell: Tell = no_tell) -> Outcomes:
        """See `napari_colorizer.batches.run.Workers`; `ConnectionError` if there is no scheduler, or it is lost."""
        try:
            client = self._distributed.Client(self._address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConnectionError(f"there is no scheduler at {self._address}: {error}") from error
        try:
            yield from self._outcomes(client, tasks)
        finally:
            with suppress(Exception):  # a scheduler that is gone cannot be taken leave of
                client.close(timeout=CONNECT_SECONDS)

    def _outcomes(self, client: Any, tasks: Iterator[Task]) -> Outcomes:
        running: dict[Any, Task] = {}
        finished = self._distributed.as_completed(loop=client.loop)

        def hand_out() -> None:
            most = AHEAD * max(1, sum(client.nthreads().values()))
            while len(running) < most and (task := next(tasks, None)) is not None:
                future = client.submit(do_with_one_thread, task, key=f"{task.recipe.kind}-{uuid4().hex}", retries=TRIES)
                running[future] = task
                finished.add(future)

        hand_out()
        for future in finished:
            task = running.pop(future)
            yield task, self._outcome(future, task)
            del future  # or the cluster keeps it
            hand_out()

    def _outcome(self, future: Any, task: Task) -> Outcome:
        error = None if future.cancelled() else future.exception()
        if error is None and not future.cancelled():
            outcome: Outcome = future.result()
            return outcome
        if future.cancelled():
            raise ConnectionError(f"the scheduler at {self._address} is lost: run this again to continue")
        text = LOST if isinstance(error, self._distributed.KilledWorker) else str(error) or type(error).__name__
        return Outcome("failed", error=f"{task.source.name}: {text}")
