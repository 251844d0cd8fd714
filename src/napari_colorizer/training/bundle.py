"""Put two trained networks together as the bundled default model.

python -m napari_colorizer.training.bundle DATA colorizer.pt segmenter.pt
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.models.library import DEFAULT, bundled_default
from napari_colorizer.models.model import Model
from napari_colorizer.networks import GridNet, TwoStreamUNet
from napari_colorizer.training.__main__ import start_from, trained_ids

MORE_COLORS = {"skin": "#f0b48c", "hair": "#7a4a21"}
WORKING_SIZE = 288
LICENSE = "research and other non-commercial use only; see LICENSE-WEIGHTS beside the model file"


def main() -> None:
    """Parse the command line and write the bundled model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("colorizer", type=Path)
    parser.add_argument("segmenter", type=Path)
    parser.add_argument("--metrics", type=Path, help="what the evaluation wrote with --json")
    arguments = parser.parse_args()
    classes = trained_classes(arguments.data)
    colorizer = TwoStreamUNet.preset("default", classes.ids)
    segmenter = GridNet.preset("default", classes.ids)
    provenance = {
        "data": "the photo set described in docs/model.md",
        "colorizer": start_from(arguments.colorizer, colorizer),
        "segmenter": start_from(arguments.segmenter, segmenter),
        "software": f"napari-colorizer 0.1.0, torch {torch.__version__}, trained on two CPU cores",
    }
    metrics = json.loads(arguments.metrics.read_text()) if arguments.metrics else {}
    model = Model(DEFAULT, classes, segmenter, colorizer, WORKING_SIZE, provenance, metrics, LICENSE)
    model.save(bundled_default(), half=True)
    print(f"{bundled_default().name}: {bundled_default().stat().st_size / 1e6:.1f} MB")


def trained_classes(data: Path) -> ClassMap:
    """The classes that have enough masks, with their display colors."""
    names = {entry["id"]: entry["name"] for entry in json.loads((data / "classes.json").read_text())}
    colors = {**{item.name: item.color for item in ClassMap.pascal_context()}, **MORE_COLORS}
    return ClassMap(Class(label, names[label], colors[names[label]]) for label in trained_ids(data))


if __name__ == "__main__":
    main()
