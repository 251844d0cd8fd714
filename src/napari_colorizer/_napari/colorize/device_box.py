"""The choice of what the networks run on."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtWidgets import QComboBox

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.shared.dock import fill


class DeviceBox(QComboBox):
    """Offers *auto*, until it is known what there is.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        super().__init__()
        self.controller = controller
        self.addItem("auto", "auto")
        self.setToolTip("What the networks run on; auto chooses the fastest device there is")
        self.activated.connect(lambda: controller.set_options(device=self.currentData()))

    def offer(self, names: Mapping[str, str]) -> None:
        """Offer devices, by name, as they are shown."""
        fill(self, [(shown, name) for name, shown in names.items()], self.controller.options.device)
