"""Pixel accuracy and mean intersection over union, over the pixels that somebody labeled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.classes import ClassMap


class SegmentationScores:
    """Counts what was predicted for the labeled pixels of a set, for each of its sources.

    Sources name things at different depth: one says *person* (a group) where another says skin, hair, clothes (its
    members). So, within each source,

    - a member that is predicted where the truth is its group is right: it only says more;
    - a member that the source never labels counts as its group everywhere, if the source labels that;
    - a group that is predicted where the truth is a member is a miss, since it says less than was asked for, but no
      false alarm, since it is true.

    Parameters
    ----------
    classes : ClassMap
        Of the truth; predictions come in its ids, too.
    groups : mapping
        Ids of the members of each group.
    """

    def __init__(self, classes: ClassMap, groups: Mapping[int, Iterable[int]]):
        self._classes = classes
        self._ids = [0, *classes.ids]
        self._rank = np.zeros(max(self._ids) + 1, np.int64)
        self._rank[self._ids] = np.arange(len(self._ids))
        ranks = {self._rank_of(group): [self._rank_of(m) for m in members] for group, members in groups.items()}
        self._groups = {group: [m for m in members if m] for group, members in ranks.items() if group}
        self._counts: dict[str, NDArray[np.int64]] = {}  # of each source: true rank x predicted rank

    def _rank_of(self, label: int) -> int:
        return int(self._rank[label]) if label in self._classes else 0

    def add(self, truth: NDArray[Any], predicted: NDArray[Any], source: str = "") -> None:
        """Count an image.

        Parameters
        ----------
        truth, predicted : array of unsigned integers, (H, W)
            Class ids; ids outside the class map are unlabeled. Unlabeled pixels of the truth are left out, those of
            the prediction are misses.
        source : str
        """
        size = len(self._ids)
        true_ranks, predicted_ranks = (
            np.where(labels < len(self._rank), self._rank[np.minimum(labels, len(self._rank) - 1)], 0)
            for labels in (truth, predicted)
        )
        known = true_ranks > 0
        counts = np.bincount(true_ranks[known] * size + predicted_ranks[known], minlength=size * size)
        self._counts[source] = self._counts.get(source, 0) + counts.reshape(size, size)

    def summary(self) -> dict[str, Any]:
        """Scores as a dict that JSON can hold.

        Returns
        -------
        dict
            "pixel accuracy" and "mIoU" (both 0..1), "IoU" (of each class that the truth has, by name) and "sources"
            (the same three of each source, over the classes that it labels); "labeled", the share of these pixels for
            which there is a prediction, and "accuracy there". Without a labeled pixel all but "IoU" and "sources" are
            missing, and without a prediction the last is.
        """
        folded = {source: self._fold(counts) for source, counts in sorted(self._counts.items())}
        whole = sum(folded.values(), np.zeros((len(self._ids),) * 2, np.int64))
        sources = {source: self._scores(counts) for source, counts in folded.items()}
        return {**self._scores(whole), **self._coverage(np.diag(whole).sum()), "sources": sources}

    def _coverage(self, hits: np.int64) -> dict[str, float]:
        """How much was predicted, and how much of that is right."""
        counts: NDArray[np.int64] = sum(self._counts.values(), np.zeros((len(self._ids),) * 2, np.int64))
        said, all_pixels = counts[:, 1:].sum(), counts.sum()
        if not all_pixels:
            return {}
        return {"labeled": float(said / all_pixels)} | ({"accuracy there": float(hits / said)} if said else {})

    def _fold(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The counts of a source with its groups made comparable."""
        counts = counts.copy()
        labeled = counts.sum(1) > 0
        for group, members in self._groups.items():
            for member in members:
                said_more = slice(None) if labeled[group] and not labeled[member] else group
                counts[said_more, group] += counts[said_more, member]
                counts[said_more, member] = 0
            for member in members:
                counts[member, 0] += counts[member, group]
                counts[member, group] = 0
        return counts

    def _scores(self, counts: NDArray[np.int64]) -> dict[str, Any]:
        hits, truth, said = np.diag(counts), counts.sum(1), counts.sum(0)
        present = truth.nonzero()[0]
        union = {self._classes[self._ids[i]].name: float(hits[i] / (truth[i] + said[i] - hits[i])) for i in present}
        if not union:
            return {"IoU": {}}
        return {
            "pixel accuracy": float(hits.sum() / truth.sum()),
            "mIoU": float(np.mean(list(union.values()))),
            "IoU": union,
        }
