import re
import warnings

import numpy as np
import pytest
import torch

from napari_colorizer.engine import devices
from napari_colorizer.engine.devices import available_devices, pick_device, with_cpu_fallback
from napari_colorizer.engine.options import ColorizeOptions, SegmentOptions
from napari_colorizer.errors import DeviceError
from napari_colorizer.networks import GridNet, TwoStreamUNet

TOO_LITTLE = r"the GPU \(meta\) has too little free memory"


@pytest.fixture
def full_gpu(monkeypatch):
    """A device "meta" on which the named step of a network runs out of memory."""
    monkeypatch.setattr(devices, "available_devices", lambda: {"auto": "auto", "cpu": "CPU", "meta": "a full GPU"})

    def fill(kind, step):
        original = getattr(kind, step)

        def run(self, *inputs, **named):
            if next(self.parameters()).device.type != "cpu":
                raise torch.OutOfMemoryError("out of memory")
            return original(self, *inputs, **named)

        monkeypatch.setattr(kind, step, run)

    return fill


def test_every_device_that_is_listed_can_be_picked():
    listed = list(available_devices())
    assert listed[:2] == ["auto", "cpu"]
    for name in listed[1:]:
        assert pick_device(name) == torch.device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "", "CPU"])
def test_an_unknown_device_is_refused_with_those_that_are_there(name):
    with pytest.raises(DeviceError, match=f"no device {re.escape(repr(name))} .*; choose one of auto, cpu"):
        pick_device(name)


@pytest.mark.parametrize(("gpus", "expected"), [([], "cpu"), (["cuda:0", "cuda:1"], "cuda:0"), (["mps"], "mps")])
def test_auto_is_the_first_gpu_or_the_cpu(monkeypatch, gpus, expected):
    monkeypatch.setattr(devices, "available_devices", lambda: dict.fromkeys(["auto", "cpu", *gpus], ""))
    assert pick_device() == pick_device("auto") == torch.device(expected)
    if "cuda:0" in gpus:
        assert pick_device("cuda") == torch.device("cuda:0")


def test_work_goes_on_with_the_cpu_when_memory_runs_out():
    tried = []

    def work(device):
        tried.append(device.type)
        if device.type != "cpu":
            raise torch.OutOfMemoryError("out of memory")
        return "done"

    with pytest.warns(UserWarning, match=TOO_LITTLE):
        assert with_cpu_fallback(work, torch.device("meta")) == "done"
    assert tried == ["meta", "cpu"]


def test_work_that_fits_runs_once_and_without_a_warning():
    tried = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert with_cpu_fallback(lambda device: tried.append(device) or 7, torch.device("meta")) == 7
    assert tried == [torch.device("meta")]


@pytest.mark.parametrize(
    ("device", "error"), [("cpu", torch.OutOfMemoryError("out of memory")), ("meta", RuntimeError("another failure"))]
)
def test_other_failures_are_passed_on(device, error):
    tried = []

    def work(place):
        tried.append(place)
        raise error

    with pytest.raises(type(error), match=str(error)):
        with_cpu_fallback(work, torch.device(device))
    assert len(tried) == 1


@pytest.mark.parametrize("step", ["encode_gray", "embed"])
def test_colors_come_from_the_cpu_when_the_gpu_is_full(model, photo, full_gpu, step):
    gray, labels = photo(40, 48), np.full((40, 48), 3, np.uint8)
    expected = model.colorize(gray, labels, options=ColorizeOptions(device="cpu"))
    full_gpu(TwoStreamUNet, step)

    def start_and_color():
        session = model.session(gray, ColorizeOptions(device="meta"))
        return session, session.colorize(labels)

    with pytest.warns(UserWarning, match=TOO_LITTLE) as caught:
        session, rgb = start_and_color()
    assert np.array_equal(rgb, expected)
    assert len([each for each in caught if re.search(TOO_LITTLE, str(each.message))]) == 1
    assert session.device.type == "cpu"
    with warnings.catch_warnings():  # and it stays there
        warnings.simplefilter("error")
        assert np.array_equal(session.colorize(labels), expected)


def test_labels_come_from_the_cpu_when_the_gpu_is_full(model, photo, full_gpu):
    expected = model.segment(photo(40, 48), SegmentOptions(device="cpu"))
    full_gpu(GridNet, "describe")
    with pytest.warns(UserWarning, match=TOO_LITTLE):
        labels = model.segment(photo(40, 48), SegmentOptions(device="meta"))
    assert np.array_equal(labels, expected)


def test_a_device_that_is_not_there_is_refused_before_any_work(model, photo):
    with pytest.raises(DeviceError, match="no device 'cuda:99'"):
        model.session(photo(8, 8), ColorizeOptions(device="cuda:99"))
    with pytest.raises(DeviceError, match="no device 'cuda:99'"):
        model.segment(photo(8, 8), SegmentOptions(device="cuda:99"))
