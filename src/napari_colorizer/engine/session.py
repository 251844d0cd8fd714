"""One image being colored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from napari_colorizer.boxes import Box
from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.color import lightness, normalize
from napari_colorizer.engine.changes import LabelChanges
from napari_colorizer.engine.devices import pick_device, with_cpu_fallback
from napari_colorizer.engine.frame import SIDE_AT_ONCE, Frame
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.labels import as_ids, check_labels, translate
from napari_colorizer.engine.options import ColorizeOptions
from napari_colorizer.engine.painting import load_compiled
from napari_colorizer.engine.segment import network_input
from napari_colorizer.engine.tiles import StaleTiles
from napari_colorizer.engine.upsample import GuidedUpsampling
from napari_colorizer.networks.hints import spread_hints
from napari_colorizer.networks.incremental import IncrementalPass

if TYPE_CHECKING:
    from napari_colorizer.models.model import Model


Result = TypeVar("Result")
SIDE_TO_SHOW = 512  # pixels: what is painted at once, between two looks at whether there is something newer to do


class Session:
    """One gray image being colored with a model.

    The gray stream of the colorizer never depends on the labels: it is computed here, once. What follows the labels is
    computed anew where an edit changes it.

    Parameters
    ----------
    model : Model
        With a colorizer.
    gray : array, (H, W), (H, W, 3) or (H, W, 4)
        A gray image, or an RGB image of which the lightness is taken; see `napari_colorizer.color.normalize`.
    options : ColorizeOptions, optional
    limits : (float, float), optional
        The values of `gray` that mean black and white.

    Attributes
    ----------
    rgb : array of uint8, (H, W, 3)
        The colors as far as they are painted. `paint` alters them in place; another array may be put in their place.

    Raises
    ------
    ModelError
        If the model has no colorizer.
    ValueError, TypeError
        If `gray` is not such an image.
    """

    def __init__(
        self,
        model: Model,
        gray: NDArray[np.generic],
        options: ColorizeOptions | None = None,
        limits: tuple[float, float] | None = None,
    ):
        self.model = model
        self.options = options or ColorizeOptions()
        self._master = model.require_colorizer()
        self._values = torch.from_numpy(np.ascontiguousarray(normalize(gray, limits)))
        self.shape: tuple[int, int] = (self._values.shape[0], self._values.shape[1])
        self.rgb = np.zeros((*self.shape, 3), np.uint8)
        working_size = self.options.working_size or model.working_size
        self._frame = Frame.fit(self.shape, working_size, self._master.config.stride)
        self._lock = RLock()
        with_cpu_fallback(self._prepare, pick_device(self.options.device))

    @property
    def device(self) -> torch.device:
        """Where the colors are computed."""
        return self._x.device

    def colorize(
        self,
        labels: ArrayLike | None = None,
        hints: Hints | ArrayLike | None = None,
        classes: ClassMap | None = None,
    ) -> NDArray[np.uint8]:
        """Color the image.

        Parameters
        ----------
        labels : array of integers, (H, W), optional
            Class ids; 0, ids that the model does not know, and None mean "you decide". Not altered.
        hints : Hints or array-like (N, 5), optional
            Rows of y, x, a*, b*, radius; see `napari_colorizer.networks.hints`.
        classes : ClassMap, optional
            The class map of the labels where it is not that of the model: classes are matched by name, and those that
            the model does not know are unlabeled to it.

        Returns
        -------
        array of uint8, (H, W, 3)
            sRGB with the lightness of the input, within 0.5 L*.

        Raises
        ------
        ValueError, TypeError
            If the label map is not one, or has another shape than the image.
        """
        with self._lock:
            self.edit(labels, hints, classes)
            for _box in self.paint():
                pass
            return self.rgb.copy()

    def chroma(
        self,
        labels: ArrayLike | None = None,
        hints: Hints | ArrayLike | None = None,
        classes: ClassMap | None = None,
    ) -> NDArray[np.float32]:
        """The a*, b* of the colors, array of float32 (H, W, 2), before they are fitted to the gamut.

        The arguments and errors are those of `colorize`.
        """
        result = np.empty((*self.shape, 2), np.float32)
        with self._lock:
            self.edit(labels, hints, classes)
            for box in Box.of(self.shape).parts(SIDE_AT_ONCE):
                result[box.slices] = self._anywhere(partial(self._chroma_in, box)).permute(1, 2, 0).cpu().numpy()
        return result

    def edit(
        self,
        labels: ArrayLike | None = None,
        hints: Hints | ArrayLike | None = None,
        classes: ClassMap | None = None,
    ) -> None:
        """Take over what `colorize` takes, without painting the colors yet; errors are those of `colorize`."""
        own = np.zeros(self.shape, np.uint8) if labels is None else check_labels(np.asarray(labels), self.shape)
        points, known = Hints(() if hints is None else hints), self.known_classes(classes)
        with self._lock:
            self._wanted = own, points, known
            try:
                self._anywhere(self._follow)
            except BaseException:
                self._begin()  # half of the edit may be taken over
                raise

    @property
    def counts(self) -> dict[int, int]:
        """How many pixels each id has in the label map that was taken over last."""
        with self._lock:
            return dict(self._changes.counts)

    @property
    def painted(self) -> bool:
        """Whether `rgb` is up to the last edit that was taken over."""
        with self._lock:
            return not self._edited or self._tiles.painted

    def paint(self, inside: Box | None = None, tolerance: float = 0.0) -> Iterator[Box]:
        """Paint what has changed since it was painted last into `rgb`, and tell which box is done.

        Parameters
        ----------
        inside : Box, optional
            Paint no more than what this box of pixels touches.
        tolerance : float
            Leave alone what is off by no more than this, in a* or b*. What is left alone counts the next time.
        """
        for stale in self._tiles.stale(tolerance, inside) if self._edited else ():
            for box in stale.parts(self._tiles.multiple(SIDE_TO_SHOW)):
                with self._lock:
                    self._anywhere(partial(self._paint, box))
                    self._tiles.note_painted(box)
                yield box

    def known_classes(self, classes: ClassMap | None = None) -> dict[int, int]:
        """The colorizer's id of each class id that it knows, of a class map or of its own."""
        ids = self._master.config.ids
        if classes is None:
            return {label: label for label in ids}
        return {label: target for label, target in classes.match(self.model.classes).items() if target in ids}

    def _anywhere(self, compute: Callable[[], Result]) -> Result:
        """Compute on the device of the session, or on the CPU where its memory does not suffice."""

        def work(device: torch.device) -> Result:
            if device != self.device:
                self._prepare(device)
                self._follow()
            return compute()

        return with_cpu_fallback(work, self.device)

    @torch.inference_mode()
    def _prepare(self, device: torch.device) -> None:
        """Compute on a device what does not depend on the labels."""
        self._network = self.model.on(device).require_colorizer()
        values = self._values.to(device)
        x = self._frame.shrink(network_input(values, self._network.config.lightness))
        self._x = self._frame.pad(x)[None, None]
        self._gray_features = self._network.encode_gray(self._x)
        self._lightness = lightness(values)
        self._begin()

    @torch.inference_mode()
    def _begin(self) -> None:
        """Forget all labels and hints."""
        self._edited = False  # there is nothing to paint yet
        self._changes, self._points = LabelChanges(), Hints()
        self._known: dict[int, int] = {}
        self._labels = torch.zeros(self.shape, dtype=torch.int32, device=self.device)
        self._working_labels = torch.zeros(self._frame.working, dtype=torch.int64, device=self.device)
        self._incremental = IncrementalPass(self._network, self._gray_features)
        self._upsampling = GuidedUpsampling(self._frame.shrink(self._lightness), self._lightness)
        self._tiles = StaleTiles(self._frame)

    @torch.inference_mode()
    def _follow(self) -> None:
        """Bring everything at working size up to what is wanted, and note what is to be painted."""
        own, points, known = self._wanted
        if self._edited and self.device.type == "cpu":
            load_compiled()  # who edits once more goes on; a single coloring is over before that
        changed = self._changes.update(own)
        assert self._changes.labels is not None
        self._wanted = self._changes.labels, points, known  # the caller may alter his own
        self._adapt(changed, points, known)
        self._edited = True

    def _adapt(self, changed: Box | None, points: Hints, known: dict[int, int]) -> None:
        """Follow labels that have changed in a box, hints and classes, as far as tiles that are to be painted."""
        if known != self._known:
            changed = Box.of(self.shape)
        if changed is not None:
            self._take_labels(changed, known)
        box = self._incremental.update(self._frame.pad(self._working_labels))
        hinted = len(points) or len(self._points)
        if box is None and not (hinted and (changed is not None or not np.array_equal(points.rows, self._points.rows))):
            return
        if hinted or box is None:
            box = Box.of(self._frame.working)
        box = box.within(self._frame.working)
        chroma = self._vivid_chroma(box)
        if len(points):
            chroma = self._hinted(chroma, points)
        self._points = points
        fitted = self._upsampling.fit(chroma, self._working_labels[box.slices], box)
        if fitted is not None:
            self._tiles.note_chroma(fitted[0], fitted[1].cpu().numpy())

    def _take_labels(self, changed: Box, known: dict[int, int]) -> None:
        """Take over the labels in a box of full-size pixels."""
        working = self._frame.shrunk(changed)
        box = self._frame.enlarged(working)
        assert self._changes.labels is not None
        labels = translate(self._changes.labels[box.slices], known)
        self._labels[box.slices] = torch.from_numpy(labels.astype(np.int32)).to(self.device)
        self._working_labels[working.slices] = torch.from_numpy(self._frame.vote(labels, working)).to(self.device)
        self._known = known
        self._tiles.note_labels(changed)

    def _vivid_chroma(self, box: Box) -> Tensor:
        """a*, b* (2, box.height, box.width) that the network predicts for working pixels, as vivid as is wished."""
        config, model, vivid = self._network.config, self.model, self.options.vivid
        chroma = self._incremental.chroma[0, :, *box.slices] * config.chroma_scale + config.chroma_offset
        unlabeled = self._working_labels[box.slices] == UNLABELED
        return chroma * torch.where(unlabeled, model.vivid_unlabeled * vivid, model.vivid * vivid)

    def _hinted(self, chroma: Tensor, points: Hints) -> Tensor:
        """a*, b* (2, h, w) with hints, which keep to the user's labels, also to those that the model does not know."""
        assert self._changes.labels is not None
        config, own = self._network.config, as_ids(self._changes.labels)
        working = self._frame.vote(own)
        scale, offset = config.chroma_scale, config.chroma_offset
        channels = points.to_tensor(self._frame, scale, offset, own, working).to(self.device)
        labels = torch.from_numpy(working).to(self.device)
        scaled = (chroma[None] - offset) / scale
        return spread_hints(scaled, self._frame.crop(self._x), labels[None], channels[None])[0] * scale + offset

    @torch.inference_mode()
    def _chroma_in(self, box: Box) -> Tensor:
        """a*, b* (2, box.height, box.width) of full-size pixels."""
        return self._upsampling.chroma_in(box, self._labels[box.slices])

    @torch.inference_mode()
    def _paint(self, box: Box) -> None:
        """Paint a box of full-size pixels."""
        self._upsampling.paint(box, self._labels, self.rgb)
