"""What the curves of a training show."""

import time

import numpy as np
import pytest
from qtpy.QtGui import QColor

from napari_colorizer._napari.train.curves import COLORS, Curves
from napari_colorizer._napari.train.history import History, read_history
from napari_colorizer.training.events import EpochEnded, Progress


def progress(step, loss, network="colorizer"):
    return Progress(network, 1, 4, step, 8, loss, 1.0)


def ended(epoch, network="colorizer", **metrics):
    return EpochEnded(network, epoch, 4, 1.0, metrics, False)


@pytest.fixture
def history():
    result = History()
    for event in (ended(0, psnr=20.0), progress(1, 4.0), progress(2, 3.0), ended(1, psnr=21.0), progress(4, 2.0)):
        result.add(event)
    return result


def test_losses_and_metrics_are_points_over_epochs(history):
    assert history.losses == {"colorizer": [(0.5, 4.0), (1.0, 3.0), (2.0, 2.0)]}
    assert history.metrics == {"colorizer": {"psnr": [(0, 20.0), (1, 21.0)]}}


def test_a_resumed_run_draws_over_what_was_lost(history):
    history.add(progress(2, 3.5))
    assert history.losses["colorizer"] == [(0.5, 4.0), (1.0, 3.5)]
    history.add(ended(1, psnr=22.0))
    assert history.metrics["colorizer"]["psnr"] == [(0, 20.0), (1, 22.0)]


def test_a_log_that_is_missing_or_damaged_gives_what_it_can(tmp_path):
    assert read_history(tmp_path) == History()
    for network, text in (("segmenter", "nonsense\n1\n"), ("colorizer", "epoch,loss,psnr\n1,0.5,\n2,0.4,22\n3,")):
        (tmp_path / network).mkdir()
        (tmp_path / network / "log.csv").write_text(text)
    history = read_history(tmp_path)
    assert history.losses == {"colorizer": [(1, 0.5), (2, 0.4)]}
    np.testing.assert_equal(history.metrics["colorizer"]["psnr"], [(1, np.nan), (2, 22)])


@pytest.fixture
def curves(qtbot):
    widget = Curves()
    qtbot.addWidget(widget)
    return widget


def test_each_network_has_an_axis_for_its_loss(curves, history, until):
    plot = curves.loss_plot
    curves.show_history(history)
    until(lambda: plot.getAxis("right").isVisible())
    assert not plot.getAxis("left").isVisible()
    history.add(progress(1, 2.0, "segmenter"))
    curves.show_history(history)
    until(lambda: plot.getAxis("left").isVisible())
    assert plot.getAxis("left").labelText == "segmenter loss"
    assert plot.getAxis("right").labelText == "colorizer loss"


def test_another_training_clears_the_curves(curves, history):
    curves.show_history(history)
    curves.redraw()
    curves.show_history(History())
    curves.redraw()
    for plot in (curves.loss_plot, curves.metric_plot):
        assert all(curve.getOriginalDataset()[0] is None for curve in plot.curves.values())
    assert curves.metrics.count() == 0


def test_a_metric_that_was_chosen_stays(curves):
    history = History()
    history.add(ended(1, "segmenter", accuracy=0.5, mIoU=0.25))
    curves.show_history(history)
    curves.redraw()
    assert curves.metrics.currentText() == "mIoU"
    curves.metrics.setCurrentText("accuracy")
    curves.metrics.activated.emit(0)
    history.add(ended(1, ciede2000=8.0))
    curves.redraw()
    assert curves.metrics.currentText() == "accuracy"


def test_metrics_without_a_value_are_gaps(curves):
    history = History()
    for epoch, value in enumerate((1.0, float("nan"), 3.0)):
        history.add(ended(epoch, psnr=value))
    curves.show_history(history)
    curves.redraw()
    curves.metric_plot.getViewBox().updateAutoRange()
    _, (low, high) = curves.metric_plot.viewRange()
    assert low < 1
    assert high > 3
    assert np.isfinite([low, high]).all()


def test_axes_are_drawn_in_the_color_of_the_text(curves):
    curves.set_text_color(QColor("#123456"))
    assert curves.metric_plot.getAxis("bottom").textPen().color().name() == "#123456"


def test_another_theme_reaches_curves_that_are_drawn(curves, history):
    curves.setStyleSheet("background: #000000")
    curves.show_history(history)
    curves.show()
    curves.redraw()
    assert QColor(curves.loss_plot.grab().toImage().pixel(5, 5)).lightness() < 50
    curves.setStyleSheet("background: #ffffff")
    curves.set_text_color(QColor("#000000"))
    assert QColor(curves.loss_plot.grab().toImage().pixel(5, 5)).lightness() > 200
    assert curves.loss_plot.getAxis("right").labelStyle["color"] == COLORS["colorizer"]


def test_a_single_point_lies_at_the_start_of_the_axis(curves):
    history = History()
    history.add(ended(0, psnr=20.0))
    curves.show_history(history)
    curves.redraw()
    curves.metric_plot.getViewBox().updateAutoRange()
    (left, right), _ = curves.metric_plot.viewRange()
    assert -0.2 < left <= 0 < right
    assert not curves.metric_plot.getAxis("bottom").autoSIPrefix


def test_a_long_training_is_drawn_quickly(curves):
    history = History(losses={"colorizer": [(step / 100, 1 / step) for step in range(1, 100_001)]})
    curves.show()
    curves.show_history(history)
    curves.redraw()
    began = time.process_time()
    curves.redraw()
    curves.grab()
    assert time.process_time() - began < 0.5  # some 60 ms on a machine with nothing else to do


@pytest.mark.parametrize("network", ["segmenter", "colorizer"])
def test_the_axes_reach_to_the_last_epoch_of_any_network(curves, network):
    history = History()
    for step in range(1, 8):
        history.add(progress(step, 4.0, network))
    history.add(ended(3, network, psnr=20.0))
    curves.show_history(history)
    curves.redraw()
    for plot, last in ((curves.loss_plot, 3.5), (curves.metric_plot, 3)):
        assert plot.viewRange()[0][0] <= 0
        assert last <= plot.viewRange()[0][1] < last + 0.5
