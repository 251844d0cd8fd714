"""Keys that work while the chosen labels layer is selected, and only those of the layer that is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from napari.layers import Labels

Keys = Mapping[str, Callable[[], object]]


class LayerKeys:
    """Binds keys to one labels layer at a time.

    Parameters
    ----------
    keys : mapping
        What each key does.
    """

    def __init__(self, keys: Keys):
        self._keys = dict(keys)
        self._bound: Labels | None = None

    def bind(self, layer: Labels | None) -> None:
        """Bind the keys to a layer, and to no other any more."""
        if layer is self._bound:
            return
        if self._bound is not None:
            for key in self._keys:
                self._bound.bind_key(key, None)
        self._bound = layer
        if layer is not None:
            for key, act in self._keys.items():
                layer.bind_key(key, lambda _layer, act=act: _do(act), overwrite=True)


def _do(act: Callable[[], object]) -> None:
    act()
