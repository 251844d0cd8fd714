"""From a gray image to a label map."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.classes import UNLABELED
from napari_colorizer.color import lightness, luma
from napari_colorizer.engine.frame import SIDE_AT_ONCE, Frame, enlarge
from napari_colorizer.engine.labels import check_labels, translate, unique_labels
from napari_colorizer.engine.strokes import Evidence, relabel
from napari_colorizer.networks import GridNet
from napari_colorizer.networks.two_stream_config import Lightness

INPUT_SHARE, NETWORK_SHARE = 0.1, 0.2  # of the time that a photograph takes: until the network, and until its end
SECOND_LOOK = 1.25  # times as large as the first


def network_input(values: Tensor, kind: Lightness) -> Tensor:
    """Full-size gray input (H, W) in [-1, 1] of sRGB-encoded values (H, W) or (H, W, 3) in 0..1."""
    return lightness(values) / 50 - 1 if kind == "L*" else luma(values) * 2 - 1


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What a segmenter makes of an image, whatever the confidence that is asked of it.

    Attributes
    ----------
    likely : array of uint8 or uint16, (H, W)
        Id of the most probable class of each pixel.
    certainty : array of float32, (h, w)
        How probable that class is (0..1), at working size.
    evidence : Evidence, optional
        What this is made from, which strokes correct.
    """

    likely: NDArray[np.uint8] | NDArray[np.uint16]
    certainty: NDArray[np.float32]
    evidence: Evidence | None = None

    @torch.inference_mode()
    def spread(self, strokes: NDArray[np.integer]) -> Segmentation:
        """What it becomes when somebody has painted strokes: places that look like them follow.

        Parameters
        ----------
        strokes : array of int, (H, W)
            All strokes since the prediction, in ids of classes, which the segmenter need not know; 0 is no stroke.

        Returns
        -------
        Segmentation
            With the strokes exactly as they are, and what was predicted where nothing resembles them; more strokes
            are spread from this very prediction, with the first ones among them.

        Raises
        ------
        ValueError
            If the strokes have another shape than the image, or nothing is known but the labels.
        TypeError
            If the strokes are not whole numbers.
        """
        strokes = check_labels(strokes, self.likely.shape)
        if self.evidence is None:
            raise ValueError("strokes can only be spread over labels that a segmenter predicted")
        evidence = self.evidence.corrected(strokes)
        labels = relabel(self.likely, self.evidence, evidence)
        painted = strokes != UNLABELED
        labels[painted] = strokes[painted]
        if evidence.ids == self.evidence.ids:
            labels = labels.astype(self.likely.dtype)
        before, after = (torch.from_numpy(each.probabilities.max(0))[None] for each in (self.evidence, evidence))
        shape = self.certainty.shape
        gain = enlarge(after - before, shape, Box.of(shape))[0].numpy()
        return replace(self, likely=labels, certainty=np.clip(self.certainty + gain, 0, 1), evidence=evidence)

    @torch.inference_mode()
    def labels(self, confidence: float = 0.0) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """The label map, array of uint8 or uint16 (H, W); pixels that are less certain than `confidence` get 0."""
        labels = self.likely.copy()
        if confidence:
            certainty = torch.from_numpy(self.certainty)[None]
            for box in Box.of(labels.shape).parts(SIDE_AT_ONCE):
                labels[box.slices][(enlarge(certainty, labels.shape, box)[0] < confidence).numpy()] = UNLABELED
        return labels

    def translated(self, ids: Mapping[int, int]) -> Segmentation:
        """The same with other ids for the classes; each that the segmenter has must be named, or it keeps its own."""
        labels = translate(
            self.likely, {label: ids.get(label, label) for label in unique_labels(self.likely)[0].tolist()}
        )
        return replace(self, likely=labels, evidence=self.evidence and self.evidence.translated(ids))

    def labeled(self, confidence: float = 0.0) -> float:
        """Roughly which share of the pixels (0..1) has a label at a confidence, without making the label map."""
        rows, columns = (
            (np.arange(small) * full + full // 2) // small
            for full, small in zip(self.likely.shape, self.certainty.shape, strict=True)
        )
        known = self.likely[rows[:, None], columns] != UNLABELED
        return float((known & (self.certainty >= confidence)).mean())


@torch.inference_mode()
def segment(
    network: GridNet, values: Tensor, working_size: int, tell: Callable[[float], None] = lambda _: None
) -> Segmentation:
    """Predict the class of every pixel.

    Parameters
    ----------
    network : GridNet
        In eval mode, on the device of `values`.
    values : Tensor, (H, W) or (H, W, 3)
        sRGB-encoded, 0..1.
    working_size : int
        Longer side at which the network runs.
    tell : callable
        Is told how much is done (0..1); what it raises ends this.
    """
    frame = Frame.fit((values.shape[0], values.shape[1]), working_size, network.config.stride)
    x = frame.shrink(network_input(values, network.config.lightness))
    tell(INPUT_SHARE)
    return predict(network, [x], [frame])[0].segmentation(tell)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a segmenter says at working size, from which the class of any pixel follows.

    Attributes
    ----------
    frame : Frame
    ids : Tensor, (C,)
        Of the classes that win somewhere: no other is looked at closer.
    probabilities : Tensor, (C, h, w)
        Of these.
    certainty : Tensor, (h, w)
        How probable the most probable class is.
    evidence : Evidence
    wide : bool
        Whether the ids of the network's classes need 16 bits.
    """

    frame: Frame
    ids: Tensor
    probabilities: Tensor
    certainty: Tensor
    evidence: Evidence
    wide: bool

    @torch.inference_mode()
    def likely(self, box: Box) -> Tensor:
        """Id of the most probable class of each full-size pixel of a box, (box.height, box.width)."""
        return self.ids[enlarge(self.probabilities, self.frame.full, box).argmax(0)]

    @torch.inference_mode()
    def segmentation(self, tell: Callable[[float], None] = lambda _: None) -> Segmentation:
        """That of all pixels; `tell` is that of `segment`."""
        labels = torch.empty(self.frame.full, dtype=torch.int32, device=self.probabilities.device)
        parts = list(Box.of(self.frame.full).parts(SIDE_AT_ONCE))
        for done, box in enumerate(parts):
            tell(NETWORK_SHARE + (1 - NETWORK_SHARE) * done / len(parts))
            labels[box.slices] = self.likely(box)
        array = labels.cpu().numpy()
        likely = array.astype(np.uint16) if self.wide else array.astype(np.uint8)
        return Segmentation(likely, self.certainty.float().cpu().numpy(), self.evidence)


@torch.inference_mode()
def predict(network: GridNet, inputs: Sequence[Tensor], frames: Sequence[Frame]) -> list[Prediction]:
    """Predict the classes of images of one padded size, from two looks of the network at them.

    The second is at their mirror images, a little larger: the mean of both is right more often (docs/model.md).

    Parameters
    ----------
    network : GridNet
        In eval mode, on the device of the inputs.
    inputs : sequence of Tensor, (h, w)
        What `network_input` gives, at working size.
    frames : sequence of Frame
    """
    x = torch.stack([frame.pad(one) for one, frame in zip(inputs, frames, strict=True)])[:, None]
    second = second_look(network, x)  # before the first, whose features are then those that the encoder remembers
    looks = network.image_encoder(x) if network.config.image_encoder else None
    described = network.describe(x, looks)
    probabilities = (network.enlarge(network.classify(described)).softmax(1) + second) / 2
    seen = [described, *looks[1:3]] if looks else [described]
    return [
        _prediction(network, frame, probabilities[number], [each[number] for each in seen])
        for number, frame in enumerate(frames)
    ]


def second_look(network: GridNet, x: Tensor) -> Tensor:
    """The probabilities (N, C, H, W) from the mirror images of inputs (N, 1, H, W), a little larger."""
    stride = network.config.stride
    size = [round(side * SECOND_LOOK / stride) * stride for side in x.shape[2:]]
    larger = F.interpolate(x.flip(-1), size, mode="bilinear", align_corners=False)
    logits = network.coarse_logits(larger).flip(-1)
    return F.interpolate(logits, x.shape[2:], mode="bilinear", align_corners=False).softmax(1)


def _prediction(network: GridNet, frame: Frame, probabilities: Tensor, seen: list[Tensor]) -> Prediction:
    """That of one image, of probabilities (C, H', W') and features (D, H'', W'') of what was padded."""
    probabilities, ids = frame.crop(probabilities), network.config.ids
    looks = [_on_frame(each, frame) for each in seen]
    evidence = Evidence.of(ids, probabilities, looks, network.config.stem_stride)
    certainty, best = probabilities.max(0)
    winners = best.unique()
    known = torch.tensor(ids, device=best.device)[winners]
    return Prediction(frame, known, probabilities[winners], certainty, evidence, max(ids) >= 256)


def _on_frame(features: Tensor, frame: Frame) -> Tensor:
    """Features (D, h, w) of a padded image, without those of the padding, as far as cells are all in it."""
    height, width = (
        max(1, round(cells * size / padded))
        for cells, size, padded in zip(features.shape[1:], frame.working, frame.padded, strict=True)
    )
    return features[:, :height, :width]
