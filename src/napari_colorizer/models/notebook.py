"""What a notebook shows of a model."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from torch import nn

from napari_colorizer.classes import Class
from napari_colorizer.errors import readable

if TYPE_CHECKING:
    from napari_colorizer.models.model import Model

LONGEST_NAME, MOST_CLASSES = 40, 200
CHIP = "display:inline-block; width:0.8em; height:0.8em; margin-right:0.3em; border:1px solid #888; background:"


def described(network: nn.Module) -> str:
    """The kind of a network and how large it is."""
    return f"{type(network).__name__} of {sum(x.numel() for x in network.parameters()) / 1e6:.2f} M parameters"


def as_html(model: Model) -> str:
    """A table of a model: its networks, its classes with their display colors, and the terms of its weights.

    Whatever the model's file says is escaped, so that a notebook shows it and runs none of it.
    """
    predictable = model.predictable
    by_hand = [_text(item.name) for item in model.classes if model.segmenter and item.id not in predictable]
    rows = {
        "Model": _text(model.name),
        **{part.capitalize(): described(network) for part, network in model.networks.items()},
        "Working size": f"{model.working_size} pixels",
        f"{len(model.classes)} classes": " ".join(_some([_chip(item) for item in model.classes])),
        "Not predicted": ", ".join(_some(by_hand)),
        "License": _text(model.license or "not stated", 200),
    }
    cells = (
        f'<tr><th style="text-align:left">{name}</th><td style="text-align:left">{value}</td></tr>'
        for name, value in rows.items()
        if value
    )
    return f"<table>{''.join(cells)}</table>"


def _chip(item: Class) -> str:
    """A class with its display color."""
    return f'<span style="white-space:nowrap"><span style="{CHIP}{item.color}"></span>{_text(item.name)}</span>'


def _some(items: list[str]) -> list[str]:
    """As many as a notebook has room for."""
    return items if len(items) <= MOST_CLASSES else [*items[:MOST_CLASSES], "\u2026"]


def _text(text: str, most: int = LONGEST_NAME) -> str:
    return escape(readable(text, most))
