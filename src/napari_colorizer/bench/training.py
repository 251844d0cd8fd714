"""How much of a training step is spent on waiting for data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from napari_colorizer.datasets.sets import Photo
from napari_colorizer.engine.devices import pick_device
from napari_colorizer.networks import GridNet, TwoStreamUNet
from napari_colorizer.training.crop_dataset import CropDataset, crops_for
from napari_colorizer.training.hardware import lightning_precision, worker_count
from napari_colorizer.training.modules import ColorizerTraining, NetworkTraining, SegmenterTraining
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.views import ViewStore

PHOTO_SHAPE = (224, 300)
CLASSES = range(1, 37)
PHOTOS, WARM_UP = 32, 3


@dataclass(frozen=True)
class StepTime:
    """Median times of a training step, in milliseconds.

    Attributes
    ----------
    network : str
    crops : int
        In a step.
    with_loading, without_loading : float
        With crops drawn and cut as in training, and with the same crops again and again.
    """

    network: str
    crops: int
    with_loading: float
    without_loading: float

    @property
    def loading_share(self) -> float:
        """Time for data as a part of the step."""
        return max(0.0, 1 - self.without_loading / self.with_loading)


def measure_steps(options: TrainOptions, steps: int = 15) -> list[StepTime]:
    """Time steps of both networks, those with and those without data loading by turns.

    Parameters
    ----------
    options : TrainOptions
        Preset, batch, crop, device, precision and workers are those of the training. The photographs are noise of
        the usual size, in memory: what is measured does not depend on what they show.
    steps : int
        Of each kind.
    """
    rng = np.random.default_rng(0)
    photos = [_make_photo(number, rng) for number in range(PHOTOS)]
    parts = ("segmenter", "colorizer") if options.network == "both" else (options.network,)
    return [_measure(part, options, photos, steps) for part in parts]


def _measure(part: str, options: TrainOptions, photos: list[Photo], steps: int) -> StepTime:
    device = pick_device(options.device)
    training = _training(part, options, device)
    step = _make_step(training, options, device)
    times: dict[str, list[float]] = {"with": [], "without": []}
    with TemporaryDirectory() as folder:
        data = _crops(training.network, options, photos, Path(folder) / "views")
        loader = _batches(data, options, steps + WARM_UP)
        fixed = next(_batches(data, replace(options, workers=0), 1))
        for number in range(steps + WARM_UP):
            for kind, batches in (("with", loader), ("without", iter([fixed]))):
                began = time.perf_counter()
                step(next(batches))
                if number >= WARM_UP:
                    times[kind].append((time.perf_counter() - began) * 1e3)
    return StepTime(part, options.batch, float(np.median(times["with"])), float(np.median(times["without"])))


def _crops(network: GridNet | TwoStreamUNet, options: TrainOptions, photos: list[Photo], path: Path) -> CropDataset:
    def build() -> ViewStore:
        store, device = ViewStore(photos, replace(options, views=1), path), pick_device(options.device)
        store.build(network.image_encoder, device, lightning_precision(options.precision, device), lambda _: None)
        return store

    return crops_for(network, photos, options, build)


def _batches(data: CropDataset, options: TrainOptions, count: int) -> Iterator[dict[str, Tensor]]:
    keys: Any = [(0, place, place % len(data.photos)) for place in range(count * options.batch)]
    workers, on_gpu = worker_count(options), pick_device(options.device).type == "cuda"
    return iter(DataLoader(data, options.batch, sampler=keys, num_workers=workers, pin_memory=on_gpu))


def _training(part: str, options: TrainOptions, device: torch.device) -> NetworkTraining:
    training: NetworkTraining
    if part == "colorizer":
        training = ColorizerTraining(TwoStreamUNet.preset(options.preset, CLASSES), options, 1000)
    else:
        training = SegmenterTraining(GridNet.preset(options.preset, CLASSES), options, 1000, {})
    training.to(device)
    training.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return training


def _make_step(
    training: NetworkTraining, options: TrainOptions, device: torch.device
) -> Callable[[dict[str, Tensor]], None]:
    """One step of the optimizer, as Lightning does it."""
    optimizer = training.configure_optimizers()["optimizer"]
    precision = lightning_precision(options.precision, device)
    half = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}.get(precision, torch.float32)

    def step(batch: dict[str, Tensor]) -> None:
        batch = {name: values.to(device, non_blocking=True) for name, values in batch.items()}
        with torch.autocast(device.type, half, enabled=half != torch.float32):
            loss: Any = training.training_step(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(training.network.parameters(), 1.0)
        optimizer.step()
        training.average.update_parameters(training.network)
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


def _make_photo(number: int, rng: np.random.Generator) -> Photo:
    labels = np.kron(rng.integers(0, 9, (8, 10)), np.ones((28, 30), int)).astype(np.uint8)
    return Photo(f"noise-{number}", rng.integers(0, 256, (*PHOTO_SHAPE, 3), np.uint8), labels)
