"""The colorizer: a U-Net that runs gray and guidance through one encoder of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from operator import index as as_index
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_colorizer.boxes import after_conv, after_doubling, after_up_conv
from napari_colorizer.networks.blocks import ClassRanks, ContextBlock, chosen_rows, conv3x3, projection, up_conv3x3
from napari_colorizer.networks.hints import spread_hints
from napari_colorizer.networks.image_encoder import STRIDES, VARIANTS, ImageEncoder

Lightness = Literal["L*", "BT.601"]
INSTANCE_NORM_EPS = 1e-5
FAINT = 0.1  # training begins near gray, and with context that says little


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

    def __post_init__(self) -> None:
        for name in ("ids", "widths", "decoder_widths"):
            object.__setattr__(self, name, tuple(as_index(value) for value in getattr(self, name)))  # no NumPy: JSON
        if len(set(self.ids)) != len(self.ids) or not self.ids:
            raise ValueError("ids must name at least one class, each once")
        if self.lightness not in get_args(Lightness):
            raise ValueError(f"lightness must be one of {get_args(Lightness)}, not {self.lightness!r}")
        if len(self.decoder_widths) != len(self.widths) - 1:
            raise ValueError("decoder_widths must have one entry fewer than widths")
        if self.context < 0 or (self.context and self.widths[-1] < 2):
            raise ValueError("context must be 0 or more, and needs at least two channels at the deepest level")
        if self.embedding and not self.stem:
            raise ValueError("class vectors come in through a stem: set stem, too")
        if self.image_encoder not in ("", *VARIANTS):
            raise ValueError(f"image_encoder must be one of {', '.join(VARIANTS)}, not {self.image_encoder!r}")
        if self.image_encoder and not (self.stem and len(self.widths) == len(STRIDES)):
            raise ValueError(f"an image encoder needs a stem and {len(STRIDES)} levels")

    @property
    def stride(self) -> int:
        """The sides of an input must be multiples of this."""
        return STRIDES[-1] if self.image_encoder else self.guidance_stride

    @property
    def guidance_stride(self) -> int:
        """The stride of the deepest level of both streams."""
        return int(2 ** (len(self.widths) - 1 + (self.stem > 0)))

    @property
    def reach(self) -> int:
        """How far, in pixels, a change in the guidance can change the output."""
        return max(self._reach_from(pixel) for pixel in range(self.guidance_stride))

    def _reach_from(self, pixel: int) -> int:
        """Follow the interval of changed pixels through every layer of the guidance stream and the decoder."""
        start = pixel + 8 * self.guidance_stride  # away from 0, so that no border hides a part
        span = (start, start + 1)
        if self.stem:
            span = after_conv(span, 2)
        skips = []
        for level in range(len(self.widths)):
            span = after_conv(after_conv(span, 2 if level else 1))
            skips.append(span)
        for skip_low, skip_high in reversed(skips[:-1]):
            low, high = after_up_conv(span)
            span = after_conv((min(low, skip_low), max(high, skip_high)))
        span = after_conv(span)
        if self.stem:
            span = after_doubling(span)
        return max(start - span[0], span[1] - 1 - start)


class EncoderLevel(nn.Module):
    """Two 3 x 3 convolutions, each followed by a leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int, slope: float):
        super().__init__()
        self.conv1 = conv3x3(inputs, outputs, stride)
        self.conv2 = conv3x3(outputs, outputs)
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        """Features of this level from those of the level above."""
        x = F.leaky_relu(self.conv1(x), self.slope)
        return F.leaky_relu(self.conv2(x), self.slope)


