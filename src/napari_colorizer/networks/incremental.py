"""What follows the labels in a `TwoStreamUNet`, computed anew only where an edit changes it.

After the instance norms of the gray stream nothing in the network is global. So the output of every layer is kept, and
an edit is followed through the layers: each computes the box that the change has spread to, from kept inputs. What is
kept then is what a pass over the whole image gives.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_colorizer.boxes import Box, after_conv, after_doubling, after_up_conv
from napari_colorizer.networks.two_stream_unet import DecoderLevel, EncoderLevel, TwoStreamUNet

Size = tuple[int, int]


class IncrementalPass:
    """Chroma of one gray image under changing labels.

    Parameters
    ----------
    network : TwoStreamUNet
    gray : list of Tensor
        What ``network.encode_gray`` gives for one image, (1, C, h, w) each.

    Attributes
    ----------
    chroma : Tensor, (1, 2, H, W)
        Scaled as the network gives it; there after the first `update`, and the next may alter it in place.
    """

    chroma: Tensor

    def __init__(self, network: TwoStreamUNet, gray: list[Tensor]):
        self._network, self._slope = network, network.config.slope
        self._labels: Tensor | None = None
        self._kept: dict[str, Tensor] = {}
        # oneDNN and cuDNN read and write small patches of channels-last tensors without copies
        self._skips = [
            torch.cat([features, torch.zeros_like(features)], 1).contiguous(memory_format=torch.channels_last)
            for features in gray
        ]

    @torch.inference_mode()
    def update(self, labels: Tensor) -> Box | None:
        """Follow the labels.

        Parameters
        ----------
        labels : Tensor of integers, (H, W)
            Class ids; H and W multiples of the network's stride.

        Returns
        -------
        Box, optional
            Where the chroma may have changed; None where the labels have not.
        """
        box = Box.of(labels.shape) if self._labels is None else Box.around(self._labels != labels)
        if box is None:
            return None
        self._labels = labels.clone()
        return self._decode(self._encode(self._labels, box))

    def _encode(self, labels: Tensor, box: Box) -> list[Box]:
        """Write the guidance features of each level into the skips; where they change, finest first."""
        network = self._network
        x = self._keep(
            "classes", network.embed(labels[None, *box.slices].contiguous(), self._skips[0].dtype), box, labels.shape
        )
        if network.config.stem:
            x, box = self._conv("stem", network.guidance_stem, x, box)
        boxes = []
        for number, (level, skip) in enumerate(zip(network.encoder, self._skips, strict=True)):
            assert isinstance(level, EncoderLevel)
            x, box = self._conv(f"encoder {number}", level.conv1, x, box)
            box = box.moved(after_conv).within(x.shape)
            guidance = skip[:, skip.shape[1] // 2 :]
            guidance[..., *box.slices] = F.leaky_relu(_conv_in(level.conv2, x, box), self._slope)
            x = guidance
            boxes.append(box)
        return boxes

    def _decode(self, boxes: list[Box]) -> Box:
        """Bring the chroma up to date with the skips, which have changed in these boxes; where it changes."""
        config = self._network.config
        x, box = self._skips[-1], boxes[-1]
        steps = zip(self._network.decoder, self._skips[-2::-1], boxes[-2::-1], strict=True)
        for number, (level, skip, of_skip) in enumerate(steps):
            assert isinstance(level, DecoderLevel)
            box = box.moved(after_up_conv).within(skip.shape).joined(of_skip)
            added = self._keep(f"added {number}", level.project(skip[..., *of_skip.slices]), of_skip, skip.shape)
            mixed = F.leaky_relu(_up_conv_in(level.conv1, x, box), self._slope)
            mixed += added[..., *box.slices]
            x = self._keep(f"mixed {number}", mixed, box, skip.shape)
            x, box = self._conv(f"decoder {number}", level.conv2, x, box)
        x, box = self._conv("final", self._network.final, x, box, self._slope if config.final_activation else 1.0)
        if config.stem:
            size = (2 * x.shape[-2], 2 * x.shape[-1])
            box = box.moved(after_doubling).within(size)
            x = self._keep("doubled", _double_in(x, box), box, size)
        self.chroma = x
        return box

    def _conv(self, name: str, conv: nn.Conv2d, x: Tensor, box: Box, slope: float | None = None) -> tuple[Tensor, Box]:
        """The kept output of a convolution and a leaky ReLU of input that has changed in a box; where that changes."""
        stride = conv.stride[0]
        size = (x.shape[-2] // stride, x.shape[-1] // stride)
        box = box.moved(lambda span: after_conv(span, stride)).within(size)
        part = F.leaky_relu(_conv_in(conv, x, box), self._slope if slope is None else slope, inplace=True)
        return self._keep(name, part, box, size), box

    def _keep(self, name: str, part: Tensor, box: Box, size: Size | torch.Size) -> Tensor:
        """Put a box of an output into the whole of it, which is kept; the first time, at least, it is the whole."""
        if box == Box.of(size):
            self._kept[name] = part
        else:
            self._kept[name][..., *box.slices] = part
        return self._kept[name]


def _patch(x: Tensor, box: Box) -> Tensor:
    """A box of an image that may reach beyond it, where it is 0."""
    inside = box.within(x.shape)
    beyond = (inside.left - box.left, box.right - inside.right, inside.top - box.top, box.bottom - inside.bottom)
    return F.pad(x[..., *inside.slices], beyond) if any(beyond) else x[..., *inside.slices]


def _conv_in(conv: nn.Conv2d, x: Tensor, box: Box) -> Tensor:
    """A box of the output of a 3 x 3 convolution with a padding of 1."""
    stride = conv.stride[0]
    if box == Box(0, x.shape[-2] // stride, 0, x.shape[-1] // stride):
        return conv(x)
    needed = Box(
        stride * box.top - 1, stride * (box.bottom - 1) + 2, stride * box.left - 1, stride * (box.right - 1) + 2
    )
    return F.conv2d(_patch(x, needed), conv.weight, stride=stride)


def _up_conv_in(conv: nn.ConvTranspose2d, x: Tensor, box: Box) -> Tensor:
    """A box of the output of a 3 x 3 transposed convolution that doubles the size.

    Pixel 2 i comes from i alone, 2 i + 1 from i and i + 1.
    """
    needed = Box(box.top // 2, box.bottom // 2 + 1, box.left // 2, box.right // 2 + 1)
    part = conv(_patch(x, needed))
    top, left = box.top - 2 * needed.top, box.left - 2 * needed.left
    return part[..., top : top + box.height, left : left + box.width]


def _double_in(x: Tensor, box: Box) -> Tensor:
    """A box of an image that is doubled bilinearly."""
    needed = Box((box.top - 1) // 2, box.bottom // 2 + 1, (box.left - 1) // 2, box.right // 2 + 1).within(x.shape)
    part = x[..., *needed.slices].contiguous()  # of two channels that is faster
    part = F.interpolate(part, scale_factor=2, mode="bilinear", align_corners=False)
    top, left = box.top - 2 * needed.top, box.left - 2 * needed.left
    return part[..., top : top + box.height, left : left + box.width]
