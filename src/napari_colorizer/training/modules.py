"""The networks in training, as Lightning modules."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from napari_colorizer.classes import UNLABELED
from napari_colorizer.evaluation.suggestions import Suggestions
from napari_colorizer.guidance import LabelChannel
from napari_colorizer.networks import GridNet, TwoStreamUNet
from napari_colorizer.training.batch_transforms import features_of, flip, gray_and_chroma
from napari_colorizer.training.crop_dataset import given
from napari_colorizer.training.losses import (
    FOLLOWED,
    GroupedCrossEntropy,
    Relabeled,
    class_weights,
    color_loss,
    colors_to_take,
)
from napari_colorizer.training.options import TrainOptions

WARM_UP_STEPS = 100
BETAS = (0.9, 0.999)
FORMER_NAMES = {"average.network.": "average.module.", "average.count": "average.n_averaged"}  # and what they became
EARLY = 4  # the average of the first steps is over a quarter of them: a random start is soon forgotten


def moving_average(network: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of a network's weights and statistics, in eval mode.

    Parameters
    ----------
    network : nn.Module
        Copied.
    decay : float
        Share of the old average that a step keeps; 0 makes it a copy of the network.
    """

    def follow(old: Any, new: Any, count: Tensor | int) -> None:
        if old[0].is_floating_point():
            torch._foreach_lerp_(old, new, max(1 - decay, 1 / (1 + int(count) / EARLY)))
        else:  # what batch norms count
            torch._foreach_copy_(old, new)

    average = AveragedModel(network, multi_avg_fn=follow, use_buffers=True)
    average.eval().requires_grad_(False)
    return average