class DecoderLevel(nn.Module):
    """Doubles the size, adds the skip and mixes the two."""

    def __init__(self, inputs: int, skip: int, outputs: int, slope: float):
        super().__init__()
        self.conv1 = up_conv3x3(inputs, outputs)
        self.project = nn.Conv2d(skip, outputs, 1, bias=False) if skip != outputs else nn.Identity()
        self.conv2 = conv3x3(outputs, outputs)
        self.slope = slope

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Features of this level from those of the level below and the skip."""
        x = F.leaky_relu(self.conv1(x), self.slope) + self.project(skip)
        return F.leaky_relu(self.conv2(x), self.slope)


class TwoStreamUNet(nn.Module):
    """The two-stream U-Net of "Semantic-driven Colorization" (Ho et al., arXiv 2006.07587).

    A gray stream and a guidance stream go through the encoder with the same weights. The gray features are
    instance-normalized on their way into the skips, the guidance features are not.

    Parameters
    ----------
    config : TwoStreamUNetConfig
    drop_features : float
        Chance of leaving out the features of the image encoder, in training (not in eval): who always sees what is
        there pays less heed to what the labels say.
    """

    def __init__(self, config: TwoStreamUNetConfig, drop_features: float = 0.0):
        super().__init__()
        self.config = config
        self.drop_features = drop_features
        self.ranks = ClassRanks(config.ids)
        first = config.stem or 1
        if config.embedding:
            self.class_vectors = nn.Embedding(len(config.ids), config.embedding, padding_idx=0)
        if config.stem:
            self.gray_stem = conv3x3(1, config.stem, 2)
            self.guidance_stem = conv3x3(config.embedding or 1, config.stem, 2)
        self.encoder = nn.ModuleList(
            EncoderLevel(inputs, outputs, 2 if level else 1, config.slope)
            for level, (inputs, outputs) in enumerate(zip((first, *config.widths), config.widths, strict=False))
        )
        deepest = config.widths[-1]
        self.context = nn.ModuleList(ContextBlock(deepest, config.slope) for _ in range(config.context))
        inputs = 2 * deepest
        self.decoder = nn.ModuleList()
        for width, outputs in zip(reversed(config.widths[:-1]), config.decoder_widths, strict=True):
            self.decoder.append(DecoderLevel(inputs, 2 * width, outputs, config.slope))
            inputs = outputs
        self.final = conv3x3(inputs, 2)
        self._initialize()
        if config.image_encoder:
            self.image_encoder = ImageEncoder(config.image_encoder)
            levels = (*config.widths[1:], deepest)  # the coarsest features join those of the deepest level
            self.entries = nn.ModuleList(
                projection(*sizes) for sizes in zip(self.image_encoder.widths, levels, strict=True)
            )

    @classmethod
    def preset(cls, name: Literal["paper", "authors", "default"], classes: Iterable[int]) -> TwoStreamUNet:
        """Build one of the named networks, with fresh weights.

        Parameters
        ----------
        name : {"paper", "authors", "default"}
            The network as the paper prints it, as its authors released it, or ours: a tenth of the cost, with a
            learned vector per class.
        classes : iterable of int
            Class ids; 0 (unlabeled) is put first where it is not.
        """
        ids = tuple(classes)
        if not ids or ids[0] != 0:  # rank 0 is what an unlabeled pixel gets
            ids = (0, *(label for label in ids if label != 0))
        if name not in PRESETS:
            raise ValueError(f"unknown preset {name!r}; there are {', '.join(PRESETS)}")
        return cls(replace(PRESETS[name], ids=ids))

    def _initialize(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, a=self.config.slope)
                if isinstance(module, nn.ConvTranspose2d):  # a quarter of the kernel meets each output pixel
                    fan = module.in_channels * 9 / 4
                    nn.init.normal_(module.weight, std=math.sqrt(2 / fan))
        with torch.no_grad():
            self.final.weight *= FAINT
            for module in self.modules():
                if isinstance(module, ContextBlock):
                    module.conv2.weight *= FAINT

    def forward(
        self,
        x: Tensor,
        labels: Tensor | None = None,
        hints: Tensor | None = None,
        features: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """Predict chroma.

        Parameters
        ----------
        x : Tensor, (N, 1, H, W)
            Lightness scaled to [-1, 1]; H and W multiples of ``config.stride``.
        labels : Tensor, (N, H, W), optional
            Class ids; None means all 0.
        hints : Tensor, (N, 3, H, W), optional
            a*, b* scaled like the output and 0 where there is none, then a mask in {0, 1}; see `spread_hints`.
        features : sequence of Tensor, optional
            What the image encoder gives for `x`, if it is known already.

        Returns
        -------
        Tensor, (N, 2, H, W)
            Scaled chroma: a* and b* = ``chroma_scale * c + chroma_offset``.
        """
        chroma = self.decode(self.encode_gray(x, features), self.encode_guidance(labels, like=x))
        return chroma if hints is None else spread_hints(chroma, x, labels, hints)

    def encode_gray(self, x: Tensor, features: Sequence[Tensor] | None = None) -> list[Tensor]:
        """Gray features of each level, finest first; no label changes them.

        They are normalized if the config says so, and hold what the image encoder sees, or what is given of that.
        """
        seen = self._seen(x, features) if self.config.image_encoder else []
        if self.config.stem:
            x = F.leaky_relu(self.gray_stem(x), self.config.slope)
        gray = []
        for level in self.encoder:
            x = level(x)
            gray.append(F.instance_norm(x, eps=INSTANCE_NORM_EPS) if self.config.gray_norm else x)
        for number, of_level in enumerate(seen, 1):
            gray[number] = gray[number] + of_level
        for block in self.context:
            gray[-1] = block(gray[-1])
        return gray

    def _seen(self, x: Tensor, features: Sequence[Tensor] | None) -> list[Tensor]:
        """What the image encoder adds to each level but the first."""
        features = self.image_encoder(x) if features is None else features
        *seen, coarsest = (entry(of_stride) for entry, of_stride in zip(self.entries, features, strict=True))
        seen[-1] = seen[-1] + F.interpolate(coarsest, scale_factor=2, mode="bilinear", align_corners=False)
        if self.training and self.drop_features:
            kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.drop_features
            seen = [of_level * kept for of_level in seen]
        return seen

    def encode_guidance(self, labels: Tensor | None, like: Tensor) -> list[Tensor]:
        """Guidance features of each level, finest first, for a gray input of the size of `like`."""
        if labels is None:
            labels = torch.zeros(len(like), *like.shape[-2:], dtype=torch.int64, device=like.device)
        x = self.embed(labels, like.dtype)
        if self.config.stem:
            x = F.leaky_relu(self.guidance_stem(x), self.config.slope)
        features = []
        for level in self.encoder:
            x = level(x)
            features.append(x)
        return features

    def class_parameters(self) -> list[Tensor]:
        """Tensors with one row for each class; none where a class is a gray level."""
        return [self.class_vectors.weight] if self.config.embedding else []

    def with_classes(self, ids: Sequence[int], rows: Sequence[int] | None = None) -> TwoStreamUNet:
        """The same network for other classes.

        Parameters
        ----------
        ids : sequence of int
            Class id of each index rank.
        rows : sequence of int, optional
            The rank of this network whose vector each begins with; -1: the mean of all but rank 0, if there is
            another. Not to be given where a class is a gray level.
        """
        changed = TwoStreamUNet(replace(self.config, ids=tuple(ids)), self.drop_features)
        state = dict(self.state_dict())
        if rows is not None:
            mean_from = min(1, len(self.config.ids) - 1)
            state["class_vectors.weight"] = chosen_rows(state["class_vectors.weight"], rows, mean_from)
        changed.load_state_dict(state)
        return changed.eval()

    def embed(self, labels: Tensor, dtype: torch.dtype) -> Tensor:
        """What the guidance stream begins with, (N, C, H, W): the vector of each pixel's class, or its scaled rank."""
        ranks = self.ranks(labels)
        if self.config.embedding:
            return self.class_vectors(ranks).permute(0, 3, 1, 2).to(dtype)
        return (2 * ranks.to(dtype) / max(len(self.config.ids) - 1, 1) - 1)[:, None]

    def decode(self, gray: list[Tensor], guidance: list[Tensor]) -> Tensor:
        """Scaled chroma (N, 2, H, W) from the features of both streams."""
        x = torch.cat([gray[-1], guidance[-1]], 1)
        for level, gray_skip, guidance_skip in zip(self.decoder, gray[-2::-1], guidance[-2::-1], strict=True):
            x = level(x, torch.cat([gray_skip, guidance_skip], 1))
        x = self.final(x)
        if self.config.final_activation:
            x = F.leaky_relu(x, self.config.slope)
        if self.config.stem:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return x


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
    ),
}
