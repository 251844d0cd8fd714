import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_colorizer.engine.labels import check_labels, translate, unique_labels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64, np.uint64])
def test_label_maps_of_any_whole_numbers_are_translated(dtype):
    labels = np.array([[0, 9, 200, 3]], dtype)
    np.testing.assert_array_equal(translate(labels, {9: 1, 3: 0}), [[0, 1, 0, 0]])


def test_ids_outside_of_16_bits_become_unlabeled():
    np.testing.assert_array_equal(translate(np.array([[-1, 65535, 65536, 1 << 40]]), {65535: 7}), [[0, 7, 0, 0]])


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(st.sampled_from([np.uint8, np.uint16, np.int32, np.int64]), (5, 4)))
def test_unique_labels_are_those_of_numpy(labels):
    for found, expected in zip(unique_labels(labels), np.unique(labels, return_counts=True), strict=True):
        assert np.array_equal(found, expected)


def test_a_label_map_that_fits_is_passed_on_unchanged():
    labels = np.zeros((4, 5), np.int32)
    assert check_labels(labels, (4, 5)) is labels


@pytest.mark.parametrize("shape", [(5, 4), (4,), (4, 5, 1)])
def test_a_label_map_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"the label map has the shape \(.*\), the image \(4, 5\)"):
        check_labels(np.zeros(shape, np.uint8), (4, 5))


@pytest.mark.parametrize("dtype", [float, np.float32, complex, bool, "U1"])
def test_a_label_map_holds_whole_numbers(dtype):
    with pytest.raises(TypeError, match="must hold whole numbers"):
        check_labels(np.zeros((4, 5), dtype), (4, 5))
