"""How long coloring takes on large photographs, where what is in view comes first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_colorizer.bench.coloring import WARM_UP, known_classes, time_once
from napari_colorizer.bench.scene import LARGE, Brush, make_labels, make_photo, middle, peak_memory
from napari_colorizer.boxes import Box
from napari_colorizer.engine.compiled import load_compiled
from napari_colorizer.engine.devices import pick_device
from napari_colorizer.engine.levels import UNSEEN, ColorLevels
from napari_colorizer.engine.options import ColorizeOptions
from napari_colorizer.engine.session import Session

if TYPE_CHECKING:
    from napari_colorizer.models.model import Model

VIEW = (1080, 1920)
BEGINNINGS = 3  # at most: they are slow


@dataclass(frozen=True)
class LargeTiming:
    """Median times, in ms, of coloring a large photograph.

    Attributes
    ----------
    height, width : int
    begin, color : float
        Until a session is prepared, and from then until everything is colored the first time.
    view, rest : float
        From a stroke until the part in view is right (off by no more than `UNSEEN`), and from then until everything is.
    peak_mb : float
        The most memory, in 10^6 bytes, that the process has had in use by the end of it.
    """

    height: int
    width: int
    begin: float
    color: float
    view: float
    rest: float
    peak_mb: float


def measure_large(
    model: Model, device: str = "auto", steps: int = 15, shapes: Sequence[tuple[int, int]] = LARGE
) -> list[LargeTiming]:
    """Time strokes on large photographs by turns, as a window shows them: in levels, and what is in view first.

    Parameters
    ----------
    model : Model
        With a colorizer that knows two classes at least.
    device : str
    steps : int
        Strokes on each photograph.
    shapes : sequence of (int, int)
        Of the photographs, the smallest first: peak memory is that of the process.
    """
    load_compiled().join()
    photographs = [_Photograph(model, pick_device(device), shape) for shape in shapes]
    for photograph in photographs:
        photograph.begin()
        photograph.stroke()
        photograph.peak_mb = peak_memory()
    for _ in range(min(steps, BEGINNINGS) - 1):
        for photograph in photographs:
            photograph.begin()
    for _ in range(WARM_UP + steps):
        for photograph in photographs:
            photograph.stroke()
    return [photograph.timing() for photograph in photographs]


class _Photograph:
    """A large photograph that is being colored, and the times that it took."""

    def __init__(self, model: Model, device: torch.device, shape: tuple[int, int]):
        self._model, self._device, self._shape = model, device, shape
        self._view = middle(Box.of(shape), VIEW)
        self._session: Session | None = None
        self._times: dict[str, list[float]] = {name: [] for name in ("begin", "color", "view", "rest")}
        self.peak_mb = 0.0

    def begin(self) -> None:
        """Prepare a session and color everything."""
        ids, photo = known_classes(self._model), make_photo(self._shape)
        pitch = max(1.0, max(self._shape) / self._model.working_size)
        self._brush = Brush(make_labels(self._shape, ids), ids, self._view, pitch)
        self._session = None  # frees the one before
        self._levels = ColorLevels(self._shape)
        self._note("begin", lambda: self._prepare(photo))
        self._note("color", lambda: self._color(self._brush.labels))

    def stroke(self) -> None:
        """Color a dab of the brush, first what is in view of it."""
        labels = self._brush.dab()
        self._note("view", lambda: self._color(labels, self._view, UNSEEN))
        self._note("rest", self._levels.paint)

    def timing(self) -> LargeTiming:
        """The medians."""
        begin, color, view, rest = (float(np.median(values)) for values in self._times.values())
        return LargeTiming(*self._shape, begin, color, view, rest, self.peak_mb)

    def _prepare(self, photo: NDArray[np.uint8]) -> None:
        self._session = self._model.session(photo, ColorizeOptions(device=str(self._device)))
        self._levels.follow(self._session)

    def _color(self, labels: NDArray[Any], view: Box | None = None, tolerance: float = 0.0) -> None:
        assert self._session is not None
        self._session.edit(labels)
        self._levels.paint(view, tolerance)

    def _note(self, name: str, run: Callable[[], object]) -> None:
        self._times[name].append(time_once(run, self._device)[0])
