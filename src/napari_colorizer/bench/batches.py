"""How many images a second a job of the shell colors, and what memory it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil
import torch
from PIL import Image

from napari_colorizer.batches.inputs import Input
from napari_colorizer.batches.plan import make_plan
from napari_colorizer.batches.recipe import Recipe
from napari_colorizer.batches.run import Here, Workers, run_job
from napari_colorizer.batches.tasks import Outcomes, Task, Tell, no_tell
from napari_colorizer.batches.together import Together
from napari_colorizer.batches.workers import LocalWorkers
from napari_colorizer.bench.scene import make_photo
from napari_colorizer.checksums import checksum
from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
from napari_colorizer.files import read_image
from napari_colorizer.models.library import find_model

SHAPE = (1000, 1000)
ROUNDS = 3
PARTS = 5  # images whose parts are timed, before and after each job
EARLY = 10  # images after which memory must not grow
CASES = ((0, 1), (0, 4), (1, 1), (2, 1))  # workers, and how many images go through the networks at once


@dataclass(frozen=True)
class BatchTiming:
    """What a job takes.

    Attributes
    ----------
    workers : int
        Processes with one thread each; 0 for the one that runs the job, with as many as PyTorch takes.
    batch : int
        How many images go through the networks at once.
    images : int
    rate : float
        Images a second, from the second result of each worker or batch on: what comes before is the start of
        processes. The median of some rounds.
    share : float
        How much it is of the speed of decoding, networks and encoding by themselves, one image after the other, in
        this process, before and after; times the number of workers, but never more than there are processors. The
        median of the same rounds.
    early_mb, late_mb : float
        Memory of this process and its workers after `EARLY` images and in the end, in 10^6 bytes.
    """

    workers: int
    batch: int
    images: int
    rate: float
    share: float
    early_mb: float
    late_mb: float


def measure_batches(
    model: str = "default", device: str = "auto", cases: Sequence[tuple[int, int]] = CASES, images: int = 60
) -> list[BatchTiming]:
    """Time jobs on images of 1 megapixel.

    Parameters
    ----------
    model : str
    device : str
    cases : sequence of (int, int)
        How many processes, and how many images go through the networks at once, for each job.
    images : int
        In each job.
    """
    name = str(find_model(model))
    options = (SegmentOptions(device=device), ColorizeOptions(device=device))
    recipe = Recipe(name, checksum(Path(name)), *options)
    with TemporaryDirectory() as folder:
        inputs = list(_write_inputs(Path(folder), images))
        return [_measure(recipe, inputs, Path(folder), *case) for case in cases]


def _write_inputs(folder: Path, images: int) -> Iterator[Input]:
    """Files of one photograph: names, but not pixels, decide what a job takes."""
    photo = Image.fromarray(make_photo(SHAPE))
    for number in range(images):
        path = folder / f"{number:04d}.png"
        photo.save(path)
        yield Input(path, folder)


def _measure(recipe: Recipe, inputs: list[Input], folder: Path, workers: int, batch: int) -> BatchTiming:
    rates, shares, memory = [], [], (0.0, 0.0)
    for number in range(ROUNDS):
        watch = _Watch(_doers(workers, batch), start=2 * max(1, workers, batch))
        before = _time_parts(recipe, inputs[:PARTS], folder, 1 if workers else torch.get_num_threads())
        items, _ = make_plan(inputs, recipe, folder / f"out-{workers}-{batch}-{number}")
        run_job(items, watch, _Silent())
        after = _time_parts(recipe, inputs[:PARTS], folder, 1 if workers else torch.get_num_threads())
        alone = min(max(1, workers), psutil.cpu_count() or 1) / median(before + after)
        rates.append(watch.rate())
        shares.append(watch.rate() / alone)
        memory = memory if number else (watch.early_mb, watch.late_mb)
    return BatchTiming(workers, batch, len(inputs), median(rates), median(shares), *memory)


def _doers(workers: int, batch: int) -> Workers:
    if workers:
        return LocalWorkers(workers)
    return Together(batch) if batch > 1 else Here()


def _time_parts(recipe: Recipe, inputs: list[Input], folder: Path, threads: int) -> list[float]:
    """Seconds that decoding, networks and encoding of each image take, but of the first, with some threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    times = []
    try:
        for one in inputs:
            began = time.perf_counter()
            recipe.write(folder / "alone.png", recipe.make(read_image(one.path))[0])
            times.append(time.perf_counter() - began)
    finally:
        torch.set_num_threads(before)
    return times[1:]


class _Watch:
    """Looks at the clock and the memory as outcomes come."""

    def __init__(self, workers: Workers, start: int):
        self._workers = workers
        self._start = start
        self._times: list[float] = []
        self.early_mb = self.late_mb = 0.0

    def outcomes(self, tasks: Iterator[Task], tell: Tell = no_tell) -> Outcomes:
        for task, outcome in self._workers.outcomes(tasks, tell):
            self._times.append(time.perf_counter())
            if outcome.state != "made":
                raise ValueError(outcome.error)
            self.late_mb = _memory()
            if len(self._times) <= EARLY:
                self.early_mb = self.late_mb
            yield task, outcome

    def rate(self) -> float:
        times = self._times[self._start - 1 :]
        return (len(times) - 1) / (times[-1] - times[0])


class _Silent:
    """Listens to a job and tells nobody, but raises what failed."""

    result: Callable[..., None] = staticmethod(lambda *_: None)
    note: Callable[..., None] = staticmethod(lambda *_: None)
    progress: Callable[..., None] = staticmethod(lambda *_: None)

    def fault(self, text: str) -> None:
        raise ValueError(text)


def _memory() -> float:
    own = psutil.Process()
    return sum(process.memory_info().rss for process in (own, *own.children(recursive=True))) / 1e6
