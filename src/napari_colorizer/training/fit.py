"""Two small training loops, one for each network, on a budget of minutes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from napari_colorizer.engine.segment import network_input
from napari_colorizer.networks import GridNet, TwoStreamUNet
from napari_colorizer.training.batches import age, chroma_target, draw_crops, draw_hints, drop_labels
from napari_colorizer.training.photos import Photo

Network = TypeVar("Network", bound=nn.Module)
Loss = Callable[[nn.Module, np.random.Generator], Tensor]


@dataclass(frozen=True)
class FitOptions:
    """How long and how hard to train.

    Attributes
    ----------
    minutes : float
        Budget of wall-clock time; the learning rate falls to 0 along a half cosine over it.
    size : int
        Side of the square crops, in pixels.
    batch : int
        Crops per step.
    rate : float
        Learning rate of AdamW at the start.
    seed : int
        Of every random choice.
    """

    minutes: float
    size: int = 128
    batch: int = 16
    rate: float = 1e-3
    seed: int = 0


def fit_colorizer(
    network: TwoStreamUNet,
    photos: Sequence[Photo],
    options: FitOptions,
    huber_delta: float = 0.02,
    checkpoint: Path | None = None,
    before: dict[str, Any] | None = None,
) -> TwoStreamUNet:
    """Train a colorizer; `before` says how its weights came about, and is stored in the checkpoint."""
    scale = network.config.chroma_scale

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        crops = draw_crops(photos, list(rng.integers(len(photos), size=options.batch)), options.size, rng)
        hints, target = draw_hints(crops.labels, chroma_target(crops.rgb, scale), rng)
        x = age(gray_input(crops.rgb), rng)
        with half_precision():
            predicted = network(x, drop_labels(crops.labels, rng), hints)
        error = F.huber_loss(predicted.float(), target, "none", huber_delta)
        # most pixels of most photographs are nearly gray: without more weight on colors everything ends up gray
        weight = 0.5 + 4 * target.norm(dim=1, keepdim=True).clamp(max=0.5)
        return (error * weight).mean() / huber_delta

    return _fit(network, loss, options, checkpoint, before)


def fit_segmenter(
    network: GridNet,
    photos: Sequence[Photo],
    groups: Mapping[int, tuple[int, ...]],
    options: FitOptions,
    checkpoint: Path | None = None,
    before: dict[str, Any] | None = None,
) -> GridNet:
    """Train a segmenter with cross-entropy over the labeled pixels.

    Parameters
    ----------
    groups : dict
        Ids that some sources use for several ids of others (a person is skin, hair and clothes): the probabilities
        of a group's members count for it.
    """
    ids = network.config.ids
    rank = torch.full((max(ids) + 1,), -1)
    rank[list(ids)] = torch.arange(len(ids))
    weights = _rare_first(photos, len(rank))

    def loss(network: nn.Module, rng: np.random.Generator) -> Tensor:
        crops = draw_crops(photos, list(rng.choice(len(photos), options.batch, p=weights)), options.size, rng)
        with half_precision():
            logits = network(age(gray_input(crops.rgb), rng))
        log_p = F.log_softmax(logits.float(), 1)
        known = crops.labels.clamp(max=len(rank) - 1)
        target = torch.where(crops.labels < len(rank), rank[known], -1)
        for group, members in groups.items():
            joint = torch.logsumexp(log_p[:, rank[[group, *members]]], 1)
            log_p = log_p.index_copy(1, rank[[group]], joint[:, None])
        return F.nll_loss(log_p, target, ignore_index=-1)

    return _fit(network, loss, options, checkpoint, before)


def _save(path: Path, network: nn.Module, facts: dict[str, Any]) -> None:
    """Write the weights and how they came about; by way of another file, so that a crash leaves the old one."""
    temporary = path.with_suffix(".tmp")
    torch.save({"weights": network.state_dict(), **facts}, temporary)
    temporary.replace(path)


def _moving_average(average: Tensor, new: Tensor, count: Tensor | int) -> Tensor:
    """Exponential moving average; of fewer steps at first, so that the random start is soon forgotten."""
    return average + (new - average) * max(0.002, 1 / (1 + int(count) / 4))


def half_precision() -> torch.autocast:
    """bfloat16 convolutions: twice as many crops a second, measured on a CPU with AVX512-BF16."""
    return torch.autocast("cpu", torch.bfloat16)


def gray_input(rgb: Tensor) -> Tensor:
    """Network input (N, 1, H, W) in [-1, 1] of color crops (N, 3, H, W)."""
    return torch.stack([network_input(sample.permute(1, 2, 0), "L*") for sample in rgb])[:, None]


def _rare_first(photos: Sequence[Photo], size: int) -> np.ndarray:
    """Chance of each photo: photos whose classes are rare come more often, those without any label never."""
    present = np.array([np.bincount(photo.labels.ravel(), minlength=size)[:size] > 200 for photo in photos])
    present[:, 0] = False
    rarity = 1 / np.sqrt(np.maximum(present.sum(0), 5))
    chance = (present * rarity).max(1)
    return np.asarray(chance / chance.sum())


def _fit(
    network: Network, loss: Loss, options: FitOptions, checkpoint: Path | None, before: dict[str, Any] | None
) -> Network:
    """Minimize `loss`; returns the exponential moving average of the network, in eval mode."""
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    average = AveragedModel(network, avg_fn=_moving_average, use_buffers=True)
    optimizer = torch.optim.AdamW(network.parameters(), options.rate, weight_decay=1e-2)
    network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    facts = {**asdict(options), **({"before": before} if before else {})}
    start, step, recent = time.monotonic(), 0, 0.0
    while (spent := (time.monotonic() - start) / 60 / options.minutes) < 1:
        warm_up = min(1.0, (step + 1) / 100)
        for group in optimizer.param_groups:
            group["lr"] = options.rate * warm_up * (1 + math.cos(math.pi * spent)) / 2
        value = loss(network, rng)
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(network)
        step += 1
        recent += (float(value.detach()) - recent) / min(step, 100)
        if step % 50 == 0:
            print(f"step {step}  {spent:.1%} of the time  loss {recent:.4f}", flush=True)
        if checkpoint and step % 250 == 0:
            _save(checkpoint, average.module, {"steps": step, **facts})
    if checkpoint:
        _save(checkpoint, average.module, {"steps": step, **facts})
    return cast(Network, average.module.eval())
