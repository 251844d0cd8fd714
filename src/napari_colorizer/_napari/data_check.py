"""The check of the data before a training."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_colorizer.training.options import TrainOptions

if TYPE_CHECKING:
    from napari_colorizer.training.data.check import Report

CLASSES_SHOWN = 12


@dataclass(frozen=True)
class CheckedData:
    """What was found.

    Attributes
    ----------
    summary : str
        Counts, the most frequent classes, and each problem.
    obstacle : str
        Why these data cannot be trained on; "" if they can.
    """

    summary: str
    obstacle: str


class _CancelledError(Exception):
    pass


def check_data(options: TrainOptions, cancelled: threading.Event) -> CheckedData | None:
    """Read and check the labeled set that options name; None if it was cancelled.

    Raises
    ------
    ColorizerError
        If it is no labeled set.
    """
    from napari_colorizer.training.data.check import check_set
    from napari_colorizer.training.data.read import read_set

    def go_on(_share: float) -> None:
        if cancelled.is_set():
            raise _CancelledError

    data = read_set(options.data, groups=options.groups, val_share=options.val_share, seed=options.seed)
    try:
        report = check_set(data, go_on)
    except _CancelledError:
        return None
    return CheckedData(summarize(report), find_obstacle(report, options))


def summarize(report: Report) -> str:
    """What the user should know of a set, line by line."""
    counts = report.counts
    lines = [f"{counts['train']} labeled images to train on, {counts['val']} to validate with"]
    if counts["pseudo"] or counts["unlabeled"]:
        lines.append(f"{counts['pseudo']} images labeled by a machine, {counts['unlabeled']} unlabeled")
    if report.sizes:
        sizes = ("{} x {}".format(*report.sizes[which]) for which in ("smallest", "largest"))
        lines.append(f"Sizes: {' to '.join(dict.fromkeys(sizes))}")
    present = sorted((item for item in report.classes if item.id and item.images), key=lambda item: -item.pixels)
    total = sum(item.pixels for item in present) or 1
    shares = [f"{item.name} {max(item.pixels / total, 0.01):.0%}" for item in present[:CLASSES_SHOWN]]
    if len(present) > CLASSES_SHOWN:
        shares.append(f"and {len(present) - CLASSES_SHOWN} more")
    lines.append(f"Classes: {', '.join(shares) or 'none'}")
    for title, texts in (("Problems", report.problems), ("Notices", report.notices)):
        if texts:
            lines += [f"{title} ({len(texts)}):", *(f"- {text}" for text in texts)]
    return "\n".join(lines)


def find_obstacle(report: Report, options: TrainOptions) -> str:
    """Why a set cannot be trained on; "" if it can."""
    counts = report.counts
    if not report.sizes:
        return f"{report.root}: none of its images can be read. What is wrong with each is listed below"
    if not any(counts[kind] for kind in ("train", "pseudo", "unlabeled")):
        return f"{report.root} has no images to train on, only such that validate"
    if options.network == "segmenter" and not counts["train"] + counts["pseudo"]:
        return f"{report.root}: no image to train on has a label map, and the segmenter learns from nothing else"
    return ""
