"""A model: class map, networks, and where they come from."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_colorizer.classes import ClassMap
from napari_colorizer.color import normalize
from napari_colorizer.engine.devices import pick_device, with_cpu_fallback
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.options import (
    Adjustment,
    ColorizeOptions,
    SegmentOptions,
    check_chroma_gain,
    check_confidence,
    check_working_size,
)
from napari_colorizer.engine.pins import ByClass, Pins
from napari_colorizer.engine.segment import Segmentation, segment
from napari_colorizer.engine.session import Session
from napari_colorizer.engine.setup import ColorizerSetup
from napari_colorizer.errors import ModelError, readable
from napari_colorizer.former_names import keep_former_names
from napari_colorizer.models.notebook import as_html, described
from napari_colorizer.models.writing import write_networks
from napari_colorizer.networks import GridNet, TwoStreamUNet

WORKING_SIZE = 352  # the paper's
LONGEST_LINE = 90  # of what stands for a model


@keep_former_names
@dataclass(eq=False, repr=False)
class Model:
    """What colors an image: a class map, a segmenter and/or a colorizer.

    Attributes
    ----------
    name : str
        Under which it is saved.
    classes : ClassMap
        What its ids mean.
    segmenter : GridNet, optional
        Predicts labels.
    colorizer : TwoStreamUNet, optional
        Turns lightness and labels into chroma.
    working_size : int
        Longer side, in pixels, at which the networks run unless an option says otherwise.
    provenance : dict
        Data, steps, seed and software of the training.
    metrics : dict
        What was measured at its end.
    license : str
        Terms of the weights.
    suggestions : dict
        Colors that things of a class mostly have, by class id: (a*, b*, weight) of each, the heaviest first.
    chroma_gain : float
        Factor on the chroma that the colorizer predicts, 0..4; `ColorizeOptions.chroma_gain` multiplies it. The mean of
        what may be true is duller than any of it: this gives back what is lost, see
        `napari_colorizer.evaluation.chroma_gain`.
    chroma_gain_unlabeled : float
        The same where there is no label of a class that the colorizer knows: a guess had better be cautious.
    confidence : float
        Pixels of which no class is as probable as this (0..1) stay unlabeled, unless an option says otherwise.
    """

    name: str
    classes: ClassMap
    segmenter: GridNet | None = None
    colorizer: TwoStreamUNet | None = None
    working_size: int = WORKING_SIZE
    provenance: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    license: str = ""
    suggestions: dict[int, list[tuple[float, float, float]]] = field(default_factory=dict)
    chroma_gain: float = 1.0
    chroma_gain_unlabeled: float = 1.0
    confidence: float = 0.0
    _elsewhere: dict[torch.device, Model] = field(default_factory=dict, init=False)  # not taken over by `replace`

    def __post_init__(self) -> None:
        if self.segmenter is None and self.colorizer is None:
            raise ModelError(f"the model {self.name!r} has neither a segmenter nor a colorizer")
        check_working_size(self.working_size)
        check_chroma_gain(self.chroma_gain)
        check_chroma_gain(self.chroma_gain_unlabeled)
        check_confidence(self.confidence)
        for network in self.networks.values():
            network.eval().requires_grad_(False)
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster, on CPUs too
        self.share_encoder()

    def __repr__(self) -> str:
        names = ", ".join(item.name for item in self.classes)
        parts = ", ".join(f"{part} {described(network)}" for part, network in self.networks.items())
        return (
            f"<Model {readable(self.name, LONGEST_LINE)!r}, working size {self.working_size}: {parts}\n"
            f" {len(self.classes)} classes: {readable(names, LONGEST_LINE)}\n"
            f" license: {readable(self.license or 'not stated', LONGEST_LINE)}>"
        )

    def _repr_html_(self) -> str:
        return as_html(self)

    @property
    def shares_encoder(self) -> bool:
        """Whether both networks hold one image encoder: then one pass of it serves both."""
        ours, theirs = (getattr(network, "image_encoder", None) for network in (self.segmenter, self.colorizer))
        return ours is not None and ours is theirs

    def share_encoder(self) -> None:
        """Let both networks hold one image encoder where theirs have the same weights."""
        if self.segmenter is None or self.colorizer is None:
            return
        kind = self.segmenter.config.image_encoder
        if not kind or kind != self.colorizer.config.image_encoder or self.shares_encoder:
            return
        ours, theirs = self.segmenter.image_encoder.state_dict(), self.colorizer.image_encoder.state_dict()
        if any(tensor.device.type != "cpu" for tensor in ours.values()):
            return  # `on` keeps what is shared
        if all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items()):
            self.colorizer.image_encoder = self.segmenter.image_encoder

    @property
    def networks(self) -> dict[str, GridNet | TwoStreamUNet]:
        """The networks that the model has, by the names "segmenter" and "colorizer"."""
        both = {"segmenter": self.segmenter, "colorizer": self.colorizer}
        return {name: network for name, network in both.items() if network is not None}

    @property
    def predictable(self) -> frozenset[int]:
        """Ids of the classes of the class map that the segmenter can predict; none without one."""
        return self._classes_of(self.segmenter)

    @property
    def colorable(self) -> frozenset[int]:
        """Ids of the classes of the class map whose colors the colorizer has learned; none without one."""
        return self._classes_of(self.colorizer)

    def _classes_of(self, network: GridNet | TwoStreamUNet | None) -> frozenset[int]:
        return frozenset(label for label in network.config.ids if label in self.classes) if network else frozenset()

    def require_segmenter(self) -> GridNet:
        """The segmenter; `ModelError` if there is none."""
        if self.segmenter is None:
            raise ModelError(
                f"the model {self.name!r} has no segmenter: it colors, but cannot predict labels. Choose another "
                "model, or paint the labels by hand"
            )
        return self.segmenter

    def require_colorizer(self) -> TwoStreamUNet:
        """The colorizer; `ModelError` if there is none."""
        if self.colorizer is None:
            raise ModelError(
                f"the model {self.name!r} has no colorizer: it predicts labels, but cannot color. Choose another model"
            )
        return self.colorizer

    def on(self, device: torch.device) -> Model:
        """The same model with its networks on a device; `self` for the CPU. Copies are kept for the next call."""
        if device.type == "cpu":
            return self
        if device not in self._elsewhere:
            copies = copy.deepcopy(self.networks)  # at once, so that they go on sharing what they share
            moved: dict[str, Any] = {name: network.to(device) for name, network in copies.items()}
            self._elsewhere[device] = replace(self, **moved)
        return self._elsewhere[device]

    def segment(
        self,
        gray: NDArray[np.generic],
        options: SegmentOptions | None = None,
        limits: tuple[float, float] | None = None,
    ) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Predict a label map.

        Parameters
        ----------
        gray : array, (H, W), (H, W, 3) or (H, W, 4)
            A gray image (bool, integers over their full range, floats in 0..1), or an RGB image, of which the
            lightness is taken.
        options : SegmentOptions, optional
        limits : (float, float), optional
            The values of `gray` that mean black and white.

        Returns
        -------
        array of uint8 or uint16, (H, W)
            Class ids; 0 is unlabeled.

        Raises
        ------
        ModelError
            If the model has no segmenter.
        ValueError, TypeError
            If `gray` is not such an image.
        """
        chosen = None if options is None else options.confidence
        return self.segmentation(gray, options, limits).labels(self.confidence if chosen is None else chosen)

    def segmentation(
        self,
        gray: NDArray[np.generic],
        options: SegmentOptions | None = None,
        limits: tuple[float, float] | None = None,
        tell: Callable[[float], None] = lambda _: None,
    ) -> Segmentation:
        """Predict a label map for any confidence, in one pass of the network; `Segmentation.labels` gives them.

        The other parameters and errors are those of `segment`; the confidence of the options counts for nothing here.

        Parameters
        ----------
        tell : callable
            Is told how much is done (0..1); what it raises ends this.
        """
        options = options or SegmentOptions()
        self.require_segmenter()
        values = torch.from_numpy(np.ascontiguousarray(normalize(gray, limits)))
        size = options.working_size or self.working_size
        return with_cpu_fallback(
            lambda device: segment(self.on(device).require_segmenter(), values.to(device), size, tell),
            pick_device(options.device),
        )

    def colorize(
        self,
        gray: NDArray[np.generic],
        labels: ArrayLike | None = None,
        hints: Hints | ArrayLike | None = None,
        options: ColorizeOptions | None = None,
        limits: tuple[float, float] | None = None,
        classes: ClassMap | None = None,
        guidance: Mapping[str, ArrayLike] | None = None,
        pins: Pins | ByClass | None = None,
        adjustment: Adjustment | None = None,
    ) -> NDArray[np.uint8]:
        """Color an image, (H, W, 3) uint8; the arguments are those of `session` and `Session.colorize`."""
        return self.session(gray, options, limits).colorize(labels, hints, classes, guidance, pins, adjustment)

    def session(
        self,
        gray: NDArray[np.generic],
        options: ColorizeOptions | None = None,
        limits: tuple[float, float] | None = None,
    ) -> Session:
        """Start coloring an image that will be colored again and again; see `Session`."""
        return Session(self.setup(), gray, options, limits)

    def setup(self) -> ColorizerSetup:
        """What images are colored with; `ModelError` if the model has no colorizer."""
        self.require_colorizer()
        return ColorizerSetup(
            suggestions=self.suggestions,
            network_on=lambda device: self.on(device).require_colorizer(),
            classes=self.classes,
            working_size=self.working_size,
            chroma_gain=self.chroma_gain,
            chroma_gain_unlabeled=self.chroma_gain_unlabeled,
        )

    def save(self, path: str | Path, half: bool = False, overwrite: bool = True) -> None:
        """Write the model to one file; arguments and errors are those of `napari_colorizer.models.writing`."""
        facts = {
            "name": self.name,
            "classes": json.loads(self.classes.to_json()),
            "working_size": self.working_size,
            "provenance": self.provenance,
            "metrics": self.metrics,
            "license": self.license,
            "suggestions": self.suggestions,
            "chroma_gain": self.chroma_gain,
            "chroma_gain_unlabeled": self.chroma_gain_unlabeled,
            "confidence": self.confidence,
        }
        write_networks(self.networks, facts, path, self.shares_encoder, half, overwrite)
