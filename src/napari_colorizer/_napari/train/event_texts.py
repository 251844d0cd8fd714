"""What the dock says of the events of a training."""

from __future__ import annotations

import math
from pathlib import Path

from napari_colorizer._napari.shared.progress import in_words
from napari_colorizer.training.events import Doing, Finished, Prepared, Progress, Stopped


def describe_data(event: Prepared) -> str:
    """What is trained on, for the record."""
    lines = [f"{event.train} images for training, {event.val} for validation, {event.unlabeled} without labels"]
    if event.resumed:
        lines.append(f"Resumed after {event.resumed} epochs")
    for title, names in (("Known", event.kept), ("New", event.new), ("Left out", event.left_out)):
        if names:
            lines.append(f"{title} classes: {', '.join(names)}")
    return "\n".join((*lines, f"Run: {event.run}"))


def describe_end(event: Finished) -> str:
    """What has come of the training, and what to do with it."""
    how = (
        "Training was stopped, and the best epoch so far" if event.stopped else "Training has finished, and its result"
    )
    way_on = " Press Resume to continue." if event.stopped else ""
    return f"{how} is installed as the model {event.model!r}: choose it in the Colorize dock.{way_on}"


def describe_stop(event: Stopped) -> str:
    """How to go on after a stop that left no model."""
    if not event.run:
        return "Training was stopped before it began: press Start to try again."
    return (
        "Training was stopped before the first epoch was complete, so there is no new model. "
        f"{Path(event.run).name} is unchanged: press Resume to continue."
    )


def describe_progress(event: Progress) -> str:
    """How far it is: the time left is that of this network."""
    which = f" ({event.stage} of {event.stages})" if event.stages > 1 else ""
    then = ", then the next network" if event.stage < event.stages else ""
    known = math.isfinite(event.seconds_left)
    left = f"{in_words(event.seconds_left)} left" if known else "time left unknown"
    return f"{event.network}{which}: epoch {event.epoch} of {event.epochs}, {left}{then}"


def describe_doing(event: Doing) -> str:
    """What goes on between the steps."""
    share = f", {event.share:.0%}" if math.isfinite(event.share) else ""
    return f"{event.text}{share}…"
