"""Put two trained networks together as the bundled default model.

python -m napari_colorizer.training.bundle DATA colorizer.pt segmenter.pt
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.models.library import DEFAULT, bundled_default
from napari_colorizer.models.model import Model
from napari_colorizer.networks import GridNet, TwoStreamUNet
from napari_colorizer.training.__main__ import trained_ids

MORE_COLORS = {"skin": "#f0b48c", "hair": "#7a4a21"}
WORKING_SIZE = 288
LICENSE = "research and other non-commercial use only; see LICENSE-WEIGHTS beside the model file"


def main() -> None:
    """Parse the command line and write the bundled model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("colorizer", type=Path)
    parser.add_argument("segmenter", type=Path)
    arguments = parser.parse_args()
    classes = trained_classes(arguments.data)
    colorizer = TwoStreamUNet.preset("default", classes.ids)
    segmenter = GridNet.preset("default", classes.ids)
    provenance = {
        "data": "the photo set described in docs/model.md",
        "colorizer": _load(colorizer, arguments.colorizer),
        "segmenter": _load(segmenter, arguments.segmenter),
        "software": f"napari-colorizer 0.1.0, torch {torch.__version__}, CPU",
    }
    model = Model(DEFAULT, classes, segmenter, colorizer, WORKING_SIZE, provenance, license=LICENSE)
    model.save(bundled_default(), half=True)
    print(f"{bundled_default().name}: {bundled_default().stat().st_size / 1e6:.1f} MB")


def trained_classes(data: Path) -> ClassMap:
    """The classes that have enough masks, with their display colors."""
    names = {entry["id"]: entry["name"] for entry in json.loads((data / "classes.json").read_text())}
    colors = {**{item.name: item.color for item in ClassMap.pascal_context()}, **MORE_COLORS}
    return ClassMap(Class(label, names[label], colors[names[label]]) for label in trained_ids(data))


def _load(network: nn.Module, path: Path) -> dict[str, Any]:
    """Load a checkpoint and return how it came about."""
    checkpoint = torch.load(path, weights_only=True)
    network.load_state_dict(checkpoint.pop("weights"))
    return dict(checkpoint)


if __name__ == "__main__":
    main()
