"""Compare what a colorizer can be trained to say: a color, or a distribution over colors; a table of docs/model.md.

    python docs/scripts/color_losses.py PHOTOS [--steps 800] [--sheet PICTURE.png]

PHOTOS is the set that docs/model.md describes. Each way trains last layers of its own behind the bundled colorizer,
whose other layers stay as they are, all of them on the same crops of labeled photographs. Each is measured at several
strengths: a regression times a factor, a distribution with a temperature (the annealed mean of Zhang et al., "Colorful
Image Colorization", arXiv 1603.08511). The table has the one with the least CIEDE2000, and the regression that is as
colorful there.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from kornia.color import lab_to_rgb
from PIL import Image
from torch import Tensor, nn

from napari_colorizer import TrainOptions, load_model
from napari_colorizer.classes import LARGEST_ID, UNLABELED, ClassMap
from napari_colorizer.datasets.photos import PhotoStore
from napari_colorizer.datasets.read import read_set
from napari_colorizer.datasets.sets import Photo
from napari_colorizer.engine.segment import network_input
from napari_colorizer.evaluation.metrics.baselines import paint
from napari_colorizer.evaluation.metrics.color import RGB, ciede2000, colorfulness, to_lab
from napari_colorizer.guidance import LabelChannel
from napari_colorizer.models.model import Model
from napari_colorizer.networks.local import Layer, follow
from napari_colorizer.training.batch_transforms import flip, gray_and_chroma
from napari_colorizer.training.crop_dataset import CropDataset, given
from napari_colorizer.training.losses import color_loss
from napari_colorizer.training.pretrained import imagenet_encoder

SIDE, CROP, BATCH, EVERY = 192, 128, 12, 6
RATE = 3e-3
STEP, LARGEST, BINS = 10.0, 80, 64  # of the grid of a*, b*; the bins that most pixels fall into are kept
NEAREST, SPREAD = 5, 5.0  # bins that a color is shared among, and how far apart they count
GAINS, TEMPERATURES = (0.4, 0.55, 0.7, 0.85, 1.0, 1.2, 1.5), (1.0, 0.7, 0.5, 0.35, 0.2, 0.1, 0.05)
PERCEIVED, KEPT = 0.05, 0.5  # weights of the perceptual loss, and of that on how colorful a crop is

Point = tuple[float, float]  # CIEDE2000 and colorfulness


@dataclass
class Way:
    """Last layers, how they are trained, and what is varied when they are measured."""

    head: nn.Module
    loss: Callable[[Tensor, Truth], Tensor]
    chroma: Callable[[Tensor, float], Tensor]
    strengths: Sequence[float]


@dataclass
class Truth:
    """What is known of a batch: L* (N, 1, S, S), a*, b* (N, 2, S, S), and where nobody said what is there."""

    lightness: Tensor
    chroma: Tensor
    guessed: Tensor


def enlarged(x: Tensor) -> Tensor:
    """The last layers stand at half the size, as the bundled one does."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def head(inputs: int, outputs: int) -> nn.Sequential:
    """Two convolutions: one that only sees what a regression was trained to see would be no fair start."""
    return nn.Sequential(nn.Conv2d(inputs, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, outputs, 1))


class Bins:
    """The colors of which a distribution is predicted."""

    def __init__(self, photos: Sequence[Photo]):
        axis = np.arange(-LARGEST + STEP, LARGEST, STEP)
        grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
        pixels = np.concatenate([to_lab(np.ascontiguousarray(photo.rgb[::8, ::8]))[..., 1:] for photo in photos], None)
        nearest = np.square(pixels.reshape(-1, 1, 2)[::20] - grid).sum(-1).argmin(1)
        counts = np.bincount(nearest, minlength=len(grid))
        kept = np.argsort(-counts)[:BINS]
        self.colors, self.shares = torch.tensor(grid[kept]).float(), torch.tensor(counts[kept] / counts[kept].sum())

    def weights(self) -> Tensor:
        """What a color counts: rare ones more, 1 in the mean."""
        weights = 1 / (0.5 * self.shares + 0.5 / BINS)
        return (weights / (weights * self.shares).sum()).float()

    def loss(self, weights: Tensor) -> Callable[[Tensor, Truth], Tensor]:
        """Cross-entropy with the nearest colors."""

        def of(scores: Tensor, truth: Truth) -> Tensor:
            small = F.avg_pool2d(truth.chroma, 2)
            away = (small[:, None] - self.colors[None, :, :, None, None]).square().sum(2)
            near = away.topk(NEAREST, 1, largest=False)
            shares = torch.softmax(-near.values / (2 * SPREAD**2), 1)
            wanted = torch.zeros_like(away).scatter_(1, near.indices, shares)
            return (-(wanted * scores.log_softmax(1)).sum(1) * weights[near.indices[:, 0]]).mean()

        return of

    def annealed_mean(self, scores: Tensor, temperature: float) -> Tensor:
        """a*, b* (N, 2, H, W): the nearer to the likeliest color, the lower the temperature."""
        return torch.einsum("nchw,cd->ndhw", (scores / temperature).softmax(1), self.colors)


