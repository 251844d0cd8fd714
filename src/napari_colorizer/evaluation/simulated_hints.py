"""How much nearer to the truth color hints bring a model's colors."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_colorizer.engine.hints import Hints
from napari_colorizer.evaluation.metrics.color import RGB, Lab, psnr, to_lab
from napari_colorizer.evaluation.sample import Scene, rng_of

HINT_COUNTS = (1, 10, 100)
MOST_AT_WORST = 10  # the colors are computed anew for each
HINT_RADIUS = 3  # pixels
SPREAD = 1 / 14  # of the shorter side: over so much of the photo an error must reach to draw a hint


class HintMeasure:
    """PSNR with true labels and simulated color hints, of the true color at their places.

    Parameters
    ----------
    counts : collection of int
        How many hints to give.
    seed : int
        Of places that are chosen at random.
    """

    def __init__(self, counts: Collection[int] = HINT_COUNTS, seed: int = 0):
        self._counts, self._seed = sorted(counts), seed
        self._found: dict[str, dict[int, list[float]]] = {}

    def add(self, scene: Scene) -> None:
        """Give hints to a photo."""
        if not self._counts:
            return
        for way in ("anywhere", "where it is worst"):
            self._note(way, 0, scene, scene.truly_labeled)
        hints = hints_anywhere(scene.truth, scene.photo.name, self._counts[-1], self._seed)
        for count in self._counts:
            self._note("anywhere", count, scene, _colorize(scene, Hints(hints.rows[:count])))
        few = [count for count in self._counts if count <= MOST_AT_WORST]
        for count, rgb in enumerate(colors_hinted_at_worst(scene, max(few, default=0)), 1):
            if count in few:
                self._note("where it is worst", count, scene, rgb)

    def summary(self) -> dict[str, dict[str, float]]:
        """PSNR in dB by where hints are given and by their number, as text; means over photos.

        "anywhere" is at random; "where it is worst" is for each hint where the colors that are there are most wrong, as
        a user gives them.
        """
        return {
            way: {str(count): float(np.mean(values)) for count, values in by_count.items()}
            for way, by_count in self._found.items()
        }

    def _note(self, way: str, count: int, scene: Scene, rgb: RGB) -> None:
        self._found.setdefault(way, {}).setdefault(count, []).append(psnr(scene.photo.rgb, rgb))


def hints_anywhere(lab: Lab, name: str, count: int, seed: int = 0) -> Hints:
    """Color hints at random places.

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
    places = (rng_of(name, seed).random((count, 2)) * lab.shape[:2]).astype(int)
    return Hints([_true_hint(lab, y, x) for y, x in places.tolist()])


def colors_hinted_at_worst(scene: Scene, count: int) -> Iterator[RGB]:
    """Colors with 1, 2, ... hints, each given where those before leave the largest error of a*, b* over an area."""
    rgb, rows = scene.truly_labeled, []
    sigma = SPREAD * min(rgb.shape[:2])
    for _ in range(count):
        off = scene.truth[..., 1:] - to_lab(rgb)[..., 1:]
        error = np.linalg.norm([gaussian_filter(off[..., axis], sigma, mode="constant") for axis in (0, 1)], axis=0)
        rows.append(_true_hint(scene.truth, *(int(place) for place in np.unravel_index(error.argmax(), error.shape))))
        rgb = _colorize(scene, Hints(rows))
        yield rgb


def _true_hint(lab: Lab, y: int, x: int) -> tuple[float, ...]:
    """The mean a*, b* around a place, as a row of `Hints`."""
    around = lab[max(0, y - HINT_RADIUS) : y + HINT_RADIUS + 1, max(0, x - HINT_RADIUS) : x + HINT_RADIUS + 1]
    return (y, x, *around[..., 1:].mean((0, 1)).tolist(), HINT_RADIUS)


def _colorize(scene: Scene, hints: Hints) -> RGB:
    return scene.session.colorize(scene.photo.labels, hints, scene.classes)
