import numpy as np
import pytest

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.errors import ModelError
from napari_colorizer.series.coloring import SeriesColorizer
from napari_colorizer.series.options import SeriesOptions

SKY, GRASS = 1, 2


@pytest.fixture
def halves():
    labels = np.full((72, 96), SKY, np.uint8)
    labels[36:] = GRASS
    return labels


def alone(model, gray, labels):
    return model.colorize(gray, labels)


def test_the_first_slice_is_colored_as_an_image_of_its_own(tiny_model, window, halves):
    found = SeriesColorizer(tiny_model).color(window(), halves)
    np.testing.assert_array_equal(found.rgb, alone(tiny_model, window(), halves))
    np.testing.assert_array_equal(found.carried.labels, halves)


def test_without_steadiness_and_carrying_each_slice_stands_alone(tiny_model, window):
    colorizer = SeriesColorizer(tiny_model, series=SeriesOptions(steadiness=0, carry=False))
    colorizer.color(window())
    found = colorizer.color(window(12, 22))
    np.testing.assert_array_equal(found.carried.labels, tiny_model.segment(window(12, 22)))
    np.testing.assert_array_equal(found.rgb, alone(tiny_model, window(12, 22), found.carried.labels))


def test_steady_color_lies_between_the_slice_alone_and_the_one_before(tiny_model, window, halves):
    chroma = {}
    for steadiness in (0.0, 0.5, 0.9):
        colorizer = SeriesColorizer(tiny_model, series=SeriesOptions(steadiness, carry=False))
        first = colorizer.color(window(), halves)
        chroma[steadiness] = colorizer.color(window()).chroma  # the same picture with predicted labels
    far, near, nearest = (np.abs(chroma[s] - first.chroma).mean() for s in (0.0, 0.5, 0.9))
    assert far > 0
    assert near == pytest.approx(far / 2, rel=0.02)
    assert nearest == pytest.approx(far / 10, rel=0.05)


def test_no_color_crosses_a_cut(tiny_model, window, halves):
    colorizer = SeriesColorizer(tiny_model, series=SeriesOptions(0.9))
    colorizer.color(window(), halves)
    found = colorizer.color(window(seed=1))
    fresh = SeriesColorizer(tiny_model).color(window(seed=1))
    np.testing.assert_array_equal(found.rgb, fresh.rgb)


def test_a_key_frame_is_as_it_was_said_and_its_new_colors_come_at_once(tiny_model, window, halves):
    colorizer = SeriesColorizer(tiny_model, series=SeriesOptions(0.9))
    colorizer.color(window(), halves)
    corrected = halves.copy()
    corrected[:, 48:] = 7
    found = colorizer.color(window(), corrected)
    np.testing.assert_array_equal(found.carried.labels, corrected)
    wanted = SeriesColorizer(tiny_model).color(window(), corrected)
    np.testing.assert_array_equal(found.chroma[:, :, 48:], wanted.chroma[:, :, 48:])


def test_labels_are_carried_over_a_move(make_model, window, halves):
    model = make_model(segmenter=False)
    colorizer = SeriesColorizer(model)
    colorizer.color(window(10, 20), halves)
    for step in range(1, 4):
        found = colorizer.color(window(10 + 2 * step, 20))
    moved = found.carried.labels[:-8]
    assert (moved[:28] == SKY).mean() > 0.97
    assert (moved[32:] == GRASS).mean() > 0.97


def test_labels_of_other_classes_are_matched_by_name(tiny_model, window):
    classes = ClassMap([Class(40, "grass", "#00ff00"), Class(50, "sky", "#0000ff")])
    own, other = (SeriesColorizer(tiny_model, classes=each).color(window()) for each in (None, classes))
    for mine, theirs in ((SKY, 50), (GRASS, 40), (7, 0), (0, 0)):
        assert (other.carried.labels[own.carried.labels == mine] == theirs).all()


def test_a_model_that_cannot_color_is_refused(make_model):
    with pytest.raises(ModelError, match="no colorizer"):
        SeriesColorizer(make_model(colorizer=False))


@pytest.mark.parametrize("steadiness", [-0.1, 1.0])
def test_steadiness_out_of_range_is_refused(steadiness):
    with pytest.raises(ValueError, match=r"steadiness must lie in 0..0.95"):
        SeriesOptions(steadiness)
