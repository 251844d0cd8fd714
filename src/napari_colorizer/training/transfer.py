"""The model that training starts from, taught the class map of a labeled set."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from napari_colorizer.classes import UNLABELED, ClassMap
from napari_colorizer.errors import TrainingError
from napari_colorizer.models.library import FRESH, load_model
from napari_colorizer.models.model import WORKING_SIZE, Model
from napari_colorizer.networks import GridNet, TwoStreamUNet
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.pretrained import imagenet_encoder


@dataclass(frozen=True)
class Start:
    """A model to train, and what it knows of its classes.

    Attributes
    ----------
    model : Model
    kept, new, left_out : list of str
        Names of the classes that one of its networks knows, of those that begin as the mean of the others, and of
        those that are left out of its class map since it neither knows them nor is to learn them.
    """

    model: Model
    kept: list[str]
    new: list[str]
    left_out: list[str]


def start_model(options: TrainOptions, classes: ClassMap, present: Mapping[str, Collection[int]]) -> Start:
    """The model that `options.start` names, with the classes of a labeled set.

    Each of its networks has the classes that it knew, and those that it is about to learn: a class that the model only
    colors, say, is predicted only after the segmenter was trained with label maps that have it. A segmenter that would
    have no class is left out. A colorizer that it had keeps its chroma gain, too.

    Parameters
    ----------
    options : TrainOptions
    classes : ClassMap
        Of the set. Classes are matched by name, without regard to case.
    present : mapping
        For each network that is to be trained, "segmenter" and/or "colorizer", the ids that occur in the label maps
        that teach it.

    Raises
    ------
    ModelError
        If there is no such model.
    TrainingError
        If no class is left.
    """
    torch.manual_seed(options.seed)
    old = None if options.start == FRESH else load_model(options.start)
    known = _match(classes, old) if old else {}
    learned = {label for ids in present.values() for label in ids}
    used = [item for item in classes if item.id in known or item.id in learned]
    if not used:
        raise TrainingError(
            f"{options.data}: not one pixel of its label maps has a class of its class map, and the model "
            f"{options.start!r} knows none of them either"
        )
    new_map = ClassMap(used)
    networks, fresh = _make_networks(options, old, new_map, known, present)
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
    if old and old.colorizer:
        facts["chroma_gain_unlabeled"] = old.chroma_gain_unlabeled
        if "colorizer" not in present:  # what is learned anew is as vivid as the photos that it is learned from
            facts["chroma_gain"] = old.chroma_gain
    if old and old.segmenter and "segmenter" not in present:
        facts["confidence"] = old.confidence
    model = Model(options.name, new_map, **networks, **facts)
    return Start(
        model,
        kept=[item.name for item in used if item.id in known],
        new=[item.name for item in used if item.id not in known],
        left_out=[item.name for item in classes if item not in used],
    )


def fresh_network(part: str, options: TrainOptions, ids: Sequence[int]) -> GridNet | TwoStreamUNet:
    """A network for the classes of these ids, with random weights behind those of the image encoder."""
    network: GridNet | TwoStreamUNet
    if part == "colorizer":
        network = TwoStreamUNet.preset(options.preset, ids)
    else:
        network = GridNet.preset(options.preset, (UNLABELED, *ids) if options.background else ids)
    if network.config.image_encoder:
        network.image_encoder = imagenet_encoder(network.config.image_encoder)
    return network


def teach_classes(
    network: GridNet | TwoStreamUNet, classes: ClassMap, known: Mapping[int, int], present: Collection[int] = ()
) -> GridNet | TwoStreamUNet:
    """The network for other classes: those that it knows keep what they have, new ones begin as the mean of all.

    Parameters
    ----------
    network : GridNet or TwoStreamUNet
    classes : ClassMap
        The new classes. Those that the network neither knows nor is to learn stay out of it.
    known : mapping
        The former id of each new id that had one; the network knows those of them that are ids of its own.
    present : collection of int
        New ids that occur in the label maps that the network is to learn from.

    Raises
    ------
    ValueError
        If no class is left for a segmenter.
    """
    own = _own_classes(network, classes, known, present)
    if isinstance(network, GridNet):
        return _teach_segmenter(network, own, known)
    if network.config.embedding:
        return _teach_vectors(network, own, known)
    return _teach_ranks(network, classes, own, known)


def without_classes(network: GridNet, ids: Collection[int]) -> GridNet:
    """The segmenter without some of its classes: it never predicts them, and the logits of the others stay.

    Parameters
    ----------
    network : GridNet
    ids : collection of int
        Those that it does not have make no difference.

    Raises
    ------
    ValueError
        If no class is left.
    """
    kept = [label for label in network.config.ids if label not in ids]
    return network.with_classes(kept, [network.config.ids.index(label) for label in kept])


def _match(classes: ClassMap, model: Model) -> dict[int, int]:
    """The id that each class has in a model of which at least one network knows it."""
    learned = {label for network in model.networks.values() for label in network.config.ids}
    return {label: former for label, former in classes.match(model.classes).items() if former in learned}


def _make_networks(
    options: TrainOptions,
    old: Model | None,
    classes: ClassMap,
    known: Mapping[int, int],
    present: Mapping[str, Collection[int]],
) -> tuple[dict[str, Any], list[str]]:
    """The networks of the new model by name, and the names of those whose weights are random."""
    networks: dict[str, Any] = {}
    fresh: list[str] = []
    for part in ("segmenter", "colorizer"):
        network = old.networks.get(part) if old else None
        to_learn = present.get(part, ())
        own = _own_classes(network, classes, known, to_learn)
        if part == "segmenter" and not own:
            continue
        if network is not None:
            networks[part] = teach_classes(network, classes, known, to_learn)
        elif part in present:
            networks[part] = fresh_network(part, options, own)
            fresh.append(part)
    return networks, fresh


def _own_classes(
    network: GridNet | TwoStreamUNet | None, classes: ClassMap, known: Mapping[int, int], present: Collection[int]
) -> list[int]:
    """Ids of the classes that a network knows or is to learn; the arguments are those of `teach_classes`."""
    former = network.config.ids if network is not None else ()
    return [label for label in classes.ids if label in present or known.get(label) in former]


def _teach_segmenter(network: GridNet, own: Sequence[int], known: Mapping[int, int]) -> GridNet:
    former = network.config.ids
    rows = [_rank(former, known.get(label, -1)) for label in own]
    if UNLABELED in former:
        return network.with_classes([UNLABELED, *own], [former.index(UNLABELED), *rows])
    return network.with_classes(own, rows)


def _teach_vectors(network: TwoStreamUNet, own: Sequence[int], known: Mapping[int, int]) -> TwoStreamUNet:
    """Choose the learned vectors; rank 0, unlabeled, stays, and is what new ones begin as where there is no other."""
    rows = [0, *(_rank(network.config.ids, known.get(label, -1)) for label in own)]
    return network.with_classes((UNLABELED, *own), rows)


def _teach_ranks(
    network: TwoStreamUNet, classes: ClassMap, own: Sequence[int], known: Mapping[int, int]
) -> TwoStreamUNet:
    """Give new classes the ranks that are free.

    Where a class is fed as a gray level there is nothing to average: known classes keep their level, new ones get
    those of classes that are gone, nearest to the middle first. Only where more classes are new than gone do all
    levels move.
    """
    old = network.config.ids
    ids: list[int | None] = [UNLABELED, *(None for _ in old[1:])]
    for label in own:
        if (rank := _rank(old, known.get(label, -1))) > 0:
            ids[rank] = label
    free = sorted((rank for rank, label in enumerate(ids) if label is None), key=lambda rank: abs(rank - len(old) / 2))
    for label in own:
        if label not in ids and free:
            ids[free.pop(0)] = label
        elif label not in ids:
            ids.append(label)
    spare = (label for label in range(1, 2 * len(ids) + max(classes.ids) + 1) if label not in classes)
    return network.with_classes([next(spare) if label is None else label for label in ids])


def _rank(ids: Sequence[int], label: int) -> int:
    """Place of an id; -1 where it is missing."""
    return ids.index(label) if label in ids else -1
