"""What is made of each image: a label map or colors, with which model and options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from napari_colorizer.batches.wishes import Wishes
from napari_colorizer.checksums import checksum
from napari_colorizer.classes import ClassMap
from napari_colorizer.color import auto_limits, normalize, range_note
from napari_colorizer.color_files import write_picture
from napari_colorizer.engine.compiled import load_compiled
from napari_colorizer.engine.devices import pick_device
from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
from napari_colorizer.engine.together import color_together, segment_together
from napari_colorizer.errors import ModelError
from napari_colorizer.files import write_label_map
from napari_colorizer.models.library import find_model, load_model
from napari_colorizer.models.model import Model

Limits = tuple[float, float] | Literal["auto"] | None


class Given(NamedTuple):
    """An image, and what is given with it: the arguments of `Recipe.make`."""

    image: NDArray[np.generic]
    labels: NDArray[Any] | None = None
    classes: ClassMap | None = None
    name: str = ""


@dataclass(frozen=True)
class Recipe:
    """What is made of each image; the same recipe and image give the same result.

    Attributes
    ----------
    model : str
        As for `napari_colorizer.load_model`; every machine must have the same one under that name.
    model_sha256 : str
        The checksum of its file.
    segmenting : SegmentOptions
        With which labels are predicted.
    coloring : ColorizeOptions, optional
        With which images are colored; None if label maps are wanted.
    limits : (float, float) or "auto", optional
        The values that mean black and white; "auto" for the smallest and the largest of each image.
    predict : bool
        Whether to predict labels for colors where none are given.
    wishes : Wishes
        For the colors.
    """

    model: str
    model_sha256: str
    segmenting: SegmentOptions
    coloring: ColorizeOptions | None = None
    limits: Limits = None
    predict: bool = True
    wishes: Wishes = field(default_factory=Wishes)

    @property
    def kind(self) -> str:
        """What is made: "color" or "labels"."""
        return "labels" if self.coloring is None else "color"

    def facts(self) -> dict[str, Any]:
        """All that decides what is made, for JSON; on which device it is done does not."""
        options = {**asdict(self.segmenting), **(asdict(self.coloring) if self.coloring else {})}
        options.pop("device")
        limits = list(self.limits) if isinstance(self.limits, tuple) else self.limits
        facts = {"kind": self.kind, "model": self.model, "model_sha256": self.model_sha256, **options, "limits": limits}
        return {**facts, "predict": self.predict, **self.wishes.facts()} if self.coloring else facts

    def load(self) -> Model:
        """The model, of which one is kept; `ModelError` if it is not the one that the recipe means."""
        return _load(self.model, self.model_sha256)

    def check(self) -> None:
        """Raise `ModelError` if the model is damaged, or cannot do it."""
        model = self.load()
        if self.coloring is None:
            model.require_segmenter()
        else:
            model.require_colorizer()

    def make(
        self,
        image: NDArray[np.generic],
        labels: NDArray[Any] | None = None,
        classes: ClassMap | None = None,
        name: str = "",
    ) -> tuple[NDArray[Any], str]:
        """Make the result of an image, and say what is to be known of it.

        Parameters
        ----------
        image : array, (H, W) or (H, W, 3 or 4)
        labels : array (H, W) of integers, optional
        classes : ClassMap, optional
            Of the labels, where it is not the model's.
        name : str
            The image's, without its suffix: for dots.

        Returns
        -------
        array
            Colors (H, W, 3) uint8, or a label map (H, W) uint8 or uint16.
        str
            That it uses little of its range, or that there is nothing of what is pinned or under a dot.
        """
        model = self.load()
        limits = self.limits_of(image)
        note = "" if self.limits == "auto" else range_note(image, limits=limits)
        if self.coloring is None:
            return model.segment(image, self.segmenting, limits), note
        session, said = model.session(image, self.coloring, limits), self.said(image, labels, classes, name)
        rgb = session.colorize(**said)
        lacks = self.wishes.lacking(classes or model.classes, session.unused_pins, name, session.shape)
        return rgb, "; ".join(part for part in (note, lacks) if part)

    def make_together(self, given: Sequence[Given]) -> list[tuple[NDArray[Any], str]]:
        """What `make` gives for each of several images, in one pass of the networks; levels may differ by rounding."""
        device = pick_device((self.coloring or self.segmenting).device)
        try:
            return self._make_together(given, device)
        except torch.OutOfMemoryError:
            if device.type == "cuda":
                torch.cuda.empty_cache()
            return [self.make(*one) for one in given]

    def _make_together(self, given: Sequence[Given], device: torch.device) -> list[tuple[NDArray[Any], str]]:
        model = self.load()
        limits = [self.limits_of(one.image) for one in given]
        values = [
            torch.from_numpy(normalize(one.image, own)).to(device) for one, own in zip(given, limits, strict=True)
        ]
        notes = [
            "" if self.limits == "auto" else range_note(one.image, limits=own)
            for one, own in zip(given, limits, strict=True)
        ]
        labels = self._label_together(given, values)
        if self.coloring is None:
            return [(own, note) for own, note in zip(labels, notes, strict=True) if own is not None]
        told = [self.said(one.image, own, one.classes, one.name) for one, own in zip(given, labels, strict=True)]
        size, gain = self.coloring.working_size or model.working_size, self.coloring.chroma_gain
        result = []
        for one, note, colors in zip(
            given, notes, color_together(model.setup(), values, told, size, gain), strict=True
        ):
            shape = colors.rgb.shape[0], colors.rgb.shape[1]
            lacks = self.wishes.lacking(one.classes or model.classes, colors.unused, one.name, shape)
            result.append((colors.rgb, "; ".join(part for part in (note, lacks) if part)))
        return result

    def _label_together(self, given: Sequence[Given], values: Sequence[torch.Tensor]) -> list[NDArray[Any] | None]:
        """The label map of each image: given, predicted or none."""
        model, options = self.load(), self.segmenting
        labels = [one.labels for one in given]
        missing = [n for n, own in enumerate(labels) if own is None]
        if missing and (self.coloring is None or (self.predict and model.segmenter is not None)):
            network = model.on(values[0].device).require_segmenter()
            confidence = model.confidence if options.confidence is None else options.confidence
            size = options.working_size or model.working_size
            for n, found in zip(missing, segment_together(network, [values[n] for n in missing], size), strict=True):
                labels[n] = found.labels(confidence)
        return labels

    def limits_of(self, image: NDArray[np.generic]) -> tuple[float, float] | None:
        """The values of an image that mean black and white."""
        return auto_limits(image) if self.limits == "auto" else self.limits

    def said(
        self, image: NDArray[np.generic], labels: NDArray[Any] | None, classes: ClassMap | None, name: str
    ) -> dict[str, Any]:
        """What `Session.colorize` is told of an image; the arguments are those of `make`."""
        model, wishes = self.load(), self.wishes
        if labels is None and self.predict and model.segmenter is not None:
            labels = model.segment(image, self.segmenting, self.limits_of(image))
        return {
            "labels": labels,
            "hints": wishes.hints(name),
            "classes": classes,
            "pins": wishes.pins_for(labels, classes or model.classes),
            "adjustment": wishes.adjustment,
        }

    def write(self, path: Path, result: NDArray[Any]) -> None:
        """Write what `make` gave, in the format that the suffix means."""
        model = self.load()
        if self.coloring is None:
            write_label_map(path, result, model.classes)
        else:
            write_picture(path, result, f"colored with {model.name}")


@lru_cache(maxsize=1)
def _load(name: str, sha256: str) -> Model:
    if checksum(find_model(name)) != sha256:
        raise ModelError(
            f"the model {name!r} here is not the one that the job started with: install the same file on all machines"
        )
    load_compiled().join()  # what is painted before may differ by one level from what is painted after
    return load_model(name)
