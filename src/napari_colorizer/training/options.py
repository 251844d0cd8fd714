"""What can be chosen when a model is trained: one dataclass for the dock, the command line and Python."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from napari_colorizer.datasets.settings import parse_group
from napari_colorizer.engine.options import WORKING_SIZES, check_working_size
from napari_colorizer.errors import TrainingError
from napari_colorizer.files import replacing
from napari_colorizer.former_names import keep_former_names, present_names
from napari_colorizer.option_limits import Limits, option
from napari_colorizer.toml_files import read_toml

Network = Literal["both", "segmenter", "colorizer"]
Preset = Literal["default", "paper", "authors"]
Flips = Literal["none", "sideways", "both"]
Optimizer = Literal["adam", "adamw"]
Schedule = Literal["constant", "cosine"]
Precision = Literal["auto", "32", "bf16", "16"]
Keep = Literal["best", "last"]
RECIPES = ("finetune", "default", "paper")
COUNT, AMOUNT, POSITIVE = Limits(1), Limits(0), Limits(0, without=(0,))
SHARE, BELOW_1 = Limits(0, 1), Limits(0, 1, without=(1,))
_types_of = cache(get_type_hints)  # takes a millisecond


def _option(default: Any, text: str, limits: Limits | None = None, group: str = "training", label: str = "") -> Any:
    """A field with the sentence that explains it, its limits, its place and its name (if not its own) in the dock."""
    return option(default, text, limits, group=group, label=label)


@keep_former_names
@dataclass(frozen=True)
class TrainOptions:
    """Options of `fit`; the defaults are those of no recipe in particular, see `TrainOptions.of_recipe`.

    Every field says in its metadata what it means and may be (``napari-colorizer train --help`` prints it).

    Raises
    ------
    TrainingError
        If an option lies outside its range; the message names it.
    """

    data: str = _option("", "The labeled set: a folder, or a CSV list of images.")
    start: str = _option("default", "Model to start from, by name or file; 'fresh' for random weights.")
    network: Network = _option("both", "Which network to train: one, or one after the other.")
    name: str = _option("", "Name of the new model; empty: the name of the data.")
    run: str = _option("", "Folder of the run; empty: a new one beside the installed models.")
    epochs: int = _option(30, "Number of epochs.", COUNT)
    epoch_size: int = _option(0, "Crops per epoch; 0: one from each training image.", AMOUNT, label="Crops per epoch")
    batch: int = _option(16, "Crops per step, over all devices.", COUNT, label="Crops per step")
    learning_rate: float = _option(1e-3, "Learning rate at the start.", POSITIVE)
    body_factor: float = _option(1.0, "Factor on the learning rate of all but the class-specific weights.", SHARE)
    encoder_factor: float = _option(
        0.0,
        "Factor on the learning rate of the image encoder; 0: frozen, and run only once on each view of a photo.",
        SHARE,
    )
    schedule: Schedule = _option(
        "cosine", "Whether the learning rate is constant, or falls to 0 along a half cosine.", label="Rate over time"
    )
    optimizer: Optimizer = _option("adamw", "Adam, or Adam with decoupled weight decay.")
    weight_decay: float = _option(0.01, "Weight decay.", AMOUNT)
    clip: float = _option(1.0, "Largest norm of the gradient; 0: no limit.", AMOUNT, label="Gradient limit")
    ema: float = _option(
        0.998,
        "Decay of the moving average of the weights, which becomes the model; 0: no averaging.",
        BELOW_1,
        label="Averaging",
    )
    keep: Keep = _option("best", "Which epoch becomes the model: the best by its validation score, or the last.")
    side: int = _option(
        224, "Shorter side, in pixels, to which larger images are reduced.", COUNT, "images", "Shorter side"
    )
    views: int = _option(
        0,
        "Number of views of each photo (mirrored, aged, in other sizes) for a frozen image encoder; 0: 2 to 12.",
        AMOUNT,
        "images",
        "Views of a photo",
    )
    squash: int = _option(
        0,
        "Side, in pixels, of a square to which all images are resized, whatever their aspect; 0: the aspect is kept.",
        AMOUNT,
        "images",
        "Both sides",
    )
    crop: int = _option(128, "Side of the square crops that the networks see.", COUNT, "images", "Side of crops")
    zoom: float = _option(
        0.5,
        "Smallest part of the shorter side that a crop shows; 0: crops are not rescaled.",
        SHARE,
        "images",
        "Least part shown",
    )
    flips: Flips = _option(
        "sideways", "Random mirroring: none, left-right, or also up-down.", group="images", label="Mirroring"
    )
    preset: Preset = _option("default", "Architecture of fresh networks.", label="Architecture")
    working_size: int | None = _option(
        None, "Working size of the new model; empty: as in the model to start from.", WORKING_SIZES
    )
    freeze_norm: bool = _option(False, "Keep the batch-norm statistics of the segmenter.")
    background: bool = _option(
        False, "Train id 0 as a class, background, where the segmenter has one.", label="Learn background"
    )
    balance: bool = _option(True, "Show the segmenter images of rare classes more often.", label="Favor rare classes")
    rarity: float = _option(
        0.0,
        "How much more the pixels of rare classes count for the segmenter: 0 not at all, 1 in proportion to rarity.",
        SHARE,
        label="Weight of rare classes",
    )
    huber_delta: float = _option(
        0.02, "Error at which the color loss turns from squared to linear, for chroma in -1..1.", POSITIVE, "color"
    )
    color_weight: float = _option(
        4.0, "How much more colorful pixels count than gray ones in the color loss.", AMOUNT, "color", "Weight of color"
    )
    cautious: bool = _option(
        True,
        "For unlabeled pixels, learn the mean of the plausible colors instead of a bold guess.",
        group="color",
        label="Guess cautiously",
    )
    relative_to: float = _option(
        0.1,
        "Chroma, in -1..1, that is added to each crop's own before its error is divided by it; 0: no division.",
        AMOUNT,
        "color",
        "Error relative to",
    )
    drop_all: float = _option(0.2, "Share of crops with all labels dropped.", SHARE, "color", "Drop all labels")
    drop_classes: float = _option(0.2, "Share of crops with half of the classes dropped.", SHARE, "color")
    drop_outside: float = _option(
        0.15, "Share of crops with labels dropped outside a few boxes.", SHARE, "color", "Drop outside"
    )
    label_noise: float = _option(0.3, "Share of crops with shifted borders and confused regions.", SHARE, "color")
    relabel: float = _option(
        0.0,  # what runs did that began before there was the option
        "Share of crops in which a region gets the label of another class, and should take that class's colors.",
        SHARE,
        "color",
        "Change labels",
    )
    aging: float = _option(
        0.5, "Share of crops made to look old: other film, tones, grain, blur, scratches, print.", SHARE, "color"
    )
    drop_features: float = _option(
        0.25,
        "Share of crops for which the colorizer gets no image encoder features, so that it relies on the labels.",
        SHARE,
        "color",
        "Drop features",
    )
    unlabeled: bool = _option(
        True,
        "Also learn from images without labels and with machine-made masks.",
        group="images",
        label="Use unlabeled",
    )
    filled: bool = _option(
        True,
        "Use masks whose gaps were filled by a machine, if the set has them.",
        group="images",
        label="Use filled masks",
    )
    groups: tuple[str, ...] = _option(
        (),
        "A class that stands for others in some masks: person=skin,hair,clothes.",
        group="images",
        label="Class groups",
    )
    val_share: float = _option(
        0.1,
        "Part of the images used for validation if the set has no split of its own.",
        BELOW_1,
        "images",
        "Validation part",
    )
    val_size: int = _option(
        48, "Largest number of validation images for the metrics of each epoch.", COUNT, "images", "Validation images"
    )
    pictures: int = _option(4, "Number of validation pictures made after each epoch.", AMOUNT, "images")
    seed: int = _option(0, "Seed of every random choice.", AMOUNT, "machine")
    precision: Precision = _option(
        "auto", "Numerical precision of training: auto, 32, bf16 or 16 bits.", group="machine"
    )
    device: str = _option("auto", "What the networks run on: auto, cpu, cuda, cuda:1 or mps.", group="machine")
    devices: int = _option(1, "Number of devices, or of processes on the CPU, per machine.", COUNT, "machine")
    nodes: int = _option(1, "Number of machines.", COUNT, "machine")
    workers: int = _option(
        -1, "Number of processes that prepare crops; -1: none on a CPU, some with a GPU.", Limits(-1), "machine"
    )

    def __post_init__(self) -> None:
        for item in fields(self):
            _check_type(item.name, getattr(self, item.name))
            limits = item.metadata["limits"]
            if limits is not None and item.name != "working_size":
                _require(item.name, getattr(self, item.name), getattr(self, item.name) in limits, str(limits))
        object.__setattr__(self, "groups", tuple(self.groups))
        parts = self.drop_all + self.drop_classes + self.drop_outside
        _require("drop_all + drop_classes + drop_outside", parts, parts <= 1, "at most 1")
        _require("seed", self.seed, self.seed < 2**63, "less than 2**63")
        _require("batch", self.batch, self.batch % (self.devices * self.nodes) == 0, "a multiple of all devices")
        if self.squash:
            _require("crop", self.crop, self.crop <= self.squash, f"at most squash ({self.squash})")
        for text in self.groups:
            parse_group(text)
        try:
            check_working_size(self.working_size)
        except ValueError as error:
            raise TrainingError(str(error)) from None

    @classmethod
    def of_recipe(cls, recipe: str = "finetune", **changes: Any) -> TrainOptions:
        """The options of a recipe of the package (finetune, default, paper) or of a TOML file, with some changed.

        Raises
        ------
        TrainingError
            If there is no such recipe, or an option is unknown or outside its range.
        """
        return cls.from_dict({**present_names(cls, read_recipe(recipe)), **present_names(cls, changes)})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainOptions:
        """Options from names and values; `TrainingError` names one that is unknown."""
        values, known = present_names(cls, values), {item.name for item in fields(cls)}
        unknown = [name for name in values if name not in known]
        if unknown:
            raise TrainingError(f"there is no training option {unknown[0]!r}; there are {', '.join(sorted(known))}")
        fitted: dict[str, Any] = {name: tuple(x) if isinstance(x, list) else x for name, x in values.items()}
        return cls(**fitted)

    def write(self, path: Path) -> None:
        """Write the options as JSON."""
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(asdict(self), indent=1), "utf-8")

    @classmethod
    def read(cls, path: Path) -> TrainOptions:
        """Read options that `write` wrote; `TrainingError` if the file is missing or damaged."""
        try:
            return cls.from_dict(present_names(cls, json.loads(path.read_text("utf-8")), tell=False))
        except FileNotFoundError:
            raise TrainingError(f"{path.parent} is not the folder of a training run: it has no {path.name}") from None
        except TrainingError:
            raise
        except (ValueError, TypeError, AttributeError, RecursionError, OSError) as error:
            raise TrainingError(f"{path} is damaged ({error})") from error


def read_recipe(recipe: str) -> dict[str, Any]:
    """Names and values of a recipe of the package, or of a TOML file."""
    if recipe in RECIPES:
        path = Path(str(resources.files("napari_colorizer.training.recipes") / f"{recipe}.toml"))
    elif recipe.endswith(".toml") and Path(recipe).is_file():
        path = Path(recipe)
    else:
        raise TrainingError(f"there is no recipe {recipe!r}: it is neither {', '.join(RECIPES)} nor a .toml file")
    try:
        return read_toml(path)
    except ValueError as error:
        raise TrainingError(f"the recipe {recipe} is not valid TOML: {error}") from error


def _require(name: str, value: object, good: bool, wanted: str) -> None:
    if not good:
        raise TrainingError(f"{name} must be {wanted}, not {value}")


def _check_type(name: str, value: object) -> None:
    """Check a value against the annotation of its field: the values may come from a file."""
    choices = get_args(kind := _types_of(TrainOptions)[name])
    if kind is float:
        good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    elif kind is int:
        good = isinstance(value, int) and not isinstance(value, bool)
    elif choices and all(isinstance(choice, str) for choice in choices):
        _require(name, repr(value), value in choices, f"one of {', '.join(choices)}")
        return
    elif name == "groups":
        good = isinstance(value, tuple | list) and all(isinstance(item, str) for item in value)
    elif name == "working_size":
        return
    else:
        good = isinstance(value, kind)
    _require(name, repr(value), good, {float: "a number", int: "a whole number", str: "a text"}.get(kind, str(kind)))
