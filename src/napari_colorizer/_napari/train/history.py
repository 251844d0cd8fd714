"""What the curves of a training show."""

from __future__ import annotations

import csv
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from napari_colorizer.training.events import EpochEnded, Progress

NETWORKS = ("segmenter", "colorizer")
NO_METRICS = ("epoch", "step", "minutes", "loss", "best")  # columns of a log
Points = list[tuple[float, float]]  # epochs done, value


@dataclass
class History:
    """Losses and metrics of a run so far.

    Attributes
    ----------
    losses : dict
        The points of each network.
    metrics : dict
        The points of each network and metric; epoch 0 is the model before any training.
    """

    losses: dict[str, Points] = field(default_factory=dict)
    metrics: dict[str, dict[str, Points]] = field(default_factory=dict)

    def add(self, event: Progress | EpochEnded) -> None:
        """Note what an event tells; a run that was resumed goes over its last steps again."""
        if isinstance(event, Progress):
            _put(self.losses.setdefault(event.network, []), event.epochs * event.step / max(event.steps, 1), event.loss)
            return
        of_network = self.metrics.setdefault(event.network, {})
        for name, value in event.metrics.items():
            _put(of_network.setdefault(name, []), event.epoch, value)

    def metric_names(self) -> list[str]:
        """All metrics that there are, in the order in which they came."""
        return list(dict.fromkeys(name for of_network in self.metrics.values() for name in of_network))


def read_history(run: Path) -> History:
    """What the logs in the folder of a run tell; nothing where there are none."""
    history = History()
    for network in NETWORKS:
        with suppress(OSError, ValueError, KeyError), open(run / network / "log.csv", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                epoch = float(row["epoch"])
                if epoch:  # epoch 0 is the model before any training
                    _put(history.losses.setdefault(network, []), epoch, float(row["loss"]))
                for name in (name for name in row if name not in NO_METRICS):
                    points = history.metrics.setdefault(network, {}).setdefault(name, [])
                    _put(points, epoch, float(row[name] or "nan"))
    return history


def _put(points: Points, epoch: float, value: float) -> None:
    while points and points[-1][0] >= epoch:
        points.pop()
    points.append((epoch, value))
