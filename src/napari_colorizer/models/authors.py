"""Import of the checkpoints that the authors of "Semantic-driven Colorization" published.

Both are ``torch.save({'G': state_dict})``. Their networks are the `authors` presets, under other tensor names.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from napari_colorizer.classes import ClassMap
from napari_colorizer.errors import ModelError
from napari_colorizer.models.checks import check_output, compare_shapes
from napari_colorizer.models.file import load_tensors
from napari_colorizer.models.model import Model
from napari_colorizer.networks import GridNet, TwoStreamUNet

Kind = type[GridNet] | type[TwoStreamUNet]
Rename = Callable[[str], str]  # from the name of a tensor here to that in their checkpoints
CLASS_COUNT = 59  # their colorizer divides the class id by this
MOST_INFLATED = 2  # times the size of the file
ENDS = {"first": "firstConv", "last": "lastConv"}
LAYERS_OF_ENDS = {"0": "conv1", "1": "batch1", "3": "conv2", "4": "batch2"}
LAYERS_OF_EDGES = {"0": "batch1", "2": "conv1", "3": "batch2", "5": "conv2"}


def import_authors(
    name: str,
    classes: ClassMap,
    colorizer: str | Path | None = None,
    segmenter: str | Path | None = None,
) -> Model:
    """Make a model of the authors' checkpoints.

    Parameters
    ----------
    name : str
        Of the new model.
    classes : ClassMap
        The classes of their ``labels-59.txt``; id 0 is background there, and a class like any other.
    colorizer, segmenter : path, optional
        ``color_weights.pth.tar`` and ``seg_weights.pth.tar``; one of them will do.

    Raises
    ------
    ModelError
        If a file is not such a checkpoint; a missing, surplus or misshapen tensor is named.
    """
    ids = (0, *classes.ids)
    if colorizer is not None and len(classes) != CLASS_COUNT:
        raise ModelError(f"the authors' colorizer has {CLASS_COUNT} classes, the class map {len(classes)}")
    files: dict[str, tuple[Kind, str | Path | None, Rename]] = {
        "segmenter": (GridNet, segmenter, _segmenter_name),
        "colorizer": (TwoStreamUNet, colorizer, _colorizer_name),
    }
    given = {part: (kind, Path(file), rename) for part, (kind, file, rename) in files.items() if file is not None}
    read = {part: _read_weights(kind, ids, file, rename) for part, (kind, file, rename) in given.items()}
    with torch.random.fork_rng(devices=()):  # the first weights are random: no draw of the caller's changes
        networks: dict[str, Any] = {part: kind.preset("authors", ids) for part, (kind, _, _) in given.items()}
    model = Model(
        name,
        classes,
        **networks,
        provenance={"method": "imported from the checkpoints of Ho et al., arXiv 2006.07587"},
        license="as the authors of Semantic-driven Colorization state it",
    )
    for part, (_, file, rename) in given.items():
        load_tensors(networks[part], read[part], file.name, rename)
    for part, network in model.networks.items():
        tensors = {f"{part}.{key}": tensor for key, tensor in network.state_dict().items()}
        check_output(model, tensors, "the model of these checkpoints")
    return model


def _read_weights(kind: Kind, ids: tuple[int, ...], file: Path, rename: Rename) -> dict[str, Tensor]:
    """The tensors of a checkpoint; before the network is built in earnest, which takes a second and 150 MB."""
    tensors = _read_checkpoint(file)
    with torch.device("meta"):  # shapes without memory
        network = kind.preset("authors", ids)
    wanted = {rename(name): tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    compare_shapes(wanted, {name: tuple(tensor.shape) for name, tensor in tensors.items()}, file.name)
    return tensors


def _read_checkpoint(path: Path) -> dict[str, Tensor]:
    _check_inflated(path)
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(f"there is no file {path}") from None
    except Exception as error:  # read as a pickle, any other file is a random program, and fails in any way
        raise ModelError(f"{path.name} is not a checkpoint of weights alone, or it is damaged") from error
    weights = checkpoint.get("G") if isinstance(checkpoint, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(tensor, Tensor) for tensor in weights.values()):
        raise ModelError(f"{path.name} is not one of the authors' checkpoints: it has no weights under 'G'")
    return weights


def _check_inflated(path: Path) -> None:
    """Refuse a compressed checkpoint before it fills the memory: PyTorch writes none."""
    try:
        with zipfile.ZipFile(path) as archive:
            inflated = sum(entry.file_size for entry in archive.infolist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):  # another form, or who reads it says so
        return
    if inflated > MOST_INFLATED * path.stat().st_size:
        raise ModelError(
            f"{path.name} is compressed: its {path.stat().st_size} bytes would become {inflated}. Save it with "
            "torch.save"
        )


def _colorizer_name(name: str) -> str:
    """The authors' name of a tensor of our colorizer."""
    if name == "final.weight":
        return "final_conv.weight"
    part, level, rest = name.split(".", 2)
    return f"{part[:3]}{int(level) + 1}.{rest}"


def _segmenter_name(name: str) -> str:
    """The authors' name of a tensor of our GridNet."""
    part, layer, tensor = ("", *name.split("."))[-3:]
    if name.startswith("input_norm."):
        return f"batchNormInitial.{tensor}"
    if part in ENDS:
        return f"{ENDS[part]}.{LAYERS_OF_ENDS[layer]}.{tensor}"
    edges, position = name.split(".")[:2]
    row, column = (int(number) for number in position.split("_"))
    if edges == "across":
        return f"convSequence{row}_{column - 1}to{row}_{column}.{LAYERS_OF_EDGES[layer]}.{tensor}"
    if edges == "down":
        return f"subSamplingSequence{row - 1}_{column}to{row}_{column}.{LAYERS_OF_EDGES[layer]}.{tensor}"
    layer = "convTranspose1" if layer == "2" else LAYERS_OF_EDGES[layer]
    return f"upSamplingSequence{row + 1}_{column}to{row}_{column}.{layer}.{tensor}"
