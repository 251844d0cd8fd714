"""Reading the one-file form of a model: safetensors, with everything else as JSON in its header."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from napari_colorizer.classes import ClassMap
from napari_colorizer.errors import ModelError
from napari_colorizer.former_names import present_names
from napari_colorizer.models.checks import check_output, check_shapes, compare_shapes
from napari_colorizer.models.header import opened, read_header, read_suggestions
from napari_colorizer.models.model import Model
from napari_colorizer.models.writing import SHARED, checksum
from napari_colorizer.networks import GridNet, GridNetConfig, TwoStreamUNet, TwoStreamUNetConfig

Item = TypeVar("Item")
KINDS: dict[str, tuple[Any, Any]] = {  # by the type that a file names
    "GridNet": (GridNet, GridNetConfig),
    "TwoStreamUNet": (TwoStreamUNet, TwoStreamUNetConfig),
}
TYPES = {"segmenter": "GridNet", "colorizer": "TwoStreamUNet"}  # of files that name none


def read_model(path: str | Path) -> Model:
    """Read a model file; the networks are on the CPU, in float32 and eval mode.

    Raises
    ------
    ModelError
        If the file is not there, is no model, comes from a newer version, or is damaged: a tensor is missing, surplus,
        of another shape than its config says, not what was saved, or not finite; the message says which.
    """
    path = Path(path)
    header = present_names(Model, read_header(path), tell=False)
    configs = header["networks"]
    try:
        check_shapes(configs, _build, _with_shared(_shapes(path), configs), path.name)  # before anything is built
        with torch.random.fork_rng(devices=()):  # the first weights are random: no draw of the caller's changes
            networks: dict[str, Any] = {part: _build(part, config) for part, config in configs.items()}
        model = Model(
            name=str(header["name"]),
            classes=ClassMap.from_json(json.dumps(header["classes"])),
            working_size=int(header["working_size"]),
            provenance=dict(header["provenance"]),
            metrics=dict(header["metrics"]),
            license=str(header["license"]),
            suggestions=read_suggestions(header),
            chroma_gain=float(header.get("chroma_gain", 1.0)),
            chroma_gain_unlabeled=float(header.get("chroma_gain_unlabeled", 1.0)),
            confidence=float(header.get("confidence", 0.0)),
            **networks,
        )
    except ModelError:
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError) as error:
        raise ModelError(f"the header of {path.name} is damaged ({error}). Copy or download it again") from error
    with opened(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    stored = checksum(tensors)
    tensors = _with_shared(tensors, configs)
    for part, network in networks.items():
        own = {name.removeprefix(f"{part}."): tensor for name, tensor in tensors.items() if name.startswith(f"{part}.")}
        load_tensors(network, own, f"{path.name}, {part}")
    changed = "checksum" in header and header["checksum"] != stored
    try:
        check_output(model, tensors, path.name)
    except ModelError as error:
        again = ". Its weights do not match their checksum: copy or download it again" if changed else ""
        raise ModelError(f"{error}{again}") from None
    if changed:
        raise ModelError(f"{path.name} is damaged: its weights do not match their checksum. Copy or download it again")
    model.share_encoder()
    return model


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of the tensors in a file, by name, without reading them."""
    with opened(path, "np") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


def _with_shared(items: dict[str, Item], configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Item]:
    """What belongs to tensors, by name, the same for those that are written once and belong to both networks."""
    if not configs.get("colorizer", {}).get("image_encoder") or any(name.startswith(SHARED) for name in items):
        return items
    ours = [name for name in items if name.startswith("segmenter.image_encoder.")]
    return items | {name.replace("segmenter", "colorizer", 1): items[name] for name in ours}


def _build(part: str, config: Mapping[str, Any]) -> GridNet | TwoStreamUNet:
    if part not in TYPES:
        raise ValueError(f"unknown network {part!r}")
    fields = {"type": TYPES[part], **config}
    name = fields.pop("type")
    if name != TYPES[part]:  # the day there is another kind of segmenter, it goes beside GridNet
        raise ValueError(f"unknown type of network {name!r}")
    network, settings = KINDS[name]
    return cast(GridNet | TwoStreamUNet, network(settings(**fields)))


def load_tensors(
    network: torch.nn.Module, tensors: Mapping[str, Tensor], source: str, name_there: Callable[[str], str] = str
) -> None:
    """Copy tensors into a network.

    Parameters
    ----------
    network : nn.Module
    tensors : mapping
    source : str
        Where they come from, for the errors.
    name_there : callable, optional
        Gives the name in `tensors` of a tensor of the network, where it is another.

    Raises
    ------
    ModelError
        If a tensor is missing, surplus or of another shape; it is named as in `tensors`.
    """
    wanted = {name_there(name): (name, tensor) for name, tensor in network.state_dict().items()}
    compare_shapes(
        {there: tuple(tensor.shape) for there, (_, tensor) in wanted.items()},
        {there: tuple(tensor.shape) for there, tensor in tensors.items()},
        source,
    )
    network.load_state_dict({name: tensors[there].to(tensor.dtype) for there, (name, tensor) in wanted.items()})
