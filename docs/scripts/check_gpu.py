"""Check and measure a GPU, with neither napari nor Qt: ten minutes of one are enough.

    python docs/scripts/check_gpu.py                  # on a machine with CUDA
    python docs/scripts/check_gpu.py --device cpu     # a rehearsal elsewhere: small, and none of its figures counts

The package is needed (``pip install --no-deps -e .``), PyTorch, and what it then asks for. In turn come a recolor
with half precision, CUDA graphs and ``torch.compile`` on and off; all labels of 24 megapixels; ``napari-colorizer bench
--json``; the tests marked ``gpu``; a short training in mixed precision. One table tells all, and the aims. What
fails is told in its row, the rest goes on, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from skimage import data as samples
from torch import Tensor

from napari_colorizer import ColorizeOptions, Model, TrainOptions, fit, load_model
from napari_colorizer.bench.coloring import SIDE, Case, known_classes, profile, recolor, take_turns
from napari_colorizer.bench.scene import LARGE, make_labels, make_photo
from napari_colorizer.datasets.collect import add_pair
from napari_colorizer.engine.devices import pick_device
from napari_colorizer.training.events import EpochEnded, Finished

ROOT = Path(__file__).parents[2]
TESTS = ("tests/engine/test_gpu.py", "tests/training/test_gpu.py")
SECTIONS = ("coloring", "training", "large")  # the last, which takes minutes on a CPU, is not rehearsed
RECOLOR_MS, WHOLE_MS, LARGE_MS = 1.0, 3.0, 40.0  # the aims, of an H100


@dataclass
class Row:
    """A line of the table; a `limit`, in ms, is an aim, and `failed` says that there is no figure."""

    what: str
    found: str
    value: float | None = None
    limit: float | None = None
    failed: bool = False


@dataclass(frozen=True)
class Plan:
    """Where and how much is measured; everything is small in a rehearsal."""

    device: torch.device
    steps: int  # rounds, of which medians are told

    @property
    def rehearsal(self) -> bool:
        """Whether the device is none with CUDA."""
        return self.device.type != "cuda"


def check_tests(plan: Plan) -> Iterator[Row]:
    """The tests that compare the GPU with the CPU."""
    command = [sys.executable, "-m", "pytest", "-q", "--gpu", str(plan.device), *TESTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    *lines, last = (done.stdout.strip() or done.stderr.strip()).splitlines()
    found = "\n".join([last.strip("= "), *(line for line in lines if line.startswith(("FAILED", "ERROR")))])
    yield Row("tests: as on the CPU", found, failed=done.returncode != 0)


def check_bench(plan: Plan) -> Iterator[Row]:
    """``napari-colorizer bench``: what is done for a new label map, and for a stroke, from array to array."""
    only = [text for section in SECTIONS[: 2 if plan.rehearsal else 3] for text in ("--only", section)]
    command = [sys.executable, "-m", "napari_colorizer", "bench", "--device", str(plan.device), "--json", *only]
    printed = subprocess.run([*command, "--steps", str(plan.steps)], capture_output=True, text=True, check=False)
    if printed.returncode:
        raise RuntimeError(printed.stderr or printed.stdout)
    found = json.loads(printed.stdout)
    for case in found["coloring"]:
        name, ms, limit = case["case"], case["ms"], None
        if name == "network, gray stream kept":
            name, ms, limit = f"{name}, device time", case["device_ms"] or ms, RECOLOR_MS
        elif name == "session, all labels":
            name, limit = f"{name}, from array to array", WHOLE_MS
        yield Row(f"{found['side']}: {name}", f"{ms:.2f} ms", ms, limit)
    for large in found.get("large", ()):
        size = f"{large['height'] * large['width'] / 1e6:.0f} megapixels"
        yield Row(f"{size}: stroke, until right in view", f"{large['view']:.1f} ms")
    for step in found["training"]:
        loading = f"{step['with_loading']:.0f} ms, {step['loading_share']:.0%} of it loading"
        yield Row(f"training step, {step['network']}, {step['crops']} crops", loading)


def check_variants(plan: Plan) -> Iterator[Row]:
    """A recolor, from labels on the device to chroma, as it is and made faster; with how far the colors are off."""
    model, side = load_model().on(plan.device), 96 if plan.rehearsal else SIDE
    network, ids = model.require_colorizer(), known_classes(model)
    x = torch.from_numpy(make_photo((side, side))).to(plan.device)[None, None] / 127.5 - 1
    maps = [torch.from_numpy(make_labels((side, side), ids, step)).long().to(plan.device)[None] for step in (0, 1)]
    with torch.inference_mode():
        gray = network.encode_gray(x)
        decode = partial(network.decode, gray)
        expected = decode(maps[1])
    for name, build in _variants(decode, maps[0], plan).items():
        what = f"{side}: labels on the device to chroma, {name}"
        try:
            with torch.inference_mode():
                run = build()
                off = (run(maps[1]).float() - expected).abs().max().item() * network.config.chroma_scale
            turns = cycle(maps)
            (times,) = take_turns([Case(name, run, lambda turns=turns: next(turns))], plan.steps, plan.device)
            ms = times[1] or times[0]
            yield Row(what, f"{ms:.2f} ms, off by {off:.2f} in a*, b*", ms, RECOLOR_MS)
        except Exception as error:
            yield failure(what, error)


def _variants(
    decode: Callable[[Tensor], Tensor], labels: Tensor, plan: Plan
) -> dict[str, Callable[[], Callable[[Tensor], Tensor]]]:
    """How to make each variant of `decode`."""

    def half(labels: Tensor) -> Tensor:
        with torch.autocast(plan.device.type, torch.float16):
            return decode(labels)

    backend = "aot_eager" if plan.rehearsal else "inductor"  # that needs a compiler for C++, and minutes
    found: dict[str, Callable[[], Any]] = {
        "as it is": lambda: decode,
        "half precision": lambda: half,
        "torch.compile": lambda: torch.compile(decode, backend=backend),
        "torch.compile, half precision": lambda: torch.compile(half, backend=backend),
    }
    if not plan.rehearsal:
        found["CUDA graph"] = lambda: _graph(decode, labels)
        found["CUDA graph, half precision"] = lambda: _graph(half, labels)
    return found


def _graph(run: Callable[[Tensor], Tensor], labels: Tensor) -> Callable[[Tensor], Tensor]:
    """The same, recorded once and replayed."""
    fixed, side = labels.clone(), torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # libraries choose their algorithms before anything is recorded
        for _ in range(3):
            run(fixed)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = run(fixed)

    def replay(labels: Tensor) -> Tensor:
        fixed.copy_(labels)
        graph.replay()
        return result

    return replay


def check_large(plan: Plan) -> Iterator[Row]:
    """All labels of a large photograph, from array to array."""
    model, shape = load_model(), LARGE[0] if plan.rehearsal else LARGE[-1]
    ids = known_classes(model)
    session = model.session(make_photo(shape), ColorizeOptions(device=str(plan.device)))
    maps = cycle([make_labels(shape, ids), make_labels(shape, ids, 1)])
    case = Case("", partial(recolor, session), lambda: next(maps))
    (times,) = take_turns([case], plan.steps, plan.device)
    what = f"{shape[0] * shape[1] / 1e6:.0f} megapixels: all labels, from array to array"
    yield Row(what, f"{times[0]:.1f} ms", times[0], None if plan.rehearsal else LARGE_MS)
    stages = profile(case, plan.steps, plan.device).items()
    yield Row("the stages of that", ", ".join(f"{stage} {ms:.1f}" for stage, ms in stages))
    if not plan.rehearsal:
        most = torch.cuda.max_memory_allocated(plan.device) / 1e9
        yield Row("most memory in use on the GPU, so far", f"{most:.2f} GB")


def check_training(plan: Plan) -> Iterator[Row]:
    """Fine-tune both networks for some epochs in mixed precision."""
    small = {"epochs": 1, "epoch_size": 8, "batch": 4, "crop": 64, "side": 96} if plan.rehearsal else {"epochs": 3}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAPARI_COLORIZER_MODELS"] = folder  # nothing is left in the user's library
        data, model = Path(folder, "set"), load_model()
        _collect(model, data)
        options = TrainOptions.of_recipe(
            "finetune", data=str(data), name="checked", run=f"{folder}/run", device=str(plan.device),
            precision="bf16" if plan.rehearsal else "auto", **({"epoch_size": 512} | small),
        )  # fmt: skip
        began, events = time.perf_counter(), list(fit(options))
    if not isinstance(events[-1], Finished):
        raise RuntimeError(str(events[-1]))
    told = [event for event in events if isinstance(event, EpochEnded)]
    losses = [f"{event.network} {event.loss:.3f}" for event in told if event.epoch == event.epochs]
    found = f"{time.perf_counter() - began:.0f} s; loss: {', '.join(losses)}"
    yield Row(f"training in mixed precision, {options.epochs} epochs", found)


def _collect(model: Model, data: Path) -> None:
    """Write a labeled set of the color photographs that scikit-image ships, with predicted labels."""
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        rgb = getattr(samples, name)()
        add_pair(data, name, rgb, model.segment(rgb), model.classes)


def failure(what: str, error: Exception) -> Row:
    """The row of what could not be done."""
    return Row(what, f"{type(error).__name__}: {str(error).strip()[-300:]}", failed=True)


def print_table(rows: list[Row], plan: Plan) -> None:
    """One table of all that was found."""
    place = "the CPU, a REHEARSAL: none is of a GPU" if plan.rehearsal else torch.cuda.get_device_name(plan.device)
    table = Table("what", "found", "aim", title=f"All figures are of {place}; torch {torch.__version__}")
    for row in rows:
        aim, style = "" if row.limit is None else f"<= {row.limit:g} ms", "red" if row.failed else ""
        if row.limit and row.value and not plan.rehearsal:
            aim += ", reached" if row.value <= row.limit else ", NOT REACHED"
        table.add_row(row.what, row.found, aim, style=style)
    Console().print(table)


def main() -> int:
    """Check everything, print the table, and tell whether something failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, ..., or cpu for a rehearsal")
    parser.add_argument("--json", type=Path, help="also write the rows into this file")
    chosen = parser.parse_args()
    device = pick_device(chosen.device)
    plan = Plan(device, 15 if device.type == "cuda" else 1)
    rows: list[Row] = []
    for check in (check_variants, check_large, check_bench, check_tests, check_training):
        Console(stderr=True).print(f"{check.__name__} ...")
        try:
            rows += check(plan)
        except Exception as error:
            rows.append(failure(check.__name__, error))
        if chosen.json:
            chosen.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), "utf-8")
    print_table(rows, plan)
    return int(any(row.failed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
