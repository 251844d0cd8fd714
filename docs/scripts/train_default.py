"""Train the bundled model, from ImageNet weights of its encoder to the file in the package.

    python docs/scripts/train_default.py PHOTOS RUNS [--device cuda] [--devices 2] [--only STAGE | bundle]

PHOTOS is the set that docs/model.md describes. RUNS gets the folders of the runs: where one is there already, training
goes on with it, so that the same command is given again after an interruption. At last the two networks are put
together, classes that were not learned are left out, the chroma gain is calibrated on the validation photographs, and
``src/napari_colorizer/models/default.safetensors`` is written.
"""

from __future__ import annotations

import argparse
import copy
import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from default_stages import COMMON, MEANS, STAGES, UNTIL
from rich.progress import track

from napari_colorizer import ClassMap, Model, TrainOptions, fit, load_model
from napari_colorizer.classes import UNLABELED
from napari_colorizer.datasets.photos import PhotoStore
from napari_colorizer.datasets.read import read_set
from napari_colorizer.evaluation.chroma_gain import chroma_gain_curve
from napari_colorizer.evaluation.evaluate import evaluate_color, evaluate_segmentation
from napari_colorizer.evaluation.metrics.baselines import class_means
from napari_colorizer.models.header import read_header
from napari_colorizer.models.library import bundled_default
from napari_colorizer.training.context import spread
from napari_colorizer.training.events import EpochEnded, Finished, Prepared, Stopped
from napari_colorizer.training.pruning import prune
from napari_colorizer.training.run_folder import RunFolder, resumed_options
from napari_colorizer.training.transfer import teach_classes

LEAST_PHOTOS = 20  # a class that fewer training photographs show, be it in one pixel, is not in the class map
LEAST_IOU = 0.15  # a class that is found worse than this is left to the user,
TRUSTED_PHOTOS = 100  # and so is one that val does not show, unless so many training photographs do
LABELED = 0.85  # of the pixels that people labeled, at least: what is less sure stays unlabeled
CONFIDENCES = [round(0.05 * step, 2) for step in range(19)]
SIDE, BASELINE_SIDE = 224, 64
FEW = 120  # photographs on which the factors are calibrated
LICENSE = "research and other non-commercial use only; see LICENSE-WEIGHTS beside the model file"


def train(stage: str, arguments: argparse.Namespace) -> None:
    """Do one stage, or go on with it; its model is installed under its name."""
    run, model = arguments.runs / stage, arguments.runs / "models" / f"{stage}.safetensors"
    if model.exists() and _is_done(stage, read_header(model)["provenance"]):
        return
    machine = {"device": arguments.device, "devices": arguments.devices}
    if RunFolder(run).options.exists():
        events = fit(resumed_options(run, machine), resume=run)
    else:
        changes = {**COMMON, **STAGES[stage], **machine, "name": stage, "run": str(run)}
        events = fit(TrainOptions.of_recipe("default", data=str(arguments.photos), **changes))
    for event in events:
        if isinstance(event, Prepared | EpochEnded | Finished):
            print(event.to_line()[:400], flush=True)
        if isinstance(event, EpochEnded) and event.epoch == UNTIL.get(stage):
            events.close()  # installs what is trained so far
            break
        if isinstance(event, Stopped) or (isinstance(event, Finished) and event.stopped):
            raise SystemExit(f"{stage} was stopped; the same command goes on with it")


def _is_done(stage: str, provenance: dict[str, Any]) -> bool:
    if not provenance["stopped"]:
        return True
    return any(effort.get("epoch") == UNTIL.get(stage) for effort in provenance["trained"].values())


def mean_of(part: str) -> Model:
    """The model of the last stage of a network, with the mean of its weights and those of the stages in `MEANS`."""
    models = {stage: load_model(stage) for stage in MEANS[part]}
    *_, last = models.values()
    weights = {stage: model.networks[part].state_dict() for stage, model in models.items()}
    network = copy.deepcopy(last.networks[part])
    state = network.state_dict()
    for name, tensor in state.items():
        if tensor.is_floating_point():
            state[name] = sum(share * weights[stage][name] for stage, share in MEANS[part].items())
    network.load_state_dict(state)
    return replace(last, **{part: network})