class Comparison:
    """Ways to learn colors behind one network."""

    def __init__(self, model: Model, classes: ClassMap, photos: Sequence[Photo]):
        self.network, self.photos = model.require_colorizer().requires_grad_(False), photos
        self.scale = self.network.config.chroma_scale
        self.ids = torch.zeros(LARGEST_ID + 1, dtype=torch.int64)
        for theirs, ours in classes.match(model.classes).items():
            self.ids[theirs] = ours if ours in self.network.config.ids else UNLABELED
        self.sees = imagenet_encoder("lite0")
        bins, inputs = Bins(photos[:: max(1, len(photos) // 400)]), self.network.final.in_channels
        regression = (lambda out, strength: enlarged(out) * self.scale * strength, GAINS)
        distribution = (lambda out, strength: enlarged(bins.annealed_mean(out, strength)), TEMPERATURES)
        self.ways = {
            "regression": Way(head(inputs, 2), self.regress, *regression),
            "the same, and how colorful": Way(head(inputs, 2), self.keep_colorful, *regression),
            "the same, and a perceptual loss": Way(head(inputs, 2), self.perceive, *regression),
            f"{BINS} bins": Way(head(inputs, BINS), bins.loss(torch.ones(BINS)), *distribution),
            f"{BINS} bins, rare ones weighted": Way(head(inputs, BINS), bins.loss(bins.weights()), *distribution),
        }

    def regress(self, out: Tensor, truth: Truth) -> Tensor:
        """The loss of the bundled model."""
        return color_loss(enlarged(out), truth.chroma / self.scale, 0.02, 4.0, 0.1, truth.guessed)

    def keep_colorful(self, out: Tensor, truth: Truth) -> Tensor:
        """It, and how far the root mean square of a crop's chroma is from the true one."""
        both = enlarged(out), truth.chroma / self.scale
        found, true = (chroma.square().sum(1).mean((1, 2)).add(1e-4).sqrt() for chroma in both)
        return self.regress(out, truth) + KEPT * (found - true).abs().mean()

    def perceive(self, out: Tensor, truth: Truth) -> Tensor:
        """It, and what a network that has seen ImageNet finds different in the colors."""
        found, true = (
            self._seen(torch.cat([truth.lightness, chroma], 1)) for chroma in (enlarged(out) * self.scale, truth.chroma)
        )
        apart = [F.mse_loss(a, b) / b.square().mean() for a, b in zip(found, true, strict=True)]
        return self.regress(out, truth) + PERCEIVED * torch.stack(apart).sum()

    def _seen(self, lab: Tensor) -> list[Tensor]:
        return self.sees.features_of_channels(lab_to_rgb(lab) * 2 - 1)[:3]

    def described(self, x: Tensor, labels: Tensor) -> Tensor:
        """What the last layers are given, (N, D, H / 2, W / 2)."""
        gray = self.network.encode_gray(x)
        layers = [layer for layer in self.network.topology.guidance if layer.name not in ("final", "doubling")]

        def apply(layer: Layer, sources: list[Tensor]) -> Tensor:
            return layer(sources, gray)

        return follow(layers, self.network.embed({LabelChannel.name: labels}, x.dtype), apply)

    def train(self, steps: int) -> None:
        """Train all last layers on the same crops."""
        options = TrainOptions(crop=CROP, aging=0.0, relabel=0.0, drop_all=0.3, drop_classes=0.1, drop_outside=0.1)
        crops = CropDataset(self.photos, options, (LabelChannel.name,))
        optimizer = torch.optim.AdamW([tensor for way in self.ways.values() for tensor in way.head.parameters()], RATE)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (1 + math.cos(math.pi * step / steps)) / 2)
        rng = np.random.default_rng(0)
        for step in range(steps):
            drawn = [crops[1, step * BATCH + place, int(rng.integers(len(self.photos)))] for place in range(BATCH)]
            batch = {name: torch.stack([crop[name] for crop in drawn]) for name in drawn[0]}
            with torch.no_grad():
                inputs = gray_and_chroma(batch, self.network)
                labels = self.ids[flip(batch[given(LabelChannel.name)], batch["flips"]).long()]
                described = self.described(inputs.x, labels)
            truth = Truth((inputs.x + 1) * 50, inputs.chroma, labels == UNLABELED)
            losses = [way.loss(way.head(described), truth) for way in self.ways.values()]
            optimizer.zero_grad()
            torch.stack(losses).sum().backward()
            optimizer.step()
            schedule.step()
            if step % 50 == 0:
                print(step, [round(loss.item(), 3) for loss in losses], flush=True)

    @torch.inference_mode()
    def measure(self, photos: Sequence[Photo], labeled: bool) -> dict[str, list[Point]]:
        """Mean CIEDE2000 and colorfulness of each way, at each of its strengths."""
        scores = {name: np.zeros((len(way.strengths), 2)) for name, way in self.ways.items()}
        for photo in photos:
            described, true = self._described(photo, labeled), to_lab(photo.rgb)
            for name, way in self.ways.items():
                out = way.head(described)
                for number, strength in enumerate(way.strengths):
                    rgb = painted(photo, way.chroma(out, strength))
                    scores[name][number] += float(ciede2000(to_lab(rgb), true).mean()), colorfulness(rgb)
        return {name: [(a, b) for a, b in (total / len(photos)).tolist()] for name, total in scores.items()}

    @torch.inference_mode()
    def pictures(self, photo: Photo, strengths: Sequence[int]) -> list[RGB]:
        """The photograph, and its colors by each way without a label, each at one of its strengths."""
        described = self._described(photo, labeled=False)
        outs = (
            (way, way.head(described), way.strengths[at]) for way, at in zip(self.ways.values(), strengths, strict=True)
        )
        return [photo.rgb, *(painted(photo, way.chroma(out, strength)) for way, out, strength in outs)]

    def _described(self, photo: Photo, labeled: bool) -> Tensor:
        """What the last layers are given for a whole photograph, padded."""
        config, (height, width) = self.network.config, photo.labels.shape
        padding = (0, -width % config.stride, 0, -height % config.stride)
        x = network_input(torch.tensor(photo.rgb) / 255, config.lightness)[None, None]
        labels = self.ids[torch.from_numpy(photo.labels.astype(np.int64))][None] * labeled
        return self.described(F.pad(x, padding, mode="replicate"), F.pad(labels, padding))


def painted(photo: Photo, chroma: Tensor) -> RGB:
    """The photograph in the a*, b* (1, 2, H', W') that were found for it and its padding."""
    height, width = photo.labels.shape
    return paint(photo.rgb, chroma[0, :, :height, :width].permute(1, 2, 0).numpy())


def at_equal(points: Sequence[Point], color: float) -> float:
    """CIEDE2000 at a colorfulness, between those that were measured; NaN beyond them."""
    errors, colors = zip(*sorted(points, key=lambda point: point[1]), strict=True)
    return float(np.interp(color, colors, errors, math.nan, math.nan))


def show(found: dict[str, list[Point]]) -> None:
    """Print a Markdown table: each way where it is best, and the regression that is as colorful."""
    print("| last layers | CIEDE2000 | colorfulness | a regression as colorful |\n| --- | --- | --- | --- |")
    for name, points in found.items():
        error, color = min(points)
        print(f"| {name} | {error:.2f} | {color:.1f} | {at_equal(found['regression'], color):.2f} |")


def main() -> None:
    """Train, measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--every", type=int, default=EVERY, help="which validation photographs are measured")
    parser.add_argument("--sheet", type=Path, help="where to draw some of them, without labels")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    data = read_set(arguments.photos, groups=("person=skin,hair,clothes",))
    train = [pair for pair in data.of_split("train") if pair.mask is not None and not pair.pseudo]
    val = [pair for pair in data.of_split("val") if pair.mask is not None][:: arguments.every]
    photos, shown = (list(PhotoStore.load(data, pairs, SIDE)[0]) for pairs in (train, val))
    shown = [photo for photo in shown if not photo.gray]
    comparison = Comparison(load_model("default"), data.classes, [photo for photo in photos if not photo.gray])
    comparison.train(arguments.steps)
    for labeled in (False, True):
        found = comparison.measure(shown, labeled)
        print(f"\n{'true' if labeled else 'no'} labels, {len(shown)} photographs:")
        show(found)
        if arguments.sheet and not labeled:
            strengths = [points.index(min(points)) for points in found.values()]
            rows = [comparison.pictures(photo, strengths) for photo in shown[:: max(1, len(shown) // 8)]]
            write_sheet(arguments.sheet, rows)


def write_sheet(path: Path, rows: Sequence[Sequence[RGB]]) -> None:
    """Photographs below each other: the truth, and what each way makes of the gray image."""
    drawn = [np.hstack([np.asarray(Image.fromarray(one).resize((240, 180))) for one in row]) for row in rows]
    Image.fromarray(np.vstack(drawn)).save(path)


if __name__ == "__main__":
    main()
