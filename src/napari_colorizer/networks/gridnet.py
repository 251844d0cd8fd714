"""The segmenter: a residual grid of convolutions, whose first column may have seen ImageNet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_colorizer.networks.blocks import chosen_rows, conv3x3, projection, up_conv3x3
from napari_colorizer.networks.config_values import check_values
from napari_colorizer.networks.image_encoder import STRIDES, VARIANTS, ImageEncoder
from napari_colorizer.networks.two_stream_config import Lightness

CLASS_TENSORS = ("last.3.weight", "last.4.weight", "last.4.bias", "last.4.running_mean", "last.4.running_var")


@dataclass(frozen=True)
class GridNetConfig:
    """What a `GridNet` is built from; stored in the model file.

    Attributes
    ----------
    ids : tuple of int
        Class id of each logit channel.
    widths : tuple of int
        Channels of each row; every row after the first halves the size.
    columns : int
        Number of columns; the first half goes down, the second half up.
    stem_stride : {1, 2, 4}
        Stride of the first row; the logits are brought back up bilinearly.
    lightness : {"L*", "BT.601"}
        Which lightness the gray input holds, scaled to [-1, 1].
    unit_input : bool
        Whether the input is taken to [0, 1] first, as the paper's authors feed it.
    head : int
        Channels between the last two convolutions; 0 for as many as there are classes, as in the paper. A network
        that is taught other classes keeps those channels.
    image_encoder : {"", "lite0", "lite1", "lite2"}
        The `ImageEncoder` that is the first column of the grid, with its strides 4 to 32; none by default.
    """

    ids: tuple[int, ...]
    widths: tuple[int, ...] = (16, 32, 64, 128, 256)
    columns: int = 6
    stem_stride: Literal[1, 2, 4] = 1
    lightness: Lightness = "L*"
    unit_input: bool = False
    head: int = 0
    image_encoder: str = ""

    def __post_init__(self) -> None:
        check_values(self)
        if len(set(self.ids)) != len(self.ids) or not self.ids:
            raise ValueError("ids must name at least one class, each once")
        if self.columns < 2 or self.columns % 2:
            raise ValueError("columns must be even: half of them go down, half of them up")
        if self.image_encoder not in ("", *VARIANTS):
            raise ValueError(f"image_encoder must be one of {', '.join(VARIANTS)}, not {self.image_encoder!r}")
        if self.image_encoder and (self.stem_stride != STRIDES[0] or len(self.widths) != len(STRIDES)):
            raise ValueError(f"behind an image encoder the rows have the strides {STRIDES}")

    @property
    def stride(self) -> int:
        """The sides of an input must be multiples of this."""
        return int(self.stem_stride * 2 ** (len(self.widths) - 1))


class Edge(nn.Sequential):
    """One edge of the grid: BN, ReLU, conv, BN, ReLU, conv; the first convolution may change the size."""

    def __init__(self, first: nn.Module, inputs: int, outputs: int):
        super().__init__(
            nn.BatchNorm2d(inputs), nn.ReLU(), first, nn.BatchNorm2d(outputs), nn.ReLU(), conv3x3(outputs, outputs)
        )


class GridNet(nn.Module):
    """GridNet (Fourure et al. 2017, arXiv 1707.07958) with the sizes of "Semantic-driven Colorization".

    Column 0 is filled downward; the columns up to the middle sum the horizontal edge and the edge from the row
    above; the rest are filled from the bottom up and sum the horizontal edge and the edge from the row below.

    Parameters
    ----------
    config : GridNetConfig
    drop_branch : float
        Chance of dropping the branch of a horizontal edge in training (not in eval). The paper's authors used 0.
    """

    def __init__(self, config: GridNetConfig, drop_branch: float = 0.0):
        super().__init__()
        self.config = config
        self.drop_branch = drop_branch
        self._build_entries(config)
        self._build_grid(config)
        classes = len(config.ids)
        head = config.head or classes
        self.last = nn.Sequential(
            conv3x3(config.widths[0], head),
            nn.BatchNorm2d(head),
            nn.ReLU(),
            conv3x3(head, classes),
            nn.BatchNorm2d(classes),
        )

    def _build_entries(self, config: GridNetConfig) -> None:
        """Build what column 0 begins with: an image encoder, which fills all of it, or the first layers."""
        widths = config.widths
        if config.image_encoder:
            self.image_encoder = ImageEncoder(config.image_encoder)
            self.entries = nn.ModuleList(
                projection(*sizes) for sizes in zip(self.image_encoder.widths, widths, strict=True)
            )
        else:
            self.input_norm = nn.BatchNorm2d(1)
            self.first = nn.Sequential(
                conv3x3(1, widths[0], config.stem_stride),
                nn.BatchNorm2d(widths[0]),
                nn.ReLU(),
                conv3x3(widths[0], widths[0]),
                nn.BatchNorm2d(widths[0]),
                nn.ReLU(),
            )

    def _build_grid(self, config: GridNetConfig) -> None:
        """Build the edges between the rows and columns."""
        widths, rows, middle = config.widths, range(len(config.widths)), config.columns // 2
        self.across = nn.ModuleDict(
            {
                f"{row}_{column}": Edge(conv3x3(widths[row], widths[row]), widths[row], widths[row])
                for row in rows
                for column in range(1, config.columns)
            }
        )
        self.down = nn.ModuleDict(
            {
                f"{row}_{column}": Edge(conv3x3(widths[row - 1], widths[row], 2), widths[row - 1], widths[row])
                for row in rows[1:]
                for column in range(1 if config.image_encoder else 0, middle)
            }
        )
        self.up = nn.ModuleDict(
            {
                f"{row}_{column}": Edge(up_conv3x3(widths[row + 1], widths[row]), widths[row + 1], widths[row])
                for row in rows[:-1]
                for column in range(middle, config.columns)
            }
        )

    @classmethod
    def preset(cls, name: Literal["paper", "authors", "default"], classes: Iterable[int]) -> GridNet:
        """Build one of the named networks, with fresh weights.

        Parameters
        ----------
        name : {"paper", "authors", "default"}
            The network as the paper sets it, the same with its authors' input scaling, or ours: an image encoder
            for the first column, and a tenth of the cost.
        classes : iterable of int
            Class id of each logit channel, in order.
        """
        if name not in PRESETS:
            raise ValueError(f"unknown preset {name!r}; there are {', '.join(PRESETS)}")
        return cls(replace(PRESETS[name], ids=tuple(classes)))

    def forward(self, x: Tensor, features: Sequence[Tensor] | None = None) -> Tensor:
        """Logits (N, C, H, W) of a gray input.

        Parameters
        ----------
        x : Tensor, (N, 1, H, W)
            In [-1, 1]; H and W multiples of ``config.stride``.
        features : sequence of Tensor, optional
            What the image encoder gives for `x`, if it is known already.
        """
        return self.enlarge(self.coarse_logits(x, features))

    def coarse_logits(self, x: Tensor, features: Sequence[Tensor] | None = None) -> Tensor:
        """Logits (N, C, H / stride, W / stride) as the grid gives them, with the stride of its first row."""
        return self.classify(self.describe(x, features))

    def describe(self, x: Tensor, features: Sequence[Tensor] | None = None) -> Tensor:
        """What a place looks like to the network, (N, D, H / stride, W / stride): its last layer before the classes."""
        column = self._first_column(x, features)
        middle = self.config.columns // 2
        for index in range(1, middle):
            column = self._downward(column, index)
        for index in range(middle, self.config.columns):
            column = self._upward(column, index)
        described: Tensor = self.last[:3](column[0])
        return described

    def classify(self, described: Tensor) -> Tensor:
        """The coarse logits of what `describe` gives."""
        logits: Tensor = self.last[3:](described)
        return logits

    def enlarge(self, coarse: Tensor) -> Tensor:
        """Bring (N, C, H / stride, W / stride) to the size of the input."""
        if self.config.stem_stride == 1:
            return coarse
        return F.interpolate(coarse, scale_factor=self.config.stem_stride, mode="bilinear", align_corners=False)

    def class_parameters(self) -> list[Tensor]:
        """Tensors with one row for each class."""
        return [*self.last[3].parameters(), *self.last[4].parameters()]

    def with_classes(self, ids: Sequence[int], rows: Sequence[int]) -> GridNet:
        """The same network for other classes: all before the last convolution stays.

        Parameters
        ----------
        ids : sequence of int
            Class id of each logit channel.
        rows : sequence of int
            The channel of this network that each begins as; -1: the mean of all.
        """
        config = self.config
        changed = GridNet(replace(config, ids=tuple(ids), head=config.head or len(config.ids)), self.drop_branch)
        state = dict(self.state_dict())
        for name in CLASS_TENSORS:
            state[name] = chosen_rows(state[name], rows)
        changed.load_state_dict(state)
        return changed.eval()

    def _first_column(self, x: Tensor, features: Sequence[Tensor] | None) -> list[Tensor]:
        if self.config.image_encoder:
            features = self.image_encoder(x) if features is None else features
            return [entry(of_row) for entry, of_row in zip(self.entries, features, strict=True)]
        if self.config.unit_input:
            x = (x + 1) / 2
        column = [self.first(self.input_norm(x))]
        for row in range(1, len(self.config.widths)):
            column.append(self.down[f"{row}_0"](column[-1]))
        return column

    def _downward(self, previous: list[Tensor], index: int) -> list[Tensor]:
        column: list[Tensor] = []
        for row, x in enumerate(previous):
            x = self._horizontal(x, row, index)
            if row:
                x = x + self.down[f"{row}_{index}"](column[-1])
            column.append(x)
        return column

    def _upward(self, previous: list[Tensor], index: int) -> list[Tensor]:
        column: list[Tensor] = []
        for row in reversed(range(len(previous))):
            x = self._horizontal(previous[row], row, index)
            if column:
                x = x + self.up[f"{row}_{index}"](column[-1])
            column.append(x)
        return column[::-1]

    def _horizontal(self, x: Tensor, row: int, index: int) -> Tensor:
        if self.training and self.drop_branch and torch.rand(()) < self.drop_branch:
            return x
        return x + self.across[f"{row}_{index}"](x)


PRESETS = {
    "paper": GridNetConfig(ids=(0,)),
    "authors": GridNetConfig(ids=(0,), lightness="BT.601", unit_input=True),
    "default": GridNetConfig(
        ids=(0,), widths=(48, 64, 96, 128), columns=4, stem_stride=4, head=64, image_encoder="lite2"
    ),
}
