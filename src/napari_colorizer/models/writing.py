"""Writing the one-file form of a model; `napari_colorizer.models.file` reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from napari_colorizer.files import replacing
from napari_colorizer.models.header import FORMAT_VERSION, METADATA_KEY
from napari_colorizer.networks import GridNet, TwoStreamUNet

SHARED = "colorizer.image_encoder."  # where both networks have the same one, only the segmenter's is written


def write_networks(
    networks: Mapping[str, GridNet | TwoStreamUNet],
    facts: Mapping[str, Any],
    path: str | Path,
    shared_encoder: bool = False,
    half: bool = False,
    overwrite: bool = True,
) -> None:
    """Write a model, completely or not at all: beside its place first, then flushed to the disk and renamed.

    Parameters
    ----------
    networks : mapping
        By the names "segmenter" and "colorizer".
    facts : mapping
        What else there is to say of the model, as JSON has it.
    path : str or Path
    shared_encoder : bool
        Whether both networks hold one image encoder.
    half : bool
        Store the kernels in half precision, which halves the file; statistics of norms stay as they are.
    overwrite : bool
        Whether to take the place of a file that is there.

    Raises
    ------
    FileError
        If there is such a file, and `overwrite` is false.
    OSError
        If it cannot be written; a file that was there before is still whole.
    """
    path = Path(path)
    tensors = {
        f"{part}.{name}": (tensor.half() if half and tensor.ndim > 1 else tensor).contiguous()
        for part, network in networks.items()
        for name, tensor in network.state_dict().items()
    }
    if shared_encoder:
        tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(SHARED)}
    header = {
        "format": FORMAT_VERSION,
        **facts,
        "networks": {
            part: {"type": type(network).__name__, **asdict(network.config)} for part, network in networks.items()
        },
        "checksum": checksum(tensors),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, overwrite) as temporary:
        temporary.write_bytes(save(tensors, {METADATA_KEY: json.dumps(header)}))  # a full disk is an OSError so


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of the names and bytes of tensors, in the order of their names, in hexadecimal."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
