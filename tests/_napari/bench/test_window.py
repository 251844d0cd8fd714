"""The recorded stroke that the speed of the window is measured with."""

import json
import sys
import time

import numpy as np
import pytest

from napari_colorizer._napari import demo
from napari_colorizer._napari.bench import window
from napari_colorizer._napari.bench.stroke import JITTER, Clock, points_through
from napari_colorizer._napari.bench.window import StrokeTiming, measure_strokes, time_strokes
from napari_colorizer._napari.colorize.color_updates import ColorUpdates
from napari_colorizer._napari.colorize.selection import Selection
from napari_colorizer._napari.shared.task_queue import TaskQueue

SHAPE, EVENTS = (120, 160), 12


@pytest.fixture
def methods():
    """The methods that the clock is attached to."""
    return lambda: [Selection._on_edit, ColorUpdates._show, ColorUpdates._show_more, TaskQueue._next]


def test_strokes_are_timed_and_lose_no_event(library, make_napari_viewer, methods, monkeypatch):
    painted, paint = [], window.Stroke.paint

    def keep(self, clock):
        before = self._viewer.layers["map"].data.copy()
        times = paint(self, clock)
        painted.append((before, self._viewer.layers["map"].data.copy(), times))
        return times

    monkeypatch.setattr(window.Stroke, "paint", keep)
    before = methods()
    timing = time_strokes(make_napari_viewer(show=True), SHAPE, rounds=1, device="cpu", events=EVENTS)
    assert methods() == before
    assert (timing.height, timing.width, timing.events) == (*SHAPE, EVENTS)
    assert (timing.lost_alone, timing.lost, timing.same) == (0, 0, True)
    assert min(timing.dock, timing.napari_median, timing.exact, timing.peak_mb, timing.shown) > 0
    assert len(painted) == 4
    for start, end, times in painted:
        assert (end[start != end] == window.PAINTED).all()
        assert (start != end).mean() > 0.1
        assert (times[:, 0] > times[:, 1]).all()
        assert 0 < times[:, 2].sum() <= times[:, 0].sum() + len(times) * time.get_clock_info("thread_time").resolution
    alone, with_plugin = painted[2][2], painted[3][2]
    assert not alone[:, 1].any()  # the plugin hears nothing of this one
    assert (with_plugin[:, 1] > 0).all()
    assert timing.own_mean == pytest.approx(with_plugin[:, 1].mean() * 1e3)
    assert timing.added_mean == pytest.approx((with_plugin - alone)[:, 0].mean() * 1e3)
    assert timing.processor_mean == pytest.approx((with_plugin - alone)[:, 2].mean() * 1e3)


def test_waiting_is_no_time_of_a_processor():
    clock = Clock()
    clock.run(lambda: time.sleep(0.3))
    assert clock.worked >= 0.3
    assert clock.processor < 0.2
    clock.reset()
    assert (clock.worked, clock.plugin, clock.processor) == (0, 0, 0)


def test_a_stroke_that_napari_gets_no_event_of_is_told(make_napari_viewer, monkeypatch):
    viewer = make_napari_viewer(show=True)
    labels = viewer.add_labels(np.zeros(SHAPE, np.uint8))
    labels.mode = "paint"
    stroke = window.Stroke(viewer, labels, 3)
    monkeypatch.setattr("napari_colorizer._napari.bench.stroke.send_mouse", lambda *_: None)
    monkeypatch.setattr("napari_colorizer._napari.bench.stroke.PATIENCE", 0.01)
    stroke.paint(Clock())
    assert stroke.lost == 3


def test_no_move_of_a_stroke_is_where_its_neighbors_lead():
    points = points_through((860, 1200), 200)
    assert (points > 0).all()
    assert (points < (860, 1200)).all()
    assert np.ptp(points, 0).min() > 400
    off = np.abs(points[1:-1] - (points[:-2] + points[2:]) / 2).max(1)
    assert off.min() > JITTER / 2


def test_each_shape_has_a_process_of_its_own(library, monkeypatch, tmp_path):
    filled = StrokeTiming(*[1] * len(StrokeTiming.__dataclass_fields__))
    log = tmp_path / "log"
    code = f"""
import json, pathlib, sys
with open({str(log)!r}, "a") as file:
    print(*sys.argv[1:-1], file=file)
pathlib.Path(sys.argv[-1]).write_text({json.dumps(vars(filled))!r})
"""
    script = tmp_path / "stand_in.py"
    script.write_text(code, "utf-8")
    monkeypatch.setattr(demo, "virtual_display", lambda: [sys.executable, str(script)])
    assert measure_strokes(((20, 30), (40, 50)), 2, "cpu", 5) == [filled, filled]
    calls = [line.split()[-5:] for line in log.read_text().splitlines()]
    assert calls == [["20", "30", "2", "5", "cpu"], ["40", "50", "2", "5", "cpu"]]
    script.write_text("raise SystemExit(3)", "utf-8")
    with pytest.raises(ValueError, match="exit code 3"):
        measure_strokes(((20, 30),), 2, "cpu", 5)


@pytest.mark.viewer
def test_a_process_opens_the_dock_before_anything_of_it_is_loaded(library):
    (timing,) = measure_strokes([SHAPE], 1, "cpu", 4)
    assert (timing.height, timing.width, timing.events, timing.lost) == (*SHAPE, 4, 0)
    assert timing.same


@pytest.mark.parametrize(
    ("display", "tool", "expected"), [(":7", None, []), ("", "/usr/bin/xvfb-run", ["xvfb-run"]), ("", None, None)]
)
def test_a_virtual_display_stands_in_for_a_real_one(monkeypatch, display, tool, expected):
    monkeypatch.setattr(demo.sys, "platform", "linux")
    monkeypatch.setattr(demo.shutil, "which", lambda _: tool)
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    if expected is None:
        with pytest.raises(ValueError, match="install xvfb"):
            demo.virtual_display()
    else:
        assert demo.virtual_display()[:1] == expected
