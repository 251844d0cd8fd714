import itertools

import numpy as np
import pytest
import torch

from napari_colorizer.networks import GridNet, GridNetConfig, TwoStreamUNet, TwoStreamUNetConfig
from napari_colorizer.training.__main__ import start_from
from napari_colorizer.training.batches import draw_crops
from napari_colorizer.training.fit import FitOptions, fit_colorizer, fit_segmenter, gray_input
from napari_colorizer.training.photos import Photo

STEPS = 200
QUICK = FitOptions(minutes=1, size=32, batch=8, rate=5e-3)


@pytest.fixture(autouse=True)
def steady_clock(monkeypatch):
    """A clock that advances at every look at it, so that a slow machine trains for as many steps as a fast one."""
    ticks = itertools.count()
    monkeypatch.setattr("napari_colorizer.training.fit.time.monotonic", lambda: next(ticks) * 60 / STEPS)


def test_the_colorizer_learns_the_color_of_a_label(photos, tmp_path):
    config = TwoStreamUNetConfig((0, 1, 2), (8, 16), (16,), slope=0.1, embedding=4, stem=8, final_activation=False)
    network = fit_colorizer(TwoStreamUNet(config), photos, QUICK, checkpoint=tmp_path / "c.pt")
    x = gray_input(draw_crops(photos, range(4), 32, np.random.default_rng(0)).rgb)
    with torch.inference_mode():
        grass, sky = (network(x, torch.full((4, 32, 32), label)).mean((0, 2, 3)) * 128 for label in (2, 1))
    assert grass[1] > sky[1] + 4
    facts = start_from(tmp_path / "c.pt", TwoStreamUNet(config))
    assert facts["steps"] > 0
    assert facts["seed"] == 0


def test_the_segmenter_learns_and_ignores_what_is_unlabeled(photos):
    halves = [Photo(p.name, p.rgb, np.where(np.arange(120) < 60, p.labels, 0).astype(np.uint8)) for p in photos]
    network = fit_segmenter(GridNet(GridNetConfig((1, 2), (8, 16), columns=2)), halves, {}, QUICK)
    x = torch.full((1, 1, 32, 32), 0.3)
    x[:, :, 16:] = -0.1
    with torch.inference_mode():
        best = network(x).argmax(1)[0]
    assert (best[:12] == 0).float().mean() > 0.8
    assert (best[20:] == 1).float().mean() > 0.8


def test_a_group_is_satisfied_by_its_members(photos):
    """Half of the photos call the ground 3, the group of 2: the network may go on calling it 2."""
    mixed = [Photo(p.name, p.rgb, np.where(p.labels == 2, 3, 1).astype(np.uint8)) for p in photos[:2]] + photos[2:]
    config = GridNetConfig((1, 2, 3), (8, 16), columns=2)
    network = fit_segmenter(GridNet(config), mixed, {3: (2,)}, QUICK)
    x = torch.full((1, 1, 32, 32), -0.1)
    x[:, :, :16] = 0.3
    with torch.inference_mode():
        probability = network(x).softmax(1)[0, :, 20:].mean((1, 2))
    assert probability[1] > probability[2]
