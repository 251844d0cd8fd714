"""Train one network of the bundled model.

    python -m napari_colorizer.training DATA OUTPUT.pt --network colorizer --minutes 60

DATA is a folder with ``labelled/train`` and ``unlabelled`` photographs and a ``classes.json``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from napari_colorizer.networks import GridNet, TwoStreamUNet
from napari_colorizer.training.fit import FitOptions, fit_colorizer, fit_segmenter
from napari_colorizer.training.photos import read_photos

SHORTER_SIDE = 224
LEAST_IMAGES = 20  # a class seen in fewer labeled or pseudo-labeled photographs is not learned
PERSON, SKIN, HAIR, CLOTHES = 15, 60, 61, 28


def trained_ids(data: Path) -> list[int]:
    """Ids of the classes that have enough masks."""
    classes = json.loads((data / "classes.json").read_text())
    enough = [
        entry["id"]
        for entry in classes
        if (entry["train_pixels"] and entry["train_images"] >= LEAST_IMAGES)
        or (entry["pseudo_pixels"] and entry["pseudo_images"] >= LEAST_IMAGES)
    ]
    return [label for label in enough if label]


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--network", choices=["colorizer", "segmenter"], required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    labeled = arguments.data / "labelled" / "train"
    photos = read_photos(labeled / "images", labeled / "masks", SHORTER_SIDE)
    more = arguments.data / "unlabelled"
    photos += read_photos(more / "images", more / "pseudo", SHORTER_SIDE)
    print(f"{len(photos)} photographs", flush=True)
    ids = trained_ids(arguments.data)
    options = FitOptions(arguments.minutes, seed=arguments.seed)
    if arguments.network == "colorizer":
        fit_colorizer(TwoStreamUNet.preset("default", ids), photos, options, checkpoint=arguments.output)
    else:
        groups = {PERSON: (SKIN, HAIR, CLOTHES)}
        fit_segmenter(GridNet.preset("default", ids), photos, groups, options, checkpoint=arguments.output)


if __name__ == "__main__":
    main()
