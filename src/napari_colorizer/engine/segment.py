"""From a gray image to a label map."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.color import lightness, luma
from napari_colorizer.engine.frame import SIDE_AT_ONCE, Frame, enlarge
from napari_colorizer.networks import GridNet
from napari_colorizer.networks.two_stream_config import Lightness


def network_input(values: Tensor, kind: Lightness) -> Tensor:
    """Full-size gray input (H, W) in [-1, 1] of sRGB-encoded values (H, W) or (H, W, 3) in 0..1."""
    return lightness(values) / 50 - 1 if kind == "L*" else luma(values) * 2 - 1


@torch.inference_mode()
def segment(
    network: GridNet, values: Tensor, working_size: int, confidence: float = 0.0
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Predict the class of every pixel.

    Parameters
    ----------
    network : GridNet
        In eval mode, on the device of `values`.
    values : Tensor, (H, W) or (H, W, 3)
        sRGB-encoded, 0..1.
    working_size : int
        Longer side at which the network runs.
    confidence : float
        Pixels whose most probable class is less probable than this get 0.

    Returns
    -------
    array of uint8 or uint16, (H, W)
        Class ids.
    """
    height, width = values.shape[:2]
    frame = Frame.fit((height, width), working_size, network.config.stride)
    x = frame.pad(frame.shrink(network_input(values, network.config.lightness)))
    logits = frame.crop(network(x[None, None])[0])
    certainty = logits.softmax(0).amax(0, keepdim=True)
    winners = logits.argmax(0).unique()  # a class must win somewhere at working size to be looked at closer
    logits, ids = logits[winners], torch.tensor(network.config.ids, device=values.device)[winners]
    labels = torch.empty(height, width, dtype=torch.int32, device=values.device)
    for box in Box.of((height, width)).parts(SIDE_AT_ONCE):
        part = ids[enlarge(logits, (height, width), box).argmax(0)]
        if confidence:
            part = torch.where(enlarge(certainty, (height, width), box)[0] < confidence, 0, part)
        labels[box.slices] = part
    array = labels.cpu().numpy()
    return array.astype(np.uint8) if max(network.config.ids) < 256 else array.astype(np.uint16)
