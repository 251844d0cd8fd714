"""The scores of one way to color, gathered over a set."""

from __future__ import annotations

import numpy as np

from napari_colorizer.evaluation.metrics.color import RGB, ClassMean, Lab, ciede2000, colorfulness, psnr, ssim, to_lab
from napari_colorizer.evaluation.sample import Scene

COLOR_METRICS = ("psnr", "ssim", "ciede2000", "ciede2000 balanced", "colorfulness", "bleeding", "monochrome")


class ColorScores:
    """Scores of colored photos, or of the true ones."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}
        self._difference = ClassMean()
        self._steps = self._distances = 0.0

    def look(self, scene: Scene, rgb: RGB, lab: Lab) -> None:
        """Measure colors as they are."""
        self._values.setdefault("colorfulness", []).append(colorfulness(rgb))
        self._steps += scene.borders.steps(lab[..., 1:])
        self._distances += scene.borders.distances(lab[..., 1:])

    def compare(self, scene: Scene, rgb: RGB) -> None:
        """Measure colors as they are, and how near they are to the true ones."""
        lab, truth = to_lab(rgb), scene.photo.rgb
        self.look(scene, rgb, lab)
        self._values.setdefault("psnr", []).append(psnr(truth, rgb))
        self._values.setdefault("ssim", []).append(ssim(truth, rgb))
        self._difference.add(ciede2000(scene.truth, lab), scene.photo.labels)

    @property
    def psnr(self) -> list[float]:
        """Of each photo, in dB."""
        return self._values.get("psnr", [])

    def summary(self, truth: ColorScores) -> dict[str, float]:
        """Figures by name, in the order of `COLOR_METRICS`; empty if nothing was measured.

        Parameters
        ----------
        truth : ColorScores
            Of the photos as they are.
        """
        if not self._values:
            return {}
        found: dict[str, float | None] = {name: float(np.mean(values)) for name, values in self._values.items()}
        found["ciede2000"], found["ciede2000 balanced"] = self._difference.plain, self._difference.balanced
        found["bleeding"] = self._steps / truth._steps if truth._steps else None
        found["monochrome"] = self._distances / truth._distances if truth._distances else None
        return {name: value for name in COLOR_METRICS if (value := found.get(name)) is not None}
