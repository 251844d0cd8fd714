"""The colors of one image, brought up to what a user says of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.classes import UNLABELED
from napari_colorizer.color import lightness
from napari_colorizer.engine.changes import LabelChanges
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.hints import Hints, apply_hints
from napari_colorizer.engine.labels import as_ids, translate
from napari_colorizer.engine.setup import ColorizerSetup
from napari_colorizer.engine.tiles import StaleTiles
from napari_colorizer.engine.upsample import GuidedUpsampling
from napari_colorizer.networks import TwoStreamUNet
from napari_colorizer.networks.incremental import IncrementalPass


class Wanted(NamedTuple):
    """What a user said last: labels, hints, the colorizer's id of each class id, and all else at working size."""

    labels: NDArray[np.integer]
    points: Hints
    known: dict[int, int]
    others: dict[str, Tensor]


class Picture(NamedTuple):
    """One image on one device, as far as no label changes it.

    Attributes
    ----------
    network : TwoStreamUNet
    frame : Frame
    x : Tensor, (1, 1, H', W')
        What the network sees, padded.
    gray : list of Tensor
        What ``network.encode_gray`` gives for that.
    lightness : Tensor, (H, W)
        L* in 0..100.
    """

    network: TwoStreamUNet
    frame: Frame
    x: Tensor
    gray: list[Tensor]
    lightness: Tensor

    @classmethod
    def of(cls, values: Tensor, frame: Frame, network: TwoStreamUNet, x: Tensor) -> Picture:
        """The picture of a gray image (H, W), sRGB-encoded in 0..1, of which the network sees `x` at working size."""
        x = frame.pad(x)[None, None]
        return cls(network, frame, x, network.encode_gray(x), lightness(values))


class Follower:
    """Follows what a user says of a picture with the chroma at working size.

    Parameters
    ----------
    picture : Picture
    setup : ColorizerSetup
    chroma_gain : float
        Factor on the chroma, beside the model's own.
    """

    def __init__(self, picture: Picture, setup: ColorizerSetup, chroma_gain: float):
        self._picture, self._setup, self._chroma_gain = picture, setup, chroma_gain
        frame, device = picture.frame, picture.x.device
        self.changes, self._points = LabelChanges(), Hints()
        self._known: dict[int, int] = {}
        self._labels = torch.zeros(frame.full, dtype=torch.int32, device=device)
        self._working_labels = torch.zeros(frame.working, dtype=torch.int64, device=device)
        self._incremental = IncrementalPass(picture.network, picture.gray)
        self._upsampling = GuidedUpsampling(frame.shrink(picture.lightness), picture.lightness)

    def follow(self, wanted: Wanted, tiles: StaleTiles) -> Wanted:
        """Follow what is wanted, and note in the tiles what is to be painted; what is returned is not the caller's."""
        changed = self.changes.update(wanted.labels)
        frame, points = self._picture.frame, wanted.points
        if wanted.known != self._known:
            changed = Box.of(frame.full)
        if changed is not None:
            self._take_labels(changed, wanted.known)
            tiles.note_labels(changed)
        said = {name: frame.pad(values.to(self._picture.x.device)) for name, values in wanted.others.items()}
        box = self._incremental.update(frame.pad(self._working_labels), said)
        moved = changed is not None or not np.array_equal(points.rows, self._points.rows)
        hinted = bool(len(points) or len(self._points))
        if hinted and (box is not None or moved):
            box = Box.of(frame.working)
        self._points = points
        if box is not None:
            self._fit(box.within(frame.working), tiles)
        return wanted._replace(labels=self._own_labels())

    def chroma_in(self, box: Box) -> Tensor:
        """a*, b* (2, box.height, box.width) of full-size pixels."""
        return self._upsampling.chroma_in(box, self._labels[box.slices])

    def paint(self, box: Box, out: NDArray[np.uint8]) -> None:
        """Paint a box of full-size pixels into an array (H, W, 3)."""
        self._upsampling.paint(box, self._labels, out)

    def _own_labels(self) -> NDArray[np.integer]:
        assert self.changes.labels is not None
        return self.changes.labels

    def _take_labels(self, changed: Box, known: dict[int, int]) -> None:
        """Take over the labels in a box of full-size pixels."""
        frame, device = self._picture.frame, self._labels.device
        working = frame.shrunk(changed)
        box = frame.enlarged(working)
        labels = translate(self._own_labels()[box.slices], known)
        self._labels[box.slices] = torch.from_numpy(labels.astype(np.int32)).to(device)
        self._working_labels[working.slices] = torch.from_numpy(frame.vote(labels, working)).to(device)
        self._known = known

    def _fit(self, box: Box, tiles: StaleTiles) -> None:
        """Bring the chroma of working pixels to full size, as far as tiles that are to be painted."""
        chroma, frame = self._gained_chroma(box), self._picture.frame
        if len(self._points):
            own = as_ids(self._own_labels())  # also what the model does not know
            x = frame.crop(self._picture.x)
            chroma = apply_hints(chroma, self._points, frame, x, own, self._setup.config)
        fitted = self._upsampling.fit(chroma, self._working_labels[box.slices], box)
        if fitted is not None:
            tiles.note_chroma(fitted[0], fitted[1].cpu().numpy())

    def _gained_chroma(self, box: Box) -> Tensor:
        """a*, b* (2, box.height, box.width) that the network predicts for working pixels, with the chroma gain."""
        config, setup = self._setup.config, self._setup
        chroma = self._incremental.chroma[0, :, *box.slices] * config.chroma_scale + config.chroma_offset
        unlabeled = self._working_labels[box.slices] == UNLABELED
        return chroma * torch.where(unlabeled, setup.chroma_gain_unlabeled, setup.chroma_gain) * self._chroma_gain
