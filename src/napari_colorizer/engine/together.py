"""Several images at once, for GPUs: those of one padded size go through a network in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.engine.computation import side_to_paint
from napari_colorizer.engine.follower import Follower, Picture, Wanted
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.segment import Segmentation, network_input, predict
from napari_colorizer.engine.setup import ColorizerSetup
from napari_colorizer.engine.tiles import StaleTiles
from napari_colorizer.networks import GridNet


class Colors(NamedTuple):
    """Colors (H, W, 3) uint8 of an image, and the pins that found nothing in it; see `Session.unused_pins`."""

    rgb: NDArray[np.uint8]
    unused: set[int | tuple[int, int]]


@torch.inference_mode()
def segment_together(network: GridNet, values: Sequence[Tensor], working_size: int) -> list[Segmentation]:
    """What `napari_colorizer.engine.segment.segment` makes of each of several images, but for rounding."""
    frames = _frames(values, working_size, network.config.stride)
    inputs = [_shrunk(*image, network.config.lightness) for image in zip(values, frames, strict=True)]
    found: dict[int, Segmentation] = {}
    for group in _alike(frames):
        predicted = predict(network, [inputs[n] for n in group], [frames[n] for n in group])
        found |= {n: one.segmentation() for n, one in zip(group, predicted, strict=True)}
    return [found[n] for n in range(len(values))]


@torch.inference_mode()
def color_together(
    setup: ColorizerSetup,
    values: Sequence[Tensor],
    said: Sequence[dict[str, Any]],
    working_size: int,
    chroma_gain: float,
) -> list[Colors]:
    """What a `Session` makes of each of several images, but for rounding.

    Parameters
    ----------
    setup : ColorizerSetup
    values : sequence of Tensor, (H, W) or (H, W, 3)
        sRGB-encoded, 0..1, on the device where it is done.
    said : sequence of dict
        What `Session.colorize` is told of each.
    working_size : int
    chroma_gain : float
        That of `ColorizeOptions`.
    """
    frames = _frames(values, working_size, setup.config.stride)
    network = setup.network_on(values[0].device)
    found: dict[int, Colors] = {}
    for group in _alike(frames):
        own, of_them = [values[n] for n in group], [frames[n] for n in group]
        inputs = [_shrunk(*image, setup.config.lightness) for image in zip(own, of_them, strict=True)]
        pictures = Picture.several(own, of_them, network, inputs)
        followers = [Follower(picture, setup, chroma_gain) for picture in pictures]
        wanted = [Wanted.of(setup, frames[n], **said[n]) for n in group]
        Follower.follow_together(followers, wanted, [StaleTiles(frame) for frame in of_them])
        found |= {
            n: _paint(follower, frames[n].full, values[n].device) for n, follower in zip(group, followers, strict=True)
        }
    return [found[n] for n in range(len(values))]


def _paint(follower: Follower, shape: tuple[int, int], device: torch.device) -> Colors:
    rgb = np.empty((*shape, 3), np.uint8)
    for box in Box.of(shape).parts(side_to_paint(device)):
        follower.paint(box, rgb)
    return Colors(rgb, set(follower.unused))


def _frames(values: Sequence[Tensor], working_size: int, stride: int) -> list[Frame]:
    return [Frame.fit((own.shape[0], own.shape[1]), working_size, stride) for own in values]


def _shrunk(values: Tensor, frame: Frame, kind: Any) -> Tensor:
    return frame.shrink(network_input(values, kind))


def _alike(frames: Iterable[Frame]) -> list[list[int]]:
    """The numbers of those of one padded size."""
    groups: dict[tuple[int, int], list[int]] = {}
    for number, frame in enumerate(frames):
        groups.setdefault(frame.padded, []).append(number)
    return list(groups.values())
