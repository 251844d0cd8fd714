"""What is made tile by tile, against what is made of the whole."""

import numpy as np
import pytest
import torch

from napari_colorizer.color import lightness, luma, normalize
from napari_colorizer.engine import planes
from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.planes import ShrunkPlane

SHAPES = pytest.mark.parametrize("shape", [(300, 421), (90, 700), (257, 64)])


@pytest.fixture(autouse=True)
def _small_tiles(monkeypatch):
    monkeypatch.setattr(planes, "SIDE", 50)


def shrink(image, working_size=40):
    values = torch.from_numpy(normalize(image))
    return values, ShrunkPlane(lambda box: values[box.slices], Frame.fit(values.shape[:2], working_size, 1))


@SHAPES
def test_areas_are_averaged_as_those_of_the_whole(photo, shape):
    for image in (photo(*shape), np.dstack([photo(*shape), photo(*shape)[::-1], photo(*shape)[:, ::-1]])):
        values, shrunk = shrink(image)
        torch.testing.assert_close(shrunk.lightness, shrunk.frame.shrink(lightness(values)), rtol=0, atol=1e-3)
        torch.testing.assert_close(shrunk.luma, shrunk.frame.shrink(luma(values)), rtol=0, atol=1e-5)


@SHAPES
def test_votes_are_those_of_the_whole(photo, shape):
    _, shrunk = shrink(photo(*shape))
    labels = np.random.default_rng(0).integers(0, 4, shape).astype(np.uint8)
    np.testing.assert_array_equal(shrunk.vote(lambda box: labels[box.slices]), shrunk.frame.vote(labels))


def test_a_hint_keeps_its_place_and_what_lies_outside_is_left_out(photo):
    _, shrunk = shrink(photo(400, 400))
    hints = shrunk.shrink_hints(Hints([(199.5, 99.5, 10, 20, 30), (-3, 5, 0, 0, 4), (400, 5, 0, 0, 4)]))
    assert hints.rows.tolist() == [[pytest.approx(19.5), pytest.approx(9.5), 10, 20, pytest.approx(3)]]
    assert shrunk.shrink_hints(None) is None


def test_tiles_cover_an_image_once():
    count = np.zeros((120, 77), int)
    for box in planes.tiles(count.shape):
        count[box.slices] += 1
        assert max(box.height, box.width) <= planes.SIDE
    assert (count == 1).all()
