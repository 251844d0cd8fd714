"""Where each pixel of a slice was in the slice before: optical flow, and how far it can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, uniform_filter
from skimage.registration import optical_flow_ilk
from skimage.transform import resize

Gray = NDArray[np.float32]
FLOW_SIZE = 192  # the longer side, in pixels, at which flow is found: flow is smooth, and its time grows with the area
WINDOW = 9  # pixels: what is compared around each
FAINT = 1e-3  # variance of lightness in 0..1 below which there is nothing to be compared: noise is not
DOUBTED, TRUSTED = 0.5, 0.8  # likeness (-1..1) of a place and what it was, below and above which trust is 0 and 1
CUT = 0.45  # mean likeness: unrelated pictures, warped to each other as well as can be, have 0.2 to 0.4


class Flow:
    """The way from one slice to the one before.

    Parameters
    ----------
    displacement : array of float32, (2, h, w)
        What is added to row and column of a pixel to find it in the slice before.
    trust : array of float32, (h, w)
        0..1: how sure it is that both show the same thing.

    Attributes
    ----------
    cut : bool
        Whether the two slices have nothing in common; nothing is trusted then.
    """

    def __init__(self, displacement: Gray, trust: Gray, cut: bool = False):
        self.displacement, self.trust, self.cut = displacement, trust, cut

    @classmethod
    def between(cls, before: NDArray[np.floating], after: NDArray[np.floating]) -> Flow:
        """Find the flow between two slices.

        Parameters
        ----------
        before, after : array of float, (h, w)
            L* in 0..100, of the same shape.

        Raises
        ------
        ValueError
            If the shapes differ.
        """
        if before.shape != after.shape:
            raise ValueError(f"the slices of a series must have one shape, not {before.shape} and {after.shape}")
        scale = min(1.0, FLOW_SIZE / max(after.shape))
        size = tuple(max(1, round(side * scale)) for side in after.shape)
        old, new = (_resized(values / 100, size) for values in (before, after))
        found = optical_flow_ilk(new, old, radius=5, num_warp=4, prefilter=True) if min(size) > 2 * WINDOW else None
        displacement = np.zeros((2, *size), np.float32) if found is None else np.nan_to_num(found).astype(np.float32)
        flow = cls(displacement, np.ones(size, np.float32))
        likeness = _likeness(flow.warp(old), new)
        if float(likeness.mean()) < CUT:
            return cls(displacement, np.zeros(size, np.float32), cut=True)
        trust = ((likeness - DOUBTED) / (TRUSTED - DOUBTED)).clip(0, 1) * flow.inside()
        return cls(displacement, trust.astype(np.float32))

    def at(self, shape: tuple[int, int]) -> Flow:
        """The same flow between larger or smaller slices (H, W) of the same pictures."""
        if shape == self.trust.shape:
            return self
        factors = [full / small for full, small in zip(shape, self.trust.shape, strict=True)]
        parts = [_resized(part * factor, shape) for part, factor in zip(self.displacement, factors, strict=True)]
        return Flow(np.stack(parts), _resized(self.trust, shape), self.cut)

    def inside(self) -> NDArray[np.bool_]:
        """Which pixels (h, w) have been in the slice before."""
        places = self._places()
        sides = zip(places, self.trust.shape, strict=True)
        inside: NDArray[np.bool_] = np.logical_and(*((at >= -0.5) & (at <= side - 0.5) for at, side in sides))
        return inside

    def warp(self, image: NDArray[Any]) -> NDArray[Any]:
        """Bring what belongs to the slice before onto this one.

        Parameters
        ----------
        image : array, (h, w) or (n, h, w)
            Of the size of the flow. Floats are interpolated; of whole numbers, such as labels, the nearest is taken.
        """
        if image.ndim == 3:
            return np.stack([self.warp(part) for part in image])
        order = 1 if image.dtype.kind == "f" else 0
        return map_coordinates(image, self._places(), order=order, mode="nearest")

    def move(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """Where points (N, 2) of the slice before, in rows and columns, are in this one.

        Those that have left the image lie outside it.
        """
        moved: NDArray[np.floating] = points
        for _ in range(8):  # what a pixel adds to itself to get back is known, so the way there is found step by step
            back = [map_coordinates(part, moved.T, order=1, mode="nearest") for part in self.displacement]
            moved = points - np.stack(back, -1)
        return moved

    def _places(self) -> NDArray[np.float32]:
        height, width = self.trust.shape
        rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)
        return np.stack([self.displacement[0] + rows, self.displacement[1] + columns])


def _resized(image: NDArray[np.floating], shape: tuple[int, ...]) -> Gray:
    shrinks = shape[0] < image.shape[0]
    return resize(image, shape, order=1, mode="edge", anti_aliasing=shrinks).astype(np.float32)


def _likeness(first: Gray, second: Gray) -> Gray:
    """Correlation (-1..1) of two images around each pixel; 1 where neither shows anything and they are equally light.

    Contrast and lightness may differ, as they do where the light flickers.
    """
    means = [uniform_filter(image, WINDOW) for image in (first, second)]
    squares = [
        uniform_filter(image * image, WINDOW) - mean * mean for image, mean in zip((first, second), means, strict=True)
    ]
    product = uniform_filter(first * second, WINDOW) - means[0] * means[1]
    faint = FAINT * np.exp(-np.square((means[0] - means[1]) / 0.1))  # blank places are alike if they are as light
    spread = np.sqrt((squares[0].clip(0) + FAINT) * (squares[1].clip(0) + FAINT))
    likeness: Gray = (product + faint) / spread
    return likeness
