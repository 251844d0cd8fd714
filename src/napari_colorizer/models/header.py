"""The header of a model file: all that can be said of a model without loading its tensors, or torch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from napari_colorizer.errors import ModelError, readable

FORMAT_VERSION = 2  # 1: no types of networks, no image encoder
METADATA_KEY = "napari-colorizer"
FIELDS = {"networks": dict, "classes": list, "name": str, "license": str}


@contextmanager
def opened(path: Path, framework: str) -> Iterator[Any]:
    """Open a safetensors file; `ModelError` if it is not there, or damaged, at whatever moment that comes out."""
    if path.is_dir():
        raise ModelError(f"{path} is a folder, not a model file")
    try:
        with safe_open(path, framework) as file:
            yield file
    except FileNotFoundError:
        raise ModelError(f"there is no file {path}") from None
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{path.name} cannot be read as a model: it is damaged, truncated or not a .safetensors file ({error}). "
            "Copy or download it again"
        ) from error


def read_header(path: str | Path) -> dict[str, Any]:
    """Read what a model file says of itself, without its tensors.

    Raises
    ------
    ModelError
        If the file is not there, is no model, is damaged, or comes from a newer version; the message says which.
    """
    path = Path(path)
    with opened(path, "np") as file:
        metadata = file.metadata() or {}
    if METADATA_KEY not in metadata:
        raise ModelError(
            f"{path.name} is a safetensors file, but not a napari-colorizer model; "
            "checkpoints of the paper's authors are imported with 'napari-colorizer models import'"
        )
    try:
        header: dict[str, Any] = json.loads(metadata[METADATA_KEY])
        version = header["format"]
        if type(version) is not int or version < 1:
            raise ValueError(f"its format is {readable(repr(version), 40)}")
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise ModelError(f"the header of {path.name} is damaged ({error!r}). Copy or download it again") from error
    if version > FORMAT_VERSION:
        raise ModelError(
            f"{path.name} was written by a newer version of napari-colorizer (format {version}, this one reads "
            f"{FORMAT_VERSION}): update the plugin"
        )
    for field, kind in FIELDS.items():
        if not isinstance(header.get(field), kind):
            raise ModelError(f"the header of {path.name} is damaged: it has no {field}. Copy or download it again")
    if not all(isinstance(config, dict) and "ids" in config for config in header["networks"].values()):
        raise ModelError(f"the header of {path.name} is damaged: a network has no ids. Copy or download it again")
    return header


def read_suggestions(header: dict[str, Any]) -> dict[int, list[tuple[float, float, float]]]:
    """The color suggestions in a header, by class id; none in the files of models that have no such field.

    Raises
    ------
    ValueError, TypeError, AttributeError
        If the field is damaged.
    """
    found = {}
    for label, rows in header.get("suggestions", {}).items():
        found[int(label)] = [(float(a), float(b), float(weight)) for a, b, weight in rows]
        if not all(math.isfinite(value) for row in found[int(label)] for value in row):
            raise ValueError(f"the color suggestions of class {label} are not numbers")
    return found
