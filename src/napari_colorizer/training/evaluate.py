"""Print how well a model colors and segments a validation set.

    python -m napari_colorizer.training.evaluate DATA [MODEL]

Every photograph is brought to the model's working size, colored with its true labels, with predicted ones and with
none, and compared with the truth as 8-bit RGB; "class mean" gives each class the mean a*, b* that it has in the
training set, and unlabeled pixels that of all pixels.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio

from napari_colorizer.color import lightness, to_rgb
from napari_colorizer.models.library import DEFAULT, load_model
from napari_colorizer.models.model import Model
from napari_colorizer.training.photos import Photo, read_photos

SHORTER_SIDE = 224
RGB = NDArray[np.uint8]


def colorfulness(rgb: RGB) -> float:
    """Colorfulness after Hasler and Suesstrunk (2003): 0 for gray, some 30 for the photographs of this set."""
    red, green, blue = np.moveaxis(rgb.astype(float), -1, 0)
    rg, yb = red - green, (red + green) / 2 - blue
    return float(np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean()))


def class_means(photos: Iterable[Photo]) -> NDArray[np.float64]:
    """Mean a*, b* (256, 2) of each class id; id 0 has that of all pixels, and so has every class that never occurs."""
    total, count = np.zeros((256, 2)), np.zeros(256)
    for photo in photos:
        chroma, labels = rgb2lab(photo.rgb)[..., 1:].reshape(-1, 2), photo.labels.ravel()
        count += np.bincount(labels, minlength=256)
        for axis in range(2):
            total[:, axis] += np.bincount(labels, chroma[:, axis], minlength=256)
    overall = total.sum(0) / count.sum()
    means = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], overall)
    means[0] = overall
    return means


def paint(rgb: RGB, chroma: NDArray[np.float64]) -> RGB:
    """Give a photograph (H, W, 3) other a*, b* (H, W, 2)."""
    values = torch.tensor(rgb) / 255
    painted: RGB = to_rgb(lightness(values), torch.from_numpy(chroma).float().permute(2, 0, 1)).numpy()
    return painted


def evaluate_color(model: Model, photos: list[Photo], means: NDArray[np.float64]) -> dict[str, dict[str, float]]:
    """Mean PSNR (dB), CIEDE2000 and colorfulness of each way to color the photographs."""
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for photo in track(photos, "coloring"):
        session = model.session(photo.rgb)
        ways = {
            "truth": photo.rgb,
            "gray": paint(photo.rgb, np.zeros((*photo.labels.shape, 2))),
            "class mean": paint(photo.rgb, means[photo.labels]),
            "true labels": session.colorize(photo.labels),
            "predicted labels": session.colorize(model.segment(photo.rgb)),
            "no labels": session.colorize(),
        }
        truth = rgb2lab(photo.rgb)
        for way, rgb in ways.items():
            psnr = peak_signal_noise_ratio(photo.rgb, rgb) if way != "truth" else np.inf
            difference = float(deltaE_ciede2000(truth, rgb2lab(rgb)).mean())
            rows.setdefault(way, []).append((psnr, difference, colorfulness(rgb)))
    names = ("psnr", "ciede2000", "colorfulness")
    return {way: dict(zip(names, np.mean(values, 0).tolist(), strict=True)) for way, values in rows.items()}


def evaluate_segmentation(model: Model, photos: list[Photo], groups: dict[int, tuple[int, ...]]) -> dict[str, Any]:
    """Pixel accuracy, and intersection over union of each class, over the labeled pixels.

    Where a photograph has only a group's name (person), its members (skin, hair, clothes) count as the group.
    """
    pairs = np.zeros((256, 256), np.int64)
    for photo in track(photos, "segmenting"):
        predicted = model.segment(photo.rgb).astype(np.int64)
        for group, members in groups.items():
            if group in photo.labels:
                predicted[np.isin(predicted, members)] = group
        known = photo.labels > 0
        pairs += np.bincount(
            photo.labels[known].astype(np.int64) * 256 + predicted[known], minlength=256 * 256
        ).reshape(256, 256)
    hits, truth, said = np.diag(pairs), pairs.sum(1), pairs.sum(0)
    present = truth.nonzero()[0]
    union = {item.name: float(hits[i] / (truth[i] + said[i] - hits[i])) for i in present for item in [model.classes[i]]}
    return {
        "pixel accuracy": float(hits.sum() / truth.sum()),
        "mIoU": float(np.mean(list(union.values()))),
        "IoU": union,
    }


def main() -> None:
    """Parse the command line and print the tables; ``--json`` writes them to a file as well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("model", nargs="?", default=DEFAULT)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    train, val = (arguments.data / "labelled" / split for split in ("train", "val"))
    means = class_means(read_photos(train / "images", train / "masks", SHORTER_SIDE))
    photos = read_photos(val / "images", val / "masks", SHORTER_SIDE)
    ids = model.classes.ids
    photos = [Photo(p.name, p.rgb, np.where(np.isin(p.labels, ids), p.labels, 0).astype(np.uint8)) for p in photos]
    color = evaluate_color(model, photos, means)
    names = {name: model.classes.named(name).id for name in ("person", "skin", "hair", "clothes")}
    segmentation = evaluate_segmentation(model, photos, {names.pop("person"): tuple(names.values())})
    table = Table("colored with", "PSNR, dB", "CIEDE2000", "colorfulness")
    for way, row in color.items():
        table.add_row(way, f"{row['psnr']:.2f}", f"{row['ciede2000']:.2f}", f"{row['colorfulness']:.1f}")
    console = Console()
    console.print(f"{len(photos)} photographs, shorter side at most {SHORTER_SIDE} pixels", table)
    union = sorted(segmentation["IoU"].items(), key=lambda pair: -pair[1])
    console.print(f"pixel accuracy {segmentation['pixel accuracy']:.3f}, mean IoU {segmentation['mIoU']:.3f}")
    console.print("IoU: " + ", ".join(f"{name} {value:.2f}" for name, value in union))
    if arguments.json:
        arguments.json.write_text(json.dumps({"color": color, "segmentation": segmentation}, indent=1))


if __name__ == "__main__":
    main()
