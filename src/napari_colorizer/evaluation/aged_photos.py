"""How much worse a model colors what age has done to photographs: fading, noise and blur."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_colorizer.classes import ClassMap
from napari_colorizer.color import lightness
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.evaluation.metrics.baselines import paint
from napari_colorizer.evaluation.metrics.color import RGB, psnr
from napari_colorizer.evaluation.sample import Scene, measure, rng_of
from napari_colorizer.models.model import Model

Gray = NDArray[np.floating[Any]]
CONTRAST, LIFT = 0.5, 10.0  # of faded prints, about L* 50: blacks turn to L* 35, whites to 85
NOISE = 8 / 255  # standard deviation
BLUR = 1.0  # sigma, pixels


def evaluate_aged(
    model: Model, photos: Iterable[Photo], classes: ClassMap, seed: int = 0, device: str = "auto"
) -> dict[str, Any]:
    """Find the colors of photographs from aged copies of their lightness.

    The true labels are given. What is found on a copy is painted on the true lightness, so that the color alone is
    compared with the truth.

    Parameters
    ----------
    model : Model
        With a colorizer.
    photos : iterable of Photo
        Gray ones are left out.
    classes : ClassMap
        Of the photos' label maps; the model's own is matched by name.
    seed : int
        Of the noise.
    device : str

    Returns
    -------
    dict
        "photos", how many; "copies", for "unaged" and each of `aged_copies` the mean "psnr" over photos and, for the
        latter, the "loss" against the former, both in dB. It can be written as JSON.

    Raises
    ------
    ModelError
        If the model has no colorizer.
    """
    model.require_colorizer()
    found = AgedMeasure(seed)
    measure([found], model, photos, classes, device)
    return found.summary()


class AgedMeasure:
    """The colors found on aged copies of photos; see `evaluate_aged` for the parameters and what is found."""

    def __init__(self, seed: int = 0):
        self._seed = seed
        self._psnr: dict[str, list[float]] = {}

    def add(self, scene: Scene) -> None:
        """Color copies of a photo."""
        photo = scene.photo
        self._count("unaged", photo.rgb, scene.chroma)
        for name, gray in aged_copies(photo, self._seed).items():
            session = scene.model.session(gray, scene.options)
            self._count(name, photo.rgb, session.chroma(photo.labels, classes=scene.classes))

    def _count(self, name: str, truth: RGB, chroma: NDArray[Any]) -> None:
        self._psnr.setdefault(name, []).append(psnr(truth, paint(truth, chroma)))

    def summary(self) -> dict[str, Any]:
        """What was found over all photos."""
        found = {name: {"psnr": float(np.mean(values))} for name, values in self._psnr.items()}
        for name, row in found.items():
            if name != "unaged":
                row["loss"] = found["unaged"]["psnr"] - row["psnr"]
        return {"photos": len(self._psnr.get("unaged", ())), "copies": found}


def aged_copies(photo: Photo, seed: int = 0) -> dict[str, Gray]:
    """Aged copies of a photo: gray images, sRGB-encoded (H, W) in 0..1.

    Parameters
    ----------
    photo : Photo
    seed : int
        It and the photo's name decide on the noise.

    Returns
    -------
    dict
        "faded", at half the contrast and with lifted blacks; "noisy", with Gaussian noise; "blurred", by a
        Gaussian; "all three", one after the other, the noise last.
    """
    light: NDArray[np.float32] = lightness(torch.tensor(photo.rgb) / 255).numpy()
    gray, faded = gray_of(light), gray_of((light - 50) * CONTRAST + 50 + LIFT)
    noise = rng_of(photo.name, seed).normal(0, NOISE, gray.shape)
    return {
        "faded": faded,
        "noisy": (gray + noise).clip(0, 1),
        "blurred": gaussian_filter(gray, BLUR),
        "all three": (gaussian_filter(faded, BLUR) + noise).clip(0, 1),
    }


def gray_of(light: NDArray[np.floating[Any]]) -> Gray:
    """The sRGB-encoded gray in 0..1 that has some CIE L*; undoes `napari_colorizer.color.lightness`."""
    light = light.astype(np.float64)
    linear = np.where(light > 8, ((light + 16) / 116) ** 3, light / 903.3)
    encoded = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return encoded.clip(0, 1)
