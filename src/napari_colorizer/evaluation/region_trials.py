"""What a region of a photograph looks like once it has another label, a hint or a pin.

Each trial adds what it finds to the samples of `obedience.FIGURES`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.labels import unique_labels
from napari_colorizer.engine.segment import network_input
from napari_colorizer.evaluation.aged_photos import Gray, gray_of
from napari_colorizer.evaluation.metrics.baselines import paint
from napari_colorizer.evaluation.metrics.color import RGB, Lab, ciede2000, to_lab
from napari_colorizer.evaluation.sample import Scene
from napari_colorizer.networks.two_stream_config import Lightness

REGION_SHARE, REGION_PIXELS = 0.01, 50  # the least of a photo that a region covers
FAR = 64  # working pixels
NEUTRAL_RADIUS, NEUTRAL_STEP = 4, 6  # pixels
NEUTRAL_MARGIN = NEUTRAL_RADIUS + 1  # no hint touches another region
NEUTRAL_CHROMA = 4.0  # looks gray
HINT_CHROMA, HINT_RADIUS = 30.0, 8
OBEYED, UNMOVED, SAME = 10.0, 3.0, 5.0  # CIEDE2000

Mask = NDArray[np.bool_]
Clusters = Mapping[int, NDArray[np.float64]]
Samples = defaultdict[str, list[float]]


class Trial:
    """A photo, the regions of which are to be changed one by one.

    Attributes
    ----------
    scene : Scene
    before : array of float, (H, W, 3)
        CIE Lab of its colors with all labels.
    regions : dict
        Masks (H, W) of its regions that are large enough, by label.
    """

    def __init__(self, scene: Scene):
        self.scene, self.before = scene, to_lab(scene.truly_labeled)
        least = max(REGION_PIXELS, REGION_SHARE * scene.labels.size)
        ids, counts = unique_labels(scene.labels)
        self.regions: dict[int, Mask] = {int(label): scene.labels == label for label in ids[counts >= least] if label}

    def color(self, labels: NDArray[np.uint16], hints: Hints | None = None) -> Lab:
        """What a user gets for labels in the ids of the colorizer."""
        return to_lab(self.scene.session.colorize(labels, hints))

    def all_of(self, chroma: NDArray[np.float64], region: Mask) -> NDArray[np.float32]:
        """The mean color (3,) of a region of which every pixel has an a*, b*, or as much of it as the gamut has."""
        pixels = self.scene.photo.rgb[region][None]
        mean: NDArray[np.float32] = to_lab(paint(pixels, np.tile(chroma, (*pixels.shape[:2], 1))))[0].mean(0)
        return mean

    def with_one_hint(self, label: int, wish: NDArray[np.float64]) -> Lab:
        """The colors with a hint at the innermost point of a region, to have an a*, b*; all labels stay."""
        depth = _depth(self.regions[label])
        y, x = np.unravel_index(depth.argmax(), depth.shape)
        radius = min(depth.max() - 0.5, HINT_RADIUS)  # the border lies half a pixel before the first pixel outside
        return self.color(self.scene.labels, Hints([(y, x, *wish, radius)]))

    def moved(self, label: int, lab: Lab) -> list[float]:
        """CIEDE2000 of how far the mean colors of all regions but one are from what they were."""
        others = [region for other, region in self.regions.items() if other != label]
        return [_difference(lab[region].mean(0), self.before[region].mean(0)) for region in others]


def half_contrast(rgb: RGB, kind: Lightness) -> Gray:
    """A gray image (H, W), sRGB-encoded in 0..1, that is half the gray input of a network for a photograph."""
    x = network_input(torch.tensor(rgb) / 255, kind).numpy() / 2
    return gray_of(50 * (x + 1)) if kind == "L*" else (x + 1) / 2


def contrast(samples: Samples, scene: Scene) -> None:
    """Take half of the contrast away from the gray image."""
    config = scene.model.require_colorizer().config
    dull = scene.model.session(half_contrast(scene.photo.rgb, config.lightness), scene.options)
    change = np.linalg.norm(dull.chroma(scene.labels) - scene.chroma, axis=-1) / config.chroma_scale
    samples["contrast"].append(float(change.mean()))
    samples["contrast p99"].append(float(np.percentile(change, 99)))
    samples["contrast largest"].append(float(change.max()))


def relabel(samples: Samples, trial: Trial, label: int, new: int, clusters: Clusters) -> None:
    """Call a region by the name of a class that has another main color."""
    region = trial.regions[label]
    lab = trial.color(np.where(region, np.uint16(new), trial.scene.labels))
    samples["relabel"].append(float(_gap(lab, region, clusters[new]) < _gap(lab, region, clusters[label])))
    truth = to_lab(trial.scene.photo.rgb)
    samples["relabel truth"].append(float(_gap(truth, region, clusters[label]) < _gap(truth, region, clusters[new])))
    to_working = min(1, trial.scene.model.working_size / max(region.shape))
    far = distance_transform_edt(~region) * to_working > FAR
    if far.any():
        samples["outside"].append(float(ciede2000(trial.before[far], lab[far]).mean()))


def alone(samples: Samples, trial: Trial, label: int) -> None:
    """Label a region and nothing else."""
    region = trial.regions[label]
    own = trial.before[region].mean(0)
    if _difference(to_lab(trial.scene.unlabeled)[region].mean(0), own) > SAME:
        lab = trial.color(np.where(region, np.uint16(label), np.uint16(0)))
        samples["alone"].append(float(_difference(lab[region].mean(0), own) <= SAME))


def neutral(samples: Samples, trial: Trial, label: int) -> None:
    """Hint at one place of a region that it has no color."""
    chroma = _mean_chroma(trial.with_one_hint(label, np.zeros(2)), trial.regions[label])
    samples["neutral"].append(chroma)
    samples["neutral below"].append(float(chroma < NEUTRAL_CHROMA))


def strewn(samples: Samples, trial: Trial, label: int) -> None:
    """Strew a region with hints that it has no color; its label stays."""
    region = trial.regions[label]
    inner = _depth(region)[::NEUTRAL_STEP, ::NEUTRAL_STEP] >= NEUTRAL_MARGIN
    places = np.argwhere(inner) * NEUTRAL_STEP
    if not len(places):
        return
    lab = trial.color(trial.scene.labels, Hints([(y, x, 0, 0, NEUTRAL_RADIUS) for y, x in places.tolist()]))
    samples["strewn"].append(_mean_chroma(lab, region))
    samples["strewn others"] += trial.moved(label, lab)


def one_hint(samples: Samples, trial: Trial, label: int, hue: float) -> None:
    """Wish for a color at the innermost point of a region."""
    wish = HINT_CHROMA * np.array([np.cos(hue), np.sin(hue)])
    lab, region = trial.with_one_hint(label, wish), trial.regions[label]
    samples["hint"].append(float(_difference(lab[region].mean(0), trial.all_of(wish, region)) <= OBEYED))
    moved = trial.moved(label, lab)
    samples["others"] += moved
    samples["others unmoved"] += [float(distance <= UNMOVED) for distance in moved]


def pin(samples: Samples, trial: Trial, label: int, hue: float) -> None:
    """Pin a region to a color."""
    wish = HINT_CHROMA * np.array([np.cos(hue), np.sin(hue)])
    lab, region = (
        to_lab(trial.scene.session.colorize(trial.scene.labels, pins={label: tuple(wish)})),
        trial.regions[label],
    )
    samples["pin"].append(float(_difference(lab[region].mean(0), trial.all_of(wish, region)) <= OBEYED))


def _gap(lab: Lab, region: Mask, clusters: NDArray[np.float64]) -> float:
    """Distance of the mean a*, b* of a region from the nearest of some clusters."""
    return float(np.linalg.norm(clusters - lab[region][:, 1:].mean(0), axis=-1).min())


def _mean_chroma(lab: Lab, region: Mask) -> float:
    return float(np.linalg.norm(lab[region][:, 1:], axis=-1).mean())


def _difference(first: NDArray[Any], second: NDArray[Any]) -> float:
    """CIEDE2000 of two colors."""
    return float(ciede2000(first[None], second[None])[0])


def _depth(region: Mask) -> NDArray[np.float64]:
    """Distance of each pixel of a region from the nearest pixel outside it; there are some beyond the image, too."""
    depth: NDArray[np.float64] = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    return depth
