"""Whether a colorizer does what a user asks by a label or a hint, and nothing else.

A *region* is all pixels of one class in one photo. What is asked of it is compared with what it and the rest of the
photo then look like.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from napari_colorizer.classes import ClassMap
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.labels import unique_labels
from napari_colorizer.engine.segment import network_input
from napari_colorizer.evaluation.aged_photos import Gray, gray_of
from napari_colorizer.evaluation.metrics.baselines import paint
from napari_colorizer.evaluation.metrics.color import RGB, Lab, ciede2000, to_lab
from napari_colorizer.evaluation.sample import Scene, measure
from napari_colorizer.evaluation.suggestions import unlike_classes
from napari_colorizer.evaluation.two_colors import dot_in_two_colors
from napari_colorizer.models.model import Model
from napari_colorizer.networks.two_stream_config import Lightness

REGION_SHARE, REGION_PIXELS = 0.01, 50  # the least of a photo that a region covers
REGIONS = 2  # of a photo, drawn
FAR = 64  # working pixels
NEUTRAL_RADIUS, NEUTRAL_STEP = 4, 6  # pixels
NEUTRAL_MARGIN = NEUTRAL_RADIUS + 1  # no hint touches another region
NEUTRAL_CHROMA = 4.0  # looks gray
HINT_CHROMA, HINT_RADIUS = 30.0, 8
OBEYED, UNMOVED, STILL, SAME = 10.0, 3.0, 1.0, 5.0  # CIEDE2000

Mask = NDArray[np.bool_]
Clusters = Mapping[int, NDArray[np.float64]]
Samples = defaultdict[str, list[float]]


@dataclass(frozen=True)
class Figure:
    """Something that is measured, and what it should be.

    Attributes
    ----------
    name : str
        In what `evaluate_behavior` returns.
    title : str
        For people.
    samples : str
        Which samples it is of.
    percentile : float, optional
        Of the samples; the mean if not given.
    at_least, at_most : float, optional
        Target.
    digits : int
        After the point that are worth showing.
    """

    name: str
    title: str
    samples: str
    percentile: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    digits: int = 2

    def of(self, samples: Mapping[str, list[float]]) -> dict[str, float]:
        """The "value", the "count" of what it is of, and the target ("at least" or "at most") if there is one."""
        values = samples[self.samples]
        value = np.mean(values) if self.percentile is None else np.percentile(values, self.percentile)
        target = {"at least": self.at_least, "at most": self.at_most}
        return {
            "value": float(value),
            "count": len(values),
            **{name: limit for name, limit in target.items() if limit is not None},
        }


FIGURES = (
    Figure("relabel", "regions that take their new class's colors", "relabel", at_least=0.8),
    Figure("relabel truth", "photographs themselves, by that measure", "relabel truth"),
    Figure("outside", "CIEDE2000 far outside, mean", "outside", at_most=1.5),
    Figure("outside p95", "CIEDE2000 far outside, 95th percentile", "outside", percentile=95, at_most=1.5),
    Figure("alone", "regions colored by their label alone", "alone"),
    Figure("contrast", "chroma moved by half the contrast, mean", "contrast", at_most=0.02, digits=4),
    Figure("contrast p99", "the same, 99th percentile of each photo", "contrast p99", at_most=0.02, digits=4),
    Figure("contrast largest", "the same, largest of all", "contrast largest", percentile=100, digits=4),
    Figure("neutral", "chroma of regions with one neutral hint", "neutral", at_most=NEUTRAL_CHROMA),
    Figure("neutral share", "regions of which it is below 4", "neutral below"),
    Figure("strewn", "chroma of regions strewn with such hints", "strewn", at_most=NEUTRAL_CHROMA),
    Figure("strewn others", "CIEDE2000 of the regions beside, mean", "strewn others", at_most=UNMOVED),
    Figure("hint", "regions that take the color of one hint", "hint", at_least=0.95),
    Figure("hint others", "CIEDE2000 of the other regions, mean", "others", at_most=STILL),
    Figure("hint others share", "other regions that moved by at most 3", "others unmoved"),
    Figure("two colors", "smaller of two colors in a label: share that one dot takes", "taken", at_least=0.8),
    Figure("two colors others", "CIEDE2000 of the larger one, mean", "other color", at_most=UNMOVED),
    Figure("pin", "regions that take the color of a pin", "pin", at_least=0.95),
)


def evaluate_behavior(
    model: Model, photos: Iterable[Photo], classes: ClassMap, seed: int = 0, device: str = "auto"
) -> dict[str, Any]:
    """Give regions of photographs other labels and hints, and see what becomes of the colors.

    Two regions of each photo are drawn among those that cover at least 1 % of it and 50 pixels. All but the contrast
    is measured on the colors that a user gets.

    Parameters
    ----------
    model : Model
        With a colorizer. Without suggestions of colors nothing is known of relabeling.
    photos : iterable of Photo
        Gray ones are left out.
    classes : ClassMap
        Of the photos' label maps; the model's own is matched by name.
    seed : int
        It and a photo's name decide on the regions, the new classes and the wishes.
    device : str

    Returns
    -------
    dict
        "photos", how many, and of each of `FIGURES` that could be measured what `Figure.of` says. It can be written
        as JSON.

        relabel: share of the regions that get another class, of another main color, and whose mean a*, b* then lies
        nearer to a suggested color of that class than to any of the true one. relabel truth: share of the same regions
        whose true mean lies nearer to a suggested color of their own class than to any of the other: many classes have
        many colors, so that not all true ones do. outside: mean CIEDE2000 of the change
        that this brings where it is more than 64 working pixels away. alone: of the regions whose mean color is more
        than CIEDE2000 5 from what it is without any label, the share that comes within 5 when no other pixel is
        labeled. contrast: change of the scaled chroma (a*, b* distance over the model's scale) where the network's gray
        input has half the contrast. neutral: mean chroma of regions with one neutral hint, in their innermost point.
        strewn: that of regions with such a hint every 6 pixels. hint: share of the regions whose mean color comes
        within CIEDE2000 10 of what the one hint in them, of a random hue and chroma 30, would make of all their pixels
        within the gamut. others: CIEDE2000 of what such hints do to the mean colors of the photo's other regions.
        two colors: see `dot_in_two_colors`. pin: as hint, of a pin on the region's class.

    Raises
    ------
    ModelError
        If the model has no colorizer.
    """
    found = BehaviorMeasure(model, seed)
    measure([found], model, photos, classes, device)
    return found.summary()


class BehaviorMeasure:
    """What becomes of regions with other labels and hints; see `evaluate_behavior` for what is found."""

    def __init__(self, model: Model, seed: int = 0):
        config, known = model.require_colorizer().config, model.suggestions
        known = {label: known[label] for label in config.ids if known.get(label)}
        self._clusters = {label: np.array(rows)[:, :2] for label, rows in known.items()}
        self._unlike = unlike_classes(known)
        self._seed = seed
        self._samples: Samples = defaultdict(list)
        self._photos = 0

    def add(self, scene: Scene) -> None:
        """Try a photo."""
        self._photos += 1
        _contrast(self._samples, scene)
        trial, rng = _Trial(scene), scene.rng(self._seed)
        drawn = rng.permutation(list(trial.regions))[:REGIONS].tolist()
        for label, hue in zip(drawn, rng.uniform(0, 2 * np.pi, REGIONS).tolist(), strict=False):
            if self._unlike.get(label):
                _relabel(self._samples, trial, label, int(rng.choice(self._unlike[label])), self._clusters)
            _alone(self._samples, trial, label)
            _neutral(self._samples, trial, label)
            _strewn(self._samples, trial, label)
            _one_hint(self._samples, trial, label, hue)
            _pin(self._samples, trial, label, hue)
        for taken, moved in dot_in_two_colors(scene):
            self._samples["taken"].append(taken)
            self._samples["other color"].append(moved)

    def summary(self) -> dict[str, Any]:
        """What was found over all photos."""
        found = {figure.name: figure.of(self._samples) for figure in FIGURES if self._samples.get(figure.samples)}
        return {"photos": self._photos, **found}


def half_contrast(rgb: RGB, kind: Lightness) -> Gray:
    """A gray image (H, W), sRGB-encoded in 0..1, that is half the gray input of a network for a photograph."""
    x = network_input(torch.tensor(rgb) / 255, kind).numpy() / 2
    return gray_of(50 * (x + 1)) if kind == "L*" else (x + 1) / 2


class _Trial:
    """A photo, the regions of which are to be changed one by one."""

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


def _contrast(samples: Samples, scene: Scene) -> None:
    """Take half of the contrast away from the gray image."""
    config = scene.model.require_colorizer().config
    dull = scene.model.session(half_contrast(scene.photo.rgb, config.lightness), scene.options)
    change = np.linalg.norm(dull.chroma(scene.labels) - scene.chroma, axis=-1) / config.chroma_scale
    samples["contrast"].append(float(change.mean()))
    samples["contrast p99"].append(float(np.percentile(change, 99)))
    samples["contrast largest"].append(float(change.max()))


def _relabel(samples: Samples, trial: _Trial, label: int, new: int, clusters: Clusters) -> None:
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


def _alone(samples: Samples, trial: _Trial, label: int) -> None:
    """Label a region and nothing else."""
    region = trial.regions[label]
    own = trial.before[region].mean(0)
    if _difference(to_lab(trial.scene.unlabeled)[region].mean(0), own) > SAME:
        lab = trial.color(np.where(region, np.uint16(label), np.uint16(0)))
        samples["alone"].append(float(_difference(lab[region].mean(0), own) <= SAME))


def _neutral(samples: Samples, trial: _Trial, label: int) -> None:
    """Hint at one place of a region that it has no color."""
    chroma = _mean_chroma(trial.with_one_hint(label, np.zeros(2)), trial.regions[label])
    samples["neutral"].append(chroma)
    samples["neutral below"].append(float(chroma < NEUTRAL_CHROMA))


def _strewn(samples: Samples, trial: _Trial, label: int) -> None:
    """Strew a region with hints that it has no color; its label stays."""
    region = trial.regions[label]
    inner = _depth(region)[::NEUTRAL_STEP, ::NEUTRAL_STEP] >= NEUTRAL_MARGIN
    places = np.argwhere(inner) * NEUTRAL_STEP
    if not len(places):
        return
    lab = trial.color(trial.scene.labels, Hints([(y, x, 0, 0, NEUTRAL_RADIUS) for y, x in places.tolist()]))
    samples["strewn"].append(_mean_chroma(lab, region))
    samples["strewn others"] += trial.moved(label, lab)


def _one_hint(samples: Samples, trial: _Trial, label: int, hue: float) -> None:
    """Wish for a color at the innermost point of a region."""
    wish = HINT_CHROMA * np.array([np.cos(hue), np.sin(hue)])
    lab, region = trial.with_one_hint(label, wish), trial.regions[label]
    samples["hint"].append(float(_difference(lab[region].mean(0), trial.all_of(wish, region)) <= OBEYED))
    moved = trial.moved(label, lab)
    samples["others"] += moved
    samples["others unmoved"] += [float(distance <= UNMOVED) for distance in moved]


def _pin(samples: Samples, trial: _Trial, label: int, hue: float) -> None:
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
