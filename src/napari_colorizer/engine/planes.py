"""Images that are too large for the memory, tile by tile: the networks see them at working size anyway.

What is made is what a `Session` makes of the whole, but that a hint lies on the label which won the vote around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.color import gray_of, lightness, luma
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.labels import as_ids
from napari_colorizer.engine.upsample import GuidedUpsampling
from napari_colorizer.networks.two_stream_config import Lightness

SIDE = 1024  # pixels of a tile
LARGE = 1 << 21  # pixels: more than some 2 megapixels need not be held at once
Values = Callable[[Box], Tensor]
Labels = Callable[[Box], NDArray[np.integer]]


def is_large(shape: tuple[int, ...]) -> bool:
    """Whether an image (H, W) or (H, W, C) is one to be worked on tile by tile."""
    return shape[0] * shape[1] > LARGE


def tiles(shape: tuple[int, int]) -> Iterator[Box]:
    """The tiles of an image, row by row."""
    return Box.of(shape).parts(SIDE)


class ShrunkPlane:
    """An image at working size.

    Parameters
    ----------
    values : callable
        Gives the sRGB-encoded values, a Tensor (h, w) or (h, w, 3) in 0..1, of a box of full-size pixels.
    frame : Frame

    Attributes
    ----------
    frame : Frame
    lightness : Tensor, (h, w)
        L* in 0..100, averaged over areas.
    luma : Tensor, (h, w)
        BT.601 luma in 0..1, likewise.
    """

    def __init__(self, values: Values, frame: Frame):
        self.frame = frame
        self.lightness, self.luma = torch.zeros(frame.working), torch.zeros(frame.working)
        for part in _working_tiles(frame):
            spans = (part.top, part.bottom), (part.left, part.right)
            rows, columns = (_means(*sizes) for sizes in zip(frame.full, frame.working, spans, strict=True))
            box = Box(rows[0], rows[0] + rows[1].shape[1], columns[0], columns[0] + columns[1].shape[1])
            own = values(box)
            for result, measure in ((self.lightness, lightness), (self.luma, luma)):
                result[part.slices] = rows[1] @ measure(own) @ columns[1].T

    def gray(self, kind: Lightness) -> NDArray[np.float32]:
        """An image (h, w) of floats in 0..1 of which a network sees what it would see of this one, shrunk."""
        return (gray_of(self.lightness) if kind == "L*" else self.luma).numpy()

    def network_input(self, kind: Lightness) -> Tensor:
        """What a network sees, (h, w) in [-1, 1]; see `napari_colorizer.engine.segment.network_input`."""
        return self.lightness / 50 - 1 if kind == "L*" else self.luma * 2 - 1

    def vote(self, labels: Labels) -> NDArray[np.uint16]:
        """The label map (h, w) of what is said of any box of full-size pixels; see `Frame.vote`."""
        result = np.zeros(self.frame.working, np.uint16)
        for part in _working_tiles(self.frame):
            result[part.slices] = self.frame.vote(as_ids(labels(self.frame.enlarged(part))), part)
        return result

    def shrink_hints(self, hints: Hints | None) -> Hints | None:
        """Hints of the full-size image as those of the shrunk one."""
        if hints is None:
            return None
        (height, width), (h, w) = self.frame.full, self.frame.working
        rows = hints.rows.copy()
        inside = (rows[:, 0] > -0.5) & (rows[:, 0] < height - 0.5) & (rows[:, 1] > -0.5) & (rows[:, 1] < width - 0.5)
        rows[:, 0], rows[:, 1] = (rows[:, 0] + 0.5) * h / height - 0.5, (rows[:, 1] + 0.5) * w / width - 0.5
        rows[:, 4] *= h / height
        return Hints(rows[inside])

    def painter(
        self, values: Values, labels: Labels, voted: NDArray[np.uint16], chroma: NDArray[np.float32]
    ) -> Callable[[Box], NDArray[np.uint8]]:
        """What paints any box of full-size pixels, (box.height, box.width, 3) of 8-bit sRGB.

        Parameters
        ----------
        values, labels : callable
        voted : array, (h, w)
            What `vote` gives for the labels.
        chroma : array, (2, h, w)
            a*, b* at working size.
        """
        upsampling = GuidedUpsampling(self.lightness, self.frame.full)
        upsampling.fit(torch.from_numpy(chroma), torch.from_numpy(voted.astype(np.int64)), Box.of(self.frame.working))

        def paint(box: Box) -> NDArray[np.uint8]:
            own = torch.from_numpy(as_ids(labels(box)).astype(np.int32))
            return upsampling.paint_part(box, lightness(values(box)), own)

        return paint


def _working_tiles(frame: Frame) -> Iterator[Box]:
    """Boxes of working pixels, each of about a tile."""
    side = max(1, min(SIDE * small // full for small, full in zip(frame.working, frame.full, strict=True)))
    return Box.of(frame.working).parts(side)


def _means(full: int, small: int, span: tuple[int, int]) -> tuple[int, Tensor]:
    """The first pixel that a span of averages is made of, and the weights (averages, pixels), as torch pools areas."""
    starts = np.arange(*span) * full // small
    ends = -(-(np.arange(*span) + 1) * full // small)
    pixels = np.arange(starts[0], ends[-1])
    inside = (pixels >= starts[:, None]) & (pixels < ends[:, None])
    return int(starts[0]), torch.from_numpy((inside / inside.sum(1, keepdims=True)).astype(np.float32))
