"""``napari-colorizer bench``."""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
from contextlib import suppress
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_colorizer.bench import scene as bench_scene
from napari_colorizer.cli.bench_tables import print_bench
from napari_colorizer.cli.shared import Device, ModelName, plain_errors

if TYPE_CHECKING:
    from napari_colorizer.models.model import Model

PACKAGES = ("napari-colorizer", "torch", "numpy", "napari")
IMPORT = "import time; began = time.perf_counter(); import napari_colorizer; print(time.perf_counter() - began)"
LOAD = """
import sys, time
import torch
began = time.perf_counter()
from napari_colorizer import load_model
load_model(sys.argv[1])
print(time.perf_counter() - began)
"""
WINDOW_ROUNDS = 3  # at most, of strokes of seconds


class Section(StrEnum):
    """What can be measured without a window."""

    coloring = "coloring"
    large = "large"
    training = "training"
    start = "start"
    batches = "batches"


Only = Annotated[list[Section] | None, typer.Option(help="Measure only this (may be repeated).")]
Steps = Annotated[int, typer.Option(help="Rounds over all cases; the medians are reported.", min=1)]
Window = Annotated[
    bool,
    typer.Option("--window", help="Also paint strokes in a napari window (on a virtual display if there is none)."),
]
Profile = Annotated[bool, typer.Option("--profile", help="Also report what the time of a stroke is spent on.")]
Images = Annotated[int, typer.Option(help="For --only batches: number of 1-megapixel images in a job.", min=20)]
SmallImages = Annotated[int, typer.Option(help="For --only batches: number of small images in a job.", min=1)]
Gigabytes = Annotated[
    float, typer.Option(help="For --only batches: size of the stack and of the plane, in GB.", min=1e-6)
]


def bench(
    device: Device = "auto",
    model: ModelName = "default",
    steps: Steps = 15,
    only: Only = None,
    window: Window = False,
    profile: Profile = False,
    images: Images = 60,
    small_images: SmallImages = 1000,
    gigabytes: Gigabytes = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure the speed of coloring, large photographs, training and start-up on this machine."""
    from napari_colorizer.models.library import load_model

    sections = only or [section for section in Section if section != Section.batches]  # that takes minutes
    with plain_errors():
        found = _describe_machine(device)
        loaded = load_model(model)  # a model that is not there is told before anything is measured
        if Section.large in sections:  # first: it tells the most memory that has been in use so far
            found |= _measure_large(loaded, device, steps)
        if Section.coloring in sections:
            found |= _measure_coloring(loaded, device, steps)
        if profile:
            found |= _profile(loaded, device, steps)
        if Section.training in sections:
            found |= _measure_training(device, steps)
        if Section.batches in sections:
            found |= _measure_batches(model, device, images, small_images, gigabytes)
        if Section.start in sections:
            found["import, ms"] = _in_fresh_processes(steps, IMPORT)
            found["load, ms"] = _in_fresh_processes(steps, LOAD, model)
        if window:
            found |= _measure_window(device, steps)
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    else:
        print_bench(found)


def _measure_coloring(model: Model, device: str, steps: int) -> dict[str, Any]:
    from napari_colorizer.bench import coloring as bench

    timings = bench.measure_coloring(model, device, steps, bench.SIDE)
    return {"side": bench.SIDE, "coloring": [vars(timing) for timing in timings]}


def _measure_large(model: Model, device: str, steps: int) -> dict[str, Any]:
    from napari_colorizer.bench.large import measure_large

    timings = measure_large(model, device, steps, bench_scene.LARGE)
    return {"large": [vars(timing) for timing in timings]}


def _profile(model: Model, device: str, steps: int) -> dict[str, Any]:
    from napari_colorizer.bench import coloring as bench

    return {"profile": bench.profile_stroke(model, device, steps, bench.SIDE)}


def _measure_training(device: str, steps: int) -> dict[str, Any]:
    from napari_colorizer.bench.training import measure_steps
    from napari_colorizer.training.options import TrainOptions

    timings = measure_steps(TrainOptions.of_recipe("default", data="noise", device=device), steps)
    return {"training": [{**vars(timing), "loading_share": timing.loading_share} for timing in timings]}


def _measure_batches(model: str, device: str, images: int, small_images: int, gigabytes: float) -> dict[str, Any]:
    from napari_colorizer.bench import batch_memory, batches

    timings = batches.measure_batches(model, device, images=images)
    memory = batch_memory.measure_memory(model, device, small_images, gigabytes)
    return {
        "batches": [vars(timing) for timing in timings],
        "memory": [vars(use) for use in memory],
    }


def _in_fresh_processes(steps: int, code: str, *arguments: str) -> float:
    """Median of the times (ms) that code prints, in seconds, in a fresh process each time."""
    command = [sys.executable, "-c", code, *arguments]
    outputs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(steps)]
    return median(float(output) for output in outputs) * 1e3


def _measure_window(device: str, steps: int) -> dict[str, Any]:
    try:
        stroke_bench = importlib.import_module("napari_colorizer._napari.bench.window")
    except ImportError as error:
        raise ValueError(f"the window needs napari: pip install 'napari[all]' ({error})") from error
    timings = stroke_bench.measure_strokes(bench_scene.LARGE, min(steps, WINDOW_ROUNDS), device, stroke_bench.EVENTS)
    return {"window": [vars(timing) for timing in timings]}


def _describe_machine(device: str) -> dict[str, Any]:
    """Processor, device, threads and versions."""
    import torch

    from napari_colorizer.engine.devices import pick_device

    place = pick_device(device)
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "device": torch.cuda.get_device_name(place) if place.type == "cuda" else str(place),
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), **_versions()},
    }


def _versions() -> dict[str, str]:
    """Those of the packages that are installed: all but napari is measured without it."""
    found = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _processor() -> str:
    """Its name, where the system tells it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text("utf-8").splitlines() if told.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
