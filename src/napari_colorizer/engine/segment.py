"""From a gray image to a label map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.classes import UNLABELED
from napari_colorizer.color import lightness, luma
from napari_colorizer.engine.frame import SIDE_AT_ONCE, Frame, enlarge
from napari_colorizer.networks import GridNet
from napari_colorizer.networks.two_stream_config import Lightness

INPUT_SHARE, NETWORK_SHARE = 0.1, 0.2  # of the time that a photograph takes: until the network, and until its end


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
    """

    likely: NDArray[np.uint8] | NDArray[np.uint16]
    certainty: NDArray[np.float32]

    @torch.inference_mode()
    def labels(self, confidence: float = 0.0) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """The label map, array of uint8 or uint16 (H, W); pixels that are less certain than `confidence` get 0."""
        labels = self.likely.copy()
        if confidence:
            certainty = torch.from_numpy(self.certainty)[None]
            for box in Box.of(labels.shape).parts(SIDE_AT_ONCE):
                labels[box.slices][(enlarge(certainty, labels.shape, box)[0] < confidence).numpy()] = UNLABELED
        return labels

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
    height, width = values.shape[:2]
    frame = Frame.fit((height, width), working_size, network.config.stride)
    x = frame.pad(frame.shrink(network_input(values, network.config.lightness)))
    tell(INPUT_SHARE)
    logits = frame.crop(network(x[None, None])[0])
    certainty = logits.softmax(0).amax(0)
    winners = logits.argmax(0).unique()  # a class must win somewhere at working size to be looked at closer
    logits, ids = logits[winners], torch.tensor(network.config.ids, device=values.device)[winners]
    labels = torch.empty(height, width, dtype=torch.int32, device=values.device)
    parts = list(Box.of((height, width)).parts(SIDE_AT_ONCE))
    for done, box in enumerate(parts):
        tell(NETWORK_SHARE + (1 - NETWORK_SHARE) * done / len(parts))
        labels[box.slices] = ids[enlarge(logits, (height, width), box).argmax(0)]
    array = labels.cpu().numpy()
    likely = array.astype(np.uint8) if max(network.config.ids) < 256 else array.astype(np.uint16)
    return Segmentation(likely, certainty.float().cpu().numpy())
