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

from napari_colorizer.classes import ClassMap
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.evaluation import region_trials as trials
from napari_colorizer.evaluation.region_trials import NEUTRAL_CHROMA, UNMOVED, Samples, Trial
from napari_colorizer.evaluation.sample import Scene, measure
from napari_colorizer.evaluation.suggestions import unlike_classes
from napari_colorizer.evaluation.two_colors import dot_in_two_colors
from napari_colorizer.models.model import Model

REGIONS = 2  # of a photo, drawn
STILL = 1.0  # CIEDE2000


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
        trials.contrast(self._samples, scene)
        trial, rng = Trial(scene), scene.rng(self._seed)
        drawn = rng.permutation(list(trial.regions))[:REGIONS].tolist()
        for label, hue in zip(drawn, rng.uniform(0, 2 * np.pi, REGIONS).tolist(), strict=False):
            if self._unlike.get(label):
                trials.relabel(self._samples, trial, label, int(rng.choice(self._unlike[label])), self._clusters)
            trials.alone(self._samples, trial, label)
            trials.neutral(self._samples, trial, label)
            trials.strewn(self._samples, trial, label)
            trials.one_hint(self._samples, trial, label, hue)
            trials.pin(self._samples, trial, label, hue)
        for taken, moved in dot_in_two_colors(scene):
            self._samples["taken"].append(taken)
            self._samples["other color"].append(moved)

    def summary(self) -> dict[str, Any]:
        """What was found over all photos."""
        found = {figure.name: figure.of(self._samples) for figure in FIGURES if self._samples.get(figure.samples)}
        return {"photos": self._photos, **found}
