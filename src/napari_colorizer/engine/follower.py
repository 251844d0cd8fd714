"""The colors of one image, brought up to what a user says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.color import lightness
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.gpu_labels import follow_labels
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.labels import as_ids, check_labels
from napari_colorizer.engine.likeness import Likeness
from napari_colorizer.engine.options import Adjustment
from napari_colorizer.engine.pins import ByClass, Pins, ResolvedPins, to_pins
from napari_colorizer.engine.setup import ColorizerSetup
from napari_colorizer.engine.suggest import Seen
from napari_colorizer.engine.tiles import StaleTiles
from napari_colorizer.engine.upsample import GuidedUpsampling
from napari_colorizer.engine.wishes import Wishes, owners
from napari_colorizer.guidance.said import Said, shrink_others
from napari_colorizer.networks import TwoStreamUNet
from napari_colorizer.networks.incremental import IncrementalPass, begin_together


class Wanted(NamedTuple):
    """What a user said last.

    Attributes
    ----------
    labels : array-like of integers, (H, W)
        Either the caller's, or what has followed them: which, on a GPU, is fetched where it is asked for.
    points : Hints
    known : dict
        The colorizer's id of each class id that it knows.
    others : dict
        What is said in other channels of guidance, at working size.
    pins : ResolvedPins
    adjustment : Adjustment
    """

    labels: ArrayLike
    points: Hints
    known: dict[int, int]
    others: dict[str, Tensor]
    pins: ResolvedPins
    adjustment: Adjustment

    @classmethod
    def of(
        cls,
        setup: ColorizerSetup,
        frame: Frame,
        labels: ArrayLike | None = None,
        hints: Hints | ArrayLike | None = None,
        classes: ClassMap | None = None,
        guidance: Said | None = None,
        pins: Pins | ByClass | None = None,
        adjustment: Adjustment | None = None,
    ) -> Wanted:
        """What is wanted by who calls `Session.colorize`; errors are those told there."""
        own = np.zeros(frame.full, np.uint8) if labels is None else check_labels(np.asarray(labels), frame.full)
        points, known = Hints(() if hints is None else hints), setup.known_classes(classes)
        wished = to_pins(pins).resolve(classes or setup.classes, frame.full)
        others = shrink_others(setup.config.guidance, guidance or {}, frame)
        return cls(own, points, known, others, wished, adjustment or Adjustment())

    @property
    def wishes(self) -> bool:
        """Whether a color is wished anywhere: then each id has borders of its own, known or not."""
        return bool(len(self.points) or self.pins.classes or self.pins.regions)


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

    @classmethod
    def several(
        cls, values: Sequence[Tensor], frames: Sequence[Frame], network: TwoStreamUNet, inputs: Sequence[Tensor]
    ) -> list[Picture]:
        """The same of images of one padded size, in one pass of the network."""
        x = torch.stack([frame.pad(one) for one, frame in zip(inputs, frames, strict=True)])[:, None]
        gray = network.encode_gray(x)
        return [
            cls(network, frame, x[n : n + 1], [level[n : n + 1] for level in gray], lightness(own))
            for n, (own, frame) in enumerate(zip(values, frames, strict=True))
        ]


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
        self.changes, self._wished, self._adjustment = follow_labels(device), False, Adjustment()
        self._known: dict[int, int] = {}
        self._labels = torch.zeros(frame.full, dtype=torch.int32, device=device)  # whose borders colors keep to
        self._own_working = torch.zeros(frame.working, dtype=torch.int64, device=device)  # the same at working size
        self._working_labels = torch.zeros(frame.working, dtype=torch.int64, device=device)
        self._incremental = IncrementalPass(picture.network, picture.gray)
        self._upsampling = GuidedUpsampling(frame.shrink(picture.lightness), picture.lightness)
        self._begin_wishes()

    def follow(self, wanted: Wanted, tiles: StaleTiles) -> Wanted:
        """Follow what is wanted, and note in the tiles what is to be painted; what is returned is not the caller's."""
        changed, labels, said = self._take(wanted, tiles)
        box = self._incremental.update(labels, said)
        return self._finish(wanted, tiles, changed, None if box is None else box.within(self._picture.frame.working))

    def _take(self, wanted: Wanted, tiles: StaleTiles) -> tuple[Box | None, Tensor, dict[str, Tensor]]:
        """Take over the labels; where they have changed, and labels and other guidance as the network takes them."""
        changed, frame = self.changes.update(np.asarray(wanted.labels)), self._picture.frame
        if wanted.known != self._known or wanted.wishes != self._wished:
            changed = Box.of(frame.full)
        if changed is not None:
            self._take_labels(changed, wanted)
            tiles.note_labels(changed)
        said = {name: frame.pad(values.to(self._picture.x.device)) for name, values in wanted.others.items()}
        return changed, frame.pad(self._working_labels), said

    def _finish(self, wanted: Wanted, tiles: StaleTiles, changed: Box | None, box: Box | None) -> Wanted:
        """Follow all else, where labels have changed and where the network's chroma has."""
        frame, whole = self._picture.frame, Box.of(self._picture.frame.working)
        if wanted.wishes:
            chroma, corrected = self._wish(wanted)
            box = corrected if box is None or corrected is None else box.joined(corrected)
        elif self._wished:
            self._begin_wishes()
        if changed is not None:
            voted = frame.shrunk(changed)
            box = voted if box is None else box.joined(voted)
        if wanted.adjustment != self._adjustment or wanted.wishes != self._wished:
            box = whole
        self._wished, self._adjustment = wanted.wishes, wanted.adjustment
        if box is not None:
            self._fit(chroma[:, *box.slices] if wanted.wishes else self._gained_chroma(box), box, tiles)
        return wanted._replace(labels=self.changes)

    @staticmethod
    def follow_together(followers: Sequence[Follower], wanted: Sequence[Wanted], tiles: Sequence[StaleTiles]) -> None:
        """Follow for the first time, pictures of one padded size in one pass of the network; see `follow`."""
        taken = [each._take(own, stale) for each, own, stale in zip(followers, wanted, tiles, strict=True)]
        passes = [each._incremental for each in followers]
        begin_together(passes, [labels for _, labels, _ in taken], [said for _, _, said in taken])
        for each, own, stale, (changed, _, _) in zip(followers, wanted, tiles, taken, strict=True):
            each._finish(own, stale, changed, Box.of(each._picture.frame.working))

    @property
    def unused(self) -> set[int | tuple[int, int]]:
        """Classes and regions whose pin finds no pixel."""
        return self._wishes.unused

    def look(self, pins: ResolvedPins) -> Seen | None:
        """What there is of a class or region, without pins and hints; None where there is nothing.

        Parameters
        ----------
        pins : ResolvedPins
            One, which says what is looked at.
        """
        frame, own = self._picture.frame, as_ids(self._own_labels())
        labels = self.changes.read(frame, Box.of(frame.working))[1].cpu().numpy()
        mask = owners(labels, own, pins, frame) > 0
        if not mask.any():
            return None
        chroma = self._gained_chroma(Box.of(frame.working)).cpu().numpy()[:, mask].mean(1, dtype=np.float64)
        light = frame.shrink(self._picture.lightness).cpu().numpy()[mask].mean()
        return Seen(int(labels[mask][0]), float(light), chroma)

    @property
    def working_lightness(self) -> Tensor:
        """L* (h, w) at working size; not to be altered."""
        return self._upsampling.working_lightness

    @property
    def working_chroma(self) -> Tensor:
        """a*, b* (2, h, w) at working size, as they were brought to full size last; not to be altered."""
        return self._upsampling.working_chroma

    def recolor(self, chroma: Tensor, tiles: StaleTiles) -> None:
        """Take other a*, b* (2, h, w) at working size, and note what is to be painted."""
        fitted = self._upsampling.fit(chroma, self._own_working, Box.of(self._picture.frame.working))
        if fitted is not None:
            tiles.note_chroma(fitted[0], fitted[1].cpu().numpy())

    def chroma_in(self, box: Box) -> Tensor:
        """a*, b* (2, box.height, box.width) of full-size pixels."""
        return self._upsampling.chroma_in(box, self._labels[box.slices])

    def paint(self, box: Box, out: NDArray[np.uint8]) -> None:
        """Paint a box of full-size pixels into an array (H, W, 3)."""
        self._upsampling.paint(box, self._labels, out)

    def _own_labels(self) -> NDArray[np.integer]:
        assert self.changes.labels is not None
        return self.changes.labels

    def _take_labels(self, changed: Box, wanted: Wanted) -> None:
        """Take over the labels in a box of full-size pixels."""
        frame, device = self._picture.frame, self._labels.device
        working = frame.shrunk(changed)
        labels, voted = self.changes.read(frame, working, wanted.known)
        self._working_labels[working.slices] = voted.to(device)
        if wanted.wishes and any(wanted.known.get(label, UNLABELED) != label for label in self.changes.counts):
            labels, voted = self.changes.read(frame, working)
        self._labels[frame.enlarged(working).slices] = labels.to(device)
        self._own_working[working.slices] = voted.to(device)
        self._known = wanted.known

    def _begin_wishes(self) -> None:
        """Forget what pins and hints there were."""
        picture = self._picture
        self._wishes = Wishes(picture.frame, lambda: Likeness(picture.x, picture.gray[-1], picture.frame))

    def _wish(self, wanted: Wanted) -> tuple[Tensor, Box | None]:
        """a*, b* (2, h, w) with pins and hints, and where they differ from the last time."""
        chroma = self._gained_chroma(Box.of(self._picture.frame.working)).cpu().numpy()
        labels, own = self._own_working.cpu().numpy(), as_ids(self._own_labels())
        found, box = self._wishes.update(chroma, labels, own, wanted.points, wanted.pins)
        return torch.from_numpy(found).to(self._labels.device), box

    def _fit(self, chroma: Tensor, box: Box, tiles: StaleTiles) -> None:
        """Bring the chroma (2, box.height, box.width) of working pixels to full size, as far as tiles to be painted."""
        if self._adjustment != Adjustment():
            shift = chroma.new_tensor(self._adjustment.shift)[:, None, None]
            chroma = chroma * self._adjustment.saturation + shift
        fitted = self._upsampling.fit(chroma, self._own_working[box.slices], box)
        if fitted is not None:
            tiles.note_chroma(fitted[0], fitted[1].cpu().numpy())

    def _gained_chroma(self, box: Box) -> Tensor:
        """a*, b* (2, box.height, box.width) that the network predicts for working pixels, with the chroma gain."""
        config, setup = self._setup.config, self._setup
        chroma = self._incremental.chroma[0, :, *box.slices] * config.chroma_scale + config.chroma_offset
        unlabeled = self._working_labels[box.slices] == UNLABELED
        return chroma * torch.where(unlabeled, setup.chroma_gain_unlabeled, setup.chroma_gain) * self._chroma_gain
