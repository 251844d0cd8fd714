"""What happens beside the steps of a training: progress is told, epochs are validated, what is good is kept."""

from __future__ import annotations

import io
import math
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor

from napari_colorizer.errors import DivergedError, TrainingError
from napari_colorizer.files import replacing
from napari_colorizer.models.library import FRESH
from napari_colorizer.models.model import Model
from napari_colorizer.training.context import Emit, Stop, StoppedError
from napari_colorizer.training.events import Doing, EpochEnded, Progress
from napari_colorizer.training.modules import NetworkTraining
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.run_folder import Row, RunFolder, lost

SECONDS_BETWEEN = 0.25
STEPS_TO_TELL = 10  # before they tell how long the others will take: the first ones are slow
SCORES = {"segmenter": ("mIoU", 1), "colorizer": ("ciede2000", -1)}  # what makes an epoch the best, and which way
STATE_KEY = "Recorder"  # of what checkpoints keep of it


def watched(text: str, emit: Emit, stop: Stop) -> Callable[[float], None]:
    """What takes the share that is done of something long: it tells of it, and raises `StoppedError` on a stop."""
    told = -math.inf

    def check(share: float) -> None:
        nonlocal told
        if stop():
            raise StoppedError
        if time.monotonic() - told > SECONDS_BETWEEN:
            told = time.monotonic()
            emit(Doing(text, share))

    return check


class SafeCheckpointIO(TorchCheckpointIO):
    """Checkpoints that are written completely or not at all, and hold nothing but tensors and plain values."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write beside the old checkpoint first, then take its place."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()  # torch tells of a full disk in other ways than the operating system does
        torch.save(checkpoint, content)
        with replacing(Path(path)) as temporary:
            temporary.write_bytes(content.getbuffer())

    def load_checkpoint(self, path: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Read a checkpoint without unpickling anything."""
        return _read_checkpoint(path)


def _read_checkpoint(path: Path, mmap: bool = False) -> dict[str, Any]:
    """What a checkpoint holds; with `mmap` its tensors stay on the disk until they are used."""
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except Exception as error:  # a damaged file fails in any way
        raise TrainingError(f"{path} is damaged. Delete it to start this network again") from error
    return checkpoint


def training_log(run: RunFolder, part: str) -> list[Row]:
    """What is known of each epoch of a network: epoch, step, minutes so far, loss, metrics, whether it was the best."""
    path = run.checkpoint(part)
    if not path.exists():
        return []
    rows: list[Row] = _read_checkpoint(path, mmap=True)["callbacks"][STATE_KEY]["rows"]
    return rows


def last_epoch(log: list[Row]) -> int:
    """The number of the last epoch of a log; 0 before the first."""
    return max((int(row["epoch"]) for row in log), default=0)


def epochs_done(run: RunFolder, part: str) -> int:
    """How many epochs of a network the folder of a run holds."""
    return last_epoch(training_log(run, part))


@dataclass
class Validation:
    """How an epoch is judged.

    Attributes
    ----------
    build : callable
        Gives the model with the weights of a training.
    measure : callable
        Gives the metrics of a model, by name; none where there are no validation images.
    draw : callable
        Draws the validation pictures of a model and an epoch; gives their files.
    """

    build: Callable[[NetworkTraining], Model]
    measure: Callable[[Model], dict[str, float]]
    draw: Callable[[Model, int], list[Path]]


