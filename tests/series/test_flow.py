import numpy as np
import pytest

from napari_colorizer.series.flow import FLOW_SIZE, Flow


def light(gray):
    return gray / np.float32(2.55)


def inner(array):
    return array[..., 12:-12, 12:-12]


def test_a_move_is_found_and_trusted(window):
    flow = Flow.between(light(window()), light(window(13, 24)))
    rows, columns = inner(flow.displacement)
    assert np.median(rows) == pytest.approx(3, abs=0.3)
    assert np.median(columns) == pytest.approx(4, abs=0.3)
    assert inner(flow.trust).mean() > 0.9
    assert not flow.cut


def test_warping_brings_the_slice_before_onto_this_one(window):
    before, after = window(), window(13, 24)
    flow = Flow.between(light(before), light(after))
    warped = flow.warp(light(before))
    assert np.abs(inner(warped - light(after))).mean() < 0.2 * np.abs(inner(light(before) - light(after))).mean()
    both = flow.warp(np.stack([light(before)] * 2))
    np.testing.assert_array_equal(both[1], warped)


def test_labels_are_moved_and_never_mixed(window):
    flow = Flow.between(light(window()), light(window(13, 24)))
    labels = np.zeros((72, 96), np.uint8)
    labels[30:50, 40:60] = 7
    warped = flow.warp(labels)
    assert set(np.unique(warped)) == {0, 7}
    assert (warped[27:47, 36:56] == 7).mean() > 0.95
    assert warped.dtype == np.uint8


def test_points_go_with_what_they_lie_on(window):
    flow = Flow.between(light(window()), light(window(13, 24)))
    np.testing.assert_allclose(flow.move(np.array([[30.0, 40.0], [50.0, 70.0]])), [[27, 36], [47, 66]], atol=0.7)


def test_what_has_come_into_view_is_not_trusted(window):
    flow = Flow.between(light(window(10, 20)), light(window(10, 28)))
    assert flow.trust[:, -6:].mean() < 0.25 < 0.9 < inner(flow.trust).mean()


def test_another_picture_is_a_cut(window):
    flow = Flow.between(light(window()), light(window(seed=1)))
    assert flow.cut
    assert not flow.trust.any()


def test_light_that_flickers_is_no_cut(window):
    flow = Flow.between(light(window()), light(window()) * np.float32(0.8) + 5)
    assert not flow.cut
    assert inner(flow.trust).mean() > 0.9


@pytest.mark.parametrize("shape", [(1, 1), (5, 40), (40, 50)])
def test_blank_and_tiny_slices_stay_where_they_are(shape):
    flow = Flow.between(np.full(shape, 50, np.float32), np.full(shape, 50, np.float32))
    np.testing.assert_allclose(flow.displacement, 0, atol=1e-3)
    assert not flow.cut
    assert flow.trust.min() == 1


def test_blank_slices_of_other_lightness_are_a_cut():
    assert Flow.between(np.full((40, 50), 20, np.float32), np.full((40, 50), 80, np.float32)).cut


def test_large_slices_have_their_flow_in_their_own_pixels(scene):
    large = np.kron(scene()[:100, :140], np.ones((3, 3), np.uint8))
    flow = Flow.between(light(large[12:282, 30:390]), light(large[21:291, 18:378]))
    assert max(flow.trust.shape) == FLOW_SIZE
    rows, columns = flow.at((270, 360)).displacement[:, 40:-40, 40:-40]
    assert np.median(rows) == pytest.approx(9, abs=1)
    assert np.median(columns) == pytest.approx(-12, abs=1)


def test_slices_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match=r"one shape, not \(4, 5\) and \(5, 4\)"):
        Flow.between(np.zeros((4, 5), np.float32), np.zeros((5, 4), np.float32))
