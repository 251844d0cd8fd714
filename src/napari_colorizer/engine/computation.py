"""All that is computed of one image: on a device, or on the CPU from where the memory of that does not suffice on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.engine.compiled import load_compiled
from napari_colorizer.engine.devices import pick_device, with_cpu_fallback
from napari_colorizer.engine.follower import Follower, Picture, Wanted
from napari_colorizer.engine.frame import SIDE_AT_ONCE, Frame
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.options import Adjustment, ColorizeOptions
from napari_colorizer.engine.pins import ResolvedPins
from napari_colorizer.engine.segment import network_input
from napari_colorizer.engine.setup import ColorizerSetup
from napari_colorizer.engine.suggest import Seen
from napari_colorizer.engine.tiles import StaleTiles

Result = TypeVar("Result")
SIDE_TO_SHOW = 512  # pixels: what is painted at once, between two looks at whether there is something newer to do
SIDE_ON_GPU = 8192  # the same: a GPU paints it within 0.1 s, and small boxes one by one take it longer
CHROMA_ON_GPU = 2048  # pixels of a side: what a GPU brings to full size at once as numbers


def side_to_paint(device: torch.device) -> int:
    """The side, in pixels, of the boxes that are painted at once on a device."""
    return SIDE_ON_GPU if device.type == "cuda" else SIDE_TO_SHOW


class Computation:
    """The picture of an image, what follows the labels, and which tiles are to be painted anew.

    Parameters
    ----------
    setup : ColorizerSetup
    values : Tensor, (H, W) or (H, W, 3)
        sRGB-encoded, in 0..1.
    frame : Frame
    options : ColorizeOptions

    Attributes
    ----------
    wanted : Wanted
        What was said last.
    edited : bool
        Whether anything was said yet: before, there is nothing to paint.
    follower : Follower
    tiles : StaleTiles
        Of the array that was painted into last.
    """

    edited: bool
    follower: Follower
    tiles: StaleTiles

    def __init__(self, setup: ColorizerSetup, values: Tensor, frame: Frame, options: ColorizeOptions):
        self._setup, self.values, self._frame, self._options = setup, values, frame, options
        unlabeled = np.zeros(frame.full, np.uint8)
        self.wanted = Wanted(unlabeled, Hints(), setup.known_classes(), {}, ResolvedPins({}, {}), Adjustment())
        self._target: NDArray[np.uint8] | None = None  # of which the tiles tell how far it is painted
        with_cpu_fallback(self.prepare, pick_device(options.device))

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        return self._picture.x.device

    @torch.inference_mode()
    def prepare(self, device: torch.device) -> None:
        """Compute on a device what does not depend on the labels, and forget what was said of them."""
        values, config = self.values.to(device), self._setup.config
        x = self._frame.shrink(network_input(values, config.lightness))
        self._picture = Picture.of(values, self._frame, self._setup.network_on(device), x)
        self._begin()

    def edit(self, wanted: Wanted) -> None:
        """Bring everything at working size up to what is wanted, and note what is to be painted."""
        self.wanted = wanted
        try:
            self._anywhere(self.follow)
        except BaseException:
            self._begin()  # half of the edit may be taken over
            raise

    @torch.inference_mode()
    def follow(self) -> None:
        """Follow what is wanted, on the device that it is on now."""
        if self.edited and self.device.type == "cpu":
            load_compiled()  # who edits once more goes on; a single coloring is over before that
        self.wanted = self.follower.follow(self.wanted, self.tiles)
        self.edited = True

    @torch.inference_mode()
    def recolor(self, chroma: NDArray[np.floating]) -> None:
        """Take other a*, b* (2, h, w) at working size; see `Session.recolor`."""
        self.follower.recolor(torch.from_numpy(np.ascontiguousarray(chroma, np.float32)).to(self.device), self.tiles)

    def look(self, pins: ResolvedPins) -> Seen | None:
        """What there is of a class or region; see `Follower.look`."""
        return self._anywhere(partial(self._look, pins))

    def chroma(self) -> NDArray[np.float32]:
        """The a*, b* (H, W, 2) of what was said last."""
        result = np.empty((*self._frame.full, 2), np.float32)
        for box in Box.of(self._frame.full).parts(CHROMA_ON_GPU if self.device.type == "cuda" else SIDE_AT_ONCE):
            result[box.slices] = self._anywhere(partial(self._chroma_in, box)).permute(1, 2, 0).cpu().numpy()
        return result

    def left(self, out: NDArray[np.uint8]) -> int:
        """How many tiles of an array (H, W, 3) are not up to the last edit."""
        if not self.edited:
            return 0
        return self.tiles.left if self._target is out else self.tiles.count

    def stale(self, inside: Box | None, tolerance: float, out: NDArray[np.uint8]) -> list[Box]:
        """Boxes of full-size pixels that are to be painted into an array, none larger than what is shown at once."""
        if self._target is not out:
            self._target, self.tiles = out, StaleTiles(self._frame)
        boxes = self.tiles.stale(tolerance, inside) if self.edited else []
        side = self.tiles.multiple(side_to_paint(self.device))
        return [part for box in boxes for part in box.parts(side)]

    def paint(self, box: Box, out: NDArray[np.uint8]) -> None:
        """Paint a box of `stale` into an array (H, W, 3)."""
        self._anywhere(partial(self._paint, box, out))
        if self._target is out:
            self.tiles.note_painted(box)

    def _anywhere(self, compute: Callable[[], Result]) -> Result:
        """Compute on the device, or on the CPU where its memory does not suffice."""

        def work(device: torch.device) -> Result:
            if device != self.device:
                self.prepare(device)
                self.follow()
            return compute()

        return with_cpu_fallback(work, self.device)

    @torch.inference_mode()
    def _begin(self) -> None:
        """Forget all labels and hints."""
        self.edited = False
        self.follower = Follower(self._picture, self._setup, self._options.chroma_gain)
        self.tiles = StaleTiles(self._frame)

    @torch.inference_mode()
    def _look(self, pins: ResolvedPins) -> Seen | None:
        return self.follower.look(pins)

    @torch.inference_mode()
    def _chroma_in(self, box: Box) -> Tensor:
        return self.follower.chroma_in(box)

    @torch.inference_mode()
    def _paint(self, box: Box, out: NDArray[np.uint8]) -> None:
        self.follower.paint(box, out)
