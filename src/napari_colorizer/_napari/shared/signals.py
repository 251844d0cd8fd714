"""What concerns every dock of the process, in whichever viewer."""

from __future__ import annotations

from psygnal import Signal


class SharedSignals:
    """Tells the docks what has changed on the disk."""

    models_changed = Signal()  # another model is installed
    pairs_changed = Signal()  # another pair is in the collected training set


shared_signals = SharedSignals()
