"""Results of planes in zarr stores that are too large for the memory, tile by tile."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from napari_colorizer.batches.recipe import Recipe
from napari_colorizer.batches.stacks import changed
from napari_colorizer.batches.zarr_stacks import ZarrStack
from napari_colorizer.boxes import Box
from napari_colorizer.checksums import checksum_of
from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.color import finite_ends, normalize, range_note
from napari_colorizer.engine.devices import pick_device, with_cpu_fallback
from napari_colorizer.engine.frame import SIDE_AT_ONCE, Frame, enlarge
from napari_colorizer.engine.planes import Labels, ShrunkPlane, tiles
from napari_colorizer.engine.segment import predict

Result = Callable[[Box], NDArray[np.generic]]


class Plane:
    """One image of a store, of which a box at a time is read.

    Parameters
    ----------
    stack : ZarrStack
    index : tuple of int
    """

    def __init__(self, stack: ZarrStack, index: tuple[int, ...]):
        self._stack, self._index = stack, index
        self.shape = stack.size
        self._seen: dict[Box, int] = {}  # the checksum of each tile

    def read(self, box: Box) -> NDArray[np.generic]:
        """The pixels of a box, (box.height, box.width) or (box.height, box.width, 3 or 4).

        Raises
        ------
        FileError
            If it is a tile that was not so when `look` looked.
        """
        part = self._stack.read_box(self._index, box)
        if self._seen.get(box, known := _crc(part)) != known:
            raise changed(self._stack.path)
        return part

    def look(self) -> None:
        """Read all of it once: for its checksum, and the smallest and the largest of its values."""
        found: list[tuple[float, float]] = []

        def parts() -> Iterator[NDArray[np.generic]]:
            for box in tiles(self.shape):
                part = self._stack.read_box(self._index, box)
                self._seen[box] = _crc(part)
                if (ends := finite_ends(part)) is not None:  # a tile may lie outside of what was scanned
                    found.append(ends)
                self._type = part.dtype
                yield part

        self.sha256 = checksum_of(parts())
        self._ends = min((low for low, _ in found), default=0.0), max((high for _, high in found), default=1.0)

    @property
    def ends(self) -> NDArray[np.generic]:
        """An image of two pixels, with the smallest and the largest value that `look` has found."""
        return np.array([self._ends], self._type)


def _crc(part: NDArray[np.generic]) -> int:
    return zlib.crc32(np.ascontiguousarray(part).data)


def make_plane(
    recipe: Recipe, plane: Plane, labels: Labels | None, classes: ClassMap | None, name: str
) -> tuple[Result, str]:
    """What gives the result of each box of a plane, and what is to be known of it; see `Recipe.make`.

    Parameters
    ----------
    recipe : Recipe
    plane : Plane
        Which has been looked at.
    labels : callable, optional
        Gives the label map that is given, of a box.
    classes, name
        As for `Recipe.make`.
    """
    model, limits = recipe.load(), recipe.limits_of(plane.ends)
    note = "" if recipe.limits == "auto" else range_note(plane.ends, limits=limits)
    normalize(plane.ends, limits)  # the values of floats must lie in their range: of each tile that would be told late
    options = recipe.coloring or recipe.segmenting
    size = options.working_size or model.working_size

    def values(box: Box) -> torch.Tensor:
        return torch.from_numpy(normalize(plane.read(box), limits))

    shrunk = ShrunkPlane(values, Frame.fit(plane.shape, size, 1))
    if labels is None and model.segmenter is not None and (recipe.predict or recipe.coloring is None):
        labels = _predicted(recipe, shrunk, size)
    if recipe.coloring is None:
        assert labels is not None
        return labels, note
    given = labels or _nothing
    voted = shrunk.vote(given)
    coloring = replace(recipe.coloring, working_size=max(shrunk.frame.working))
    kind = model.require_colorizer().config.lightness
    session = model.session(shrunk.gray(kind), coloring)
    said = recipe.said(shrunk.gray(kind), voted, classes, name)
    session.edit(**{**said, "hints": shrunk.shrink_hints(said["hints"])})
    lacks = recipe.wishes.lacking(classes or model.classes, session.unused_pins, name, plane.shape)
    painter = shrunk.painter(values, given, voted, session.at_working_size()[1])
    return painter, "; ".join(part for part in (note, lacks) if part)


def _nothing(box: Box) -> NDArray[np.integer]:
    return np.zeros((box.height, box.width), np.uint8)


def _predicted(recipe: Recipe, shrunk: ShrunkPlane, size: int) -> Labels:
    """What gives the predicted labels of a box."""
    model, options = recipe.load(), recipe.segmenting
    config = model.require_segmenter().config
    frame = Frame.fit(shrunk.frame.full, size, config.stride)
    x = shrunk.network_input(config.lightness)
    found = with_cpu_fallback(
        lambda device: predict(model.on(device).require_segmenter(), [x.to(device)], [frame])[0],
        pick_device(options.device),
    )
    confidence = model.confidence if options.confidence is None else options.confidence
    dtype = np.uint16 if found.wide else np.uint8

    @torch.inference_mode()
    def labels(box: Box) -> NDArray[np.integer]:
        parts = np.empty((box.height, box.width), dtype)
        for part in box.parts(SIDE_AT_ONCE):
            own = found.likely(part)
            own[enlarge(found.certainty[None], frame.full, part)[0] < confidence] = UNLABELED
            parts[part.shifted(-box.top, -box.left).slices] = own.cpu().numpy().astype(dtype)
        return parts

    return labels
