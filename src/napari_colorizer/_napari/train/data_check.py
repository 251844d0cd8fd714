"""The check of the data before a training."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_colorizer.datasets.check import REMARKS
from napari_colorizer.training.options import TrainOptions

if TYPE_CHECKING:
    from napari_colorizer.datasets.check import Report

CLASSES_SHOWN = 12
FILES_SHOWN = 5


@dataclass(frozen=True)
class CheckedData:
    """What was found.

    Attributes
    ----------
    summary : str
        Counts, the most frequent classes, and each problem.
    obstacle : str
        Why these data cannot be trained on; "" if they can.
    verdict : str
        How many problems and notices there are; "" if there are none.
    """

    summary: str
    obstacle: str
    verdict: str = ""


class _CancelledError(Exception):
    pass


def check_data(options: TrainOptions, cancelled: threading.Event) -> CheckedData | None:
    """Read and check the labeled set that options name; None if it was cancelled.

    Raises
    ------
    ColorizerError
        If it is not a labeled set.
    """
    from napari_colorizer.datasets.check import check_set
    from napari_colorizer.datasets.read import read_set

    def go_on(_share: float) -> None:
        if cancelled.is_set():
            raise _CancelledError

    data = read_set(options.data, groups=options.groups, val_share=options.val_share, seed=options.seed)
    try:
        report = check_set(data, go_on)
    except _CancelledError:
        return None
    return CheckedData(summarize(report), find_obstacle(report, options), judge(report))


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
    for title, texts in (("Problems", report.problems), ("Notices", _notices(report))):
        if texts:
            lines += [f"{title} ({len(texts)}):", *(f"- {text}" for text in texts)]
    return "\n".join(lines)


def judge(report: Report) -> str:
    """How many problems and notices there are, in a line; "" for none."""
    found = [(len(report.problems), "problem"), (len(_notices(report)), "notice")]
    counts = [f"{count} {noun}{'s' * (count > 1)}" for count, noun in found if count]
    return f"The check found {' and '.join(counts)}: see below" if counts else ""


def _notices(report: Report) -> list[str]:
    """The notices of a report, in one line what is said of many files: others would drown in it."""
    lines = list(report.notes)
    for kind, files in report.remarks.items():
        of_one, of_many = REMARKS[kind]
        if len(files) == 1:
            lines.append(f"{files[0]} {of_one}")
        else:
            more = len(files) - FILES_SHOWN
            shown = ", ".join(files[:FILES_SHOWN]) + (f" and {more} more" if more > 0 else "")
            lines.append(f"{len(files)} {of_many}: {shown}")
    return lines


def find_obstacle(report: Report, options: TrainOptions) -> str:
    """Why a set cannot be trained on; "" if it can."""
    counts = report.counts
    if not report.sizes:
        return f"{report.root}: none of its images can be read. The problems are listed below"
    if not any(counts[kind] for kind in ("train", "pseudo", "unlabeled")):
        return f"{report.root} has no images to train on, only validation images"
    kinds = ("train", "pseudo", "unlabeled") if options.unlabeled else ("train",)
    lacks = {
        "segmenter": "no training image has any labels, which the segmenter needs",
        "colorizer": "all training images are gray, and the colorizer needs color images",
    }
    wanted = tuple(lacks) if options.network == "both" else (options.network,)
    missing = [lacks[network] for network in wanted if not any(report.teaching[network].get(kind, 0) for kind in kinds)]
    return f"{report.root}: {'; '.join(missing)}" if len(missing) == len(wanted) else ""
