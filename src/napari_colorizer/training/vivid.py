"""How vivid a model's colors should be: PSNR against colorfulness, and the factor that is stored with the model.

The mean of all colors that a thing may have is duller than any of them, and it is what the smallest squared error asks
for. A factor on the chroma gives the colorfulness back, at some cost in PSNR; models are compared at equal
colorfulness. Without labels a smaller factor pays, since a wrong color is worse than none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.errors import DataError
from napari_colorizer.models.model import Model
from napari_colorizer.training.data.sets import Photo
from napari_colorizer.training.metrics.baselines import paint
from napari_colorizer.training.metrics.color import colorfulness, psnr
from napari_colorizer.training.scene import Scene

FACTORS = tuple(0.5 + 0.25 * step for step in range(11))  # 0.5 to 3
COLORFUL_ENOUGH = 0.85  # of the truth's colorfulness
STEP = 0.05
MOST_LOSS = 0.2  # dB that a guess without labels may lose to gray


@dataclass(frozen=True)
class VividCurve:
    """What each factor on the chroma gives, with true labels.

    Attributes
    ----------
    factors, colorfulness, psnr : sequence of float
        Means over the photos, by factor.
    true_colorfulness : float
    """

    factors: Sequence[float]
    colorfulness: Sequence[float]
    psnr: Sequence[float]
    true_colorfulness: float

    def psnr_at(self, colorfulness: float) -> float:
        """PSNR where the model is as colorful as that, in dB; NaN where no factor makes it so."""
        if not self.colorfulness[0] <= colorfulness <= self.colorfulness[-1]:
            return float("nan")
        return float(np.interp(colorfulness, self.colorfulness, self.psnr))

    def calibrated(self, least_psnr: float) -> float:
        """The factor that makes the colors 0.85 times as colorful as the true ones, or the largest that PSNR allows.

        It is 1 where no factor makes the colors any more colorful, since the model predicts gray.

        Parameters
        ----------
        least_psnr : float
            In dB; 1 is taken where no factor from 1 on reaches it.
        """
        if max(self.colorfulness) <= self.colorfulness[0]:
            return 1.0
        enough = float(np.interp(COLORFUL_ENOUGH * self.true_colorfulness, self.colorfulness, self.factors))
        if np.interp(enough, self.factors, self.psnr) >= least_psnr:
            return round(enough, 2)
        fine = np.arange(1, enough, 0.01) if enough > 1 else np.array([enough])
        allowed = fine[np.interp(fine, self.factors, self.psnr) >= least_psnr]
        return round(float(allowed[-1]), 2) if len(allowed) else 1.0


def vivid_curve(model: Model, photos: Collection[Photo], classes: ClassMap, device: str = "auto") -> VividCurve:
    """Color photos with their true labels, made more and less vivid where a label says what is there.

    Parameters
    ----------
    model : Model
        The factors take the place of its `vivid`; its `vivid_unlabeled` is kept.
    photos : collection of Photo
        Gray ones are left out.
    classes : ClassMap
        Of the photos' label maps.
    device : str

    Raises
    ------
    ModelError
        If the model has no colorizer.
    DataError
        If no photo has color.
    """
    model, colored = replace(model, vivid=1.0, _elsewhere={}), _with_color(photos)
    found = np.empty((len(colored), len(FACTORS), 2))
    for number, photo in enumerate(colored):
        scene = Scene(model, photo, classes, device)
        labeled = (scene.labels != UNLABELED)[..., None]
        for place, factor in enumerate(FACTORS):
            rgb = paint(photo.rgb, scene.chroma * np.where(labeled, factor, 1))
            found[number, place] = colorfulness(rgb), psnr(photo.rgb, rgb)
    means = found.mean(0)
    truth = float(np.mean([colorfulness(photo.rgb) for photo in colored]))
    return VividCurve(FACTORS, means[:, 0].tolist(), means[:, 1].tolist(), truth)


def cautious_factor(model: Model, photos: Collection[Photo], classes: ClassMap, device: str = "auto") -> float:
    """How vivid unlabeled colors may be: on no source of photos may they be worse than gray, by more than `MOST_LOSS`.

    The parameters and errors are those of `vivid_curve`.

    Returns
    -------
    float
        The largest such factor up to 1, in steps of `STEP`; the smallest if there is none.
    """
    model, colored = replace(model, vivid_unlabeled=1.0, _elsewhere={}), _with_color(photos)
    factors = np.arange(STEP, 1 + STEP / 2, STEP)
    gains: dict[str, list[list[float]]] = {}
    for photo in colored:
        chroma = Scene(model, photo, classes, device).session.chroma()
        gray, *rest = (psnr(photo.rgb, paint(photo.rgb, chroma * factor)) for factor in (0, *factors))
        gains.setdefault(photo.source, []).append([value - gray for value in rest])
    worst = np.min([np.mean(own, 0) for own in gains.values()], 0)
    allowed = factors[worst >= -MOST_LOSS]
    return round(float(allowed[-1] if len(allowed) else factors[0]), 2)


def _with_color(photos: Collection[Photo]) -> list[Photo]:
    colored = [photo for photo in photos if not photo.gray]
    if not colored:
        raise DataError(f"none of the {len(photos)} photographs has color: nothing tells how vivid colors should be")
    return colored
