import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_colorizer.boxes import Box
from napari_colorizer.engine.frame import Frame, neighbors
from napari_colorizer.engine.tiles import PIXELS_OF_A_BOX, StaleTiles, _rectangles

sides = st.integers(1, 700)


def covered(boxes, shape):
    """How often each pixel lies in a box."""
    count = np.zeros(shape, int)
    for box in boxes:
        assert box == box.within(shape)
        count[box.slices] += 1
    return count


def painted(shape, working_size=40):
    tiles = StaleTiles(Frame.fit(shape, working_size, 16))
    for box in tiles.stale():
        tiles.note_painted(box)
    return tiles


@settings(max_examples=60, deadline=None)
@given(sides, sides, st.integers(32, 400))
def test_at_first_everything_is_stale_and_painted_once(height, width, working_size):
    tiles = StaleTiles(Frame.fit((height, width), working_size, 16))
    assert (covered(tiles.stale(), (height, width)) == 1).all()
    for stale in tiles.stale():
        for box in stale.parts(tiles.multiple(100)):
            tiles.note_painted(box)
    assert tiles.stale() == []


@settings(max_examples=100, deadline=None)
@given(st.data(), sides, sides, st.integers(32, 400))
def test_every_pixel_that_a_changed_working_pixel_colors_is_stale(data, height, width, working_size):
    frame = Frame.fit((height, width), working_size, 16)
    tiles = painted((height, width), working_size)
    row, column = (data.draw(st.integers(0, size - 1)) for size in frame.working)
    tiles.note_chroma(Box(row, row + 1, column, column + 1), np.array([[3.0]]))
    stale = covered(tiles.stale(2.9), (height, width)) > 0
    assert tiles.stale(3.1) == []
    rows, columns = (
        np.isin(neighbors(full, small, "cpu")[0], place) | np.isin(neighbors(full, small, "cpu")[1], place)
        for full, small, place in ((height, frame.working[0], row), (width, frame.working[1], column))
    )
    assert stale[rows][:, columns].all()


def test_changed_labels_make_their_tiles_stale_and_no_others():
    tiles = painted((300, 400))
    tiles.note_labels(Box(100, 101, 200, 203))
    (box,) = tiles.stale(1e9)
    assert box.joined(Box(100, 101, 200, 203)) == box
    assert box.height <= tiles.side
    assert box.width <= 2 * tiles.side


def test_small_changes_add_up_until_they_are_painted():
    tiles, whole = painted((100, 100)), Box.of((40, 40))
    for _ in range(3):
        tiles.note_chroma(whole, np.full((40, 40), 0.1))
    assert tiles.stale(0.35) == []
    assert tiles.stale(0.25)
    for box in tiles.stale():
        tiles.note_painted(box)
    assert tiles.stale() == []


def test_only_what_a_view_touches_is_given():
    tiles = StaleTiles(Frame.fit((1000, 1000), 224, 16))
    inside = Box(450, 500, 480, 520)
    boxes = tiles.stale(inside=inside)
    assert (covered(boxes, (1000, 1000))[inside.slices] == 1).all()
    assert sum(box.height * box.width for box in boxes) <= (3 * tiles.side) ** 2
    assert tiles.stale(inside=Box(2000, 2100, -50, -10)) == []


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 299), st.integers(0, 299), st.integers(1, 90), st.integers(1, 90)), max_size=6)
)
def test_stale_boxes_lie_around_all_edits_and_hold_little_else(edits):
    tiles = painted((300, 300))
    for top, left, height, width in edits:
        tiles.note_labels(Box(top, top + height, left, left + width))
    stale = tiles.stale()
    count, edited = covered(stale, (300, 300)), np.zeros((300, 300), bool)
    for top, left, height, width in edits:
        edited[top : top + height, left : left + width] = True
        first, last = tiles.side * (top // tiles.side), tiles.side * -(-min(300, top + height) // tiles.side)
        edited[
            first:last, tiles.side * (left // tiles.side) : tiles.side * -(-min(300, left + width) // tiles.side)
        ] = 1
    assert count[edited].all()
    fewer = len(_rectangles(tiles._off > 0)) - len(stale)
    assert count.sum() - edited.sum() <= fewer * PIXELS_OF_A_BOX
    assert bool(tiles.left) == bool(edits)


def test_boxes_that_lie_close_are_painted_as_one():
    tiles = painted((2000, 2000))
    for left in (0, 130, 260):
        tiles.note_labels(Box(0, 10, left, left + 10))
    tiles.note_labels(Box(1500, 1510, 1500, 1510))
    assert len(tiles.stale()) == 2
