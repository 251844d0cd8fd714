import numpy as np
import pytest
import torch

from napari_colorizer.engine.frame import Frame
from napari_colorizer.engine.hints import Hints

SAME = Frame.fit((20, 30), 352, 16)
HALF = Frame.fit((40, 60), 30, 16)


def cover_of(rows, frame=SAME, labels=None):
    labels = np.zeros(frame.full, np.uint8) if labels is None else labels
    return Hints(rows).cover(frame, labels, frame.vote(labels))


def mask_of(rows, frame=SAME, labels=None):
    return torch.from_numpy(cover_of(rows, frame, labels) >= 0)


def test_no_hints_are_no_hints():
    for rows in ((), [], np.zeros((0, 5)), Hints()):
        assert len(Hints(rows)) == 0
        assert not mask_of(rows).any()


def test_hints_are_made_from_hints():
    hints = Hints([(1, 2, 3, 4, 5)])
    assert np.array_equal(Hints(hints).rows, hints.rows)


@pytest.mark.parametrize("rows", [[(1, 2, 3, 4)], (1, 2, 3, 4, 5), [[(1, 2, 3, 4, 5)]]])
def test_rows_of_another_shape_are_refused(rows):
    with pytest.raises(ValueError, match="rows of y, x, a"):
        Hints(rows)


@pytest.mark.parametrize("rows", ["abc", [(1, 2, 3, 4, 5), (1, 2)], [("y", "x", 0, 0, 1)], [(1, 2, 3, 4, None)]])
def test_what_is_no_rows_of_numbers_is_refused(rows):
    with pytest.raises(ValueError, match="hints must be"):
        Hints(rows)


@pytest.mark.parametrize("row", [(1, 2, 3, 4, -1), (1, 2, np.nan, 4, 5), (np.inf, 2, 3, 4, 5)])
def test_values_that_make_no_sense_are_refused(row):
    with pytest.raises(ValueError, match="finite numbers, their radius 0 or more"):
        Hints([row])


def test_a_hint_is_a_disk():
    y, x = np.mgrid[:20, :30]
    assert np.array_equal(cover_of([(10, 15, 64, -32, 3)]) == 0, (y - 10) ** 2 + (x - 15) ** 2 <= 9)


@pytest.mark.parametrize(("y", "x"), [(0, 0), (19, 29), (7, 3)])
def test_a_point_colors_one_pixel(y, x):
    assert mask_of([(y, x, 1, 1, 0)]).nonzero().tolist() == [[y, x]]


@pytest.mark.parametrize(("y", "x"), [(0, 0), (39, 59), (20, 31)])
def test_a_small_hint_counts_at_working_size(y, x):
    assert mask_of([(y, x, 1, 1, 0)], HALF).nonzero().tolist() == [[y // 2, x // 2]]
    assert mask_of([(y, x, 1, 1, 0)], Frame.fit((4000, 6000), 32, 16)).sum() == 1


@pytest.mark.parametrize(("y", "x", "pixel"), [(-0.4, 2.6, [0, 3]), (7.4, -0.5, [7, 0]), (19.4, 28.6, [19, 29])])
def test_a_point_colors_the_pixel_whose_center_is_nearest(y, x, pixel):
    assert mask_of([(y, x, 1, 1, 0)]).nonzero().tolist() == [pixel]


@pytest.mark.parametrize("y", range(10))
def test_a_point_colors_the_working_pixel_that_holds_its_center(y):
    frame = Frame((10, 10), (7, 7), (32, 32))
    assert mask_of([(y, 0, 1, 1, 0)], frame).nonzero().tolist() == [[int((y + 0.5) * 0.7), 0]]


def test_a_hint_shrinks_with_the_image():
    assert HALF.working == (20, 30)
    covered = mask_of([(20, 30, 1, 1, 12)], HALF).sum()
    assert covered == pytest.approx(np.pi * 6**2, rel=0.1)


def test_the_later_hint_lies_on_top():
    cover = cover_of([(10, 10, 64, 0, 4), (10, 12, 0, 64, 4)])
    assert cover[10, 11] == 1
    assert cover[10, 7] == 0


@pytest.mark.parametrize(("y", "x"), [(-1, 5), (20, 5), (5, 30), (5, -3), (1e9, 5)])
def test_a_hint_outside_the_image_is_left_out(y, x):
    assert not mask_of([(y, x, 1, 1, 50)]).any()


def test_a_hint_is_inside_where_it_is_on_a_pixel():
    rows = [(-0.5, 2, 0, 0, 1), (-0.6, 2, 0, 0, 9), (9.4, 2, 0, 0, 1), (9.5, 2, 0, 0, 1), (3, 4.5, 0, 0, 1)]
    assert Hints(rows).inside((10, 5)).tolist() == [True, False, True, False, False]
    assert Hints().inside((10, 5)).tolist() == []


@pytest.mark.parametrize("row", [(1, 2, 1e300, 4, 1), (1, 2, 3, -129, 1)])
def test_colors_that_do_not_exist_are_refused(row):
    with pytest.raises(ValueError, match=r"must lie in -128\.\.128"):
        Hints([row])


def test_a_disk_stays_on_the_label_of_its_center():
    labels = np.zeros((20, 30), np.uint8)
    labels[:, 15:] = 4
    for x, own in ((13, 0), (16, 4)):
        mask = mask_of([(10, x, 1, 1, 5)], labels=labels).numpy() > 0
        assert mask.sum() > 30
        assert (labels[mask] == own).all()


def test_a_hint_beside_a_thin_stroke_keeps_to_what_it_lies_on():
    labels = np.zeros((640, 640), np.uint8)
    labels[:, 300:303] = 9  # wins the vote for its working pixels
    frame = Frame.fit((640, 640), 64, 16)
    working = frame.vote(labels)
    assert working[30, 30] == 9
    mask = mask_of([(305, 307, 1, 1, 0)], frame, labels).numpy() > 0
    assert mask.sum() == 1
    assert working[mask] == [0]
    assert abs(np.argwhere(mask)[0][1] - 30) == 1


def test_a_label_that_lost_every_vote_leaves_the_hint_at_its_place():
    labels = np.full((640, 640), 3, np.uint8)
    labels[305, 307] = 9
    mask = mask_of([(305, 307, 1, 1, 0)], Frame.fit((640, 640), 64, 16), labels)
    assert mask.nonzero().tolist() == [[30, 30]]


def test_a_disk_may_be_as_large_as_it_likes():
    assert mask_of([(10, 15, 1, 1, 1e300)]).all()
