"""How work in the background shares processors and Python's lock with a hand that paints."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

PROMPT = 2e-5  # seconds


class _Switching:
    """How soon Python lets another thread go on, for all that work in the background.

    An edit is hundreds of small operations, after each of which the thread must get Python's lock again. As long as the
    main thread is busy with a stroke, that takes Python's interval each time: with the usual 5 ms, seconds for an edit.
    """

    def __init__(self) -> None:
        self._lock, self._working, self._usual = Lock(), 0, 0.0

    @contextmanager
    def promptly(self) -> Iterator[None]:
        """Meanwhile the interval is `PROMPT`, if it is not shorter anyway."""
        with self._lock:
            if not self._working:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(min(PROMPT, self._usual))
            self._working += 1
        try:
            yield
        finally:
            with self._lock:
                self._working -= 1
                if not self._working:
                    sys.setswitchinterval(self._usual)


SWITCHING = _Switching()


class _Sparing:
    """How many threads PyTorch colors with, for all that color in the background.

    They wait for each other after each operation. One that gets no processor, as the window is drawn, stops them all.
    """

    def __init__(self) -> None:
        self._lock, self._coloring, self._usual = Lock(), 0, 0

    @contextmanager
    def processor(self) -> Iterator[None]:
        """Meanwhile PyTorch leaves one processor to the window, in this thread and in those that begin now."""
        import torch

        with self._lock:
            if not self._coloring:
                self._usual = torch.get_num_threads()
            self._coloring += 1
            torch.set_num_threads(min(self._usual, max(1, processors() - 1)))
        try:
            yield
        finally:
            with self._lock:
                self._coloring -= 1
                torch.set_num_threads(self._usual)  # a setting of each thread, and what new threads begin with


SPARING = _Sparing()


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
