"""The slider for the confidence in the dock, and what it leaves labeled."""

from __future__ import annotations

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QSlider, QWidget

from napari_colorizer._napari.colorize.confidence import Confidence
from napari_colorizer._napari.colorize.prediction import Prediction
from napari_colorizer.engine.options import SegmentOptions
from napari_colorizer.option_limits import option_field

DECIMALS = 2
STEPS = 10**DECIMALS
REST_MS = 150  # without a move, after which the label map follows


class ConfidenceSlider(QWidget):
    """Shows how sure the model must be of a label, and changes what it has predicted when it is moved.

    Parameters
    ----------
    prediction : Prediction

    Attributes
    ----------
    labeled : QLabel
        Says how much of the image is labeled.
    """

    def __init__(self, prediction: Prediction):
        super().__init__()
        self.confidence, self.controller = Confidence(prediction), prediction.controller
        self.labeled = QLabel()
        self.labeled.setToolTip("The share of the pixels in the label map that have a label")
        self.slider = QSlider(Qt.Orientation.Horizontal, maximum=STEPS, pageStep=STEPS // 10)
        limits = option_field(SegmentOptions, "confidence").metadata["limits"]
        self.number = QDoubleSpinBox(singleStep=limits.step, decimals=DECIMALS, keyboardTracking=False)
        self.number.setRange(limits.least, limits.most)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.slider, stretch=1)
        layout.addWidget(self.number)
        for widget in (self.slider, self.number):
            widget.setAccessibleName("Confidence")
        self.rest = QTimer(self, singleShot=True, interval=REST_MS)
        self.rest.timeout.connect(self.confidence.apply)
        self.slider.valueChanged.connect(lambda step: self.number.setValue(step / STEPS))
        self.number.valueChanged.connect(self._move)
        for signal in (self.controller.layers_changed, self.controller.classes_changed):
            signal.connect(self.refresh)
        self.refresh()

    def value(self) -> float:
        """What is shown."""
        return float(self.number.value())

    def setValue(self, value: float) -> None:  # noqa: N802
        """Move the slider."""
        self.number.setValue(value)

    def refresh(self) -> None:
        """Show what is in force: what the user has chosen, or the model's own; and what is labeled."""
        model = self.controller.model
        tip = (
            "<p>Pixels whose most likely class is less probable than this stay unlabeled (0 to 1). A change acts at "
            "once on the predicted labels, and keeps what you have painted; Ctrl+Z undoes it. "
            f"The model's own value is {round(model.confidence, DECIMALS):g}</p>"
        )
        threshold = self.confidence.prediction.threshold
        for widget, value in ((self.slider, round(STEPS * threshold)), (self.number, threshold)):
            widget.setToolTip(tip)
            widget.blockSignals(True)
            widget.setValue(value)
            widget.blockSignals(False)
        share = self.confidence.labeled()
        self.labeled.setText("" if share is None else f"{percent(share)} % labeled")

    def _move(self, value: float) -> None:
        own = self.controller.model.confidence
        value = round(value, DECIMALS)
        self.confidence.choose(own if value == round(own, DECIMALS) else value)
        self.rest.start()
        self.refresh()


def percent(share: float) -> int:
    """A share (0..1) in percent: 0 and 100 mean none and all."""
    return round(share) * 100 if share in (0, 1) else min(max(round(100 * share), 1), 99)
