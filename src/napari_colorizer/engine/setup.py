"""What a session is given to color with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import torch

from napari_colorizer.classes import ClassMap
from napari_colorizer.networks import TwoStreamUNet, TwoStreamUNetConfig


@dataclass(frozen=True)
class ColorizerSetup:
    """A colorizer, the classes that it knows, and how strong its colors are to be.

    Attributes
    ----------
    network_on : callable
        Gives the colorizer on a device, in eval mode; not to be altered.
    classes : ClassMap
        What its class ids mean.
    working_size : int
        Longer side, in pixels, at which the network runs unless an option says otherwise.
    chroma_gain, chroma_gain_unlabeled : float
        Factor on the chroma that it predicts, where there is a label of a class that it knows and where there is none.
    suggestions : mapping
        Colors (a*, b*, weight) that things of a class mostly have, by its id in `classes`, the heaviest first.
    """

    network_on: Callable[[torch.device], TwoStreamUNet]
    classes: ClassMap
    working_size: int
    chroma_gain: float = 1.0
    chroma_gain_unlabeled: float = 1.0
    suggestions: Mapping[int, Sequence[tuple[float, float, float]]] = field(default_factory=dict)

    @property
    def config(self) -> TwoStreamUNetConfig:
        """That of the colorizer."""
        return self.network_on(torch.device("cpu")).config

    def known_classes(self, classes: ClassMap | None = None) -> dict[int, int]:
        """The colorizer's id of each class id that it knows, of a class map or of its own."""
        ids = self.config.ids
        if classes is None:
            return {label: label for label in ids}
        return {label: target for label, target in _matched(classes, self.classes).items() if target in ids}


_matched = lru_cache(maxsize=8)(ClassMap.match)  # each edit asks for the same
