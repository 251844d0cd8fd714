"""A photograph on which a colorizer is measured, and what is measured on each of a set."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.classes import ClassMap
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.engine.labels import translate
from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
from napari_colorizer.engine.segment import Segmentation
from napari_colorizer.engine.session import Session
from napari_colorizer.evaluation.metrics.borders import Borders
from napari_colorizer.evaluation.metrics.color import RGB, Lab, to_lab
from napari_colorizer.models.model import Model


class Scene:
    """A photo and what a model makes of it, each computed once, when it is first asked for.

    Parameters
    ----------
    model : Model
        With a colorizer.
    photo : Photo
    classes : ClassMap
        Of the photo's label map; the model's own is matched by name.
    device : str
    """

    def __init__(self, model: Model, photo: Photo, classes: ClassMap, device: str = "auto"):
        self.model, self.photo, self.classes = model, photo, classes
        self.options = ColorizeOptions(device=device)

    @cached_property
    def truth(self) -> Lab:
        """The photo in CIE Lab."""
        return to_lab(self.photo.rgb)

    @cached_property
    def borders(self) -> Borders:
        """Where labels meet."""
        return Borders(self.photo.labels)

    @cached_property
    def session(self) -> Session:
        """The photo being colored."""
        return self.model.session(self.photo.rgb, self.options)

    @cached_property
    def segmentation(self) -> Segmentation:
        """What the model's segmenter makes of the photo; `ModelError` if there is none."""
        return self.model.segmentation(self.photo.rgb, SegmentOptions(device=self.options.device))

    @cached_property
    def labels(self) -> NDArray[np.uint16]:
        """The label map (H, W) in the ids of the colorizer, 0 where it does not know the class."""
        return translate(self.photo.labels, self.session.known_classes(self.classes))

    @cached_property
    def truly_labeled(self) -> RGB:
        """The photo colored with its true labels."""
        return self.session.colorize(self.photo.labels, classes=self.classes)

    @cached_property
    def unlabeled(self) -> RGB:
        """The photo colored without any label."""
        return self.session.colorize()

    @cached_property
    def chroma(self) -> NDArray[np.float32]:
        """The a*, b* (H, W, 2) of the colors with the true labels; see `Session.chroma`."""
        return self.session.chroma(self.photo.labels, classes=self.classes)

    def rng(self, seed: int = 0) -> np.random.Generator:
        """Randomness for this photo; see `rng_of`."""
        return rng_of(self.photo.name, seed)


class Measure(Protocol):
    """Something that is measured over a set."""

    def add(self, scene: Scene) -> None:
        """Count a photo."""


def measure(
    measures: Sequence[Measure], model: Model, photos: Iterable[Photo], classes: ClassMap, device: str = "auto"
) -> None:
    """Show each photo, but gray ones, to some measures; what they share is computed once."""
    for photo in photos:
        if not photo.gray:
            scene = Scene(model, photo, classes, device)
            for item in measures:
                item.add(scene)


def rng_of(name: str, seed: int = 0) -> np.random.Generator:
    """Randomness that depends on the name of an image and the seed alone, whatever the images beside it."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])
