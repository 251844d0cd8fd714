"""Live curves of a training."""

from __future__ import annotations

import pyqtgraph
from qtpy.QtCore import QTimer
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from napari_colorizer._napari.shared.dock import fill, form
from napari_colorizer._napari.train.history import History, Points

COLORS = {"segmenter": "#3d9ae0", "colorizer": "#f08c2e"}  # on dark and on light
SIDES = {"segmenter": "left", "colorizer": "right"}
MAIN_METRICS = {"segmenter": "mIoU", "colorizer": "ciede2000"}
REDRAW_MS = 100
HEIGHT = 150
LEFT_OF_START = 0.1  # epochs, room for a mark at 0


class Plot(pyqtgraph.PlotWidget):
    """A curve of each network over the epochs, in its own color.

    Parameters
    ----------
    two_axes : bool
        Whether each network's curve has an axis of its own, the first on the left and the second on the right.
    """

    def __init__(self, two_axes: bool = False):
        super().__init__(background=None)
        self.setFixedHeight(HEIGHT)
        self.setMouseEnabled(x=False, y=False)  # so that the wheel scrolls the dock
        self.setMenuEnabled(False)
        self.hideButtons()
        self.getPlotItem().setLimits(xMin=-LEFT_OF_START)
        self.showGrid(x=True, y=True, alpha=0.2)
        self.setLabel("bottom", "epoch")
        for side in ("bottom", *SIDES.values()):
            self.getAxis(side).enableAutoSIPrefix(False)
        main = self.getPlotItem()
        self._views = dict.fromkeys(COLORS, main.getViewBox())
        if two_axes:
            self._views["colorizer"] = right = pyqtgraph.ViewBox(enableMenu=False)
            right.setMouseEnabled(x=False, y=False)
            main.scene().addItem(right)
            main.getAxis("right").linkToView(right)
            right.setXLink(main.getViewBox())
            main.getViewBox().sigResized.connect(lambda view: right.setGeometry(view.sceneBoundingRect()))
        self._two_axes = two_axes
        self.curves = {network: self._make_curve(network) for network in COLORS}

    def _make_curve(self, network: str) -> pyqtgraph.PlotDataItem:
        color = COLORS[network]
        marks = {} if self._two_axes else {"symbol": "o", "symbolSize": 6, "symbolBrush": color, "symbolPen": None}
        curve = pyqtgraph.PlotDataItem(pen=pyqtgraph.mkPen(color, width=2), connect="finite", **marks)
        curve.setDownsampling(auto=True, method="subsample")
        self._views[network].addItem(curve)
        return curve

    def draw(self, points: dict[str, Points], name: str) -> None:
        """Draw the points of each network; `name` says what they are."""
        for network, color in COLORS.items():
            of_network = points.get(network, [])
            self.curves[network].setData(*(zip(*of_network, strict=True) if of_network else ((), ())))
            if self._two_axes:
                self.setLabel(SIDES[network], f"{network} {name}", color=color)  # this also shows the axis
                self.showAxis(SIDES[network], bool(of_network))
        if not self._two_axes:
            self.setLabel("left", name)
        last = max((of_network[-1][0] for of_network in points.values() if of_network), default=0.0)
        self.setXRange(0, max(last, 1))  # by itself, pyqtgraph looks at the curves of the left axis only

    def set_text_color(self, color: QColor) -> None:
        """Draw the axes in a color, but for the ones that have their curve's."""
        for side in ("left", "bottom", "right"):
            self.getAxis(side).setPen(color)
            self.getAxis(side).setTextPen(color)
        self.resetCachedContent()  # or the old background stays
        self.viewport().update()


class Curves(QWidget):
    """The loss and one metric of a training, over its epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.loss_plot, self.metric_plot = Plot(two_axes=True), Plot()
        self.metrics = QComboBox()
        self.metrics.setToolTip(
            "<p>The metric in the lower plot, measured on the validation images after each epoch</p>"
        )
        self.metrics.activated.connect(self._choose)
        self._chosen = False  # whether the user has chosen the metric
        self._history = History()
        self._timer = QTimer(self, singleShot=True, interval=REDRAW_MS)
        self._timer.timeout.connect(self.redraw)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.loss_plot)
        layout.addLayout(form({"Metric": self.metrics}))
        layout.addWidget(self.metric_plot)

    def show_history(self, history: History) -> None:
        """Show what is known of a training, a moment later: it may come many times a second."""
        self._history = history
        if not self._timer.isActive():
            self._timer.start()

    def redraw(self) -> None:
        """Draw the curves anew."""
        self._offer_metrics()
        self.loss_plot.draw(self._history.losses, "loss")
        name = self.metrics.currentText()
        of_metric = {network: metrics.get(name, []) for network, metrics in self._history.metrics.items()}
        self.metric_plot.draw(of_metric, name)

    def set_text_color(self, color: QColor) -> None:
        """Draw the axes in the color of the theme's text."""
        for plot in (self.loss_plot, self.metric_plot):
            plot.set_text_color(color)
        self.redraw()

    def _choose(self) -> None:
        self._chosen = True
        self.redraw()

    def _offer_metrics(self) -> None:
        """Offer the metrics that there are; until one is chosen, the main one of the network that is trained."""
        names = self._history.metric_names()
        shown = self.metrics.currentText()
        if names and (not self._chosen or shown not in names):
            main = MAIN_METRICS.get(list(self._history.metrics)[-1], "")
            shown = main if main in names else names[0]
        offered = [self.metrics.itemText(row) for row in range(self.metrics.count())]
        if names != offered or shown != self.metrics.currentText():
            fill(self.metrics, [(name, name) for name in names], shown)
