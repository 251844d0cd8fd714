"""What a user says in the channels beside the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from napari_colorizer.guidance import CHANNELS, LabelChannel

if TYPE_CHECKING:
    from napari_colorizer.engine.frame import Frame

Said = Mapping[str, ArrayLike]  # by the name of the channel, (..., H, W)


def shrink_others(heard: Sequence[str], said: Said, frame: Frame) -> dict[str, Tensor]:
    """What is said at working size, (..., h, w), in each channel but the labels that a network hears.

    Raises
    ------
    ValueError
        If something has another shape than the image, or is said in a channel that is not heard.
    """
    others = [name for name in heard if name != LabelChannel.name]
    found = {}
    for name in dict.fromkeys([*others, *said]):
        if name not in others:
            raise ValueError(f"the model hears {', '.join(heard)}, but no {name!r}")
        own = np.asarray(said[name]) if name in said else CHANNELS[name].absent(frame.full)
        if own.shape[-2:] != frame.full:
            raise ValueError(f"{name!r} has the shape {own.shape}, the image {frame.full}: they must be the same")
        found[name] = torch.from_numpy(np.ascontiguousarray(CHANNELS[name].shrink(own, frame)))
    return found
