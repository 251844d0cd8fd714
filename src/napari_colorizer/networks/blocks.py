"""Layers that both networks are built from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv3x3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """A 3 x 3 convolution without bias that keeps the size (or divides it by `stride`)."""
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)


def up_conv3x3(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    """A 3 x 3 transposed convolution without bias that doubles the size."""
    return nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1, bias=False)


def projection(inputs: int, outputs: int) -> nn.Sequential:
    """A 1 x 1 convolution and a batch norm."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


def chosen_rows(tensor: Tensor, rows: Sequence[int], mean_from: int = 0) -> Tensor:
    """Rows of a tensor; -1 chooses the mean of the rows from `mean_from` on."""
    mean = tensor[mean_from:].float().mean(0).to(tensor.dtype)
    return torch.stack([tensor[row] if row >= 0 else mean for row in rows])


class ContextBlock(nn.Module):
    """A residual block that tells each place what the whole image holds.

    Behind normalized features contrast does not change that mean.

    Parameters
    ----------
    width : int
        Channels; half as many inside.
    slope : float
        Of the leaky ReLU.
    """

    def __init__(self, width: int, slope: float):
        super().__init__()
        inner = width // 2
        self.conv1 = conv3x3(width, inner)
        self.whole = nn.Linear(width, inner, bias=False)
        self.conv2 = conv3x3(inner, width)
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, C, h, w) of the same shape."""
        y = F.leaky_relu(x, self.slope)
        y = self.conv1(y) + self.whole(y.mean((2, 3)))[..., None, None]
        return x + self.conv2(F.leaky_relu(y, self.slope))
