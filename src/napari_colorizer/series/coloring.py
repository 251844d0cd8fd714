"""A series colored slice by slice, each in the light of the one before."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.color import lightness, normalize
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.labels import as_ids, check_labels
from napari_colorizer.engine.options import Adjustment, ColorizeOptions, SegmentOptions
from napari_colorizer.engine.pins import ByClass, Pins, to_pins
from napari_colorizer.engine.segment import Segmentation
from napari_colorizer.engine.session import Session
from napari_colorizer.models.model import Model
from napari_colorizer.series.carry import Carried, Labels, carry
from napari_colorizer.series.flow import FLOW_SIZE, Flow
from napari_colorizer.series.options import SeriesOptions
from napari_colorizer.series.wishes import SliceWishes

Seen = tuple[NDArray[np.generic], tuple[float, float] | None]  # a slice, and what in it is black and white
NEW_COLOR = 4.0  # distance in a*, b* from which what a wish alters takes nothing from the slice before


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice of a series, colored: all that the next one needs.

    Attributes
    ----------
    rgb : array of uint8, (H, W, 3)
    carried : Carried
        Its labels.
    lightness : array of float32, (h, w)
        L* at working size.
    chroma : array of float32, (2, h, w)
        a*, b* at working size.
    wishes : SliceWishes
        Its dots and pinned regions, whether its own or carried.
    """

    rgb: NDArray[np.uint8]
    carried: Carried
    lightness: NDArray[np.float32]
    chroma: NDArray[np.float32]
    wishes: SliceWishes = field(default_factory=SliceWishes)


