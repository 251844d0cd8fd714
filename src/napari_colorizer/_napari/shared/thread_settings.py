"""How coloring in the background shares processors and Python's lock with a hand that paints."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Thread

PROMPT = 2e-5  # seconds
_lock = Lock()
_prompt_users, _usual_interval = 0, 0.0


@contextmanager
def promptly() -> Iterator[None]:
    """Let threads take turns at Python's lock sooner, as long as anybody needs that.

    An edit is hundreds of small operations, after each of which the thread must get Python's lock again. As long as
    the main thread is busy with a stroke, that takes Python's interval each time: with the usual 5 ms, seconds for an
    edit.
    """
    global _prompt_users, _usual_interval
    with _lock:
        if not _prompt_users:
            _usual_interval = sys.getswitchinterval()
            sys.setswitchinterval(min(PROMPT, _usual_interval))
        _prompt_users += 1
    try:
        yield
    finally:
        with _lock:
            _prompt_users -= 1
            if not _prompt_users:
                sys.setswitchinterval(_usual_interval)


@contextmanager
def processor_spared() -> Iterator[None]:
    """Let PyTorch compute in this thread with one processor less, which is left to the window.

    PyTorch's threads wait for each other after each operation, and one that gets no processor, as the window is drawn,
    stops them all. Other threads compute as before, those that begin meanwhile too.
    """
    import torch

    usual = torch.get_num_threads()
    spared = min(usual, max(1, processors() - 1))
    if spared == usual:
        yield
        return
    torch.set_num_threads(spared)
    # Each thread has a number of its own, but a new one takes the number that was set last, in whichever thread.
    for_new_threads = Thread(target=torch.set_num_threads, args=(usual,))
    for_new_threads.start()
    for_new_threads.join()
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
