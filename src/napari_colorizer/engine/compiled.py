"""What is compiled for the CPU, and whether it is ready: loading it takes a second or two, compiling it a dozen."""

from __future__ import annotations

import logging
from functools import lru_cache
from threading import Thread
from typing import Any, NamedTuple


class Kernels(NamedTuple):
    """What is compiled.

    Attributes
    ----------
    fit, paint : callable
        See `napari_colorizer.engine.fit_kernel` and `napari_colorizer.engine.paint_kernel`.
    """

    fit: Any
    paint: Any


_found: list[Kernels] = []  # once they are there


def compiled() -> Kernels | None:
    """What is compiled, or None as long as it is not loaded or where it cannot be."""
    return _found[0] if _found else None


@lru_cache(maxsize=1)
def load_compiled() -> Thread:
    """Begin to load it, in a thread of its own, the first time that this is called; gives the thread."""
    thread = Thread(target=_load, name="loading of what is compiled")  # no daemon: it may not outlive LLVM
    thread.start()
    return thread


def _load() -> None:
    try:
        from napari_colorizer.engine.fit_kernel import fit
        from napari_colorizer.engine.paint_kernel import paint
    except Exception as error:  # no numba for this Python or NumPy, or no folder that it may keep compiled code in
        logging.getLogger(__name__).info("painting with PyTorch: %s", error)
    else:
        _found.append(Kernels(fit, paint))
