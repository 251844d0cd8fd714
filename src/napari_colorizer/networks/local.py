"""Layers that see only what is near, so that an edit can be followed through them.

A network says once, in a list of `Layer`, what its labels go through. Its forward pass, the reach of an edit and the
pass over a box all `follow` that list. A layer of which no box can be computed alone is refused when it is listed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_colorizer.boxes import Box, Span

POINTWISE = (nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh)
Value = TypeVar("Value")
Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer and where its input comes from.

    Attributes
    ----------
    name : str
        Where the module lies in the network; the names of its tensors in a model file begin with it.
    module : nn.Module
        A convolution that keeps the size or divides it by its stride, a 3 x 3 transposed convolution or a bilinear
        upsampling that doubles it, or an identity.
    activation : nn.Module
        Follows the module; one of `POINTWISE`, not in place.
    sources : tuple of str
        Layers whose outputs are added up for an input; where there are none, the layer before.
    gray : int, optional
        Level whose gray features are put in front of that.
    gate : nn.Conv2d, optional
        1 x 1, of the input: it says how much of each gray feature counts, from none far below 0 to twice as much far
        above.

    Raises
    ------
    ValueError
        If no box of such a module's or activation's output can be computed alone.
    """

    name: str
    module: nn.Module
    activation: nn.Module = field(default_factory=nn.Identity)
    sources: tuple[str, ...] = ()
    gray: int | None = None
    gate: nn.Conv2d | None = None
    window: ConvWindow | DoublingWindow = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if type(self.activation) not in POINTWISE or getattr(self.activation, "inplace", False):
            raise ValueError(f"layer {self.name!r}: {self.activation} may do more than change each pixel for itself")
        window = _window_of(self.module)
        if window is None:
            raise ValueError(f"layer {self.name!r}: a box of the output of {self.module} cannot be computed alone")
        if self.gate is not None and _window_of(self.gate) != ConvWindow(1, 0):
            raise ValueError(f"layer {self.name!r}: {self.gate} does not tell each pixel for itself what counts")
        object.__setattr__(self, "window", window)

    def __call__(self, sources: Sequence[Tensor], gray: Sequence[Tensor] = ()) -> Tensor:
        """The output for those of its sources and the gray features of each level."""
        x = reduce(torch.add, sources)
        if self.gray is not None:
            x = self._behind(gray[self.gray], x)
        return self.activation(self.module(x))

    def part(self, sources: Sequence[Tensor], gray: Sequence[Tensor], box: Box) -> Tensor:
        """A box of what a call gives."""
        shape = sources[0].shape
        if box == Box.of(self.window.size(shape)):
            return self(sources, gray)
        needed = self.window.needed(box, shape)
        inside = needed.within(shape)
        x = reduce(torch.add, [source[..., *inside.slices] for source in sources])
        if self.gray is not None:
            x = self._behind(gray[self.gray][..., *inside.slices], x)
        if needed != inside:
            sides = (inside.left - needed.left, needed.right - inside.right)
            x = F.pad(x, (*sides, inside.top - needed.top, needed.bottom - inside.bottom))
        return self.activation(self.window.part(self.module, x, needed, box))

    def _behind(self, gray: Tensor, x: Tensor) -> Tensor:
        """The input behind as much of the gray features as the gate lets through."""
        if self.gate is not None:
            gray = gray * (2 * torch.sigmoid(self.gate(x)))
        return torch.cat([gray, x], 1)


def follow(layers: Sequence[Layer], x: Value, step: Callable[[Layer, list[Value]], Value]) -> Value:
    """Go through layers in their order.

    Parameters
    ----------
    layers : sequence of Layer
    x : Value
        What the first layer gets.
    step : callable
        Says what a layer gives, from the layer and what its sources gave.

    Returns
    -------
    Value
        What the last layer gives.
    """
    asked = {source for layer in layers for source in layer.sources}
    values: dict[str, Value] = {}
    for layer in layers:
        x = step(layer, [values[source] for source in layer.sources] or [x])
        if layer.name in asked:
            values[layer.name] = x
    return x


def stride_of(layers: Sequence[Layer]) -> int:
    """What layers, one after the other, divide the size by."""
    return math.prod(layer.window.stride for layer in layers)


