"""A bar in napari's activity dock."""

from __future__ import annotations

import time

from napari.utils import progress

SECONDS_BETWEEN = 0.2


class ActivityBar:
    """Shows how far something is, and the time left.

    napari lets Qt work whenever a bar changes: whatever happens meanwhile may call this again.
    """

    def __init__(self) -> None:
        self._bar: progress | None = None
        self._doing = ""  # what the bar is to show; "" for no bar
        self._changing = False
        self._changed = 0.0

    def show(self, doing: str, done: int, total: int) -> None:
        """Show that `done` of `total` steps of something are done."""
        if self._changing or (doing == self._doing and time.monotonic() - self._changed < SECONDS_BETWEEN):
            return
        if doing != self._doing:
            self.close()
        self._doing, self._changing = doing, True
        try:
            if self._bar is None:
                self._bar = progress(desc=doing, total=total, initial=done)
            self._bar.update(done - self._bar.n)
        finally:
            self._changing, self._changed = False, time.monotonic()
        if not self._doing:  # closed meanwhile
            self.close()

    def close(self) -> None:
        """Take the bar away."""
        self._doing = ""
        if self._bar is not None and not self._changing:
            bar, self._bar = self._bar, None
            bar.close()
