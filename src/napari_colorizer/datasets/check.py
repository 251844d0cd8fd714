"""Looking over a labeled set before it is trained on: what is in it, and what is wrong with which file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_colorizer.datasets.duplicates import Fingerprint, find_twins, fingerprint
from napari_colorizer.datasets.photos import Progress, count_ids, in_threads, is_gray, read_labels, read_rgb
from napari_colorizer.datasets.sets import LabeledSet, Pair
from napari_colorizer.errors import FileError

REMARKS = {  # on one file, and on several
    "unmasked": (
        "has no mask: it can train only the colorizer",
        "images have no mask: they can train only the colorizer",
    ),
    "gray": (
        "has no color: it can train only the segmenter",
        "images have no color: they can train only the segmenter",
    ),
    "empty": ("is empty: nothing is labeled", "masks are empty: nothing is labeled"),
}


@dataclass(frozen=True)
class ClassCount:
    """How much of a class a set has.

    Attributes
    ----------
    id, name
        Those of the class; 0 is unlabeled.
    pixels, images : int
        In the masks that people made.
    pseudo_pixels, pseudo_images : int
        In the masks that a machine made.
    """

    id: int
    name: str
    pixels: int
    images: int
    pseudo_pixels: int
    pseudo_images: int


@dataclass(frozen=True)
class Report:
    """What `check_set` found.

    Attributes
    ----------
    root : str
    counts : dict
        Images that train and val(idate), those with pseudo(-masks), and the unlabeled.
    sources : dict
        Images of each source.
    sizes : dict
        Width and height of the smallest, the median and the largest image, by area.
    classes : tuple of ClassCount
        The unlabeled pixels, and each class of the set.
    problems : tuple of str
        What is wrong, each with the name of the file: unreadable files, masks of another size, masks without image,
        ids outside the class map, images that both train and validate.
    notes : tuple of str
        What is worth knowing of how the set was read.
    remarks : dict
        What is worth knowing of single files, but may be meant so, and of which: the keys of `REMARKS`.
    teaching : dict
        How many images can teach the segmenter and the colorizer, each by the kinds of `counts` but for val.
    unused : int
        How many files cannot be used because of a problem, or only in part.
    """

    root: str
    counts: dict[str, int]
    sources: dict[str, int]
    sizes: dict[str, tuple[int, int]]
    classes: tuple[ClassCount, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    remarks: dict[str, tuple[str, ...]]
    teaching: dict[str, dict[str, int]]
    unused: int

    @property
    def notices(self) -> tuple[str, ...]:
        """The notes, and the remarks on each file."""
        of_files = (f"{file} {REMARKS[kind][0]}" for kind, files in self.remarks.items() for file in files)
        return (*self.notes, *of_files)


@dataclass
class _Seen:
    """What one pair shows."""

    size: tuple[int, int] | None = None
    print: Fingerprint | None = None
    gray: bool = False
    counts: NDArray[np.int32] | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def labeled(self) -> bool:
        """Whether the mask names a class somewhere."""
        return self.counts is not None and bool(self.counts[1:].any())


def check_set(data: LabeledSet, on_progress: Progress | None = None) -> Report:
    """Decode every file of a set once, and say what is there and what is wrong.

    Parameters
    ----------
    data : LabeledSet
    on_progress : callable, optional
        Gets the share that is done; may raise to stop.
    """
    seen = list(in_threads(lambda pair: _look_at(data, pair), data.pairs, on_progress))
    failing = [*data.problems, *(problem for one in seen for problem in one.problems)]
    return Report(
        root=str(data.root),
        counts=_count_pairs(data.pairs),
        sources=dict(Counter(pair.source for pair in data.pairs).most_common()),
        sizes=_sizes([one.size for one in seen if one.size]),
        classes=_count_classes(data, seen),
        problems=(*failing, *_twins(data, seen)),
        notes=data.notes,
        remarks=_remark(data, seen),
        teaching=_count_teaching(data.pairs, seen),
        unused=len(data.problems) + sum(bool(one.problems) for one in seen),
    )


def _look_at(data: LabeledSet, pair: Pair) -> _Seen:
    seen = _Seen()
    try:
        rgb = read_rgb(data, pair)
    except FileError as error:
        seen.problems.append(str(error))
        return seen
    height, width = rgb.shape[:2]
    seen.size, seen.print = (width, height), fingerprint(Image.fromarray(rgb))
    seen.gray = is_gray(rgb)
    if pair.mask is None:
        return seen
    try:
        labels, problem = read_labels(data, pair, pair.mask, (height, width))
    except FileError as error:
        seen.problems.append(str(error))
        return seen
    seen.counts = count_ids(labels, (0, *data.classes.ids))
    if problem:
        seen.problems.append(problem)
    return seen


def _remark(data: LabeledSet, seen: list[_Seen]) -> dict[str, tuple[str, ...]]:
    both = list(zip(data.pairs, seen, strict=True))
    empty = [
        data.place(pair.mask)
        for pair, one in both
        if pair.mask and not pair.pseudo and one.counts is not None and not one.problems and not one.labeled
    ]
    found = {
        "unmasked": [data.place(image) for image in data.unmasked],
        "gray": [data.place(pair.image) for pair, one in both if one.gray],
        "empty": empty,
    }
    return {kind: tuple(files) for kind, files in found.items() if files}


def _kind(pair: Pair) -> str:
    return "unlabeled" if not pair.mask else "pseudo" if pair.pseudo else pair.split


def _count_pairs(pairs: Sequence[Pair]) -> dict[str, int]:
    kinds = Counter(_kind(pair) for pair in pairs)
    return {kind: kinds[kind] for kind in ("train", "val", "pseudo", "unlabeled")}


def _count_teaching(pairs: Sequence[Pair], seen: list[_Seen]) -> dict[str, dict[str, int]]:
    usable = [
        (_kind(pair), one)
        for pair, one in zip(pairs, seen, strict=True)
        if one.size and (pair.mask is None or one.counts is not None)
    ]
    labeled = Counter(kind for kind, one in usable if one.labeled)
    colorful = Counter(kind for kind, one in usable if not one.gray)
    return {
        "segmenter": {kind: labeled[kind] for kind in ("train", "pseudo")},
        "colorizer": {kind: colorful[kind] for kind in ("train", "pseudo", "unlabeled")},
    }


def _sizes(sizes: list[tuple[int, int]]) -> dict[str, tuple[int, int]]:
    if not sizes:
        return {}
    ordered = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    return {"smallest": ordered[0], "median": ordered[len(ordered) // 2], "largest": ordered[-1]}


def _count_classes(data: LabeledSet, seen: list[_Seen]) -> tuple[ClassCount, ...]:
    totals: NDArray[Any] = np.zeros((4, len(data.classes) + 1), np.int64)
    for pair, one in zip(data.pairs, seen, strict=True):
        if one.counts is not None:
            first = 2 * pair.pseudo
            totals[first] += one.counts
            totals[first + 1] += one.counts > 0
    names = {0: "unlabeled"} | {item.id: item.name for item in data.classes}
    return tuple(ClassCount(*named, *numbers) for named, numbers in zip(names.items(), totals.T.tolist(), strict=True))


def _twins(data: LabeledSet, seen: list[_Seen]) -> list[str]:
    """Images that validate and also train."""
    prints = {"train": ([], []), "val": ([], [])}  # type: dict[str, tuple[list[Pair], list[Fingerprint]]]
    for pair, one in zip(data.pairs, seen, strict=True):
        if one.print:
            prints[pair.split][0].append(pair)
            prints[pair.split][1].append(one.print)
    (train, train_prints), (val, val_prints) = prints["train"], prints["val"]
    return [
        f"{data.place(val[i].image)} is a validation image, but (nearly) the same picture as the training image "
        f"{data.place(train[j].image)}: the scores will be too good"
        for i, j in find_twins(val_prints, train_prints)
    ]
