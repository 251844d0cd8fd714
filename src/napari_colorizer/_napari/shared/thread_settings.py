"""How work in the background shares processors and Python's lock with a hand that paints."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

PROMPT = 2e-5  # seconds


class _Meanwhile:
    """Gives a setting of the process another value as long as anybody in the background needs that.

    Parameters
    ----------
    read, write : callable
        Of the setting.
    other : callable
        The value to have meanwhile, of the usual one.
    of_threads : bool
        Whether each thread has a setting of its own, which new threads take from the one that was written last.
    """

    def __init__(
        self,
        read: Callable[[], Any],
        write: Callable[[Any], None],
        other: Callable[[Any], Any],
        of_threads: bool = False,
    ):
        self._read, self._write, self._other, self._of_threads = read, write, other, of_threads
        self._lock, self._users, self._usual = Lock(), 0, None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if not self._users:
                self._usual = self._read()
            self._users += 1
            self._write(self._other(self._usual))
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._of_threads or not self._users:
                    self._write(self._usual)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _torch_threads() -> int:
    import torch

    return torch.get_num_threads()


def _set_torch_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


# How soon Python lets another thread go on. An edit is hundreds of small operations, after each of which the thread
# must get Python's lock again. As long as the main thread is busy with a stroke, that takes Python's interval each
# time: with the usual 5 ms, seconds for an edit.
promptly = _Meanwhile(sys.getswitchinterval, sys.setswitchinterval, lambda usual: min(PROMPT, usual))

# How many threads PyTorch computes with: one processor is left to the window. They wait for each other after each
# operation, and one that gets no processor, as the window is drawn, stops them all.
processor_spared = _Meanwhile(
    _torch_threads, _set_torch_threads, lambda usual: min(usual, max(1, processors() - 1)), of_threads=True
)
