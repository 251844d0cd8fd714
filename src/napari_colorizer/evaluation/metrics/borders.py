"""Chroma across label borders: the paper's two complaints, colors that bleed and pictures of one color.

*Bleeding*: colors that run over the border of a thing make the step of chroma there smaller than it truly is.
*Monochrome*: things that stand side by side get colors that differ less than they truly do. A pale image scores low in
both; one whose bleeding is clearly below its monochrome has the right colors, but blurred borders.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# JPEG keeps chroma at half the size, so a true step takes some 2 pixels, too; a border may be a thin unlabeled band
REACH = 3


class Borders:
    """Where the labeled regions of an image meet.

    Parameters
    ----------
    labels : array of unsigned integers, (H, W)
        True class ids, 0 where nobody said. Two classes meet where pixels `REACH` apart, in a row or a column, belong
        to the one and the other; what lies between the two pixels may be unlabeled.
    """

    def __init__(self, labels: NDArray[Any]):
        self._labels = labels
        self._across = [
            (first, second, (labels[first] != labels[second]) & (labels[first] > 0) & (labels[second] > 0))
            for first, second in (
                (np.s_[:, :-REACH], np.s_[:, REACH:]),
                (np.s_[:-REACH, :], np.s_[REACH:, :]),
            )
        ]
        pairs = np.concatenate(
            [np.stack([labels[first][meet], labels[second][meet]]) for first, second, meet in self._across], axis=1
        )
        self._neighbors = np.unique(np.sort(pairs, axis=0), axis=1)

    def steps(self, chroma: NDArray[np.floating[Any]]) -> float:
        """Sum over all pixel pairs across a border of the distance of their a*, b* (H, W, 2)."""
        return float(
            sum(
                np.linalg.norm(chroma[first][meet] - chroma[second][meet], axis=-1).sum()
                for first, second, meet in self._across
            )
        )

    def distances(self, chroma: NDArray[np.floating[Any]]) -> float:
        """Sum over all pairs of classes that meet of the distance of their mean a*, b* in the image."""
        flat = self._labels.ravel()
        counts = np.maximum(np.bincount(flat), 1)
        means = np.stack([np.bincount(flat, chroma[..., axis].ravel()) / counts for axis in range(2)], axis=-1)
        first, second = self._neighbors
        return float(np.linalg.norm(means[first] - means[second], axis=-1).sum())