class SeriesColorizer:
    """Colors the slices of a series, one after the other.

    Parameters
    ----------
    model : Model
        With a colorizer. Without a segmenter, labels are carried as they are, and lost at cuts.
    options : ColorizeOptions, optional
        Of each slice.
    series : SeriesOptions, optional
    confidence : float, optional
        Pixels of which the segmenter is less certain (0..1) are not labeled by it. None: the model's own.
    classes : ClassMap, optional
        Of the labels, if not that of the model: classes are matched by name.
    pins : Pins or mapping, optional
        Wished colors of classes, in every slice.
    adjustment : Adjustment, optional

    Attributes
    ----------
    last : Slice, optional
        The slice that the next one follows; None: the next one is the first.

    Raises
    ------
    ModelError
        If the model has no colorizer.
    """

    def __init__(
        self,
        model: Model,
        options: ColorizeOptions | None = None,
        series: SeriesOptions | None = None,
        confidence: float | None = None,
        classes: ClassMap | None = None,
        pins: Pins | ByClass | None = None,
        adjustment: Adjustment | None = None,
    ):
        model.require_colorizer()
        self.model, self.options, self.series = model, options or ColorizeOptions(), series or SeriesOptions()
        self.confidence = model.confidence if confidence is None else confidence
        self.classes, self.pins, self.adjustment = classes, pins, adjustment
        self.last: Slice | None = None

    def color(
        self,
        gray: NDArray[np.generic],
        labels: NDArray[np.integer] | None = None,
        limits: tuple[float, float] | None = None,
        wishes: SliceWishes | None = None,
    ) -> Slice:
        """Color the next slice.

        Parameters
        ----------
        gray : array, (H, W), (H, W, 3) or (H, W, 4)
            As `Model.colorize` takes it; of the same size as the slices before.
        labels : array of integers, (H, W), optional
            What a person has said of this slice: it is a key frame, and colored by these labels alone.
        limits : (float, float), optional
            The values that mean black and white.
        wishes : SliceWishes, optional
            Dots and pinned regions of this slice. Where it has no dots, or no regions, those of the slice before hold
            on, moved along the flow.

        Raises
        ------
        ValueError, TypeError
            As `Model.colorize`, and if the slice before has another size.
        """
        session = self.model.session(gray, self.options, limits)
        light, _ = session.at_working_size()
        last = self.last
        flow = None if last is None else Flow.between(last.lightness, light)
        carried = self.labels_of(gray, labels, limits, flow)
        held = self._held(flow, carried)
        own = (wishes or SliceWishes()).or_else(held)
        before = self._chroma(session, carried, held) if wishes and flow is not None else None
        chroma = self._chroma(session, carried, own)
        if flow is not None and last is not None and not flow.cut:
            follows_labels = self.series.carry or labels is not None
            weight = self._weight(flow, last, carried if follows_labels else None, (chroma, before))
            chroma = _blended(chroma, flow, last, weight)
            session.recolor(chroma)
        list(session.paint())
        self.last = Slice(session.rgb, carried, light, chroma, own)
        return self.last

    def _held(self, flow: Flow | None, carried: Carried) -> SliceWishes:
        """The wishes of the last slice that hold on."""
        if flow is None or self.last is None or not self.series.carry:
            return SliceWishes()
        return self.last.wishes.carried(flow, self.last.carried.labels, carried.labels)

    def _chroma(self, session: Session, carried: Carried, wishes: SliceWishes) -> NDArray[np.float32]:
        """The a*, b* (2, h, w) of a slice by itself."""
        pins = to_pins(self.pins) | Pins(regions=wishes.regions)
        session.edit(carried.labels, wishes.hints, self.classes, pins=pins, adjustment=self.adjustment)
        return session.at_working_size()[1]

    def carried(
        self,
        before: Seen,
        labels: NDArray[np.integer],
        after: Seen,
        flow: Flow | None = None,
    ) -> Labels:
        """Labels (H, W) carried from one slice to another, without any color.

        Parameters
        ----------
        before, after : (array, (float, float) or None)
            The slices, and the values of each that mean black and white.
        labels : array of integers, (H, W)
            What a person has said of the first one.
        flow : Flow, optional
            What `flow_between` gives for them, where it is known.
        """
        flow = flow or flow_between(before, after)
        said = self.labels_of(before[0], labels, before[1])
        segmentation = self._segmentation(*after)
        return carry(said, flow, segmentation, self.confidence).labels

    def labels_of(
        self,
        gray: NDArray[np.generic],
        labels: NDArray[np.integer] | None = None,
        limits: tuple[float, float] | None = None,
        flow: Flow | None = None,
    ) -> Carried:
        """The labels of the next slice alone; the arguments are those of `color`, and the flow to the last slice."""
        segmentation = self._segmentation(gray, limits)
        if labels is not None:
            own = as_ids(check_labels(labels, (gray.shape[0], gray.shape[1])))
            return Carried.corrected(own, segmentation.labels(self.confidence))
        if flow is None or self.last is None or not self.series.carry:
            return Carried.predicted(segmentation, self.confidence)
        return carry(self.last.carried, flow, segmentation, self.confidence)

    def _segmentation(self, gray: NDArray[np.generic], limits: tuple[float, float] | None) -> Segmentation:
        """What the segmenter makes of a slice, in the ids of the labels; nothing without one."""
        if self.model.segmenter is None:
            return Segmentation(np.zeros(gray.shape[:2], np.uint8), np.zeros((1, 1), np.float32))
        options = SegmentOptions(self.options.working_size, self.options.device)
        found = self.model.segmentation(gray, options, limits)
        if self.classes is None:
            return found
        own = {target: label for label, target in self.classes.match(self.model.classes).items()}
        return found.translated({label: own.get(label, UNLABELED) for label in self.model.classes.ids})

    def _weight(
        self,
        flow: Flow,
        last: Slice,
        carried: Carried | None,
        chroma: tuple[NDArray[np.float32], NDArray[np.float32] | None],
    ) -> NDArray[np.floating]:
        """Which share (h, w) of its color a slice takes from the last: much where both show the same.

        That is not where they have other labels, nor where a wish of its own gives it another color: `chroma` is that
        of the slice with its own wishes, and without them.
        """
        own, before = chroma
        shape = (own.shape[1], own.shape[2])
        flow = flow.at(shape)
        weight: NDArray[np.floating] = self.series.steadiness * flow.trust
        if carried is not None:
            old, now = (_sampled(item.labels, shape) for item in (last.carried, carried))
            weight = weight * (flow.warp(old) == now)
        if before is not None:
            weight = weight * (1 - np.hypot(*(own - before)) / NEW_COLOR).clip(0)
        return weight


def flow_between(before: Seen, after: Seen) -> Flow:
    """The flow from a slice to the one before it, each with the values of it that mean black and white."""
    return Flow.between(_lightness(*before), _lightness(*after))


def _blended(chroma: NDArray[np.float32], flow: Flow, last: Slice, weight: NDArray[np.floating]) -> NDArray[np.float32]:
    """The chroma (2, h, w) of a slice with a share of that of the last."""
    warped = flow.at((chroma.shape[1], chroma.shape[2])).warp(last.chroma)
    return (chroma + weight * (warped - chroma)).astype(np.float32)


def _lightness(gray: NDArray[np.generic], limits: tuple[float, float] | None) -> NDArray[np.float32]:
    """L* of a slice in 0..100, at the size at which flow is found."""
    values = torch.from_numpy(np.ascontiguousarray(normalize(gray, limits)))
    light = lightness(values)
    found: NDArray[np.float32] = Frame.fit((light.shape[0], light.shape[1]), FLOW_SIZE, 1).shrink(light).numpy()
    return found


def _sampled(labels: Labels, shape: tuple[int, int]) -> Labels:
    """The labels (H, W) at the centers of larger pixels (h, w)."""
    rows, columns = (
        (np.arange(small) * full + full // 2) // small for full, small in zip(labels.shape, shape, strict=True)
    )
    return labels[rows[:, None], columns]
