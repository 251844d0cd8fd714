import subprocess
import sys

import numpy as np

from napari_colorizer.bench.scene import BRUSH, Brush, make_labels, make_photo, middle
from napari_colorizer.boxes import Box

IDS = (3, 5, 300)


def test_the_photo_has_shades_and_noise():
    photo = make_photo((40, 600))
    assert photo.shape == (40, 600)
    assert photo.dtype == np.uint8
    assert np.ptp(photo.astype(float).mean(0)) > 50
    assert np.abs(np.diff(photo.astype(float))).mean() > 3


def test_label_maps_of_another_step_differ_everywhere():
    first, second = make_labels((50, 80), IDS), make_labels((50, 80), IDS, 1)
    assert set(np.unique(first)) == set(IDS)
    assert (first != second).all()
    assert first.flags.c_contiguous


def test_every_dab_changes_a_disk_in_the_middle_of_the_area():
    area = Box(20, 120, 0, 200)
    brush = Brush(make_labels((150, 200), IDS), IDS, area)
    for _ in range(20):
        before = brush.labels.copy()
        changed = np.argwhere(brush.dab() != before)
        assert 0 < len(changed) <= BRUSH**2
        assert (np.ptp(changed, 0) < BRUSH).all()
        assert changed[:, 0].min() >= 45 - BRUSH / 2
        assert changed[:, 0].max() < 95 + BRUSH / 2


def test_a_dab_on_one_label_is_a_disk_as_wide_as_the_brush():
    brush = Brush(np.zeros((100, 100), np.uint8), IDS[:2], Box(0, 100, 0, 100))
    painted = brush.dab() > 0
    assert painted.any(0).sum() == painted.any(1).sum() == BRUSH
    assert abs(painted.sum() - np.pi * BRUSH**2 / 4) < BRUSH


def test_dabs_lie_in_the_middle_of_working_pixels():
    for seed in range(5):
        brush = Brush(np.zeros((400, 400), np.uint8), IDS[:2], Box(0, 400, 0, 400), pitch=20.0)
        for _ in range(seed + 1):
            before = brush.labels.copy()
            brush.dab()
        y, x = np.argwhere(brush.labels != before).min(0) + BRUSH // 2
        assert (y % 20, x % 20) == (10, 10)


def test_the_middle_of_a_box_is_no_larger_than_the_box():
    assert middle(Box(0, 100, 0, 200), (20, 60)) == Box(40, 60, 70, 130)
    assert middle(Box(10, 30, 0, 200), (50, 60)) == Box(10, 30, 70, 130)


def test_peak_memory_stays_when_memory_is_given_back():
    code = """
import numpy as np
from napari_colorizer.bench.scene import peak_memory
before = peak_memory()
np.ones(200_000_000, np.uint8)
print(before, peak_memory())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = (float(number) for number in done.stdout.split())
    assert 10 < before < 1000
    assert 190 < after - before < 220