class Recorder(Callback):
    """Tells progress, validates and saves each epoch, and ends a training that is stopped or has gone wrong.

    Parameters
    ----------
    part : str
        "segmenter" or "colorizer".
    options : TrainOptions
    run : RunFolder
    validation : Validation
    emit : callable
        Takes events.
    stop : callable
        Whether somebody has asked to stop.
    stages : tuple of str
        The networks that are trained one after the other; empty: this one alone.
    """

    def __init__(
        self,
        part: str,
        options: TrainOptions,
        run: RunFolder,
        validation: Validation,
        emit: Emit,
        stop: Stop,
        stages: tuple[str, ...] = (),
    ):
        self.part, self.options, self.run = part, options, run
        self.stages = stages or (part,)
        self.validation, self.emit, self.stop = validation, emit, stop
        self.rows: list[Row] = []
        self.score = -math.inf
        self._losses: list[Tensor] = []
        self._recent = math.nan
        self._told = self._began = 0.0
        self._minutes = 0.0  # before training was begun, or resumed, here
        self._first_step, self._first_second = 0, 0.0  # of the steps that tell how long the others will take
        self._on_sigterm: Any = None

    # -- what a checkpoint keeps

    @property
    def state_key(self) -> str:
        """Under which name it is kept: always the same, whatever the class is called."""
        return STATE_KEY

    def state_dict(self) -> dict[str, Any]:
        """The log and the best score so far."""
        return {"rows": self.rows, "score": self.score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the log of a checkpoint."""
        self.rows, self.score = state_dict["rows"], state_dict["score"]
        self._minutes = self.rows[-1].get("minutes", 0.0) if self.rows else 0.0

    # -- what Lightning calls

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Keep in mind what SIGTERM does: Lightning makes it end the process, as if all had gone well."""
        self._on_sigterm = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Judge the model to start from."""
        if threading.current_thread() is threading.main_thread() and self._on_sigterm is not None:
            signal.signal(signal.SIGTERM, self._on_sigterm)
        self._began, self._first_step = time.monotonic(), trainer.global_step
        if not trainer.is_global_zero:
            return
        if not self.rows and self.options.start != FRESH:
            self._record(trainer, pl_module, 0, math.nan)
        self.emit(Doing(f"Beginning to train the {self.part}"))
        self._first_second = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Tell how far it is, and see whether to stop."""
        self._losses.append(outputs["loss"].detach())
        if trainer.is_global_zero and time.monotonic() - self._told > SECONDS_BETWEEN:
            self._tell(trainer, pl_module)
        stop = self.stop()
        if trainer.world_size > 1:
            stop = trainer.strategy.reduce_boolean_decision(stop, all=False)
        if stop:
            raise StoppedError

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validate, draw and save."""
        mean = trainer.strategy.reduce(torch.stack(self._losses).mean(), reduce_op="mean")
        loss = float(mean) * trainer.accumulate_grad_batches
        self._losses.clear()
        self._check_loss(loss, trainer.current_epoch + 1)
        if trainer.is_global_zero:
            self._tell(trainer, pl_module)
            event = self._record(trainer, pl_module, trainer.current_epoch + 1, loss)
        trainer.strategy.barrier()
        self._check_folder()
        trainer.save_checkpoint(self.run.checkpoint(self.part))
        if trainer.is_global_zero:
            self.run.write_log(self.part, self.rows)
            self.emit(event)

    # -- what it does

    def _tell(self, trainer: pl.Trainer, training: Any) -> None:
        if self._losses:
            recent = torch.stack(self._losses[-20:]).mean() * trainer.accumulate_grad_batches
            self._recent = float(recent)
            self._check_loss(self._recent, trainer.current_epoch + 1)
        self._check_folder()
        self._told = time.monotonic()
        done, steps = trainer.global_step, training.steps
        taken = done - self._first_step
        each = (self._told - self._first_second) / taken if taken >= STEPS_TO_TELL else math.nan
        epoch = min(trainer.current_epoch + 1, self.options.epochs)
        left = each * max(0, steps - done) if done < steps else 0.0
        stage = self.stages.index(self.part) + 1
        of_all = (stage, len(self.stages))
        self.emit(Progress(self.part, epoch, self.options.epochs, done, steps, self._recent, left, *of_all))

    def _check_folder(self) -> None:
        """Never write into a folder in which nobody could go on."""
        if not self.run.options.exists():
            raise lost(self.run)

    def _check_loss(self, loss: float, epoch: int) -> None:
        if not math.isfinite(loss):
            raise DivergedError(
                f"the loss of the {self.part} became {loss} in epoch {epoch}: the training has diverged. Use a "
                f"smaller learning rate than {self.options.learning_rate:g}, or precision 32. The best epoch before "
                f"that is kept: start from {self.run.best(self.part)}, or install it with "
                "'napari-colorizer models import'"
            )

    def _record(self, trainer: pl.Trainer, training: Any, epoch: int, loss: float) -> EpochEnded:
        """Judge the weights of an epoch, and keep them if they are the best so far."""
        self.emit(Doing(f"Validating the {self.part}"))
        model = self.validation.build(training)
        metrics = self.validation.measure(model)
        self._check_folder()
        name, sign = SCORES[self.part]
        score = sign * metrics[name] if math.isfinite(metrics.get(name, math.nan)) else float(epoch)
        best = score > self.score or self.options.keep == "last"
        if best:
            self.score = score
            model.metrics = {self.part: {"epoch": epoch, **metrics}}
            self.run.best(self.part).parent.mkdir(parents=True, exist_ok=True)
            model.save(self.run.best(self.part))
        pictures = [str(file) for file in self.validation.draw(model, epoch)]
        minutes = round(self._minutes + (time.monotonic() - self._began) / 60, 1)
        row = {"epoch": epoch, "step": trainer.global_step, "minutes": minutes, "loss": loss, **metrics, "best": best}
        self.rows.append(row)
        event = EpochEnded(self.part, epoch, self.options.epochs, loss, metrics, best, pictures)
        if epoch == 0:
            self.emit(event)
        return event
