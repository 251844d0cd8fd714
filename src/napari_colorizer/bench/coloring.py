"""How long coloring takes: cases by turns in one process, of which the medians are told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.bench.scene import Brush, make_labels, make_photo
from napari_colorizer.boxes import Box
from napari_colorizer.engine.changes import LabelChanges
from napari_colorizer.engine.compiled import load_compiled
from napari_colorizer.engine.devices import pick_device
from napari_colorizer.engine.follower import Follower
from napari_colorizer.engine.gpu_labels import GpuLabelChanges
from napari_colorizer.engine.options import ColorizeOptions
from napari_colorizer.engine.session import Session
from napari_colorizer.engine.tiles import StaleTiles
from napari_colorizer.engine.upsample import GuidedUpsampling
from napari_colorizer.networks import TwoStreamUNet
from napari_colorizer.networks.incremental import IncrementalPass

if TYPE_CHECKING:
    from napari_colorizer.models.model import Model

SIDE = 352  # pixels; the paper's
MATRIX = 1024
DOT = 5.0  # pixels, radius
SEEN = 1.0  # of a*, b*: what a dot changes by more is its reach
WARM_UP = 2  # rounds
STAGES: tuple[tuple[Any, str, str], ...] = (
    (LabelChanges, "update", "compare labels"),
    (GpuLabelChanges, "update", "compare labels"),
    (Follower, "_take_labels", "translate and vote"),
    (IncrementalPass, "update", "network"),
    (GuidedUpsampling, "fit", "fit to lightness"),
    (StaleTiles, "note_chroma", "find stale tiles"),
    (GuidedUpsampling, "paint", "paint"),
)


@dataclass(frozen=True)
class Case:
    """Something to be timed: `run`, which is given what `prepare` gives."""

    name: str
    run: Callable[[Any], object]
    prepare: Callable[[], Any]


@dataclass(frozen=True)
class Timing:
    """How fast a case is.

    Attributes
    ----------
    case : str
    ms : float
        Median time until the result is there.
    device_ms : float, optional
        Median time between two events on a CUDA device, before and after it: its work there, and the gaps in it.
    gflop : float
        10^9 operations, as ``torch.utils.flop_counter`` counts convolutions and matrix products.
    speedup : float
        How many times as fast as the first case it is.
    rate_share : float
        Its operations a second, as a part of what a large matrix product reaches.
    """

    case: str
    ms: float
    device_ms: float | None
    gflop: float
    speedup: float
    rate_share: float


def measure_coloring(model: Model, device: str = "auto", steps: int = 15, side: int = SIDE) -> list[Timing]:
    """Time passes of networks and recolorings of sessions: first the full pass of the paper authors' network.

    Parameters
    ----------
    model : Model
        With a colorizer that knows two classes at least.
    device : str
    steps : int
        Rounds over all cases.
    side : int
        Of the square image, in pixels: a multiple of 32.
    """
    place = pick_device(device)
    load_compiled().join()
    cases = [*_network_cases(model, place, side), *_session_cases(model, place, side), _matrix_case(place)]
    times = take_turns(cases, steps, place)
    gflop = [_count_gflop(case) for case in cases]
    rates = [operations / ms for operations, (ms, _) in zip(gflop, times, strict=True)]
    return [
        Timing(case.name, ms, device_ms, gflop[number], times[0][0] / ms, rates[number] / rates[-1])
        for number, (case, (ms, device_ms)) in enumerate(zip(cases, times, strict=True))
    ]


def profile_stroke(model: Model, device: str = "auto", steps: int = 15, side: int = SIDE) -> dict[str, float]:
    """Median times, in ms, of the stages of an exact recoloring after a stroke, of what lies between them, and of all.

    The arguments are those of `measure_coloring`.
    """
    place = pick_device(device)
    load_compiled().join()
    return profile(_stroke_case(model, place, side, side), steps, place)


def profile(case: Case, steps: int, device: torch.device) -> dict[str, float]:
    """Median times, in ms, of the stages of recoloring a session, of what lies between them, and of all."""
    rounds: list[dict[str, float]] = []
    for _ in range(WARM_UP + steps):
        prepared = case.prepare()
        spent = {stage: 0.0 for _, _, stage in STAGES}
        with ExitStack() as stack:
            for owner, name, stage in STAGES:
                stack.enter_context(_timed(owner, name, spent, stage, device))
            total, _ = time_once(partial(case.run, prepared), device)
        rounds.append({**spent, "between": total - sum(spent.values()), "all": total})
    return {stage: float(np.median([spent[stage] for spent in rounds[WARM_UP:]])) for stage in rounds[0]}


def take_turns(cases: Sequence[Case], steps: int, device: torch.device) -> list[tuple[float, float | None]]:
    """Median time of each case, and that on the device where it is a GPU, in rounds over all of them."""
    times: list[list[tuple[float, float]]] = [[] for _ in cases]
    for _ in range(WARM_UP + steps):
        for case, own in zip(cases, times, strict=True):
            own.append(time_once(partial(case.run, case.prepare()), device))
    medians = np.median(np.array(times)[:, WARM_UP:], 1).tolist()
    return [(ms, None if np.isnan(device_ms) else device_ms) for ms, device_ms in medians]


def recolor(session: Session, labels: NDArray[np.integer]) -> NDArray[np.uint8]:
    """The exact colors of other labels."""
    session.edit(labels)
    for _box in session.paint():
        pass
    return session.rgb


def _network_cases(model: Model, device: torch.device, side: int) -> list[Case]:
    network, ids = model.on(device).require_colorizer(), known_classes(model)
    authors = TwoStreamUNet.preset("authors", ids).to(device).eval()
    x = torch.from_numpy(make_photo((side, side))).to(device)[None, None] / 127.5 - 1
    labels = torch.from_numpy(make_labels((side, side), ids).astype(np.int64)).to(device)[None]
    brush = Brush(make_labels((side, side), ids), ids, Box(0, side, 0, side))
    with torch.inference_mode():
        gray = network.encode_gray(x)
    incremental = IncrementalPass(network, gray)

    def dab() -> Tensor:
        return torch.from_numpy(brush.dab().astype(np.int64)).to(device)

    return [
        Case("authors' network, full pass", lambda labels: authors(x, labels), lambda: labels),
        Case("network, full pass", lambda labels: network(x, labels), lambda: labels),
        Case("network, gray stream kept", partial(network.decode, gray), lambda: labels),
        Case("network, stroke", incremental.update, dab),
    ]


def _session_cases(model: Model, device: torch.device, side: int) -> list[Case]:
    """Strokes at full working size and at that of the model, and a change of all labels."""
    ids, shape = known_classes(model), (side, side)
    maps = cycle([make_labels(shape, ids), make_labels(shape, ids, 1)])
    session = model.session(make_photo(shape), ColorizeOptions(side, str(device)))
    sizes = dict.fromkeys([side, min(side, model.working_size)])
    return [
        *(_stroke_case(model, device, side, size) for size in sizes),
        Case("session, all labels", partial(recolor, session), lambda: next(maps)),
        *_dot_cases(model, device, side),
    ]


def _dot_cases(model: Model, device: torch.device, side: int) -> list[Case]:
    """A dot of color to and fro between two places, one that is recolored, and a stroke over what the dot colors."""
    ids, shape = known_classes(model), (side, side)
    labels, photo, options = make_labels(shape, ids), make_photo(shape), ColorizeOptions(side, str(device))
    places = [(side // 3, side // 3, 40.0, 20.0, DOT), (side // 2, side // 2, 40.0, 20.0, DOT)]
    colors = [(*places[0][:2], a, 20.0, DOT) for a in (40.0, -40.0)]
    moving, recoloring, painting = (model.session(photo, options) for _ in range(3))
    colored = np.abs(painting.chroma(labels, places[:1]) - painting.chroma(labels)).max(-1) > SEEN
    painted = [labels, np.where(colored, next(label for label in ids if label != labels[places[0][:2]]), labels)]

    def dot(session: Session, row: tuple[float, ...]) -> object:
        session.edit(labels, [row])
        return list(session.paint())

    place, color, stroke = cycle(places), cycle(colors), cycle(painted)
    return [
        Case("session, dot moved", partial(dot, moving), lambda: next(place)),
        Case("session, dot recolored", partial(dot, recoloring), lambda: next(color)),
        Case("session, stroke as large as the dot's reach", partial(recolor, painting), lambda: next(stroke)),
    ]


def _stroke_case(model: Model, device: torch.device, side: int, working_size: int) -> Case:
    ids, shape = known_classes(model), (side, side)
    session = model.session(make_photo(shape), ColorizeOptions(working_size, str(device)))
    brush = Brush(make_labels(shape, ids), ids, Box.of(shape))
    name = "session, stroke" if working_size == side else f"session, stroke, working size {working_size}"
    return Case(name, partial(recolor, session), brush.dab)


def _matrix_case(device: torch.device) -> Case:
    matrix = torch.rand(MATRIX, MATRIX, device=device)
    return Case(f"matrix product, {MATRIX} x {MATRIX}", matrix.matmul, lambda: matrix)


def known_classes(model: Model) -> list[int]:
    """Ids that the colorizer of a model has learned."""
    return [label for label in model.require_colorizer().config.ids if label]


@torch.inference_mode()
def time_once(run: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Milliseconds until the result is there, and those between two events on a CUDA device; elsewhere NaN."""
    if device.type != "cuda":
        began = time.perf_counter()
        run()
        if device.type != "cpu":
            torch.accelerator.synchronize()
        return (time.perf_counter() - began) * 1e3, float("nan")
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize(device)
    began = time.perf_counter()
    start.record()
    run()
    end.record()
    torch.cuda.synchronize(device)
    return (time.perf_counter() - began) * 1e3, start.elapsed_time(end)


@torch.inference_mode()
def _count_gflop(case: Case) -> float:
    from torch.utils.flop_counter import FlopCounterMode  # loads triton, which ends a process that draws with Mesa

    prepared = case.prepare()
    with FlopCounterMode(display=False) as counter:
        case.run(prepared)
    return counter.get_total_flops() / 1e9


@contextmanager
def _timed(owner: Any, name: str, spent: dict[str, float], stage: str, device: torch.device) -> Iterator[None]:
    """Note in `spent` how long the calls of a function of a module or class take."""
    original = getattr(owner, name)

    def timed(*arguments: Any) -> Any:
        results: list[Any] = []
        ms, _ = time_once(lambda: results.append(original(*arguments)), device)
        spent[stage] += ms
        return results[0]

    setattr(owner, name, timed)
    try:
        yield
    finally:
        setattr(owner, name, original)
