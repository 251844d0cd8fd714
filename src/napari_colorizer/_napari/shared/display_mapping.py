"""How a layer shows its values: gamma and colormap, by which what is seen is another image than what is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

STEPS = 1 << 16  # of gray that a colormap is looked up at


@dataclass(frozen=True)
class Look:
    """What lies between the values of a layer, brought to 0..1 by its contrast limits, and what is seen.

    Attributes
    ----------
    gamma : float
    colors : bytes
        float32 RGB at `STEPS` values; empty where the layer is shown gray as it is, or in its own colors.
    """

    gamma: float = 1.0
    colors: bytes = b""

    @classmethod
    def of(cls, layer: Image) -> Look | None:
        """The look of a layer; None where it is shown as it is."""
        gamma = float(layer.gamma)
        colors = b"" if layer.rgb or layer.colormap.name == "gray" else _table(layer.colormap)
        return cls(gamma, colors) if gamma != 1 or colors else None

    def seen(self, pixels: Any, limits: tuple[float, float] | None) -> NDArray[np.float32]:
        """What is seen of some pixels, (H, W) or (H, W, 3) in 0..1."""
        from napari_colorizer.color import normalize  # brings torch, which is for the background

        values = normalize(np.asarray(pixels), limits)
        if self.gamma != 1:
            values = values**self.gamma
        if not self.colors:
            return values
        table = np.frombuffer(self.colors, np.float32).reshape(STEPS, -1)
        if np.allclose(table, table[:, :1]):
            table = table[:, 0]  # inverted, say: still gray
        return table[np.rint(values * (STEPS - 1)).astype(np.uint16)]


def _table(colormap: Any) -> bytes:
    """The colors of a colormap; nothing where they are the gray values themselves."""
    steps = np.linspace(0, 1, STEPS, dtype=np.float32)
    colors = np.asarray(colormap.map(steps), np.float32)[:, :3]
    return b"" if np.allclose(colors, steps[:, None], atol=1e-3) else np.ascontiguousarray(colors).tobytes()
