"""How vivid a model's colors should be: the chroma gains that are stored with the model.

The mean of all colors that a thing may have is duller than any of them. A factor on the chroma gives the colorfulness
back, as long as the colors come hardly further from the true ones; models are compared at equal colorfulness.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.errors import DataError
from napari_colorizer.evaluation.metrics.baselines import paint
from napari_colorizer.evaluation.metrics.color import ciede2000, colorfulness, psnr, to_lab
from napari_colorizer.evaluation.sample import Scene
from napari_colorizer.models.model import Model

FACTORS = tuple(0.5 + 0.25 * step for step in range(11))  # 0.5 to 3
COLORFUL_ENOUGH = 0.85  # of the truth's colorfulness
MOST_LOSS = 0.03  # of the smallest CIEDE2000 that any factor gives: nobody sees that, but gray


@dataclass(frozen=True)
class ChromaGainCurve:
    """What each factor on the chroma gives.

    Attributes
    ----------
    factors, colorfulness, psnr, ciede2000 : sequence of float
        Means over the photos, by factor.
    true_colorfulness : float
    """

    factors: Sequence[float]
    colorfulness: Sequence[float]
    psnr: Sequence[float]
    ciede2000: Sequence[float]
    true_colorfulness: float

    def psnr_at(self, colorfulness: float) -> float:
        """PSNR where the model is as colorful as that, in dB; NaN where no factor makes it so."""
        if not self.colorfulness[0] <= colorfulness <= self.colorfulness[-1]:
            return float("nan")
        return float(np.interp(colorfulness, self.colorfulness, self.psnr))

    def calibrated(self) -> float:
        """The largest factor that costs little.

        That is one whose CIEDE2000 is larger than the smallest of all by no more than `MOST_LOSS`, and whose colors
        are no more colorful than `COLORFUL_ENOUGH` of the true ones. It is 1 where no factor makes the colors any
        more colorful, since the model predicts gray.
        """
        if max(self.colorfulness) <= self.colorfulness[0]:
            return 1.0
        fine = np.arange(self.factors[0], self.factors[-1], 0.01)
        errors = np.interp(fine, self.factors, self.ciede2000)
        enough = np.interp(fine, self.factors, self.colorfulness) <= COLORFUL_ENOUGH * self.true_colorfulness
        allowed = fine[(errors <= (1 + MOST_LOSS) * errors.min()) & enough]
        return round(float(allowed[-1] if len(allowed) else fine[errors.argmin()]), 2)


def chroma_gain_curve(
    model: Model, photos: Collection[Photo], classes: ClassMap, labeled: bool = True, device: str = "auto"
) -> ChromaGainCurve:
    """Color photos with one chroma gain after another.

    Parameters
    ----------
    model : Model
        The factors take the place of its `chroma_gain`, or without labels of its `chroma_gain_unlabeled`.
    photos : collection of Photo
        Gray ones are left out.
    classes : ClassMap
        Of the photos' label maps.
    labeled : bool
        Whether the true labels are given: the factors then act where a label says what is there.
    device : str

    Raises
    ------
    ModelError
        If the model has no colorizer.
    DataError
        If no photo has color.
    """
    colored = _with_color(photos)
    if labeled:
        model = replace(model, chroma_gain=1.0)
    else:
        model = replace(model, chroma_gain_unlabeled=1.0)
    found = np.empty((len(colored), len(FACTORS), 3))
    for number, photo in enumerate(colored):
        scene = Scene(model, photo, classes, device)
        chroma = scene.chroma if labeled else scene.session.chroma()
        acts = (scene.labels != UNLABELED)[..., None] if labeled else True
        for place, factor in enumerate(FACTORS):
            rgb = paint(photo.rgb, chroma * np.where(acts, factor, 1))
            distance = float(ciede2000(scene.truth, to_lab(rgb)).mean())
            found[number, place] = colorfulness(rgb), psnr(photo.rgb, rgb), distance
    means: list[list[float]] = found.mean(0).T.tolist()
    truth = float(np.mean([colorfulness(photo.rgb) for photo in colored]))
    return ChromaGainCurve(FACTORS, means[0], means[1], means[2], truth)


def _with_color(photos: Collection[Photo]) -> list[Photo]:
    colored = [photo for photo in photos if not photo.gray]
    if not colored:
        raise DataError(
            f"none of the {len(photos)} photographs has color, so there is no measure of how saturated colors should be"
        )
    return colored
