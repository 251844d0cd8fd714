"""Print what the second look of a segmenter at each photograph is worth, and what it costs; see docs/model.md.

    python docs/scripts/looks.py PHOTOS [--every 1]

Read them on an idle machine.
"""

from __future__ import annotations

import argparse
import time

from default_stages import COMMON

from napari_colorizer import load_model
from napari_colorizer.datasets.photos import PhotoStore
from napari_colorizer.datasets.read import read_set
from napari_colorizer.engine import segment
from napari_colorizer.evaluation.evaluate import evaluate_segmentation

OLD_SOURCES = ("msrc", "facade", "ccp", "camvid", "human")
SIDE = 224


def main() -> None:
    """Evaluate the bundled model with one look and with two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("--every", type=int, default=1, help="use every n-th photograph only")
    options = parser.parse_args()
    data = read_set(options.photos, groups=COMMON["groups"])
    pairs = [pair for pair in data.of_split("val") if pair.mask is not None and pair.source in OLD_SOURCES]
    photos = list(PhotoStore.load(data, pairs[:: options.every], SIDE)[0])
    two = segment.second_look
    for name, look in (("one", lambda network, x: network(x).softmax(1)), ("two", two)):
        segment.second_look = look
        began = time.process_time()
        found = evaluate_segmentation(load_model("default"), photos, data.classes, data.groups)
        seconds = (time.process_time() - began) / len(photos)
        scores = ", ".join(f"{score} {found[score]:.3f}" for score in ("mIoU", "pixel accuracy"))
        print(f"{name}: {scores}, {seconds:.2f} s a photo")


if __name__ == "__main__":
    main()
