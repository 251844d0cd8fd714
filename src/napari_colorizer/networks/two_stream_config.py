"""What a `TwoStreamUNet` is built from: its config, the layers that follow from it, and the named ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Literal, NamedTuple

import torch
from torch import nn

from napari_colorizer.guidance import CHANNELS, LabelChannel
from napari_colorizer.networks.blocks import ContextBlock, conv3x3, up_conv3x3
from napari_colorizer.networks.config_values import check_values
from napari_colorizer.networks.image_encoder import STRIDES, VARIANTS
from napari_colorizer.networks.local import Layer, reach_of, stride_of

Lightness = Literal["L*", "BT.601"]
LARGEST_CHROMA = 1000.0


class Topology(NamedTuple):
    """The layers of a `TwoStreamUNet`.

    Attributes
    ----------
    gray_stem, guidance_stem : list of Layer
        What each stream has of its own.
    encoder : list of list of Layer
        Of each level, finest first; both streams go through the same.
    context : list of ContextBlock
        What the deepest gray features go through.
    decoder : list of Layer
    """

    gray_stem: list[Layer]
    guidance_stem: list[Layer]
    encoder: list[list[Layer]]
    context: list[ContextBlock]
    decoder: list[Layer]

    @property
    def guidance(self) -> list[Layer]:
        """All that follows the labels."""
        return [*self.guidance_stem, *chain(*self.encoder), *self.decoder]


@dataclass(frozen=True)
class TwoStreamUNetConfig:
    """What a `TwoStreamUNet` is built from; stored in the model file.

    Attributes
    ----------
    ids : tuple of int
        Class id of each index rank. Rank 0 is what an unlabeled or unknown pixel gets.
    widths : tuple of int
        Channels of each encoder level; every level after the first halves the size.
    decoder_widths : tuple of int
        Channels of each decoder level, deepest first; one fewer than `widths`. A level whose width is not twice that
        of its encoder level projects the skip with a 1 x 1 convolution.
    slope : float
        Negative slope of every leaky ReLU.
    embedding : int
        Length of the learned vector of each class; 0 feeds the class index as a gray level instead, as the paper does.
    stem : int
        Channels of a stride-2 stem that each stream gets before the shared encoder; 0 for none.
    gray_norm : bool
        Whether the gray features are instance-normalized; the paper's point.
    context : int
        Residual blocks, each with a mean over the whole image, that follow the deepest normalized gray features; the
        labels never pass through them, so that they cost an edit nothing.
    final_activation : bool
        Whether a leaky ReLU follows the last convolution.
    lightness : {"L*", "BT.601"}
        Which lightness the gray input holds, scaled to [-1, 1].
    chroma_scale, chroma_offset : float
        a* = chroma_scale * output + chroma_offset, likewise b*.
    image_encoder : {"", "lite0", "lite1", "lite2"}
        The `ImageEncoder` whose features are added to the gray ones, level by level; none by default. It needs a stem
        and four levels, whose strides are then 2 to 16.
    gated : bool
        Whether the guidance decides how much of each gray feature counts, so that a label can contradict what the
        image encoder sees.
    guidance : tuple of str
        The channels of what a user may say, see `napari_colorizer.guidance`: labels, and perhaps others.
    """

    ids: tuple[int, ...]
    widths: tuple[int, ...]
    decoder_widths: tuple[int, ...]
    slope: float = 0.01
    embedding: int = 0
    stem: int = 0
    gray_norm: bool = True
    context: int = 0
    final_activation: bool = True
    lightness: Lightness = "L*"
    chroma_scale: float = 128.0
    chroma_offset: float = 0.0
    image_encoder: str = ""
    gated: bool = False
    guidance: tuple[str, ...] = (LabelChannel.name,)

    def __post_init__(self) -> None:
        check_values(self)
        unknown = [name for name in self.guidance if name not in CHANNELS]
        if unknown or self.guidance.count(LabelChannel.name) != 1 or len(set(self.guidance)) < len(self.guidance):
            raise ValueError(f"guidance must be labels and others of {', '.join(CHANNELS)}, not {self.guidance!r}")
        if len(set(self.ids)) != len(self.ids) or not self.ids:
            raise ValueError("ids must name at least one class, each once")
        if max(abs(self.chroma_scale), abs(self.chroma_offset)) > LARGEST_CHROMA:
            raise ValueError(f"chroma_scale and chroma_offset must lie within {LARGEST_CHROMA:g}: no color has more")
        if len(self.decoder_widths) != len(self.widths) - 1:
            raise ValueError("decoder_widths must have one entry fewer than widths")
        if self.context < 0 or (self.context and self.widths[-1] < 2):
            raise ValueError("context must be 0 or more, and needs at least two channels at the deepest level")
        if self.planes > 1 and not self.stem:
            raise ValueError("class vectors, or several channels of guidance, come in through a stem: set stem, too")
        if self.image_encoder not in ("", *VARIANTS):
            raise ValueError(f"image_encoder must be one of {', '.join(VARIANTS)}, not {self.image_encoder!r}")
        if self.image_encoder and not (self.stem and len(self.widths) == len(STRIDES)):
            raise ValueError(f"an image encoder needs a stem and {len(STRIDES)} levels")

    @property
    def planes(self) -> int:
        """How many planes the guidance stream begins with."""
        return sum(CHANNELS[name].planes(self) for name in self.guidance)

    @property
    def stride(self) -> int:
        """The sides of an input must be multiples of this."""
        return STRIDES[-1] if self.image_encoder else self.guidance_stride

    @cached_property
    def guidance_stride(self) -> int:
        """The stride of the deepest level of both streams."""
        outline = self._outline()
        return stride_of([*outline.guidance_stem, *chain(*outline.encoder)])

    @cached_property
    def reach(self) -> int:
        """How far, in pixels, a change in the guidance can change the output."""
        return reach_of(self._outline().guidance)

    def topology(self) -> Topology:
        """The layers of a network, with fresh weights."""
        activation = nn.LeakyReLU(self.slope)
        gray_stem, guidance_stem = (
            [Layer(name, conv3x3(channels, self.stem, 2), activation)] if self.stem else []
            for name, channels in (("gray_stem", 1), ("guidance_stem", self.planes))
        )
        encoder = []
        for level, (inputs, outputs) in enumerate(zip((self.stem or 1, *self.widths), self.widths, strict=False)):
            at = f"encoder.{level}"
            conv1 = Layer(f"{at}.conv1", conv3x3(inputs, outputs, 2 if level else 1), activation)
            conv2 = Layer(f"{at}.conv2", conv3x3(outputs, outputs), activation)
            encoder.append([conv1, conv2])
        context = [ContextBlock(self.widths[-1], self.slope) for _ in range(self.context)]
        decoder = self._decoder([level[-1].name for level in encoder])
        return Topology(gray_stem, guidance_stem, encoder, context, decoder)

    def _decoder(self, skips: Sequence[str]) -> list[Layer]:
        """The layers behind the encoder, of which each level ends with the layer named in `skips`."""
        activation = nn.LeakyReLU(self.slope)
        *levels, deepest = range(len(skips))
        decoder: list[Layer] = []
        inputs = 2 * self.widths[-1]
        gray: int | None = deepest  # the first layer behind the encoder gets the deepest level of both streams
        for number, (level, outputs) in enumerate(zip(reversed(levels), self.decoder_widths, strict=True)):
            skip, at = 2 * self.widths[level], f"decoder.{number}"
            project = nn.Conv2d(skip, outputs, 1, bias=False) if skip != outputs else nn.Identity()
            decoder += [
                Layer(f"{at}.conv1", up_conv3x3(inputs, outputs), activation, gray=gray, gate=self._gate(gray)),
                Layer(f"{at}.project", project, sources=(skips[level],), gray=level, gate=self._gate(level)),
                Layer(f"{at}.conv2", conv3x3(outputs, outputs), activation, (f"{at}.conv1", f"{at}.project")),
            ]
            inputs, gray = outputs, None
        last = activation if self.final_activation else nn.Identity()
        decoder.append(Layer("final", conv3x3(inputs, 2), last, gray=gray))
        if self.stem:
            decoder.append(Layer("doubling", nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)))
        return decoder

    def _gate(self, level: int | None) -> nn.Conv2d | None:
        """What lets gray features of a level through; the finest ones hold nothing that a label could contradict."""
        if not self.gated or not level:
            return None
        return nn.Conv2d(self.widths[level], self.widths[level], 1, bias=False)

    def _outline(self) -> Topology:
        """The topology without weights."""
        with torch.device("meta"):
            return self.topology()


PRESETS = {
    "paper": TwoStreamUNetConfig(ids=(0,), widths=(32, 64, 128, 256, 512), decoder_widths=(512, 256, 128, 64)),
    "authors": TwoStreamUNetConfig(
        ids=(0,),
        widths=(32, 64, 128, 256, 512, 512),
        decoder_widths=(1024, 512, 256, 128, 64),
        slope=0.1,
        lightness="BT.601",
        chroma_scale=127.5,
        chroma_offset=-0.5,
    ),
    "default": TwoStreamUNetConfig(
        ids=(0,),
        widths=(24, 48, 96, 224),
        decoder_widths=(96, 48, 32),
        slope=0.1,
        embedding=16,
        stem=24,
        context=2,
        final_activation=False,
        image_encoder="lite0",
        gated=True,
    ),
}
