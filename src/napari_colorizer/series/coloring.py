"""A series colored slice by slice, each in the light of the one before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.color import lightness, normalize
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.labels import as_ids, check_labels
from napari_colorizer.engine.options import Adjustment, ColorizeOptions, SegmentOptions
from napari_colorizer.engine.pins import ByClass, Pins
from napari_colorizer.engine.segment import Segmentation
from napari_colorizer.models.model import Model
from napari_colorizer.series.carry import Carried, Labels, carry
from napari_colorizer.series.flow import FLOW_SIZE, Flow
from napari_colorizer.series.options import SeriesOptions


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
    """

    rgb: NDArray[np.uint8]
    carried: Carried
    lightness: NDArray[np.float32]
    chroma: NDArray[np.float32]


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
        session.edit(carried.labels, classes=self.classes, pins=self.pins, adjustment=self.adjustment)
        _, chroma = session.at_working_size()
        if flow is not None and last is not None and not flow.cut:
            follows_labels = self.series.carry or labels is not None
            chroma = self._steadied(chroma, flow, last, carried if follows_labels else None)
            session.recolor(chroma)
        list(session.paint())
        self.last = Slice(session.rgb, carried, light, chroma)
        return self.last

    def carried(
        self,
        before: tuple[NDArray[np.generic], tuple[float, float] | None],
        labels: NDArray[np.integer],
        after: tuple[NDArray[np.generic], tuple[float, float] | None],
    ) -> Labels:
        """Labels (H, W) carried from one slice to another, without any color.

        Parameters
        ----------
        before, after : (array, (float, float) or None)
            The slices, and the values of each that mean black and white.
        labels : array of integers, (H, W)
            What a person has said of the first one.
        """
        flow = Flow.between(_lightness(*before), _lightness(*after))
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

    def _steadied(
        self, chroma: NDArray[np.float32], flow: Flow, last: Slice, carried: Carried | None
    ) -> NDArray[np.float32]:
        """The chroma of a slice, blended with that of the last where both show the same under the same label."""
        shape = (chroma.shape[1], chroma.shape[2])
        flow = flow.at(shape)
        weight: NDArray[np.floating] = self.series.steadiness * flow.trust
        if carried is not None:
            before, now = (_sampled(item.labels, shape) for item in (last.carried, carried))
            weight = weight * (flow.warp(before) == now)
        return (chroma + weight * (flow.warp(last.chroma) - chroma)).astype(np.float32)


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
