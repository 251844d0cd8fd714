"""How far something in the background is, and how it is told to end."""

from __future__ import annotations

import math
import time

LEAST_TOLD = 0.05  # of all, from which on the time left is estimated


class Cancelled(Exception):  # noqa: N818  (it is no error)
    """The user wants no more of it."""


class Progress:
    """How far some work is: its thread tells, the main thread looks, and may cancel it.

    Attributes
    ----------
    done : float, optional
        The share (0..1) that is done; None where the work tells nothing, and cannot be cancelled.
    cancelled : bool
        Whether the user wants no more of it.
    """

    def __init__(self) -> None:
        self.done: float | None = None
        self.cancelled = False
        self._begun: float | None = None
        self._base, self._most = 0.0, 0

    def begin(self) -> None:
        """The work begins, or the next part of it."""
        if self._begun is None:
            self._begun = time.monotonic()

    def tell(self, done: float) -> None:
        """Note the share that is done; `Cancelled` where no more is wanted."""
        if self.cancelled:
            raise Cancelled
        self.done = done

    def count_down(self, left: int) -> None:
        """Note how many parts are left; what is to come until `done` is 1 is the number that is told first."""
        if not self._most:
            self._base, self._most = self.done or 0.0, max(1, left)
        self.done = max(self._base, 1 - (1 - self._base) * left / self._most)

    @property
    def seconds(self) -> float:
        """Since it has begun."""
        return time.monotonic() - self._begun if self._begun is not None else 0.0

    @property
    def seconds_left(self) -> float | None:
        """What is to come, if it goes on as it has; None where that cannot be told yet."""
        done = self.done or 0.0
        return self.seconds * (1 - done) / done if done >= LEAST_TOLD else None


def in_words(seconds: float) -> str:
    """A duration, coarsely: ``40 s``, ``12 min``, ``3 h 20 min``."""
    if not math.isfinite(seconds):
        return "some time"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
