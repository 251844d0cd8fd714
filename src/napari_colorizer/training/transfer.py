"""The model that training starts from, taught the class map of a labeled set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.errors import TrainingError
from napari_colorizer.models.library import FRESH, load_model
from napari_colorizer.models.model import WORKING_SIZE, Model
from napari_colorizer.networks import GridNet, GridNetConfig, TwoStreamUNet, TwoStreamUNetConfig
from napari_colorizer.training.options import TrainOptions


@dataclass(frozen=True)
class Start:
    """A model to train, and what it knows of its classes.

    Attributes
    ----------
    model : Model
    kept, new, left_out : list of str
        Names of the classes that it knows, of those that begin as the mean of the others, and of those that are left
        out of its class map since neither it nor any label map has them.
    """

    model: Model
    kept: list[str]
    new: list[str]
    left_out: list[str]


def start_model(options: TrainOptions, classes: ClassMap, present: Sequence[int]) -> Start:
    """The model that `options.start` names, with the classes of a labeled set.

    Parameters
    ----------
    options : TrainOptions
    classes : ClassMap
        Of the set. Classes are matched by name, without regard to case.
    present : sequence of int
        Ids that occur in its label maps.

    Raises
    ------
    ModelError
        If there is no such model.
    TrainingError
        If no class is left.
    """
    torch.manual_seed(options.seed)
    old = None if options.start == FRESH else load_model(options.start)
    known = classes.match(old.classes) if old else {}
    used = [item for item in classes if item.id in known or item.id in present]
    if not used:
        raise TrainingError(
            f"{options.data}: not one pixel of its label maps has a class of its class map, and the model "
            f"{options.start!r} knows none of them either"
        )
    new_map = ClassMap(used)
    networks: dict[str, Any] = {}
    fresh: list[str] = []
    for part in ("segmenter", "colorizer"):
        network = old.networks.get(part) if old else None
        if network is not None:
            networks[part] = teach_classes(network, new_map, known)
        elif options.network in (part, "both"):
            networks[part] = fresh_network(part, options, new_map)
            fresh.append(part)
    size = options.working_size or (old.working_size if old else WORKING_SIZE)
    license_text = old.license if old else ""
    before = {"name": old.name, **old.provenance} if old else FRESH
    facts: dict[str, Any] = {
        "working_size": size,
        "license": license_text,
        "provenance": {"start": before, "fresh": fresh},
    }
    if old:
        facts["suggestions"] = {a: old.suggestions[b] for a, b in known.items() if b in old.suggestions}
    model = Model(options.name, new_map, **networks, **facts)
    return Start(
        model,
        kept=[item.name for item in used if item.id in known],
        new=[item.name for item in used if item.id not in known],
        left_out=[item.name for item in classes if item not in used],
    )


def fresh_network(part: str, options: TrainOptions, classes: ClassMap) -> GridNet | TwoStreamUNet:
    """A network with random weights."""
    if part == "colorizer":
        return TwoStreamUNet.preset(options.preset, classes.ids)
    ids = (UNLABELED, *classes.ids) if options.background else classes.ids
    return GridNet.preset(options.preset, ids)


def teach_classes(
    network: GridNet | TwoStreamUNet, classes: ClassMap, known: Mapping[int, int]
) -> GridNet | TwoStreamUNet:
    """The network for other classes: known ones keep what they have, new ones begin as the mean of all.

    Parameters
    ----------
    network : GridNet or TwoStreamUNet
    classes : ClassMap
        The new classes.
    known : mapping
        The network's id of each new id that it knows.
    """
    if isinstance(network, GridNet):
        return _teach_segmenter(network, classes, known)
    if network.config.embedding:
        return _teach_vectors(network, classes, known)
    return _teach_ranks(network, classes, known)


def _teach_segmenter(network: GridNet, classes: ClassMap, known: Mapping[int, int]) -> GridNet:
    """Choose the rows of the last convolution and of the norm after it; all before them stays."""
    config: GridNetConfig = network.config
    ids = (UNLABELED, *classes.ids) if UNLABELED in config.ids else classes.ids
    rows = [_rank(config.ids, known.get(label, UNLABELED if label == UNLABELED else -1)) for label in ids]
    taught = GridNet(replace(config, ids=ids, head=config.head or len(config.ids)), network.drop_branch)
    state = dict(network.state_dict())
    for name in ("last.3.weight", "last.4.weight", "last.4.bias", "last.4.running_mean", "last.4.running_var"):
        state[name] = _rows(state[name], rows)
    taught.load_state_dict(state)
    return taught.eval()


def _teach_vectors(network: TwoStreamUNet, classes: ClassMap, known: Mapping[int, int]) -> TwoStreamUNet:
    """Choose the learned vectors; rank 0, unlabeled, stays."""
    config: TwoStreamUNetConfig = network.config
    ids = (UNLABELED, *classes.ids)
    rows = [0, *(_rank(config.ids, known.get(label, -1)) for label in classes.ids)]
    taught = TwoStreamUNet(replace(config, ids=ids))
    state = dict(network.state_dict())
    state["class_vectors.weight"] = _rows(state["class_vectors.weight"], rows, mean_from=1)
    taught.load_state_dict(state)
    return taught.eval()


def _teach_ranks(network: TwoStreamUNet, classes: ClassMap, known: Mapping[int, int]) -> TwoStreamUNet:
    """Give new classes the ranks that are free.

    Where a class is fed as a gray level there is nothing to average: known classes keep their level, new ones get
    those of classes that are gone, nearest to the middle first. Only where more classes are new than gone do all
    levels move.
    """
    old = network.config.ids
    ids: list[int | None] = [UNLABELED, *(None for _ in old[1:])]
    for label, former in known.items():
        if label in classes and former in old[1:]:
            ids[old.index(former)] = label
    free = sorted((rank for rank, label in enumerate(ids) if label is None), key=lambda rank: abs(rank - len(old) / 2))
    for label in classes.ids:
        if label not in ids and free:
            ids[free.pop(0)] = label
        elif label not in ids:
            ids.append(label)
    spare = (label for label in range(1, 2 * len(ids) + max(classes.ids) + 1) if label not in classes)
    taught = TwoStreamUNet(replace(network.config, ids=tuple(next(spare) if label is None else label for label in ids)))
    taught.load_state_dict(network.state_dict())
    return taught.eval()


def _rank(ids: Sequence[int], label: int) -> int:
    """Place of an id; -1 where it is missing."""
    return ids.index(label) if label in ids else -1


def _rows(tensor: Tensor, rows: Sequence[int], mean_from: int = 0) -> Tensor:
    """The chosen rows of a tensor; -1 chooses the mean of the rows from `mean_from` on."""
    mean = tensor[mean_from:].float().mean(0).to(tensor.dtype)
    return torch.stack([tensor[row] if row >= 0 else mean for row in rows])
