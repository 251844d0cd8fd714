"""Training one network: its photos, its Lightning trainer, and what is done when memory runs out."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import BatchSampler, DataLoader, Subset

from napari_colorizer.classes import UNLABELED
from napari_colorizer.errors import TrainingError
from napari_colorizer.evaluation.evaluate import epoch_metrics
from napari_colorizer.evaluation.suggestions import Suggestions, unlike_classes
from napari_colorizer.models.file import read_model
from napari_colorizer.models.model import Model
from napari_colorizer.training.callbacks import Recorder, SafeCheckpointIO, Validation, watched
from napari_colorizer.training.context import Emit, Materials, StoppedError, suggested_colors
from napari_colorizer.training.crop_dataset import CropDataset, Unlike, crops_for
from napari_colorizer.training.events import Note
from napari_colorizer.training.hardware import is_out_of_memory, trainer_arguments, worker_count
from napari_colorizer.training.modules import ColorizerTraining, NetworkTraining, SegmenterTraining
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.pictures import write_pictures
from napari_colorizer.training.run_folder import lost
from napari_colorizer.training.sampler import EpochOrder, Share, rare_first
from napari_colorizer.training.views import ViewStore


def train_stage(materials: Materials, base: Model, part: str) -> tuple[Model, bool]:
    """Train one network of a model, or go on with it.

    Parameters
    ----------
    materials : Materials
    base : Model
        The network's weights to begin with, and the other network.
    part : {"segmenter", "colorizer"}

    Returns
    -------
    model : Model
        With the best weights.
    stopped : bool
        Whether somebody stopped it.

    Raises
    ------
    TrainingError
        If the loss is no number any more, one crop at a time is too much for the memory, or the best weights were
        removed meanwhile.
    """
    options, run = materials.options, materials.run
    colors = _colors_to_follow(materials, base) if part == "colorizer" and options.relabel else {}
    splits = 1
    while True:
        training, order = _make_training(materials, base, part, colors)
        stopped = False
        try:
            with _quiet():
                _fit(materials, base, part, training, order, splits, unlike_classes(colors))
        except StoppedError:
            stopped = True
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or options.devices * options.nodes > 1:
                raise  # (other processes cannot know that this one begins anew)
            splits = _more_splits(options, splits, part, error, materials.emit)
            training.to("cpu")
            del training
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            continue
        break
    if not run.best(part).exists():
        if not stopped:  # it was there
            raise lost(run)
        return base, stopped  # before the first epoch was over
    return replace(read_model(run.best(part)), name=base.name), stopped


def _colors_to_follow(materials: Materials, base: Model) -> Suggestions:
    """Suggested colors of the classes that the colorizer tells apart, in the order of their ids."""
    known, ids = suggested_colors(materials, base), base.require_colorizer().config.ids
    return {label: known[label] for label in sorted(ids) if label != UNLABELED and known.get(label)}


def _make_training(
    materials: Materials, base: Model, part: str, colors: Suggestions
) -> tuple[NetworkTraining, EpochOrder]:
    options, numbers = materials.options, materials.usable(part)
    torch.manual_seed(options.seed)
    network: Any = copy.deepcopy(base.networks[part])
    network.to(memory_format=torch.channels_last)
    chances = None
    if part == "segmenter" and options.balance:
        chances = rare_first(materials.train.counts[numbers, 1:])
    order = EpochOrder(len(numbers), options.batch, options.epoch_size, options.seed, chances)
    steps = order.steps * options.epochs
    if part == "colorizer":
        return ColorizerTraining(network, options, steps, colors), order
    pixels = dict(zip(materials.train.ids, materials.train.counts[numbers].sum(0, np.int64).tolist(), strict=True))
    return SegmenterTraining(network, options, steps, materials.data.groups, pixels), order


def _fit(
    materials: Materials,
    base: Model,
    part: str,
    training: NetworkTraining,
    order: EpochOrder,
    splits: int,
    unlike: Unlike,
) -> None:
    options, run = materials.options, materials.run
    validation = _validation(materials, base, part)
    recorder = Recorder(part, options, run, validation, materials.emit, materials.stop, materials.parts)
    trainer = pl.Trainer(
        **trainer_arguments(options, run.path),
        max_epochs=options.epochs,
        min_epochs=0,
        accumulate_grad_batches=splits,
        gradient_clip_val=options.clip or None,
        callbacks=[recorder],
        plugins=[SafeCheckpointIO()],
        default_root_dir=run.path,
        logger=False,
        enable_checkpointing=False,  # the recorder sees to it
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,  # the order of the crops does not depend on the processes
    )
    order.share = Share(trainer.global_rank, trainer.world_size)
    workers = worker_count(options)
    batches: Any = BatchSampler(order, options.batch // trainer.world_size // splits, drop_last=False)
    with ExitStack() as stack:
        loader = DataLoader(
            _crops(materials, training, part, unlike, trainer, stack),
            batch_sampler=batches,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=trainer.strategy.root_device.type == "cuda",
        )
        last = run.checkpoint(part)
        trainer.fit(training, loader, ckpt_path=last if last.exists() else None)


def _crops(
    materials: Materials,
    training: NetworkTraining,
    part: str,
    unlike: Unlike,
    trainer: pl.Trainer,
    stack: ExitStack,
) -> CropDataset:
    """The crops of a network; what a frozen image encoder sees is computed here, and removed with the stack."""
    options, network = materials.options, training.network
    photos: Any = Subset(cast(Any, materials.train), materials.usable(part))

    def build() -> ViewStore:
        path = materials.run.path / f".{part}-views-{trainer.global_rank}.tmp"
        stack.callback(path.unlink, missing_ok=True)
        store = ViewStore(photos, options, path)
        looks = f"The image encoder runs on {len(photos)} photos, {store.count} views each, only once"
        materials.emit(Note(looks))
        check = watched("Running the image encoder on the photographs", materials.emit, materials.stop)
        store.build(network.image_encoder, trainer.strategy.root_device, str(trainer.precision), check)
        return store

    return crops_for(network, photos, options, build, unlike)


def _validation(materials: Materials, base: Model, part: str) -> Validation:
    options, data = materials.options, materials.data

    def measure(model: Model) -> dict[str, float]:
        if not materials.val:
            return {}
        return epoch_metrics(model, materials.val, data.classes, data.groups, (part,), options.device)

    shown = [photo for photo in materials.val if part == "segmenter" or not photo.gray][: options.pictures]
    return Validation(
        build=lambda training: _with_network(base, part, training),
        measure=measure,
        draw=lambda model, epoch: write_pictures(
            model, shown, part, options.device, materials.run.pictures(part), epoch
        ),
    )


def _with_network(base: Model, part: str, training: NetworkTraining) -> Model:
    """The model with a copy of the averaged weights."""
    networks: dict[str, Any] = {name: copy.deepcopy(network) for name, network in base.networks.items()}
    networks[part] = copy.deepcopy(training.average.module).cpu()
    return replace(base, metrics={}, **networks)


def _more_splits(options: TrainOptions, splits: int, part: str, error: BaseException, emit: Emit) -> int:
    """Halve what goes through the network at once."""
    at_once = options.batch // (options.devices * options.nodes) // splits
    if at_once % 2:
        raise TrainingError(
            f"there is too little memory to train the {part} with {at_once} crops of {options.crop} x {options.crop} "
            "pixels at once. Use a smaller crop, or a batch that is a power of two"
        ) from error
    emit(Note(f"There is too little memory for {at_once} crops at once: continuing with {at_once // 2} at a time"))
    return splits * 2


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's hints for programmers from the user."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric|torch.optim.lr_scheduler")
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
