"""How soon simulated strokes bring a predicted label map to the truth."""

from dataclasses import replace

import numpy as np
import pytest

from napari_colorizer.errors import ModelError
from napari_colorizer.evaluation.corrections import MOST_PHOTOS, POINTS, STROKES, evaluate_corrections, stroke_through


def test_strokes_help_and_spreading_them_helps_more(tiny_model, photos, classes):
    found = evaluate_corrections(tiny_model, photos[:2], classes)
    assert found["photos"] == 2
    for way, row in found["accuracy"].items():
        assert list(row) == [str(count) for count in range(STROKES + 1)]
        assert 0 <= row["0"] < row[str(STROKES)] <= 1, way
    accuracy = found["accuracy"]
    assert len({round(row["0"], 6) for way, row in accuracy.items() if way != "random walker"}) == 1
    assert accuracy["spread"]["8"] > accuracy["painted"]["8"]
    assert found["helped"]["painted"] == 1
    assert evaluate_corrections(tiny_model, photos[:2], classes) == found


def test_a_map_that_is_right_is_left_alone(tiny_model, photos, classes, monkeypatch):
    labels = tiny_model.segmentation(photos[0].rgb).likely
    found = evaluate_corrections(tiny_model, [replace(photos[0], labels=labels)], classes)
    assert set(found["accuracy"]["spread"].values()) == {1.0}


def test_a_member_is_right_where_the_truth_says_its_group(tiny_model, photos, classes):
    labels = tiny_model.segmentation(photos[0].rgb).likely
    members, group = np.unique(labels).tolist(), 99
    photo = replace(photos[0], labels=np.full_like(labels, group))
    alone = evaluate_corrections(tiny_model, [photo], classes)["accuracy"]["painted"]["0"]
    assert alone == 0
    assert evaluate_corrections(tiny_model, [photo], classes, {group: members})["accuracy"]["painted"]["0"] == 1


def test_photos_that_are_hardly_labeled_are_left_out_and_of_many_some_are_taken(tiny_model, photos, classes):
    bare = replace(photos[0], labels=np.zeros_like(photos[0].labels))
    assert evaluate_corrections(tiny_model, [bare], classes) == {"photos": 0}
    labels = tiny_model.segmentation(photos[0].rgb).likely
    seen = []
    evaluate_corrections(
        tiny_model,
        [replace(photos[0], labels=labels)] * (2 * MOST_PHOTOS),
        classes,
        on_photo=lambda taken: seen.extend(taken) or taken[:1],
    )
    assert len(seen) == MOST_PHOTOS


def test_a_model_without_a_segmenter_is_refused(make_model, photos, classes):
    with pytest.raises(ModelError, match="no segmenter"):
        evaluate_corrections(make_model(segmenter=False), photos, classes)


@pytest.mark.parametrize("radius", [1, 3])
def test_a_stroke_goes_through_a_piece_from_end_to_end(radius):
    piece = np.zeros((60, 100), bool)
    piece[10:21, 5:95] = piece[10:50, 84:95] = True
    stroke = stroke_through(piece, radius)
    assert not (stroke & ~piece).any()
    rows, columns = np.nonzero(stroke)
    assert columns.min() < 15
    assert rows.max() > 40
    assert POINTS <= stroke.sum() <= POINTS * (2 * radius + 1) ** 2


def test_the_smallest_piece_is_all_stroke():
    piece = np.zeros((5, 7), bool)
    piece[4, 6] = True
    np.testing.assert_array_equal(stroke_through(piece, 3), piece)
