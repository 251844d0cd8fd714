"""Keys to hold: the result without the label map over it, or the image as it was before."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from napari.layers import Layer

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.dots_layer import dots_of
from napari_colorizer._napari.colorize.keys import BEFORE, RESULT_ONLY


class CompareKeys:
    """Hides layers as long as a key is held.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        self.controller = controller
        controller.viewer.bind_key(RESULT_ONLY, self._result_only, overwrite=True)
        controller.viewer.bind_key(BEFORE, self._before, overwrite=True)

    def release(self) -> None:
        """Unbind the keys."""
        for key in (RESULT_ONLY, BEFORE):
            self.controller.viewer.bind_key(key, None)

    def _result_only(self, _viewer: Any) -> Generator[None, None, None]:
        yield from self._without(self.controller.labels, self._dots())

    def _before(self, _viewer: Any) -> Generator[None, None, None]:
        yield from self._without(self.controller.labels, self._dots(), *self.controller.color_layers)

    def _dots(self) -> Layer | None:
        return dots_of(self.controller.image, self.controller.viewer)

    def _without(self, *layers: Layer | None) -> Generator[None, None, None]:
        hidden = [layer for layer in layers if layer is not None and layer.visible]
        for layer in hidden:
            layer.visible = False
        yield
        for layer in hidden:
            layer.visible = True
