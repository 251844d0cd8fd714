"""An encoder that has seen ImageNet: EfficientNet-Lite, for gray images of any contrast.

EfficientNet (Tan and Le 2019, arXiv 1905.11946) without squeeze-and-excitation and with ReLU6, as Google published it
for phones. Its batch norms never change here, so they are part of the convolutions before them: there is no other norm.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VARIANTS = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}  # factors on widths and repeats
STEM = 32  # channels; neither the stem nor the repeats of the first and last stage are scaled
STAGES = (  # repeats, side of the kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STRIDES = (4, 8, 16, 32)  # of the features that are given
SPREAD = 0.5  # standard deviation of what the encoder gets: that of the photographs that it was trained with
LEAST_DEVIATION = 0.02  # one L*: a flat image has no contrast to divide by


def standardize(x: Tensor, contrast: Tensor | None = None) -> Tensor:
    """Lightness (N, 1, H, W) with the mean 0 and the same deviation in each image, whatever its contrast was.

    `contrast` (N, 2) are mean and deviation of the whole images where `x` are parts of them.
    """
    if contrast is None:
        deviation, mean = torch.std_mean(x, (2, 3), correction=0, keepdim=True)
    else:
        mean, deviation = contrast[:, :, None, None].split(1, 1)
    return (x - mean) * (SPREAD / deviation.clamp(min=LEAST_DEVIATION))


class SameConv(nn.Conv2d):
    """A convolution that divides the size by its stride, padded as TensorFlow pads even sizes: more at the end."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(inputs, outputs, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups)
        self.before, self.after = (kernel - 2) // 2, (kernel - 1) // 2

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, C, H / stride, W / stride)."""
        if self.stride[0] > 1:
            x = F.pad(x, (self.before, self.after, self.before, self.after))
        return super().forward(x)


class InvertedResidual(nn.Module):
    """Expansion, depthwise convolution and projection (Sandler et al. 2018, arXiv 1801.04381)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        inner = inputs * expansion
        self.expand = SameConv(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = SameConv(inner, inner, kernel, stride, inner)
        self.project = SameConv(inner, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Features of this block from those of the block before."""
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.residual else y


class ImageEncoder(nn.Module):
    """Features of a gray image at the strides 4, 8, 16 and 32.

    Parameters
    ----------
    variant : {"lite0", "lite1", "lite2"}

    Attributes
    ----------
    widths : tuple of int
        Channels of the features at each of `STRIDES`.
    """

    def __init__(self, variant: str):
        super().__init__()
        width_factor, repeat_factor = VARIANTS[variant]
        self.stem = SameConv(3, STEM, 3, 2)
        self.blocks = nn.ModuleList()
        self.ends: list[int] = []  # blocks after which the size is halved, or nothing comes
        inputs, outputs_of = STEM, list[int]()
        for number, (repeats, kernel, stride, expansion, width) in enumerate(STAGES):
            inner = 0 < number < len(STAGES) - 1
            outputs = scaled_width(width, width_factor)
            if stride == 2:
                self.ends.append(len(self.blocks) - 1)
            for repeat in range(math.ceil(repeats * repeat_factor) if inner else repeats):
                block = InvertedResidual(inputs, outputs, kernel, 1 if repeat else stride, expansion)
                self.blocks.append(block)
                outputs_of.append(outputs)
                inputs = outputs
        self.ends = [*self.ends[1:], len(self.blocks) - 1]
        self.widths: tuple[int, ...] = tuple(outputs_of[end] for end in self.ends)
        self._last: tuple[Tensor, list[Tensor]] | None = None

    def forward(self, x: Tensor, contrast: Tensor | None = None) -> list[Tensor]:
        """Features (N, C, H / stride, W / stride) for each of `STRIDES`, finest first; not to be altered.

        Parameters
        ----------
        x : Tensor, (N, 1, H, W)
            Lightness on any scale: only what is relative to the mean and the deviation of each image counts. H and W
            are multiples of 32.
        contrast : Tensor, (N, 2), optional
            Mean and deviation to go by in place of those of `x`.

        The features of the last image are kept: both networks of a model ask for those of the same one.
        """
        if torch.is_grad_enabled() or len(x) > 1 or contrast is not None:
            return self._features(x, contrast)
        last = self._last
        if last is not None and last[0].shape == x.shape and last[0].device == x.device and torch.equal(last[0], x):
            return last[1]
        features = self._features(x)
        self._last = (x.clone(), features)
        return features

    def forget(self) -> None:
        """Let go of the features of the last image."""
        self._last = None

    def _features(self, x: Tensor, contrast: Tensor | None = None) -> list[Tensor]:
        return self.features_of_channels(standardize(x, contrast).expand(-1, 3, -1, -1))

    def features_of_channels(self, channels: Tensor) -> list[Tensor]:
        """Features as `forward` gives them, of what the network was trained with: (N, 3, H, W), sRGB as -1..1."""
        y = F.relu6(self.stem(channels))
        features = []
        for number, block in enumerate(self.blocks):
            y = block(y)
            if number in self.ends:
                features.append(y)
        return features


def scaled_width(width: int, factor: float) -> int:
    """A number of channels times a factor, as a multiple of 8 that is not smaller by more than a tenth."""
    scaled = width * factor
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded
