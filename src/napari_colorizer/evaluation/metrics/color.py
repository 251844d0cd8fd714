"""How near a colored image comes to the true one: PSNR, SSIM, CIEDE2000, colorfulness."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import structural_similarity

from napari_colorizer.classes import LARGEST_ID

RGB = NDArray[np.uint8]
Lab = NDArray[np.float32]

SSIM_WINDOW = 11


def to_lab(rgb: RGB) -> Lab:
    """CIE Lab (H, W, 3; D65, 2 degree observer) of 8-bit sRGB; scikit-image's figures, in half the memory."""
    lab: Lab = rgb2lab(rgb).astype(np.float32)
    return lab


def psnr(truth: RGB, rgb: RGB) -> float:
    """Peak signal-to-noise ratio in dB, over R, G and B together.

    Equal images are scored as if one of their values were off by one: a mean over a set has to stay finite.
    """
    squares = np.square(truth.astype(np.int32) - rgb).sum()
    return float(10 * np.log10(255**2 * truth.size / max(squares, 1)))


def ssim(truth: RGB, rgb: RGB) -> float:
    """Structural similarity (Wang et al. 2004: Gaussian window, sigma 1.5), the mean of that of R, G and B.

    Images smaller than the window are enlarged by repeating their border.
    """
    missing = [max(0, SSIM_WINDOW - side) for side in truth.shape[:2]]
    if any(missing):
        margin = [(0, missing[0]), (0, missing[1]), (0, 0)]
        truth, rgb = np.pad(truth, margin, mode="edge"), np.pad(rgb, margin, mode="edge")
    return float(
        structural_similarity(
            truth, rgb, channel_axis=-1, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
    )


def ciede2000(truth: Lab, lab: Lab) -> NDArray[np.floating[Any]]:
    """Color difference CIEDE2000 (Sharma et al. 2005) of each pixel (H, W) of two Lab images; about 1 is just seen."""
    difference: NDArray[np.floating[Any]] = deltaE_ciede2000(truth, lab)
    return difference


def colorfulness(rgb: RGB) -> float:
    """Colorfulness after Hasler and Suesstrunk (2003): 0 for gray, some 30 for everyday photographs."""
    red, green, blue = np.moveaxis(rgb.astype(np.float32), -1, 0)
    rg, yb = red - green, (red + green) / 2 - blue
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


class ClassMean:
    """The mean of a value per pixel, over all pixels of a set and over each class."""

    def __init__(self) -> None:
        self._sums: NDArray[np.float64] = np.zeros(LARGEST_ID + 1)
        self._counts: NDArray[np.int64] = np.zeros(LARGEST_ID + 1, np.int64)

    def add(self, values: NDArray[np.floating[Any]], labels: NDArray[Any]) -> None:
        """Count an image: values (H, W) and class ids (H, W), 0 where nobody said."""
        size = int(labels.max()) + 1
        self._sums[:size] += np.bincount(labels.ravel(), values.ravel())
        self._counts[:size] += np.bincount(labels.ravel())

    @property
    def plain(self) -> float | None:
        """Mean over all pixels, labeled or not; None without any."""
        return float(self._sums.sum() / self._counts.sum()) if self._counts.any() else None

    @property
    def by_class(self) -> dict[int, float]:
        """Mean of each class that occurs, by id; 0 is left out."""
        present = [int(label) for label in self._counts.nonzero()[0] if label]
        return {label: float(self._sums[label] / self._counts[label]) for label in present}

    @property
    def balanced(self) -> float | None:
        """Mean over the classes of their means: a rare class counts as much as the sky. None without labels."""
        means = self.by_class.values()
        return sum(means) / len(means) if means else None
