"""One image being colored."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from napari_colorizer.classes import ClassMap
from napari_colorizer.color import lightness, normalize, to_rgb
from napari_colorizer.engine.devices import pick_device, with_cpu_fallback
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.labels import as_ids, check_labels, translate
from napari_colorizer.engine.options import ColorizeOptions
from napari_colorizer.engine.segment import network_input
from napari_colorizer.engine.upsample import guided_upsample
from napari_colorizer.networks.hints import spread_hints

if TYPE_CHECKING:
    from napari_colorizer.models.model import Model


Scalar = TypeVar("Scalar", bound=np.generic)
LEAST_VIVID = 0.25  # a hint is never taken to more than four times its color


class Session:
    """One gray image being colored with a model.

    The gray stream of the colorizer never depends on the labels: it is computed here, once.

    Parameters
    ----------
    model : Model
        With a colorizer.
    gray : array, (H, W), (H, W, 3) or (H, W, 4)
        A gray image, or an RGB image of which the lightness is taken; see `napari_colorizer.color.normalize`.
    options : ColorizeOptions, optional
    limits : (float, float), optional
        The values of `gray` that mean black and white.

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
        working_size = self.options.working_size or model.working_size
        self._frame = Frame.fit(self.shape, working_size, self._master.config.stride)
        with_cpu_fallback(self._prepare, pick_device(self.options.device))

    @property
    def device(self) -> torch.device:
        """Where the colors are computed."""
        return self._lightness.device

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
        guidance = self._guidance(labels, hints, classes)
        return self._anywhere(lambda: to_rgb(self._lightness, self._chroma(*guidance) * self.vivid).cpu().numpy())

    def chroma(
        self,
        labels: ArrayLike | None = None,
        hints: Hints | ArrayLike | None = None,
        classes: ClassMap | None = None,
    ) -> NDArray[np.float32]:
        """The predicted a*, b*, array of float32 (H, W, 2), before they are made more vivid or fitted to the gamut.

        The arguments and errors are those of `colorize`.
        """
        guidance = self._guidance(labels, hints, classes)
        return self._anywhere(lambda: self._chroma(*guidance).permute(1, 2, 0).cpu().numpy())

    @property
    def vivid(self) -> float:
        """Factor on the predicted chroma: that of the model times that of the options."""
        return self.model.vivid * self.options.vivid

    def _guidance(
        self, labels: ArrayLike | None, hints: Hints | ArrayLike | None, classes: ClassMap | None
    ) -> tuple[NDArray[np.uint16], Tensor | None, Tensor | None]:
        """Labels in the ids of the colorizer, (H, W); and if there are hints, theirs, and the user's own labels.

        Hints keep to the user's labels, (h, w), also to those that the model does not know.
        """
        own = np.zeros(self.shape, np.uint8) if labels is None else as_ids(check_labels(np.asarray(labels), self.shape))
        points = Hints(() if hints is None else hints)
        known = translate(own, self.known_classes(classes))
        if not len(points):
            return known, None, None
        working, config = self._frame.vote(own), self._master.config
        points = points.weakened(max(self.vivid, LEAST_VIVID))  # what is made more vivid then comes out as wished
        channels = points.to_tensor(self._frame, config.chroma_scale, config.chroma_offset, own, working)
        return known, channels, torch.from_numpy(working)

    def _anywhere(self, compute: Callable[[], NDArray[Scalar]]) -> NDArray[Scalar]:
        """Compute on the device of the session, or on the CPU where its memory does not suffice."""

        def work(device: torch.device) -> NDArray[Scalar]:
            if device != self.device:
                self._prepare(device)
            return compute()

        return with_cpu_fallback(work, self.device)

    def known_classes(self, classes: ClassMap | None = None) -> dict[int, int]:
        """The colorizer's id of each class id that it knows, of a class map or of its own."""
        ids = self._master.config.ids
        if classes is None:
            return {label: label for label in ids}
        return {label: target for label, target in classes.match(self.model.classes).items() if target in ids}

    @torch.inference_mode()
    def _prepare(self, device: torch.device) -> None:
        """Compute on a device what does not depend on the labels."""
        self._network = self.model.on(device).require_colorizer()
        values = self._values.to(device)
        self._lightness = lightness(values)
        self._working_lightness = self._frame.shrink(self._lightness)
        x = self._frame.shrink(network_input(values, self._network.config.lightness))
        self._x = self._frame.pad(x)[None, None]
        self._gray_features = self._network.encode_gray(self._x)
        self._last: tuple[Tensor, Tensor] | None = None  # labels and their chroma: an edit of hints needs no other pass

    @torch.inference_mode()
    def _chroma(self, labels: NDArray[np.uint16], hints: Tensor | None, own: Tensor | None) -> Tensor:
        """a*, b* (2, H, W) at full size."""
        config, device = self._network.config, self.device
        working_labels = torch.from_numpy(self._frame.vote(labels)).to(device)
        chroma = self._predict(working_labels)
        if hints is not None and own is not None:
            x = self._frame.crop(self._x)
            chroma = spread_hints(chroma, x, own.to(device)[None], hints.to(device)[None])
        chroma = chroma[0] * config.chroma_scale + config.chroma_offset
        full_labels = torch.from_numpy(labels.astype(np.int32)).to(device)
        return guided_upsample(chroma, self._working_lightness, working_labels, self._lightness, full_labels)

    def _predict(self, working_labels: Tensor) -> Tensor:
        """Scaled chroma (1, 2, h, w) at working size, without hints; that of the last labels is kept."""
        last = self._last
        if last is None or not torch.equal(last[0], working_labels):
            guidance = self._network.encode_guidance(self._frame.pad(working_labels)[None], like=self._x)
            last = working_labels, self._frame.crop(self._network.decode(self._gray_features, guidance))
            self._last = last
        return last[1]
