"""Fine-tune the bundled model on ten photographs with two renamed classes, and compare the two.

    python docs/scripts/finetune_ten.py PHOTOS WORK

PHOTOS is a labeled set with MSRC-v2 photographs of meadows, sky and animals, as docs/model.md describes it; only ten of
its training images are used, with grass called "meadow" and sky called "heaven", names that the bundled model does not
know. WORK gets the small set and the run. Both models are judged on the validation images of the same kind.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from napari_colorizer import TrainOptions, fit, load_model
from napari_colorizer.classes import ClassMap
from napari_colorizer.datasets.photos import PhotoStore
from napari_colorizer.datasets.read import read_set
from napari_colorizer.evaluation.evaluate import epoch_metrics
from napari_colorizer.training.events import EpochEnded, Finished

RENAMED = {"grass": "meadow", "sky": "heaven"}
KEPT = ("aeroplane", "building", "cow", "horse", "person", "road", "sheep", "tree", "water")
TRAIN, VAL = 10, 12
SHOWN = ("psnr", "ciede2000", "ciede2000 balanced", "colorfulness", "mIoU", "pixel accuracy")


def make_set(photos: Path, work: Path) -> Path:
    """Copy photographs with much grass and some sky or trees, and give two classes other names."""
    known = ClassMap.read(photos / "classes.json")
    grass, sky, tree = (known.named(name).id for name in ("grass", "sky", "tree"))
    small = work / "set"
    for split, count in (("train", TRAIN), ("val", VAL)):
        for part in ("images", "masks"):
            (small / split / part).mkdir(parents=True)
        source, taken = photos / "labelled" / split, 0
        for image in sorted((source / "images").glob("msrc*.jpg")):
            mask = source / "masks" / f"{image.stem}.png"
            labels = np.asarray(Image.open(mask))
            if taken < count and (labels == grass).mean() > 0.2 and np.isin(labels, (sky, tree)).mean() > 0.1:
                shutil.copy(image, small / split / "images")
                shutil.copy(mask, small / split / "masks")
                taken += 1
    entries = [{"id": known.named(name).id, "name": RENAMED.get(name, name)} for name in (*RENAMED, *KEPT)]
    (small / "classes.json").write_text(json.dumps(entries))
    return small


def main() -> None:
    """Train and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("work", type=Path)
    arguments = parser.parse_args()
    os.environ["NAPARI_COLORIZER_MODELS"] = str(arguments.work / "models")
    small = make_set(arguments.photos, arguments.work)
    for event in fit(TrainOptions.of_recipe("finetune", data=str(small), run=str(arguments.work / "run"))):
        if isinstance(event, EpochEnded | Finished):
            print(event.to_line()[:160], flush=True)
    data = read_set(small)
    val = list(PhotoStore.load(data, data.of_split("val"), 224)[0])
    table = Table("model", *SHOWN)
    for name in ("default", "set"):
        metrics = epoch_metrics(load_model(name), val, data.classes)
        table.add_row(name, *(f"{metrics[shown]:.3f}" for shown in SHOWN))
    Console(width=110).print(f"{len(val)} validation images", table)


if __name__ == "__main__":
    main()
