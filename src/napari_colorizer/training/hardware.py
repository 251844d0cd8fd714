"""Where a training runs, and with which arithmetic."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from napari_colorizer.engine.devices import pick_device
from napari_colorizer.errors import lacks_memory
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.processes import SeveralProcesses


def trainer_arguments(options: TrainOptions, run: Path) -> dict[str, Any]:
    """Arguments of `pytorch_lightning.Trainer` for a run: accelerator, devices, nodes, strategy and precision."""
    device = pick_device(options.device)
    devices: int | list[int] = options.devices
    if device.type == "cuda" and options.devices == 1:
        devices = [device.index or 0]
    return {
        "accelerator": {"cuda": "gpu"}.get(device.type, device.type),
        "devices": devices,
        "num_nodes": options.nodes,
        "strategy": SeveralProcesses(run) if options.devices * options.nodes > 1 else "auto",
        "precision": lightning_precision(options.precision, device),
        "benchmark": device.type == "cuda",  # all crops have one size: the quickest algorithm for it is worth finding
        "sync_batchnorm": device.type == "cuda" and options.devices * options.nodes > 1,
    }


def lightning_precision(precision: str, device: torch.device) -> str:
    """Lightning's name of a precision; "auto" is half precision where the device has units for it.

    On a CPU with AVX512-BF16, bfloat16 convolutions train twice as many crops a second as float32 ones.
    """
    if precision == "auto":
        if device.type == "cuda":
            precision = "bf16" if torch.cuda.is_bf16_supported() else "16"
        else:
            precision = "bf16" if device.type == "cpu" and _cpu_has_bfloat16() else "32"
    return {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}[precision]


def _cpu_has_bfloat16() -> bool:
    check = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # torch has no public question of this kind
    return bool(check and check())


def worker_count(options: TrainOptions) -> int:
    """Processes that prepare crops: beside a GPU they keep it busy, on a CPU they would take what the networks need."""
    if options.workers >= 0:
        return options.workers
    if pick_device(options.device).type == "cpu":
        return 0
    return max(1, min(8, (os.cpu_count() or 2) // options.devices - 1))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device, or the machine, has too little memory."""
    return isinstance(error, torch.OutOfMemoryError) or lacks_memory(error)