def reach_of(layers: Sequence[Layer]) -> int:
    """How far, in pixels, a change of the input can change an output of the same size."""

    def step(layer: Layer, spans: list[Span]) -> Span:
        return layer.window.changed((min(low for low, _ in spans), max(high for _, high in spans)))

    reach = 0
    for pixel in range(stride_of(layers)):
        low, high = follow(layers, (pixel, pixel + 1), step)
        reach = max(reach, pixel - low, high - 1 - pixel)
    return reach


@dataclass(frozen=True)
class ConvWindow:
    """What a pixel is computed from: its own place, times `stride`, and `margin` pixels around that."""

    stride: int
    margin: int

    def size(self, shape: Sequence[int]) -> Size:
        """Size of the output for an input of the shape (..., height, width)."""
        return shape[-2] // self.stride, shape[-1] // self.stride

    def changed(self, span: Span) -> Span:
        """Where the output changes when the input does in `span`."""
        low, high = span
        return math.ceil((low - self.margin) / self.stride), (high - 1 + self.margin) // self.stride + 1

    def needed(self, box: Box, _shape: Sequence[int]) -> Box:
        """The input that a box of the output is computed from; beyond the image it is 0."""
        return box.moved(
            lambda span: (span[0] * self.stride - self.margin, (span[1] - 1) * self.stride + self.margin + 1)
        )

    def part(self, module: nn.Module, x: Tensor, _needed: Box, _box: Box) -> Tensor:
        """A box of the output, from what it needs."""
        if not isinstance(module, nn.Conv2d):
            return module(x)
        return F.conv2d(x, module.weight, module.bias, module.stride, 0, module.dilation, module.groups)


@dataclass(frozen=True)
class DoublingWindow:
    """The same where the size is doubled.

    In a transposed convolution pixel 2 i comes from i alone, and 2 i + 1 from i and i + 1. Bilinearly, pixel 2 i comes
    from i - 1, too, and the border goes on beyond the image.
    """

    bilinear: bool
    stride = 1

    def size(self, shape: Sequence[int]) -> Size:
        """Size of the output for an input of the shape (..., height, width)."""
        return 2 * shape[-2], 2 * shape[-1]

    def changed(self, span: Span) -> Span:
        """Where the output changes when the input does in `span`."""
        low, high = span
        return 2 * low - 1, 2 * high + self.bilinear

    def needed(self, box: Box, shape: Sequence[int]) -> Box:
        """The input that a box of the output is computed from."""
        needed = box.moved(lambda span: ((span[0] - self.bilinear) // 2, span[1] // 2 + 1))
        return needed.within(shape) if self.bilinear else needed

    def part(self, module: nn.Module, x: Tensor, needed: Box, box: Box) -> Tensor:
        """A box of the output, from what it needs."""
        part = module(x.contiguous() if self.bilinear else x)  # a few channels are doubled faster so
        return part[..., *box.shifted(-2 * needed.top, -2 * needed.left).slices]


def _window_of(module: nn.Module) -> ConvWindow | DoublingWindow | None:
    """What the pixels of a module's output are computed from; None where that is not known, or is everything."""
    if type(module) is nn.Identity:
        return ConvWindow(1, 0)
    if type(module) is nn.Upsample and (module.scale_factor, module.mode, module.size) == (2, "bilinear", None):
        return None if module.align_corners else DoublingWindow(bilinear=True)
    if type(module) not in (nn.Conv2d, nn.ConvTranspose2d):
        return None
    sizes: Any = (module.kernel_size, module.stride, module.padding, module.output_padding, module.dilation)
    if module.padding_mode != "zeros" or isinstance(module.padding, str) or any(len({*size}) > 1 for size in sizes):
        return None
    kernel, stride, padding, more, dilation = (size[0] for size in sizes)
    if type(module) is nn.ConvTranspose2d:
        return DoublingWindow(bilinear=False) if (kernel, stride, padding, more, dilation) == (3, 2, 1, 1, 1) else None
    keeps_place = 2 * padding == dilation * (kernel - 1) and padding >= stride - 1  # with no pixel left out
    return ConvWindow(stride, padding) if keeps_place else None
