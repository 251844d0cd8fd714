"""Labels carried from slice to slice: what a person has said stays said, and the segmenter tells what is new."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from napari_colorizer.boxes import Box
from napari_colorizer.classes import UNLABELED
from napari_colorizer.engine.frame import enlarge
from napari_colorizer.engine.segment import Segmentation
from napari_colorizer.series.flow import Flow

Labels = NDArray[np.unsignedinteger[Any]]
SAID = 255  # certainty of what a person has said
SURE = 0.95  # probability of another class from which the segmenter contradicts a person
MORE = 0.05  # by which the segmenter must be surer than it was to contradict itself
FADING = 0.97  # factor on how sure it was, from slice to slice
ENOUGH_TRUST = 0.5


class Carried(NamedTuple):
    """The labels of a slice, how certain they are, and what the segmenter is not to say again.

    Attributes
    ----------
    labels : array of uint8 or uint16, (H, W)
        Class ids; 0 is unlabeled.
    overruled : array of the same, (H, W)
        The class that the segmenter gave to a pixel of which a person has said something else; 0 where it may speak.
    certainty : array of uint8, (H, W)
        254 times the probability that the segmenter gave to the label; `SAID` where a person gave it.
    """

    labels: Labels
    overruled: Labels
    certainty: NDArray[np.uint8]

    @classmethod
    def corrected(cls, labels: Labels, predicted: Labels) -> Carried:
        """Those of a slice of which a person has said what is there; what is predicted otherwise is overruled."""
        overruled = np.where(labels != predicted, predicted, UNLABELED).astype(predicted.dtype)
        return cls(labels, overruled, np.full(labels.shape, SAID, np.uint8))

    @classmethod
    def predicted(cls, segmentation: Segmentation, confidence: float) -> Carried:
        """Those of a slice of which nobody has said anything, and that no other comes before."""
        labels = segmentation.labels(confidence)
        return cls(labels, np.zeros_like(labels), _bytes(_certainty(segmentation)))


def carry(before: Carried, flow: Flow, segmentation: Segmentation, confidence: float) -> Carried:
    """Carry the labels of the slice before to a slice.

    They are moved along the flow. The segmenter speaks where the flow is not trusted, where nothing is labeled, and
    where it is surer of something else than it was; but not where it says what a person has overruled.

    Parameters
    ----------
    before : Carried
        Of the slice before.
    flow : Flow
        From this slice to the one before, at any size.
    segmentation : Segmentation
        Of this slice, in the ids of the labels.
    confidence : float
        Pixels that are less certain than that (0..1) are not labeled by the segmenter.
    """
    if flow.cut:
        return Carried.predicted(segmentation, confidence)
    predicted, now = segmentation.labels(confidence), _certainty(segmentation)
    flow = flow.at((predicted.shape[0], predicted.shape[1]))
    trusted = flow.trust >= ENOUGH_TRUST
    labels, overruled, certainty = (np.where(trusted, flow.warp(part), 0) for part in before)
    said, was = certainty == SAID, certainty.astype(np.float32) / (SAID - 1) * FADING
    surer = now >= np.where(said, SURE, was + MORE)
    speaks = (predicted != UNLABELED) & (predicted != overruled) & ((labels == UNLABELED) & ~said | surer)
    kind = np.promote_types(predicted.dtype, before.labels.dtype)
    sure = np.where(speaks, now, np.where(predicted == labels, np.maximum(now, was), was))
    return Carried(
        np.where(speaks, predicted, labels).astype(kind),
        np.where(speaks, UNLABELED, overruled).astype(kind),
        np.where(said & ~speaks, SAID, _bytes(sure)).astype(np.uint8),
    )


def _certainty(segmentation: Segmentation) -> NDArray[np.float32]:
    """How probable the likeliest class is (0..1), at full size."""
    shape = (segmentation.likely.shape[0], segmentation.likely.shape[1])
    found: NDArray[np.float32] = enlarge(torch.from_numpy(segmentation.certainty)[None], shape, Box.of(shape))[
        0
    ].numpy()
    return found


def _bytes(certainty: NDArray[np.floating]) -> NDArray[np.uint8]:
    return (certainty * (SAID - 1)).round().astype(np.uint8)
