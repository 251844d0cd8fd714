"""One image being colored."""

from __future__ import annotations

from collections.abc import Iterator
from threading import RLock

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_colorizer.boxes import Box
from napari_colorizer.classes import ClassMap
from napari_colorizer.color import normalize
from napari_colorizer.engine.computation import Computation
from napari_colorizer.engine.follower import Wanted
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.options import Adjustment, ColorizeOptions
from napari_colorizer.engine.pins import ByClass, Pins
from napari_colorizer.engine.setup import ColorizerSetup
from napari_colorizer.engine.suggest import MOST, Suggestion, check_number, draw_variants, likely_colors
from napari_colorizer.guidance.said import Said


class Session:
    """One gray image being colored with a model: `Model.session` makes it.

    The gray stream of the colorizer never depends on the labels: it is computed here, once. What follows the labels is
    computed anew where an edit changes it.

    Parameters
    ----------
    setup : ColorizerSetup
    gray : array, (H, W), (H, W, 3) or (H, W, 4)
        A gray image, or an RGB image of which the lightness is taken; see `napari_colorizer.color.normalize`.
    options : ColorizeOptions, optional
    limits : (float, float), optional
        The values of `gray` that mean black and white.

    Attributes
    ----------
    rgb : array of uint8, (H, W, 3)
        The colors as far as they are painted. `paint` alters them in place.

    Raises
    ------
    ValueError, TypeError
        If `gray` is not such an image.
    """

    def __init__(
        self,
        setup: ColorizerSetup,
        gray: NDArray[np.generic],
        options: ColorizeOptions | None = None,
        limits: tuple[float, float] | None = None,
    ):
        self.options = options or ColorizeOptions()
        self._setup = setup
        values = torch.from_numpy(np.ascontiguousarray(normalize(gray, limits)))
        self.shape: tuple[int, int] = (values.shape[0], values.shape[1])
        self.rgb = np.zeros((*self.shape, 3), np.uint8)
        working_size = self.options.working_size or setup.working_size
        self._frame = Frame.fit(self.shape, working_size, setup.config.stride)
        self._classes: ClassMap | None = None
        self._lock = RLock()
        self._computed = Computation(setup, values, self._frame, self.options)

    @property
    def device(self) -> torch.device:
        """Where the colors are computed."""
        return self._computed.device

    def colorize(
        self,
        labels: ArrayLike | None = None,
        hints: Hints | ArrayLike | None = None,
        classes: ClassMap | None = None,
        guidance: Said | None = None,
        pins: Pins | ByClass | None = None,
        adjustment: Adjustment | None = None,
    ) -> NDArray[np.uint8]:
        """Color the image.

        Parameters
        ----------
        labels : array of integers, (H, W), optional
            Class ids; 0, ids that the model does not know, and None mean "you decide". Not altered.
        hints : Hints or array-like (N, 5), optional
            Rows of y, x, a*, b*, radius: what each reaches is decided by likeness, never across a border of labels.
        classes : ClassMap, optional
            The class map of the labels where it is not that of the model: classes are matched by name, and those that
            the model does not know are unlabeled to it.
        guidance : mapping, optional
            What is said in other channels of guidance, an array (..., H, W) by the name of each that the model hears.
        pins : Pins or mapping, optional
            Wished colors of classes and regions, by ids of `labels` and names of `classes`; hints lie on top of them.
            Those of classes that are not there wait until they are; see `unused_pins`.
        adjustment : Adjustment, optional
            Saturation and warmth of the result.

        Returns
        -------
        array of uint8, (H, W, 3)
            sRGB with the lightness of the input, within 0.5 L*.

        Raises
        ------
        ValueError, TypeError
            If the label map is not one, something has another shape than the image, a channel is not the model's, or
            a pinned region lies outside the image.
        """
        with self._lock:
            self.edit(labels, hints, classes, guidance, pins, adjustment)
            list(self.paint())
            return self.rgb.copy()

    def chroma(
        self,
        labels: ArrayLike | None = None,
        hints: Hints | ArrayLike | None = None,
        classes: ClassMap | None = None,
        guidance: Said | None = None,
        pins: Pins | ByClass | None = None,
        adjustment: Adjustment | None = None,
    ) -> NDArray[np.float32]:
        """The a*, b* of the colors, array of float32 (H, W, 2), before they are fitted to the gamut.

        The arguments and errors are those of `colorize`.
        """
        with self._lock:
            self.edit(labels, hints, classes, guidance, pins, adjustment)
            return self._computed.chroma()

    def edit(
        self,
        labels: ArrayLike | None = None,
        hints: Hints | ArrayLike | None = None,
        classes: ClassMap | None = None,
        guidance: Said | None = None,
        pins: Pins | ByClass | None = None,
        adjustment: Adjustment | None = None,
    ) -> None:
        """Take over what `colorize` takes, without painting the colors yet; errors are those of `colorize`."""
        wanted = Wanted.of(self._setup, self._frame, labels, hints, classes, guidance, pins, adjustment)
        with self._lock:
            self._classes = classes
            self._computed.edit(wanted)

    def at_working_size(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """L* (h, w) and the a*, b* (2, h, w) of the last edit, pins and all, at the size at which the network runs."""
        with self._lock:
            follower = self._computed.follower
            return follower.working_lightness.cpu().numpy().copy(), follower.working_chroma.cpu().numpy().copy()

    def recolor(self, chroma: NDArray[np.floating]) -> None:
        """Color with other a*, b* than the network's; where the next edit changes something, the network's come back.

        Parameters
        ----------
        chroma : array of float, (2, h, w)
            At working size, as `at_working_size` gives them after an edit.

        Raises
        ------
        ValueError
            If it has another shape.
        """
        with self._lock:
            if chroma.shape != (2, *self._frame.working):
                raise ValueError(f"the chroma must have the shape {(2, *self._frame.working)}, not {chroma.shape}")
            self._computed.recolor(chroma)

    @property
    def counts(self) -> dict[int, int]:
        """How many pixels each id has in the label map that was taken over last."""
        with self._lock:
            return dict(self._computed.follower.changes.counts)

    @property
    def unused_pins(self) -> set[int | tuple[int, int]]:
        """Class ids and pixels of regions that are pinned, but of which nothing was in the image at the last edit."""
        with self._lock:
            return set(self._computed.follower.unused)

    @property
    def painted(self) -> bool:
        """Whether `rgb` is up to the last edit that was taken over."""
        return not self.left(self.rgb)

    def left(self, out: NDArray[np.uint8]) -> int:
        """How many tiles of an array that `paint` was given are not up to the last edit that was taken over."""
        with self._lock:
            return self._computed.left(out)

    def paint(
        self, inside: Box | None = None, tolerance: float = 0.0, out: NDArray[np.uint8] | None = None
    ) -> Iterator[Box]:
        """Paint what has changed since it was painted last, and tell which box is done.

        Parameters
        ----------
        inside : Box, optional
            Paint no more than what this box of pixels touches.
        tolerance : float
            Leave alone what is off by no more than this, in a* or b*. What is left alone counts the next time.
        out : array of uint8, (H, W, 3), optional
            Paint into this array, in place, and not into `rgb`; `ValueError` if it is no such array. All of an array
            counts as changed where another one was painted last: a session knows only what that one shows.
        """
        out = self.rgb if out is None else out
        if out.shape != self.rgb.shape or out.dtype != np.uint8:
            raise ValueError(f"out must be an array of uint8, {self.rgb.shape}, not of {out.dtype}, {out.shape}")
        with self._lock:
            boxes = self._computed.stale(inside, tolerance, out)
        for box in boxes:
            with self._lock:
                self._computed.paint(box, out)
            yield box

    def suggest(self, thing: int | str | tuple[int, int], n: int = 7) -> list[Suggestion]:
        """Likely colors of a class or a region, most likely first, for the labels of the last edit.

        They are what the network gives it without pins and hints, and the colors that things of its class mostly have,
        the likelier the nearer they are to that; where these are few, none, weaker, stronger and other colors follow.

        Parameters
        ----------
        thing : int, str or (int, int)
            A class by its id in the label map or by its name; or a region by a pixel (row, column) in it.
        n : int
            How many, at most: 5 to 9.

        Raises
        ------
        ValueError
            If nothing in the image has that label, the pixel lies outside, or `n` is none of 5 to 9.
        """
        check_number(n)
        return self._suggest(thing, n)

    def variants(self, n: int = 4, seed: int = 0) -> list[Pins]:
        """Different plausible colorings of the whole image, for the labels of the last edit.

        Parameters
        ----------
        n : int
            How many; fewer come where no class of which colors are known is in the image.
        seed : int
            The same seed gives the same ones.

        Returns
        -------
        list of Pins
            By class id: what `colorize` takes.
        """
        with self._lock:
            known = self._computed.wanted.known
            present = [label for label in sorted(self.counts) if self._setup.suggestions.get(known.get(label, 0))]
            suggestions = {label: self._suggest(label, MOST, fill=False) for label in present}
        if not suggestions:
            return []
        return [Pins(colors) for colors in draw_variants(suggestions, n, np.random.default_rng(seed))]

    def known_classes(self, classes: ClassMap | None = None) -> dict[int, int]:
        """The colorizer's id of each class id that it knows, of a class map or of its own."""
        return self._setup.known_classes(classes)

    def _suggest(self, thing: int | str | tuple[int, int], n: int, fill: bool = True) -> list[Suggestion]:
        with self._lock:
            if not self._computed.edited:
                self.edit()
            pins = Pins(regions={thing: 1}) if isinstance(thing, tuple) else Pins({thing: 1})
            wished = pins.resolve(self._classes or self._setup.classes, self.shape)
            seen = self._computed.look(wished)
            if seen is None:
                raise ValueError(f"the image has no {thing!r} to suggest colors for")
            stored = self._setup.suggestions.get(self._computed.wanted.known.get(seen.label, 0), ())
            return likely_colors(seen, stored, n, fill)
