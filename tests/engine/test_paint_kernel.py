"""Compiled painting against that with torch."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from napari_colorizer.boxes import Box
from napari_colorizer.engine import upsample
from napari_colorizer.engine.compiled import compiled
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.upsample import GuidedUpsampling

SIZES = pytest.mark.parametrize(
    ("full", "working_size"),
    [((512, 640), 96), ((101, 77), 50), ((60, 53), 352), ((400, 1), 90), ((1, 90), 40), ((1, 1), 40), ((9, 200), 190)],
)
DEVIATIONS = pytest.mark.parametrize("deviation", [10, 60])  # few colors and many lie outside the gamut


def scene(full, working_size, deviation=30, classes=4):
    """What is to be painted, in random colors, and its labels: blobs, and strokes too thin to win a vote."""
    generator = torch.Generator().manual_seed(sum(full))
    lightness = F.interpolate(torch.rand(1, 1, 40, 40, generator=generator) * 100, size=full, mode="bilinear")[0, 0]
    lightness = (lightness + torch.randn(full, generator=generator) * 5).clamp_(0, 100)
    blobs = F.interpolate(torch.rand(1, classes, 9, 9, generator=generator), size=full, mode="bilinear")[0]
    labels = blobs.argmax(0).to(torch.int32)
    labels[:: max(5, full[0] // 3)] = classes
    frame = Frame.fit(full, working_size, 16)
    small = frame.shrink(lightness)
    upsampling = GuidedUpsampling(small, lightness)
    chroma = torch.randn(2, *small.shape, generator=generator) * deviation
    winners = torch.from_numpy(frame.vote(labels.numpy().astype(np.uint8)))
    upsampling.fit(chroma, winners, Box.of(small.shape))
    return upsampling, labels


def painted(upsampling, labels, boxes=None, out=None):
    shape = tuple(labels.shape)
    out = np.zeros((*shape, 3), np.uint8) if out is None else out
    for box in boxes or [Box.of(shape)]:
        upsampling.paint(box, labels, out)
    return out


@pytest.fixture
def with_torch(monkeypatch):
    """Paint with torch."""

    def run(*arguments):
        with monkeypatch.context() as patch:
            patch.setattr(upsample, "compiled", lambda: None)
            return painted(*arguments)

    return run


@SIZES
@DEVIATIONS
def test_the_colors_are_those_of_torch(with_torch, full, working_size, deviation):
    upsampling, labels = scene(full, working_size, deviation)
    off = np.abs(painted(upsampling, labels).astype(int) - with_torch(upsampling, labels))
    assert off.max() <= 1
    assert (off > 0).sum() <= 2 + 5e-5 * off.size


@SIZES
def test_every_box_has_the_colors_of_the_whole(full, working_size):
    upsampling, labels = scene(full, working_size)
    parts = list(Box.of(full).parts(37))
    np.testing.assert_array_equal(painted(upsampling, labels, parts), painted(upsampling, labels))


def test_all_levels_of_gray_and_of_each_channel_are_those_of_torch(with_torch):
    ramp = torch.linspace(0, 100, 100_000).reshape(100, 1000)
    for a, b in ((0, 0), (60, 40), (-60, 40), (10, -80), (200, 200)):
        upsampling = GuidedUpsampling(ramp, ramp)
        chroma = torch.tensor([a, b]).float()[:, None, None].expand(2, *ramp.shape)
        labels = torch.zeros(ramp.shape, dtype=torch.int32)
        upsampling.fit(chroma, labels.long(), Box.of(ramp.shape))
        off = np.abs(painted(upsampling, labels).astype(int) - with_torch(upsampling, labels))
        assert off.max() <= 1
        assert (off > 0).sum() <= 5e-5 * off.size


def test_nothing_is_painted_outside_the_box():
    upsampling, labels = scene((101, 77), 50)
    whole, box = painted(upsampling, labels), Box(13, 40, 7, 60)
    out = painted(upsampling, labels, [box])
    np.testing.assert_array_equal(out[box.slices], whole[box.slices])
    out[box.slices] = 0
    assert not out.any()


def test_a_box_beyond_the_image_is_painted_as_far_as_there_are_pixels():
    upsampling, labels = scene((30, 20), 12)
    out = painted(upsampling, labels, [Box(-5, 99, -5, 99), Box(40, 50, 0, 5), Box(3, 3, 0, 5)])
    np.testing.assert_array_equal(out, painted(upsampling, labels))


def test_a_part_of_a_larger_picture_can_be_painted_into():
    upsampling, labels = scene((30, 20), 12)
    larger = np.zeros((40, 50, 3), np.uint8)
    out = painted(upsampling, labels, None, larger[5:35, 7:47:2])
    np.testing.assert_array_equal(out, painted(upsampling, labels))
    assert not larger[:, ::2].any()


@pytest.mark.parametrize("shape", [(30, 21, 3), (29, 20, 3), (30, 20), (30, 20, 4)])
def test_colors_of_another_shape_are_refused(shape):
    upsampling, labels = scene((30, 20), 12)
    with pytest.raises(ValueError, match="must be those of a"):
        upsampling.paint(Box(0, 5, 0, 5), labels, np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="must be those of a"):
        upsampling.paint(Box(0, 5, 0, 5), labels[1:], np.zeros((30, 20, 3), np.uint8))


def test_what_is_no_number_gives_some_color():
    lightness = torch.full((8, 8), 50.0)
    upsampling, labels = GuidedUpsampling(lightness, lightness), torch.zeros(8, 8, dtype=torch.int32)
    upsampling.fit(torch.full((2, 8, 8), torch.inf), labels.long(), Box.of((8, 8)))
    assert painted(upsampling, labels).shape == (8, 8, 3)


@SIZES
@pytest.mark.parametrize("with_kernels", [True, False])
def test_a_part_is_painted_without_the_whole_as_it_is_with_it(full, working_size, with_kernels, monkeypatch):
    upsampling, labels = scene(full, working_size)
    kernels = compiled()
    monkeypatch.setattr(upsample, "compiled", lambda: kernels if with_kernels else None)
    whole = np.zeros((*full, 3), np.uint8)
    upsampling.paint(Box.of(full), labels, whole)
    for box in Box.of(full).parts(37):
        part = upsampling.paint_part(box, upsampling.lightness[box.slices], labels[box.slices])
        assert np.abs(part.astype(int) - whole[box.slices]).max() <= 1