def with_known_classes(model: Model, counts: dict[int, int]) -> Model:
    """The model without the classes that too few photographs show."""
    classes = ClassMap([item for item in model.classes if counts.get(item.id, 0) >= LEAST_PHOTOS])
    known = {label: label for label in classes.ids}
    networks: dict[str, Any] = {
        name: teach_classes(network, classes, known) for name, network in model.networks.items()
    }
    suggestions = {label: rows for label, rows in model.suggestions.items() if label in classes}
    return replace(model, classes=classes, suggestions=suggestions, **networks)


def photos_of_classes(store: PhotoStore) -> dict[int, int]:
    """How many photographs show each class, in one pixel or more of the size to which they were brought."""
    return dict(zip(store.ids, (store.counts > 0).sum(0).tolist(), strict=True))


def finish(model: Model, train: Collection, val: Collection, data: Any, trusted: Collection[int]) -> Model:
    """The model as it is bundled: confidence, chroma gain, metrics, terms."""
    model = _pruned(model, val, data, trusted)
    model = replace(model, confidence=_calibrated_confidence(model, val))
    segmentation = evaluate_segmentation(model, val, data.classes, data.groups)
    few = spread(list(val), FEW)
    factors = {
        "chroma_gain_unlabeled": chroma_gain_curve(model, few, data.classes, labeled=False).calibrated(),
        "chroma_gain": chroma_gain_curve(model, few, data.classes).calibrated(),
    }
    model = replace(model, **factors)
    means = class_means(track(train, "Mean colors of the classes"))
    color = evaluate_color(model, val, data.classes, means, hint_counts=())
    facts = {"license": LICENSE, "metrics": {"color": color, "segmentation": segmentation}}
    return replace(model, name="default", **facts)


def _calibrated_confidence(model: Model, val: Collection) -> float:
    """The largest confidence that leaves few of the pixels that people labeled without a label."""
    labeled, pixels = np.zeros(len(CONFIDENCES)), 0
    for photo in spread(list(val), FEW):
        by_people, found = photo.labels != UNLABELED, model.segmentation(photo.rgb)
        labeled += [np.count_nonzero(found.labels(confidence)[by_people]) for confidence in CONFIDENCES]
        pixels += np.count_nonzero(by_people)
    shares = dict(zip(CONFIDENCES, (labeled / pixels).round(3).tolist(), strict=True))
    print(f"labeled, by confidence: {shares}", flush=True)
    return max((confidence for confidence, share in shares.items() if share >= LABELED), default=0.0)


def _pruned(model: Model, val: Collection, data: Any, trusted: Collection[int]) -> Model:
    """The model without the classes that it does not find: without those, others may win or lose."""
    while True:
        found = evaluate_segmentation(model, val, data.classes, data.groups)
        pruned = prune(model, found["IoU"], data.classes, LEAST_IOU, trusted)
        if pruned.predictable == model.predictable:
            return model
        model = pruned


def bundle(arguments: argparse.Namespace) -> None:
    """Put the trained networks together and write the file of the package."""
    data = read_set(arguments.photos, groups=COMMON["groups"])
    taught = [pair for pair in data.of_split("train") if pair.mask is not None]
    train = PhotoStore.load(data, taught, BASELINE_SIDE)[0]
    val = list(PhotoStore.load(data, [pair for pair in data.of_split("val") if pair.mask is not None], SIDE)[0])
    model, found = mean_of("colorizer"), mean_of("segmenter")
    provenance = {**model.provenance, "segmenter": found.provenance, "means": MEANS}
    model = replace(model, segmenter=found.segmenter, provenance=provenance)
    counts = photos_of_classes(train)
    model = with_known_classes(model, counts)
    trusted = [label for label, count in counts.items() if count >= TRUSTED_PHOTOS]
    by_people = PhotoStore.load(data, [pair for pair in taught if not pair.pseudo], BASELINE_SIDE)[0]
    model = finish(replace(model, working_size=arguments.working_size), by_people, val, data, trusted)
    model.save(bundled_default(), half=True)
    size = bundled_default().stat().st_size / 1e6
    print(
        f"{bundled_default()}: {size:.1f} MB, chroma gain {model.chroma_gain}, unlabeled {model.chroma_gain_unlabeled}"
    )


def main() -> None:
    """Do what is not done yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--working-size", type=int, default=288)
    parser.add_argument("--only", choices=[*STAGES, "bundle"])
    arguments = parser.parse_args()
    os.environ["NAPARI_COLORIZER_MODELS"] = str(arguments.runs.absolute() / "models")
    for stage in STAGES:
        if arguments.only in (None, stage):
            train(stage, arguments)
    if arguments.only in (None, "bundle"):
        bundle(arguments)


if __name__ == "__main__":
    main()
