"""The colorizer: a U-Net that runs gray and guidance through one encoder of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_colorizer.guidance import CHANNELS, LabelChannel
from napari_colorizer.networks.blocks import ContextBlock, chosen_rows, projection
from napari_colorizer.networks.hints import spread_hints
from napari_colorizer.networks.image_encoder import ImageEncoder
from napari_colorizer.networks.local import Layer, follow
from napari_colorizer.networks.two_stream_config import PRESETS, TwoStreamUNetConfig

INSTANCE_NORM_EPS = 1e-5
FAINT = 0.1  # training begins near gray, and with context that says little


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

    final: nn.Conv2d
    class_vectors: nn.Embedding

    def __init__(self, config: TwoStreamUNetConfig, drop_features: float = 0.0):
        super().__init__()
        self.config = config
        self.drop_features = drop_features
        self.channels = [CHANNELS[name](config) for name in config.guidance]
        for channel in self.channels:
            for name, module in channel.modules().items():
                self.add_module(name, module)
        self.topology = topology = config.topology()
        self._place([*topology.gray_stem, *topology.guidance_stem, *chain(*topology.encoder)])
        self.context = nn.ModuleList(topology.context)
        self._place(topology.decoder)  # in this order: optimizers count parameters
        self._initialize()
        if config.image_encoder:
            self.image_encoder = ImageEncoder(config.image_encoder)
            levels = (*config.widths[1:], config.widths[-1])  # the coarsest features join those of the deepest level
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

    def _place(self, layers: Sequence[Layer]) -> None:
        """Make the modules of layers parts of this one, under their names."""
        for layer in layers:
            *path, last = layer.name.split(".")
            home: nn.Module = self
            for part in path:
                if part not in dict(home.named_children()):
                    home.add_module(part, nn.Module())
                home = home.get_submodule(part)
            if last in dict(home.named_children()):
                raise ValueError(f"there are two layers {layer.name!r}")
            home.add_module(last, layer.module)
            if layer.gate is not None:
                home.add_module(f"{last}_gate", layer.gate)

    def _initialize(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight, a=self.config.slope)
                if isinstance(module, nn.ConvTranspose2d):  # a quarter of the kernel meets each output pixel
                    fan = module.in_channels * 9 / 4
                    nn.init.normal_(module.weight, std=math.sqrt(2 / fan))
        with torch.no_grad():
            self.final.weight *= FAINT
            for layer in self.topology.guidance:
                if layer.gate is not None:
                    layer.gate.weight.zero_()  # all of the gray features, at first
            for module in self.modules():
                if isinstance(module, ContextBlock):
                    module.conv2.weight *= FAINT

    def forward(
        self,
        x: Tensor,
        labels: Tensor | None = None,
        hints: Tensor | None = None,
        features: Sequence[Tensor] | None = None,
        others: Mapping[str, Tensor] | None = None,
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
        others : mapping, optional
            What is said in the other channels of guidance, (N, ..., H, W) each; nothing where it is left out.

        Returns
        -------
        Tensor, (N, 2, H, W)
            Scaled chroma: a* and b* = ``chroma_scale * c + chroma_offset``.
        """
        if labels is None:
            labels = torch.zeros(len(x), *x.shape[-2:], dtype=torch.int64, device=x.device)
        chroma = self.decode(self.encode_gray(x, features), labels, others)
        return chroma if hints is None else spread_hints(chroma, x, labels, hints)

    def encode_gray(self, x: Tensor, features: Sequence[Tensor] | None = None) -> list[Tensor]:
        """Gray features of each level, finest first; no label changes them.

        They are normalized if the config says so, and hold what the image encoder sees, or what is given of that.
        """
        seen = self._seen(x, features) if self.config.image_encoder else []
        x = follow(self.topology.gray_stem, x, Layer.__call__)
        gray = []
        for level in self.topology.encoder:
            x = follow(level, x, Layer.__call__)
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

    def decode(self, gray: Sequence[Tensor], labels: Tensor, others: Mapping[str, Tensor] | None = None) -> Tensor:
        """Scaled chroma (N, 2, H, W) from what `encode_gray` gives, class ids (N, H, W) and the other channels."""
        x = self.embed({**(others or {}), LabelChannel.name: labels}, gray[0].dtype)
        return follow(self.topology.guidance, x, lambda layer, sources: layer(sources, gray))

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

    def embed(self, said: Mapping[str, Tensor], dtype: torch.dtype) -> Tensor:
        """What the guidance stream begins with, (N, planes, H, W), for what is said in each channel, (N, ..., H, W)."""
        labels = said[LabelChannel.name]
        planes = []
        for channel in self.channels:
            own = said.get(channel.name)
            if own is None:
                own = torch.from_numpy(channel.absent((labels.shape[-2], labels.shape[-1]))).to(labels.device)[None]
                own = own.expand(len(labels), *own.shape[1:])
            planes.append(channel.encode(own, dtype))
        return torch.cat(planes, 1) if len(planes) > 1 else planes[0]
