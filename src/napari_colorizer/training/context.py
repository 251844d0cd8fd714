"""What all steps of a training share: its options, its folder, its photos, and whom to tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from napari_colorizer.datasets.photos import PhotoStore
from napari_colorizer.datasets.sets import LabeledSet, Photo
from napari_colorizer.evaluation.suggestions import Suggestions, color_suggestions
from napari_colorizer.models.model import Model
from napari_colorizer.training.events import Event
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.run_folder import RunFolder

PHOTOS_FOR_SUGGESTIONS = 1000
Emit = Callable[[Event], None]
Stop = Callable[[], bool]
Item = TypeVar("Item")


class StoppedError(Exception):
    """Somebody asked to stop."""


@dataclass(frozen=True)
class Materials:
    """What both networks are trained and judged with.

    Attributes
    ----------
    options : TrainOptions
    run : RunFolder
    data : LabeledSet
    train : PhotoStore
    val : sequence of Photo
    emit, stop : callable
        Take events, and tell whether somebody has asked to stop.
    parts : tuple of str
        The networks to train, one after the other.
    """

    options: TrainOptions
    run: RunFolder
    data: LabeledSet
    train: PhotoStore
    val: Sequence[Photo]
    emit: Emit
    stop: Stop
    parts: tuple[str, ...] = ()

    def usable(self, part: str) -> list[int]:
        """Numbers of the training photos that can teach a network."""
        store = self.train
        by_people = store.labeled & np.array([not pair.pseudo for pair in store.pairs], bool)
        usable = by_people | self.options.unlabeled
        usable &= store.labeled & store.counts[:, 1:].any(1) if part == "segmenter" else ~store.gray
        return np.flatnonzero(usable).tolist()


def suggested_colors(materials: Materials, model: Model) -> Suggestions:
    """Colors of a model's classes: those in the training photos; of classes that these do not show, its own."""
    own = color_suggestions(spread(materials.train, PHOTOS_FOR_SUGGESTIONS), model.classes)
    return {**model.suggestions, **own}


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of some items, evenly spread."""
    if len(items) <= most:
        return list(items)
    return [items[int(number)] for number in np.linspace(0, len(items) - 1, most)]