class NetworkTraining(pl.LightningModule):
    """One network, its moving average, and how it is optimized.

    Parameters
    ----------
    network : GridNet or TwoStreamUNet
        Trained in place.
    options : TrainOptions
    steps : int
        Of the whole training.
    """

    def __init__(self, network: GridNet | TwoStreamUNet, options: TrainOptions, steps: int):
        super().__init__()
        self.network = network.train().requires_grad_(True)  # a model holds its networks in eval mode
        if network.config.image_encoder:
            network.image_encoder.requires_grad_(options.encoder_factor > 0)
        self.options, self.steps = options, steps
        self.average = moving_average(network, options.ema)
        self._updates = 0

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Read checkpoints of earlier versions, which had other names for the average."""
        for name in [name for name in checkpoint["state_dict"] if name.startswith(tuple(FORMER_NAMES))]:
            former = next(former for former in FORMER_NAMES if name.startswith(former))
            renamed = name.replace(former, FORMER_NAMES[former], 1)
            checkpoint["state_dict"][renamed] = checkpoint["state_dict"].pop(name)

    def on_train_start(self) -> None:
        """Count the steps that were done before."""
        self._updates = self.trainer.global_step

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Average the weights, once for every step of the optimizer."""
        if self.trainer.global_step > self._updates:
            self._updates = self.trainer.global_step
            self.average.update_parameters(self.network)

    def configure_optimizers(self) -> Any:
        """Adam or AdamW, with a learning rate that is a function of the step."""
        options = self.options
        kind = torch.optim.AdamW if options.optimizer == "adamw" else torch.optim.Adam
        of_classes = {id(tensor) for tensor in self.network.class_parameters()}
        head: list[Tensor] = []
        body: list[Tensor] = []
        encoder: list[Tensor] = []
        for name, tensor in self.network.named_parameters():
            if name.startswith("image_encoder."):
                encoder += [tensor] * tensor.requires_grad
            else:
                (head if id(tensor) in of_classes else body).append(tensor)
        groups: list[dict[str, Any]] = [
            {"params": head},
            {"params": body, "lr": options.learning_rate * options.body_factor},
            {"params": encoder, "lr": options.learning_rate * options.encoder_factor},
        ]
        optimizer = kind(
            [group for group in groups if group["params"]],
            options.learning_rate,
            BETAS,
            weight_decay=options.weight_decay,
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def rate_factor(self, step: int) -> float:
        """Factor on the learning rate: a short warm-up, then half a cosine down to 0; or always 1."""
        if self.options.schedule == "constant":
            return 1.0
        warm_up = min(WARM_UP_STEPS, max(1, self.steps // 10))
        return min(1.0, (step + 1) / warm_up) * (1 + math.cos(math.pi * min(1.0, step / self.steps))) / 2


class ColorizerTraining(NetworkTraining):
    """The colorizer: Huber loss on chroma, with incomplete labels and some that contradict the picture.

    Parameters
    ----------
    network, options, steps
        See `NetworkTraining`.
    suggestions : dict, optional
        Colors of the classes, as in `Model.suggestions`: what a region is to look like that gets another label.
    """

    network: TwoStreamUNet
    colors: Tensor

    def __init__(
        self, network: TwoStreamUNet, options: TrainOptions, steps: int, suggestions: Suggestions | None = None
    ):
        super().__init__(network, options, steps)
        network.drop_features = options.drop_features
        config = network.config
        known = suggestions or {}
        most = max(map(len, known.values()), default=1)
        colors = torch.zeros(max(config.ids) + 1, most, 2)
        for label, rows in known.items():
            padded = [*rows, *rows[:1] * (most - len(rows))]  # where there are fewer, the first one again
            colors[label] = torch.tensor(padded)[:, :2]
        self.register_buffer("colors", (colors - config.chroma_offset) / config.chroma_scale, persistent=False)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """The loss of a batch of crops."""
        config = self.network.config
        with torch.autocast(self.device.type, enabled=False):
            inputs = gray_and_chroma(batch, self.network)
            chroma = (inputs.chroma - config.chroma_offset) / config.chroma_scale
            said = {name: flip(batch[given(name)], batch["flips"]) for name in config.guidance}
            labels = said.pop(LabelChannel.name).long()
        options = self.options
        predicted = self.network(inputs.x, labels, features=features_of(batch, self.network, inputs.x), others=said)
        guessed = labels == UNLABELED if options.cautious else None
        relabeled = (
            self._relabeled(flip(batch["relabeled"], batch["flips"]).long(), labels) if "relabeled" in batch else None
        )
        weights = (options.huber_delta, options.color_weight, options.relative_to)
        return color_loss(predicted, chroma, *weights, guessed, relabeled)

    def _relabeled(self, former: Tensor, labels: Tensor) -> Relabeled:
        """Where labels (N, S, S) were changed, and the colors of what they say now; `former` is 0 elsewhere."""
        region = former != UNLABELED
        new, old = (labels * region).amax((1, 2)), former.amax((1, 2))
        margin = FOLLOWED / self.network.config.chroma_scale
        return Relabeled(region, *colors_to_take(self.colors[new], self.colors[old], margin))


class SegmenterTraining(NetworkTraining):
    """The segmenter: cross-entropy over the labeled pixels.

    Parameters
    ----------
    network, options, steps
        See `NetworkTraining`.
    groups : mapping
        See `GroupedCrossEntropy`.
    pixels : mapping, optional
        Pixels of each class id in the training images; they matter where `options.rarity` is not 0. Both add up:
        `options.balance` draws photos of rare classes more often, and each of their pixels then counts more, too.
    """

    network: GridNet

    def __init__(
        self,
        network: GridNet,
        options: TrainOptions,
        steps: int,
        groups: Mapping[int, tuple[int, ...]],
        pixels: Mapping[int, int] | None = None,
    ):
        super().__init__(network, options, steps)
        ids = network.config.ids
        weights = self._weights(ids, pixels) if options.rarity and pixels else None
        self.loss = GroupedCrossEntropy(ids, groups, options.background, weights)

    def _weights(self, ids: Sequence[int], pixels: Mapping[int, int]) -> list[float]:
        """How much a pixel of each class counts; what the loss leaves out has no say in what is frequent."""
        learned = [label for label in ids if label != UNLABELED or self.options.background]
        weights = class_weights([pixels.get(label, 0) for label in learned], self.options.rarity)
        by_id = dict(zip(learned, weights, strict=True))
        return [by_id.get(label, 1.0) for label in ids]

    def on_train_epoch_start(self) -> None:
        """Keep the batch-norm statistics as they are, if so wished."""
        if self.options.freeze_norm:
            for layer in self.network.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.eval()

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """The loss of a batch of crops."""
        with torch.autocast(self.device.type, enabled=False):
            inputs = gray_and_chroma(batch, self.network)
        logits = self.network.coarse_logits(inputs.x, features_of(batch, self.network, inputs.x))
        stride = self.network.config.stem_stride  # where the grid is coarse, the middle pixels of its cells tell
        return self.loss(logits, inputs.labels[:, stride // 2 :: stride, stride // 2 :: stride])
