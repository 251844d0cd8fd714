"""How well a model colors and segments photographs of which the truth is known."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.labels import translate
from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
from napari_colorizer.engine.session import Session
from napari_colorizer.models.model import Model
from napari_colorizer.training.data.sets import Photo
from napari_colorizer.training.metrics.baselines import paint
from napari_colorizer.training.metrics.borders import Borders
from napari_colorizer.training.metrics.color import RGB, ClassMean, Lab, ciede2000, colorfulness, psnr, ssim, to_lab
from napari_colorizer.training.metrics.segmentation import SegmentationScores

WAYS = ("gray", "class mean", "true labels", "predicted labels", "no labels")
COLOR_METRICS = ("psnr", "ssim", "ciede2000", "ciede2000 balanced", "colorfulness", "bleeding", "monochrome")
HINT_COUNTS = (1, 10, 100)
HINT_RADIUS = 3


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
        How many simulated color hints to give, with the true labels; left out where the model takes none.
    seed : int
        Of the places of the hints.
    device : str

    Returns
    -------
    dict
        "photos", how many; "ways", for each way, and for the "truth", the `COLOR_METRICS` that it has; "hints", the
        PSNR by the number of hints (as text, "0" among them). It can be written as JSON.

        PSNR, SSIM and colorfulness are means over photos; CIEDE2000 over pixels, its balanced form over classes;
        bleeding and monochrome are ratios of sums over the set, see `napari_colorizer.training.metrics.borders`.

    Raises
    ------
    ModelError
        If the model has no colorizer.
    """
    takes_hints = model.require_colorizer().config.takes_hints
    counts = sorted(hint_counts) if takes_hints else []
    truths, scores = _ColorScores(), {way: _ColorScores() for way in ways}
    hinted: dict[int, list[float]] = {}
    number = 0
    for photo in photos:
        if photo.gray:
            continue
        number += 1
        truth = _Truth(photo)
        truths.look(truth, photo.rgb, truth.lab)
        session = model.session(photo.rgb, ColorizeOptions(device=device))
        for way, color in _ways(model, session, photo, classes, means).items():
            if way in scores:
                scores[way].compare(truth, color())
        hints = simulate_hints(truth.lab, photo.name, max(counts, default=0), seed)
        for count in counts:
            rgb = session.colorize(photo.labels, Hints(hints.rows[:count]), classes)
            hinted.setdefault(count, []).append(psnr(photo.rgb, rgb))
    summaries = {"truth": truths.summary(truths)} | {way: own.summary(truths) for way, own in scores.items()}
    by_count = {str(count): float(np.mean(values)) for count, values in hinted.items()}
    if by_count and "psnr" in summaries.get("true labels", {}):
        by_count = {"0": summaries["true labels"]["psnr"], **by_count}
    return {"photos": number, "ways": {way: row for way, row in summaries.items() if row}, "hints": by_count}


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
        See `SegmentationScores.summary`.

    Raises
    ------
    ModelError
        If the model has no segmenter.
    """
    model.require_segmenter()
    ours_of_theirs: dict[int, int] = {}
    for ours, theirs in classes.match(model.classes).items():
        ours_of_theirs.setdefault(theirs, ours)
    scores = SegmentationScores(classes, groups or {})
    for photo in photos:
        predicted = model.segment(photo.rgb, SegmentOptions(device=device))
        scores.add(photo.labels, translate(predicted, ours_of_theirs), photo.source)
    return scores.summary()


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
        For the colorizer with true labels, `COLOR_METRICS` and "psnr 1 hint", "psnr 10 hints", "psnr 100 hints", and
        beside them "true colorfulness" and "psnr no labels". For the segmenter "mIoU", "pixel accuracy", and with a
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
        found = evaluate_color(model, photos, classes, ways=("true labels", "no labels"), device=device)
        if found["photos"]:
            metrics |= found["ways"]["true labels"]
            metrics["true colorfulness"] = found["ways"]["truth"]["colorfulness"]
            metrics["psnr no labels"] = found["ways"]["no labels"]["psnr"]
            hints = {int(count): value for count, value in found["hints"].items() if count != "0"}
            metrics |= {f"psnr {count} hint{'s' if count > 1 else ''}": value for count, value in hints.items()}
    return metrics


def simulate_hints(lab: Lab, name: str, count: int, seed: int = 0) -> Hints:
    """Color hints as a user with the truth before their eyes would give them.

    Parameters
    ----------
    lab : array, (H, W, 3)
        The true image in CIE Lab.
    name : str
        Of the image; it and the seed decide on the places. The first hints of many are the same as a few.
    count : int
    seed : int

    Returns
    -------
    Hints
        Points anywhere in the image, of a radius of 3 pixels, with the mean a*, b* around them.
    """
    height, width = lab.shape[:2]
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    rows = []
    for y, x in (rng.random((count, 2)) * (height, width)).astype(int).tolist():
        around = lab[max(0, y - HINT_RADIUS) : y + HINT_RADIUS + 1, max(0, x - HINT_RADIUS) : x + HINT_RADIUS + 1]
        rows.append((y, x, *around[..., 1:].mean((0, 1)).tolist(), HINT_RADIUS))
    return Hints(rows)


def _ways(
    model: Model, session: Session, photo: Photo, classes: ClassMap, means: NDArray[np.float64] | None
) -> dict[str, Callable[[], RGB]]:
    """The ways to color a photo that a model has."""
    ways: dict[str, Callable[[], RGB]] = {
        "gray": lambda: paint(photo.rgb, np.zeros((*photo.labels.shape, 2))),
        "true labels": lambda: session.colorize(photo.labels, classes=classes),
        "no labels": session.colorize,
    }
    if means is not None:
        ways["class mean"] = lambda: paint(photo.rgb, means[photo.labels])
    if model.segmenter is not None:
        options = SegmentOptions(device=session.options.device)
        ways["predicted labels"] = lambda: session.colorize(model.segment(photo.rgb, options))
    return ways


class _Truth:
    """What all ways to color a photo are compared with, found once."""

    def __init__(self, photo: Photo):
        self.rgb, self.labels = photo.rgb, photo.labels
        self.lab = to_lab(photo.rgb)
        self.borders = Borders(photo.labels)


class _ColorScores:
    """The scores of one way to color, gathered over a set."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}
        self._difference = ClassMean()
        self._steps = self._distances = 0.0

    def look(self, truth: _Truth, rgb: RGB, lab: Lab) -> None:
        """Measure colors as they are."""
        self._values.setdefault("colorfulness", []).append(colorfulness(rgb))
        self._steps += truth.borders.steps(lab[..., 1:])
        self._distances += truth.borders.distances(lab[..., 1:])

    def compare(self, truth: _Truth, rgb: RGB) -> None:
        """Measure colors as they are, and how near they are to the true ones."""
        lab = to_lab(rgb)
        self.look(truth, rgb, lab)
        self._values.setdefault("psnr", []).append(psnr(truth.rgb, rgb))
        self._values.setdefault("ssim", []).append(ssim(truth.rgb, rgb))
        self._difference.add(ciede2000(truth.lab, lab), truth.labels)

    def summary(self, truth: _ColorScores) -> dict[str, float]:
        """Figures by name, in the order of `COLOR_METRICS`; empty if nothing was measured."""
        if not self._values:
            return {}
        found: dict[str, float | None] = {name: float(np.mean(values)) for name, values in self._values.items()}
        found["ciede2000"], found["ciede2000 balanced"] = self._difference.plain, self._difference.balanced
        found["bleeding"] = self._steps / truth._steps if truth._steps else None
        found["monochrome"] = self._distances / truth._distances if truth._distances else None
        return {name: value for name in COLOR_METRICS if (value := found.get(name)) is not None}
