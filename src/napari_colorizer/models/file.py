"""The one-file form of a model: safetensors, with everything else as JSON in its header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from napari_colorizer.classes import ClassMap
from napari_colorizer.errors import ModelError
from napari_colorizer.files import replacing
from napari_colorizer.models.header import FORMAT_VERSION, METADATA_KEY, read_header, read_suggestions
from napari_colorizer.models.model import Model
from napari_colorizer.networks import GridNet, GridNetConfig, TwoStreamUNet, TwoStreamUNetConfig

KINDS: dict[str, tuple[Any, Any]] = {  # by the type that a file names
    "GridNet": (GridNet, GridNetConfig),
    "TwoStreamUNet": (TwoStreamUNet, TwoStreamUNetConfig),
}
TYPES = {"segmenter": "GridNet", "colorizer": "TwoStreamUNet"}  # of files that name none
SHARED = "colorizer.image_encoder."  # where both networks have the same one, only the segmenter's is written


def write_model(model: Model, path: str | Path, half: bool = False) -> None:
    """Write a model, completely or not at all: beside its place first, then flushed to the disk and renamed.

    Parameters
    ----------
    model : Model
    path : str or Path
    half : bool
        Store the kernels in half precision, which halves the file; statistics of norms stay as they are.

    Raises
    ------
    OSError
        If it cannot be written; a file that was there before is still whole.
    """
    path = Path(path)
    tensors = {
        f"{part}.{name}": (tensor.half() if half and tensor.ndim > 1 else tensor).contiguous()
        for part, network in model.networks.items()
        for name, tensor in network.state_dict().items()
    }
    if model.shares_encoder:
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(SHARED)}
    header = {
        "format": FORMAT_VERSION,
        "name": model.name,
        "classes": json.loads(model.classes.to_json()),
        "networks": {
            part: {"type": type(network).__name__, **asdict(network.config)} for part, network in model.networks.items()
        },
        "working_size": model.working_size,
        "provenance": model.provenance,
        "metrics": model.metrics,
        "license": model.license,
        "suggestions": model.suggestions,
        "vivid": model.vivid,
        "vivid_unlabeled": model.vivid_unlabeled,
        "confidence": model.confidence,
        "checksum": checksum(tensors),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, {METADATA_KEY: json.dumps(header)}))  # a full disk is an OSError so


def read_model(path: str | Path) -> Model:
    """Read a model file; the networks are on the CPU, in float32 and eval mode.

    Raises
    ------
    ModelError
        If the file is not there, is no model, comes from a newer version, or is damaged: a tensor is missing, surplus,
        of another shape than its config says, or not what was saved; the message says which.
    """
    path = Path(path)
    header = read_header(path)
    try:
        networks: dict[str, Any] = {part: _build(part, config) for part, config in header["networks"].items()}
        model = Model(
            name=str(header["name"]),
            classes=ClassMap.from_json(json.dumps(header["classes"])),
            working_size=int(header["working_size"]),
            provenance=dict(header["provenance"]),
            metrics=dict(header["metrics"]),
            license=str(header["license"]),
            suggestions=read_suggestions(header),
            vivid=float(header.get("vivid", 1.0)),
            vivid_unlabeled=float(header.get("vivid_unlabeled", 1.0)),
            confidence=float(header.get("confidence", 0.0)),
            **networks,
        )
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RuntimeError) as error:
        raise ModelError(f"the header of {path.name} is damaged ({error}). Copy or download it again") from error
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    stored = checksum(tensors)
    if "colorizer" in networks and networks["colorizer"].config.image_encoder:
        ours = [name for name in tensors if name.startswith("segmenter.image_encoder.")]
        if not any(name.startswith(SHARED) for name in tensors):
            tensors |= {name.replace("segmenter", "colorizer", 1): tensors[name] for name in ours}
    known = tuple(f"{part}." for part in networks)
    surplus = [name for name in tensors if not name.startswith(known)]
    if surplus:
        raise ModelError(f"{path.name} has a tensor that belongs to no network: {surplus[0]}")
    for part, network in networks.items():
        own = {name.removeprefix(f"{part}."): tensor for name, tensor in tensors.items() if name.startswith(f"{part}.")}
        load_tensors(network, own, f"{path.name}, {part}")
    if "checksum" in header and header["checksum"] != stored:
        raise ModelError(
            f"{path.name} is damaged: its numbers are not those that were saved. Copy or download it again"
        )
    model.share_encoder()
    return model


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of the names and bytes of tensors, in the order of their names, in hexadecimal."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


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
    wanted = network.state_dict()
    names = {name_there(name): name for name in wanted}
    missing, surplus = names.keys() - tensors.keys(), tensors.keys() - names.keys()
    for problem, found in (("lacks the tensor", missing), ("has a surplus tensor", surplus)):
        if found:
            raise ModelError(f"{source} {problem} {min(found)} ({len(found)} in all)")
    for there, name in names.items():
        if tensors[there].shape != wanted[name].shape:
            raise ModelError(
                f"{source}: the tensor {there} has the shape {tuple(tensors[there].shape)}, "
                f"it must be {tuple(wanted[name].shape)}"
            )
    network.load_state_dict({name: tensors[there].to(wanted[name].dtype) for there, name in names.items()})
