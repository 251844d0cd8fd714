"""The sliders for saturation and warmth of the result."""

from __future__ import annotations

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QSlider, QToolButton

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer.engine.options import Adjustment
from napari_colorizer.option_limits import option_field

STEPS = 100  # of a slider for 1
REST_MS = 40  # without a move, after which the colors follow
LARGEST_SATURATION = 2.0  # on the slider; Python and the shell go further
TIPS = {
    "saturation": "Saturation of all colors, pins and dots included: unchanged in the middle, gray at the left",
    "warmth": "Shifts all colors towards orange or blue",
}


class AdjustmentSliders:
    """A slider for each field of the controller's `Adjustment`, and a button that brings back the middle.

    Parameters
    ----------
    controller : ColorizeController
    """

    def __init__(self, controller: ColorizeController):
        self.controller = controller
        self.sliders = {name: self._slider(name) for name in TIPS}
        self.rest = QTimer(singleShot=True, interval=REST_MS)
        self.rest.timeout.connect(self._apply)
        self.reset_button = QToolButton(text="⟲", toolTip="Unchanged colors", accessibleName="Unchanged colors")
        self.reset_button.clicked.connect(self._reset)

    def release(self) -> None:
        """Let nothing follow any more."""
        self.rest.stop()

    def _slider(self, name: str) -> QSlider:
        limits = option_field(Adjustment, name).metadata["limits"]
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(round(STEPS * limits.least), round(STEPS * min(limits.most, LARGEST_SATURATION)))
        slider.setPageStep(STEPS // 10)
        slider.setValue(round(STEPS * getattr(Adjustment(), name)))
        slider.setToolTip(f"<p>{TIPS[name]}; lightness does not change</p>")
        slider.valueChanged.connect(lambda _: self.rest.start())
        return slider

    def show(self) -> None:
        """Stand where the controller's adjustment is, which another has set."""
        for name, slider in self.sliders.items():
            blocked = slider.blockSignals(True)
            slider.setValue(round(STEPS * getattr(self.controller.adjustment, name)))
            slider.blockSignals(blocked)

    def _apply(self) -> None:
        self.controller.set_adjustment(**{name: slider.value() / STEPS for name, slider in self.sliders.items()})

    def _reset(self) -> None:
        for name, slider in self.sliders.items():
            slider.setValue(round(STEPS * getattr(Adjustment(), name)))
