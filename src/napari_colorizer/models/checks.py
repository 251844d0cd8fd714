"""What is looked at before a model from a file is built, and before it is used."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from napari_colorizer.classes import LARGEST_ID
from napari_colorizer.errors import ModelError
from napari_colorizer.models.model import Model
from napari_colorizer.networks import GridNet, TwoStreamUNet

FILLING = ("normal_", "uniform_", "kaiming_normal_", "kaiming_uniform_")
Shape = tuple[int, ...]
COUNTS_OF_LAYERS = ("widths", "columns", "context")  # entries of configs: so many of them, or so many at least
LARGEST_OUTPUT = 1e6  # chroma is about 1, logits some 10


def check_shapes(
    configs: Mapping[str, Mapping[str, Any]],
    build: Callable[[str, Mapping[str, Any]], nn.Module],
    there: Mapping[str, Shape],
    source: str,
) -> None:
    """Compare the networks that configs ask for with the tensors in a file.

    Built in earnest, a few letters of a config may fill the memory.

    Parameters
    ----------
    configs : mapping
        By the names of the networks.
    build : callable
        Builds a network.
    there : mapping
        The shapes of the tensors in the file, by name.
    source : str
        Its name, for the errors.

    Raises
    ------
    ModelError
        If a tensor is missing, surplus or of another shape.
    ValueError, TypeError, ...
        If a config cannot be one.
    """
    if not configs:
        raise ValueError("it has no network")
    numbers = sum(math.prod(shape) for shape in there.values())
    for part, config in configs.items():
        own = {name.removeprefix(f"{part}."): shape for name, shape in there.items() if name.startswith(f"{part}.")}
        _check_counts(config, len(own), numbers)
        with torch.device("meta"), _Unfilled():  # shapes without memory
            wanted = {name: tuple(tensor.shape) for name, tensor in build(part, config).state_dict().items()}
        compare_shapes(wanted, own, f"{source}, {part}")
    surplus = [name for name in there if not name.startswith(tuple(f"{part}." for part in configs))]
    if surplus:
        raise ModelError(f"{source} has a tensor that belongs to no network: {surplus[0]}")


class _Unfilled(TorchFunctionMode):
    """Leaves tensors as they are that would be filled at random: without memory that would load PyTorch's compiler."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        if getattr(func, "__name__", "") in FILLING:
            return args[0] if args else named["tensor"]
        return func(*args, **named)


def _check_counts(config: Mapping[str, Any], tensors: int, numbers: int) -> None:
    """Refuse a config for which no file with so many tensors, and numbers in them, can be: even to count takes time."""
    layers = 1
    for name, value in config.items():
        entries = value if isinstance(value, list | tuple) else [value]
        whole = [entry for entry in entries if isinstance(entry, int)]
        most = LARGEST_ID if name == "ids" else numbers
        if any(abs(entry) > most for entry in whole):
            raise ValueError(f"{name} {value} asks for more than the {numbers} numbers in the file")
        if name in COUNTS_OF_LAYERS:
            layers *= max(1, *whole) if entries is not value else len(entries)
    if layers > tensors:
        raise ValueError(f"it asks for {layers} layers or more, there are {tensors} tensors in the file")


def compare_shapes(wanted: Mapping[str, Shape], there: Mapping[str, Shape], source: str) -> None:
    """Raise `ModelError` if a tensor is missing, surplus or of another shape than it must be."""
    for problem, found in (
        ("lacks the tensor", wanted.keys() - there.keys()),
        ("has a surplus tensor", there.keys() - wanted.keys()),
    ):
        if found:
            raise ModelError(f"{source} {problem} {min(found)} ({len(found)} in all)")
    for name, shape in wanted.items():
        if there[name] != shape:
            raise ModelError(f"{source}: the tensor {name} has the shape {there[name]}, it must be {shape}")


def check_output(model: Model, tensors: Mapping[str, Tensor], source: str) -> None:
    """Refuse a model that colors everything black: what comes out of it is no number, or far from any that can be.

    Raises
    ------
    ModelError
        That names the tensor.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ModelError(f"{source} cannot be used: its tensor {name} holds numbers that are not finite")
    for part, network in model.networks.items():
        largest = float(_probe(network).abs().max())
        if not largest <= LARGEST_OUTPUT:  # NaN is not
            sizes = {name: float(tensor.abs().max()) for name, tensor in tensors.items() if name.startswith(part)}
            worst = max(sizes, key=sizes.__getitem__)
            raise ModelError(
                f"{source} cannot be used: its {part} gives {largest:g} for an ordinary image; the largest number, "
                f"{sizes[worst]:g}, is in the tensor {worst}"
            )


@torch.inference_mode()
def _probe(network: GridNet | TwoStreamUNet) -> Tensor:
    """What a network makes of a small ramp with all its classes."""
    side = max(2 * network.config.stride, 32)
    x = torch.linspace(-1, 1, side * side).reshape(1, 1, side, side)
    if isinstance(network, GridNet):
        return network(x)
    ids = torch.tensor(network.config.ids)
    return network(x, ids[torch.arange(side * side) % len(ids)].reshape(1, side, side))
