"""Train one network of the bundled model.

    python -m napari_colorizer.training DATA OUTPUT.pt --network colorizer --minutes 60

DATA is a folder with ``labelled/train`` and ``unlabelled`` photographs and a ``classes.json``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

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
    parser.add_argument("--rate", type=float, default=FitOptions.rate, help="learning rate at the start")
    parser.add_argument("--start", type=Path, help="checkpoint to begin with")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    labeled = arguments.data / "labelled" / "train"
    photos = read_photos(labeled / "images", labeled / "masks", SHORTER_SIDE)
    more = arguments.data / "unlabelled"
    photos += read_photos(more / "images", more / "pseudo", SHORTER_SIDE)
    print(f"{len(photos)} photographs", flush=True)
    ids = trained_ids(arguments.data)
    options = FitOptions(arguments.minutes, rate=arguments.rate, seed=arguments.seed)
    if arguments.network == "colorizer":
        colorizer = TwoStreamUNet.preset("default", ids)
        before = start_from(arguments.start, colorizer)
        fit_colorizer(colorizer, photos, options, checkpoint=arguments.output, before=before)
    else:
        segmenter = GridNet.preset("default", ids)
        before = start_from(arguments.start, segmenter)
        groups = {PERSON: (SKIN, HAIR, CLOTHES)}
        fit_segmenter(segmenter, photos, groups, options, checkpoint=arguments.output, before=before)


def start_from(path: Path | None, network: nn.Module) -> dict[str, Any]:
    """Load an earlier checkpoint, if there is one, and return how it came about."""
    if path is None:
        return {}
    checkpoint: dict[str, Any] = torch.load(path, weights_only=True)
    network.load_state_dict(checkpoint.pop("weights"))
    return checkpoint


if __name__ == "__main__":
    main()
