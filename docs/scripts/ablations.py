"""Train variants of the colorizer on equal budgets, and print the table of docs/model.md.

    python docs/scripts/ablations.py PHOTOS RUNS [--only NAME ...] [--crops 10000] [--seeds 0]
    python docs/scripts/ablations.py PHOTOS RUNS --table

Each variant differs from the first in the one thing that its name says. What is done is not done again: a run that was
interrupted goes on where it was, and measured rows are kept in ``RUNS/rows.json``.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_colorizer import ClassMap, Model, TrainOptions, fit, load_model
from napari_colorizer.color import lightness
from napari_colorizer.models.header import read_header
from napari_colorizer.networks import TwoStreamUNet, measure_cost
from napari_colorizer.networks.two_stream_unet import PRESETS
from napari_colorizer.training.aged import gray_of
from napari_colorizer.training.data.photos import PhotoStore
from napari_colorizer.training.data.read import read_set
from napari_colorizer.training.evaluate import evaluate_color
from napari_colorizer.training.events import Finished, Stopped
from napari_colorizer.training.metrics.baselines import paint
from napari_colorizer.training.metrics.color import psnr
from napari_colorizer.training.run import RunFolder
from napari_colorizer.training.vivid import vivid_curve

SIDE, WORKING_SIZE = 128, 192
COLORFULNESS = 15.0  # at which variants are compared
PAPER_LOSS = {"huber_delta": 1.0, "color_weight": 0.0, "relative_to": 0.0, "cautious": False}
NO_DROPPING = {"drop_all": 0.0, "drop_classes": 0.0, "drop_outside": 0.0}


@dataclass(frozen=True)
class Variant:
    """A colorizer and its training, as changes of the first one."""

    network: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    preset: str = "default"


VARIANTS = {
    "as is": Variant(),
    "no gray instance norm": Variant({"gray_norm": False}),
    "class index": Variant({"embedding": 0}),
    "no context blocks": Variant({"context": 0}),
    "Huber delta 1": Variant(options={"huber_delta": 1.0}),
    "Huber delta 0.05": Variant(options={"huber_delta": 0.05}),
    "Huber delta 0.01": Variant(options={"huber_delta": 0.01}),
    "colorful pixels count no more": Variant(options={"color_weight": 0.0}),
    "error not relative": Variant(options={"relative_to": 0.0}),
    "bold guesses": Variant(options={"cautious": False}),
    "loss of the paper": Variant(options=PAPER_LOSS),
    "labeled photographs only": Variant(options={"unlabeled": False}),
    "no label dropout": Variant(options=NO_DROPPING),
    "no label noise": Variant(options={"label_noise": 0.0}),
    "relabeled regions": Variant(options={"relabel": 0.7}),
    "no aging": Variant(options={"aging": 0.0}),
    "half the width": Variant({"widths": (12, 24, 48, 112), "decoder_widths": (48, 24, 16), "stem": 12}),
    "double width": Variant({"widths": (48, 96, 192, 448), "decoder_widths": (192, 96, 64), "stem": 48}),
    "skeleton paper": Variant(preset="paper"),
    "skeleton authors": Variant(preset="authors"),
}


def build(variant: Variant, classes: ClassMap) -> Model:
    """The model of a variant, with random weights."""
    torch.manual_seed(0)
    config = replace(PRESETS[variant.preset], ids=(0, *classes.ids), **variant.network)
    return Model("start", classes, colorizer=TwoStreamUNet(config), working_size=WORKING_SIZE)


def train(name: str, seed: int, arguments: argparse.Namespace) -> Model:
    """Train a variant, or go on with it; what is trained already is loaded."""
    variant = VARIANTS[name]
    folder = arguments.runs / f"{name.replace(' ', '-').replace(',', '')}-{arguments.crops}-{seed}"
    start = folder.with_suffix(".start.safetensors")
    if not start.exists():
        build(variant, load_model().classes).save(start)
    options = TrainOptions.of_recipe(
        "default",
        **{
            "data": str(arguments.photos),
            "start": str(start),
            "network": "colorizer",
            "name": folder.name,
            "run": str(folder),
            "epochs": 4,
            "epoch_size": arguments.crops // 4,
            "crop": 96,
            "side": 160,
            "ema": 0.99,
            "working_size": WORKING_SIZE,
            "val_size": 8,
            "pictures": 0,
            "groups": ("person=skin,hair,clothes",),
            "seed": seed,
            "relabel": 0.0,  # a stage of its own in train_default.py
            **variant.options,
        },
    )
    path = arguments.runs / "models" / f"{folder.name}.safetensors"
    if not path.exists() or read_header(path)["provenance"]["stopped"]:
        begun = RunFolder(folder).options.exists()
        for event in fit(None if begun else options, resume=folder if begun else None):
            if isinstance(event, Stopped) or (isinstance(event, Finished) and event.stopped):
                raise SystemExit(f"{folder.name} was stopped; the same command goes on with it")
    return load_model(path)


def measure(model: Model, arguments: argparse.Namespace) -> dict[str, float]:
    """The row of a trained variant, on every second validation photograph."""
    data = read_set(arguments.photos)
    photos = list(PhotoStore.load(data, data.of_split("val")[::2], SIDE)[0])
    found = evaluate_color(model, photos, data.classes, ways=("true labels", "no labels"), hint_counts=())
    curve, cost = vivid_curve(model, photos, data.classes), measure_cost(model.require_colorizer())
    labeled, alone = found["ways"]["true labels"], found["ways"]["no labels"]
    return {
        "psnr": labeled["psnr"],
        "ciede2000": labeled["ciede2000"],
        "colorfulness": labeled["colorfulness"],
        "psnr at equal": curve.psnr_at(COLORFULNESS),
        "monochrome": labeled["monochrome"],
        "no labels": alone["psnr"],
        **{f"contrast 1/{part}": _contrast_psnr(model, photos, data.classes, part) for part in (2, 4)},
        "gflop": cost.gflop,
        "parameters": cost.parameters / 1e6,
    }


def _contrast_psnr(model: Model, photos: list, classes: ClassMap, part: int) -> float:
    """PSNR of the chroma found on gray images of less contrast, on the true lightness."""
    values = []
    for photo in photos:
        if not photo.gray:
            dull = gray_of((lightness(torch.tensor(photo.rgb) / 255).numpy() - 50) / part + 50)
            values.append(psnr(photo.rgb, paint(photo.rgb, model.session(dull).chroma(photo.labels, classes=classes))))
    return float(np.mean(values))


def show(rows: dict[str, dict[str, float]]) -> None:
    """Print the rows as a Markdown table, means over the seeds."""
    names = list(next(iter(rows.values())))
    print("| variant | " + " | ".join(names) + " |\n|" + " --- |" * (len(names) + 1))
    variants = list(dict.fromkeys((key.split("/")[0], key.split("/")[1]) for key in rows))
    for variant, crops in variants:
        seeds = [row for key, row in rows.items() if key.startswith(f"{variant}/{crops}/")]
        figures = (f"{np.mean([row[name] for row in seeds]):.2f}" for name in names)
        print(f"| {variant} ({crops} crops, {len(seeds)} seeds) | " + " | ".join(figures) + " |")


def main() -> None:
    """Train and measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--crops", type=int, default=10000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    os.environ["NAPARI_COLORIZER_MODELS"] = str(arguments.runs / "models")
    path = arguments.runs / "rows.json"
    rows = json.loads(path.read_text()) if path.exists() else {}
    for name in () if arguments.table else arguments.only:
        for seed in arguments.seeds:
            key = f"{name}/{arguments.crops}/{seed}"
            if key not in rows:
                row = measure(train(name, seed, arguments), arguments)
                rows = {**(json.loads(path.read_text()) if path.exists() else {}), key: row}
                path.write_text(json.dumps(rows, indent=1))
                print(key, {k: round(v, 2) for k, v in row.items()}, flush=True)
    show(rows)


if __name__ == "__main__":
    main()
