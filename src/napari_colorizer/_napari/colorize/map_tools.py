"""The part of the dock that corrects the label map: strokes, edges, objects, doubtful regions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from qtpy.QtWidgets import QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from napari_colorizer._napari.colorize.brush_keys import BrushKeys
from napari_colorizer._napari.colorize.confidence import Confidence
from napari_colorizer._napari.colorize.confidence_slider import percent
from napari_colorizer._napari.colorize.doubt_view import DoubtView
from napari_colorizer._napari.colorize.fill_tool import FillTool
from napari_colorizer._napari.colorize.keys import CHOICES, END, NEXT_DOUBT, SHOW_DOUBT, SNAP, SPREAD, TAKE_CHOICE
from napari_colorizer._napari.colorize.prediction import Prediction
from napari_colorizer._napari.colorize.snap_tool import SnapTool
from napari_colorizer._napari.colorize.stroke_spreading import StrokeSpreading
from napari_colorizer._napari.shared.dock import focus_canvas, row
from napari_colorizer._napari.shared.layer_keys import LayerKeys


class MapTools(QWidget):
    """Buttons, each with its key, that correct a predicted label map.

    Parameters
    ----------
    prediction : Prediction
    filling : FillTool
    """

    def __init__(self, prediction: Prediction, filling: FillTool):
        super().__init__()
        self.prediction, self.controller = prediction, prediction.controller
        self.filling = filling
        self.spreading, self.snapping = StrokeSpreading(prediction), SnapTool(prediction.controller)
        self.doubt, self.brush_keys = DoubtView(prediction), BrushKeys(prediction.controller)
        self.confidence = Confidence(prediction)
        self._build()
        self.keys = LayerKeys(
            {
                SPREAD: self.spreading.spread,
                SNAP: self.snapping.snap_under_cursor,
                NEXT_DOUBT: self.doubt.go_on,
                SHOW_DOUBT: self.doubt_button.click,
                **self.brush_keys.keys(),
            }
        )
        self.choice_keys = LayerKeys(  # in the place of napari's tools, as long as there is something to choose
            {key: partial(self.doubt.take, place) for place, key in enumerate(TAKE_CHOICE)}
        )
        self.end_key = LayerKeys({END: self._end})  # as long as there is something to leave
        self.controller.layers_changed.connect(self._bind)
        for signal in (self.controller.layers_changed, self.controller.classes_changed):
            signal.connect(self._show_share)
        self.doubt.changed.connect(self._show_choices)
        for signal in (self.doubt.changed, filling.changed):
            signal.connect(self._bind_end)
        self._bind()
        self._show_choices()
        self._show_share()

    def release(self) -> None:
        """Unbind the keys, and let go of the layers."""
        self.keys.bind(None)
        self.choice_keys.bind(None)
        self.end_key.bind(None)
        self.snapping.release()
        self.doubt.release()

    def _build(self) -> None:
        self.spread_button = _button(
            "Spread strokes",
            "Paint a few strokes where the map is wrong, then press this: similar areas get the same classes, and "
            "the strokes stay as they are (Shift+S)",
            self.spreading.spread,
        )
        self.snap_button = _button(
            "Snap to edges",
            "Moves the border of what you painted last to the edges in the image; Shift+G does it for the region "
            "under the cursor",
            self.snapping.snap_last_stroke,
        )
        self.fill_button = _button(
            "Fill object",
            "Highlights the object under the cursor; a click labels it with the class of the brush (Shift+F)",
            self.filling.toggle,
        )
        self.doubt_button = _button(
            "Show doubt",
            "Shows where the model is unsure (Shift+D): bright where two classes are about equally likely",
            self._toggle_doubt,
        )
        self.doubt_button.setCheckable(True)
        self.next_button = _button(
            "Next doubtful ▶",
            "Goes to the region that the model is least sure of, and offers its most likely classes (Shift+N)",
            self.doubt.go_on,
        )
        self.below = QLabel()
        self.choices = self._make_choices()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row(self.spread_button, self.snap_button, self.fill_button))
        layout.addLayout(row(self.doubt_button, self.next_button))
        layout.addWidget(self.below)
        layout.addWidget(self.choices)

    def _make_choices(self) -> QWidget:
        """The likeliest classes of a region, one below the other: their names may be long."""
        choices = QWidget()
        close = QToolButton(text="✕", toolTip="Leave it as it is (Esc)", accessibleName="Leave it as it is")
        close.clicked.connect(lambda: self.doubt.close())
        lines = QVBoxLayout(choices)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(2)
        lines.addLayout(row(QLabel("The highlighted region is"), close))
        tip = "Gives the region this class"
        self.choice_buttons = [QPushButton(str(place + 1), toolTip=tip) for place in range(CHOICES)]
        for place, button in enumerate(self.choice_buttons):
            button.clicked.connect(partial(self._choose, place))
            lines.addWidget(button)
        return choices

    def _bind(self) -> None:
        self.keys.bind(self.controller.labels)

    def _bind_end(self) -> None:
        """One owner of the key: of two, the one that ended first would leave the other without it."""
        self.end_key.bind(self.controller.labels if self.filling.in_hand or self.doubt.is_open else None)

    def _end(self) -> None:
        self.filling.end()
        self.doubt.close()

    def _show_share(self) -> None:
        """Say how much of the image the model is not sure enough of."""
        labeled = self.confidence.labeled() if self.confidence.edits.known() is not None else None
        self.below.setVisible(labeled is not None and labeled < 1)
        if labeled is not None:
            self.below.setText(f"{percent(1 - labeled)} % of the pixels are below the confidence, and stay unlabeled")

    def _toggle_doubt(self) -> None:
        self.doubt_button.setChecked(self.doubt.show_layer(self.doubt_button.isChecked()))

    def _choose(self, place: int) -> None:
        self.doubt.take(place)
        focus_canvas(self)

    def _show_choices(self) -> None:
        """Offer the likeliest classes of the region that is shown, by button and key."""
        self.choices.setVisible(self.doubt.is_open)
        self.choice_keys.bind(self.controller.labels if self.doubt.is_open else None)
        for place, button in enumerate(self.choice_buttons):
            button.setVisible(place < len(self.doubt.choices))
            if place < len(self.doubt.choices):
                label, probability = self.doubt.choices[place]
                classes = self.controller.classes
                name = classes[label].name if label in classes else str(label)
                button.setText(f"{place + 1}  {name}  {probability:.0%}")
                button.setToolTip(
                    f"<p>Gives the region this class (key {place + 1}), and goes to the next doubtful region</p>"
                )


def _button(text: str, tip: str, act: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(f"<p>{tip}</p>")
    button.clicked.connect(lambda _=False: act())
    return button
