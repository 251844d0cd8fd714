import numpy as np
import pytest

from napari_colorizer.boxes import Box
from napari_colorizer.engine import levels as levels_module
from napari_colorizer.engine.levels import ColorLevels


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch):
    monkeypatch.setattr(levels_module, "LARGEST_SINGLE", 50_000)
    monkeypatch.setattr(levels_module, "SMALLEST_LEVEL", 40)


def halved(image):
    """Means of two by two pixels, each rounded; an odd last row or column is left out."""
    height, width = (size // 2 * 2 for size in image.shape[:2])
    parts = [image[y:height:2, x:width:2].astype(int) for y in (0, 1) for x in (0, 1)]
    return (sum(parts) + 2) // 4


@pytest.mark.parametrize("shape", [(300, 401), (257, 256), (3, 50_000)])
def test_every_level_follows_every_edit(model, photo, shape):
    session, labels = model.session(photo(*shape)), np.full(shape, 7, np.uint8)
    levels = ColorLevels(shape)
    levels.follow(session)
    assert len(levels.arrays) > 1
    for top, left in ((0, 0), (101, 203), (1, 77)):
        labels[top % shape[0] :][:33, left : left + 41] = top % 60 + 1
        session.edit(labels)
        assert not levels.painted
        levels.paint()
        assert levels.painted
        for larger, smaller in zip(levels.arrays, levels.arrays[1:], strict=False):
            np.testing.assert_array_equal(smaller, halved(larger))
    np.testing.assert_allclose(levels.arrays[0].astype(int), model.colorize(photo(*shape), labels), atol=1)


def test_a_small_picture_has_one_level(model, photo):
    assert len(ColorLevels((100, 100)).arrays) == 1


def test_the_whole_is_what_is_left_painted(model, photo):
    session, levels = model.session(photo(300, 300)), ColorLevels((300, 300))
    levels.follow(session)
    session.edit(np.full((300, 300), 7, np.uint8))
    assert levels.paint(Box(0, 1, 0, 1))
    assert not levels.painted
    whole = levels.whole()
    assert whole is levels.arrays[0]
    np.testing.assert_allclose(whole.astype(int), model.colorize(photo(300, 300), np.full((300, 300), 7)), atol=1)
    assert not levels.paint()


def test_another_session_takes_over_the_same_arrays(model, photo):
    levels, labels = ColorLevels((300, 300)), np.full((300, 300), 7, np.uint8)
    array = levels.arrays[0]
    for _ in range(2):
        session = model.session(photo(300, 300))
        levels.follow(session)
        session.edit(labels)
        levels.paint()
        np.testing.assert_array_equal(array, session.colorize(labels))


def test_a_session_that_was_painted_elsewhere_is_painted_here_too(model, photo):
    session, levels = model.session(photo(300, 300)), ColorLevels((300, 300))
    colors = session.colorize(np.full((300, 300), 7, np.uint8))
    for _ in range(2):  # and again where another session has painted into the same levels meanwhile
        levels.follow(session)
        assert not levels.painted
        np.testing.assert_array_equal(levels.whole(), colors)
        assert levels.painted
        levels.arrays[0][:] = 0
