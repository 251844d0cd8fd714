"""Measure how much the colors of series flicker; the figures of docs/series.md.

    python docs/scripts/flicker.py PHOTOS

PHOTOS is a folder of a labeled set, with ``train`` and ``val`` in it. Two kinds of series are colored without a word of
anybody: a window that moves over real photographs of ``val``, and frames of ``train`` that a car took one after the
other, some seconds apart: ``camvid-train-NNN.jpg`` with numbers that follow each other. Then come the cuts: how much of
the colors before a cut is left after it.
"""

from __future__ import annotations

import argparse
import re
from itertools import pairwise
from pathlib import Path

import numpy as np

from napari_colorizer import ColorizeOptions, load_model, read_image
from napari_colorizer.evaluation.flicker import Film, measure_flicker, moving_window
from napari_colorizer.evaluation.metrics.color import RGB
from napari_colorizer.models.model import Model
from napari_colorizer.series.coloring import SeriesColorizer
from napari_colorizer.series.options import SeriesOptions

WINDOW = 0.75  # of the photograph's sides
STEP = 4.0  # pixels from slice to slice
GRAY = 3.0  # mean standard deviation of R, G, B of a pixel, below which a photograph has no color
DRIVE = "camvid-"  # how names of frames begin
LONGEST = 8  # frames of a drive
WAYS = {
    "each slice for itself": None,
    "labels carried": SeriesOptions(steadiness=0),
    "steady color": SeriesOptions(carry=False),
    "both": SeriesOptions(),
}


def photographs(folder: Path, count: int, frames: bool = True) -> list[RGB]:
    """Photographs with color, spread over a folder, or those of them that are no frames of a drive."""
    paths = sorted(path for path in folder.glob("*.jpg") if frames or not path.name.startswith(DRIVE))
    images = (read_image(path) for path in paths[:: max(1, len(paths) // (2 * count))])
    return [rgb for rgb in images if rgb.ndim == 3 and rgb.std(-1).mean() > GRAY][:count]


def drives(folder: Path) -> list[list[RGB]]:
    """Frames whose numbers follow each other."""
    found = ((re.search(DRIVE + r"\D*(\d+)", path.name), path) for path in folder.iterdir())
    numbered = {int(match[1]): path for match, path in found if match}
    runs: list[list[int]] = []
    for number in sorted(numbered):
        follows = runs and runs[-1][-1] == number - 1 and len(runs[-1]) < LONGEST
        runs[-1].append(number) if follows else runs.append([number])
    return [[read_image(numbered[number]) for number in run] for run in runs if len(run) > 1]


def ghost(model: Model, photos: list[RGB], device: str) -> float:
    """The largest change, of 255, of any color after a cut, against the same picture without anything before it."""
    worst = 0
    for before, after in pairwise(photos):
        height, width = (min(sides) for sides in zip(before.shape[:2], after.shape[:2], strict=True))
        colorizer, alone = (SeriesColorizer(model, ColorizeOptions(device=device)) for _ in range(2))
        colorizer.color(before[:height, :width])
        rgb = colorizer.color(after[:height, :width]).rgb.astype(int)
        worst = max(worst, int(np.abs(rgb - alone.color(after[:height, :width]).rgb).max()))
    return worst


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=12, help="photographs that a window moves over")
    parser.add_argument("--slices", type=int, default=5, help="of each of them")
    parser.add_argument("--model", default="default")
    parser.add_argument("--device", default="auto")
    chosen = parser.parse_args()
    model, photos = load_model(chosen.model), photographs(chosen.photos / "val" / "images", chosen.count)
    kinds = {
        "window": [
            Film(moving_window(rgb, chosen.slices, (int(rgb.shape[0] * WINDOW), int(rgb.shape[1] * WINDOW)), STEP))
            for rgb in photos
        ],
        "drive": [Film(frames) for frames in drives(chosen.photos / "train" / "images")],
    }
    print("series, colored: pairs, flicker, share of that of each for itself, CIEDE2000")
    for kind, films in kinds.items():
        alone = 0.0
        for way, options in WAYS.items():
            found = measure_flicker(model, films, options, chosen.device)
            alone = alone or found.flicker
            figures = f"{found.flicker:.3f}, {found.flicker / alone:.2f}, {found.ciede2000:.2f}"
            print(f"{kind}, {way}: {found.pairs}, {figures}", flush=True)
    photos = photographs(chosen.photos / "val" / "images", chosen.count, frames=False)
    print(f"largest change after {len(photos) - 1} cuts: {ghost(model, photos, chosen.device)} of 255")


if __name__ == "__main__":
    main()
