"""How well a model colors and segments photographs of which the truth is known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.classes import ClassMap
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.engine.labels import translate
from napari_colorizer.engine.options import SegmentOptions
from napari_colorizer.evaluation.aged_photos import AgedMeasure
from napari_colorizer.evaluation.color_scores import ColorScores
from napari_colorizer.evaluation.metrics.baselines import paint
from napari_colorizer.evaluation.metrics.color import RGB
from napari_colorizer.evaluation.metrics.segmentation import SegmentationScores
from napari_colorizer.evaluation.obedience import BehaviorMeasure
from napari_colorizer.evaluation.sample import Scene, measure
from napari_colorizer.evaluation.simulated_hints import HINT_COUNTS, HintMeasure
from napari_colorizer.models.model import Model

# "sure labels" are the predicted ones as they come: the rest, of which the model is not sure enough, is unlabeled
WAYS = ("gray", "class mean", "true labels", "predicted labels", "sure labels", "no labels")


def evaluate_color(
    model: Model,
    photos: Iterable[Photo],
    classes: ClassMap,
    means: NDArray[np.float64] | None = None,
    ways: Collection[str] = WAYS,
    hint_counts: Collection[int] = HINT_COUNTS,
    seed: int = 0,
    device: str = "auto",
) -> dict[str, Any]:
    """Compare the colors of a model, and of some baselines, with those of photographs.

    Parameters
    ----------
    model : Model
        With a colorizer.
    photos : iterable of Photo
        Gray ones are left out.
    classes : ClassMap
        Of the photos' label maps; the model's own is matched by name.
    means : array, (N, 2), optional
        Mean a*, b* of each class id in the training split; without them there is no way "class mean".
    ways : collection of str
        Which of `WAYS` to measure. Those that need what the model lacks are left out.
    hint_counts : collection of int
        How many simulated color hints to give, with the true labels.
    seed : int
        Of the places of the hints.
    device : str

    Returns
    -------
    dict
        "photos", how many; "ways", for each way, and for the "truth", what `ColorScores.summary` says; "hints", what
        `HintMeasure.summary` says; "sources", for each source of photos how many "photos" it has and the PSNR of each
        way; "chroma gain" and "chroma gain unlabeled", the model's own; "relative colorfulness", that of each way as
        a share of the truth's, where that has any. It can be written as JSON.

        PSNR, SSIM and colorfulness are means over photos; CIEDE2000 over pixels, its balanced form over classes;
        bleeding and monochrome are ratios of sums over the set, see `napari_colorizer.evaluation.metrics.borders`.

    Raises
    ------
    ModelError
        If the model has no colorizer.
    """
    color, hints = ColorMeasure(model, means, ways), HintMeasure(hint_counts, seed)
    measure([color, hints], model, photos, classes, device)
    return color.summary() | {"hints": hints.summary()}


def evaluate_colorizer(
    model: Model,
    photos: Iterable[Photo],
    classes: ClassMap,
    means: NDArray[np.float64] | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """All that is measured of a colorizer, in one pass over the photographs.

    Parameters
    ----------
    model, photos, classes, means, device
        See `evaluate_color`.

    Returns
    -------
    dict
        "color", what `evaluate_color` gives, but for "sources", which is beside it; "behavior" and "aged", see
        `napari_colorizer.evaluation.obedience` and `napari_colorizer.evaluation.aged_photos`.

    Raises
    ------
    ModelError
        If the model has no colorizer.
    """
    color, hints, behavior, aged = ColorMeasure(model, means), HintMeasure(), BehaviorMeasure(model), AgedMeasure()
    measure([color, hints, behavior, aged], model, photos, classes, device)
    found = color.summary() | {"hints": hints.summary()}
    return {"color": found, "sources": found.pop("sources"), "behavior": behavior.summary(), "aged": aged.summary()}


def evaluate_segmentation(
    model: Model,
    photos: Iterable[Photo],
    classes: ClassMap,
    groups: Mapping[int, Iterable[int]] | None = None,
    device: str = "auto",
) -> dict[str, Any]:
    """Compare the label maps that a model predicts with true ones.

    Parameters
    ----------
    model : Model
        With a segmenter.
    photos : iterable of Photo
    classes : ClassMap
        Of the photos' label maps; predictions are brought to it by name, and classes that it lacks are misses.
    groups : mapping, optional
        Ids of the members of each group; see `SegmentationScores`.
    device : str

    Returns
    -------
    dict
        See `SegmentationScores.summary`; all pixels are predicted for these scores. Beside them "as it comes": the
        "confidence" of the model, and with it "labeled", the share of pixels that it leaves no gap for, and "accuracy
        there".

    Raises
    ------
    ModelError
        If the model has no segmenter.
    """
    model.require_segmenter()
    ids = ids_of_set(model, classes)
    scores = SegmentationScores(classes, groups or {})
    sure = (
        SegmentationScores(classes, groups or {}) if model.confidence else scores
    )  # while it is trained: all the same
    wanted = {0.0: scores, model.confidence: sure}
    for photo in photos:
        predicted = model.segmentation(photo.rgb, SegmentOptions(device=device))
        for confidence, own in wanted.items():
            own.add(photo.labels, translate(predicted.labels(confidence), ids), photo.source)
    found = sure.summary()
    coverage = {name: found[name] for name in ("labeled", "accuracy there") if name in found}
    return {**scores.summary(), "as it comes": {"confidence": model.confidence, **coverage}}


def ids_of_set(model: Model, classes: ClassMap) -> dict[int, int]:
    """The id that each class of a model has in the class map of a set; the first where the set has it twice."""
    ids: dict[int, int] = {}
    for ours, theirs in classes.match(model.classes).items():
        ids.setdefault(theirs, ours)
    return ids


def epoch_metrics(
    model: Model,
    photos: Collection[Photo],
    classes: ClassMap,
    groups: Mapping[int, Iterable[int]] | None = None,
    parts: Collection[str] = ("segmenter", "colorizer"),
    device: str = "auto",
) -> dict[str, float]:
    """What is measured after each epoch, as flat names and numbers.

    Parameters
    ----------
    model, photos, classes, groups, device
        See `evaluate_color` and `evaluate_segmentation`.
    parts : collection of {"segmenter", "colorizer"}
        Which networks to measure.

    Returns
    -------
    dict
        For the colorizer with true labels, what `ColorScores.summary` says, and beside it "true colorfulness" and
        "psnr no labels"; hints are not trained, and left out. For the segmenter "mIoU", "pixel accuracy", and with a
        colon "IoU: sky" of each class and, if there are several sources, "mIoU: msrc" of each. What the photos do not
        tell (bleeding without labels, say) is missing, always the same for the same photos.
    """
    metrics: dict[str, float] = {}
    if "segmenter" in parts and "segmenter" in model.networks:
        found = evaluate_segmentation(model, photos, classes, groups, device)
        metrics |= {name: found[name] for name in ("mIoU", "pixel accuracy") if name in found}
        metrics |= {f"IoU: {name}": value for name, value in found["IoU"].items()}
        sources = {name: own for name, own in found["sources"].items() if "mIoU" in own}
        if len(sources) > 1:
            metrics |= {f"mIoU: {name}": own["mIoU"] for name, own in sources.items()}
    if "colorizer" in parts and "colorizer" in model.networks:
        ways = ("true labels", "no labels")
        found = evaluate_color(model, photos, classes, ways=ways, hint_counts=(), device=device)
        if found["photos"]:
            metrics |= found["ways"]["true labels"]
            metrics["true colorfulness"] = found["ways"]["truth"]["colorfulness"]
            metrics["psnr no labels"] = found["ways"]["no labels"]["psnr"]
    return metrics


def _predicted(scene: Scene, confidence: float) -> RGB:
    """The colors with the labels of which the model is so sure."""
    return scene.session.colorize(scene.segmentation.labels(confidence))


class ColorMeasure:
    """The ways to color the photos of a set; see `evaluate_color` for the parameters and what is found."""

    def __init__(
        self,
        model: Model,
        means: NDArray[np.float64] | None = None,
        ways: Collection[str] = WAYS,
    ):
        self._model, self._means = model, means
        self._truths, self._scores = ColorScores(), {way: ColorScores() for way in ways}
        self._sources: list[str] = []

    def add(self, scene: Scene) -> None:
        """Color a photo in all ways."""
        photo = scene.photo
        self._sources.append(photo.source)
        self._truths.look(scene, photo.rgb, scene.truth)
        for way, color in self._ways(scene).items():
            if way in self._scores:
                self._scores[way].compare(scene, color())

    def _ways(self, scene: Scene) -> dict[str, Callable[[], RGB]]:
        """The ways to color a photo that the model has."""
        photo, means, model = scene.photo, self._means, self._model
        ways: dict[str, Callable[[], RGB]] = {
            "gray": lambda: paint(photo.rgb, np.zeros((*photo.labels.shape, 2))),
            "true labels": lambda: scene.truly_labeled,
            "no labels": lambda: scene.unlabeled,
        }
        if means is not None:
            ways["class mean"] = lambda: paint(photo.rgb, means[photo.labels])
        if model.segmenter is not None:
            for way, confidence in (("predicted labels", 0.0), ("sure labels", model.confidence)):
                ways[way] = partial(_predicted, scene, confidence)
        return ways

    def summary(self) -> dict[str, Any]:
        """What was found over all photos."""
        scores = {"truth": self._truths, **self._scores}
        rows = {way: row for way, own in scores.items() if (row := own.summary(self._truths))}
        return {
            "photos": len(self._sources),
            "ways": rows,
            "sources": self._by_source(),
            "chroma gain": self._model.chroma_gain,
            "chroma gain unlabeled": self._model.chroma_gain_unlabeled,
            "relative colorfulness": {
                way: row["colorfulness"] / truly
                for way, row in rows.items()
                if (truly := rows["truth"]["colorfulness"])
            },
        }

    def _by_source(self) -> dict[str, dict[str, float]]:
        """How many photos each source has, and the PSNR of each way over them."""
        found: dict[str, dict[str, float]] = {}
        for source in sorted(set(self._sources)):
            own = np.array(self._sources) == source
            values = {way: np.array(scores.psnr)[own] for way, scores in self._scores.items() if scores.psnr}
            found[source] = {"photos": int(own.sum())} | {way: float(row.mean()) for way, row in values.items()}
        return found
