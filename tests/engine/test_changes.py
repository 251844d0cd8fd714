import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_colorizer.boxes import Box
from napari_colorizer.engine import changes
from napari_colorizer.engine.changes import LabelChanges


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 40), st.integers(1, 40))
def test_copy_and_counts_follow_any_edits_and_the_box_holds_them(data, height, width):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, (height, width)).astype(np.uint8)
    following = LabelChanges()
    assert following.update(labels) == Box.of(labels.shape)
    for _ in range(4):
        before = labels.copy()
        for _ in range(data.draw(st.integers(0, 2))):
            row, column = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
            labels[row : row + 3, column : column + 3] = data.draw(st.integers(0, 5))
        box = following.update(labels)
        assert np.array_equal(following.labels, labels)
        ids, counts = np.unique(labels, return_counts=True)
        assert following.counts == dict(zip(ids.tolist(), counts.tolist(), strict=True))
        rows, columns = (before != labels).nonzero()
        expected = Box(rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) if len(rows) else None
        assert box == expected


def test_a_large_map_is_compared_in_parts_without_a_seam(monkeypatch):
    monkeypatch.setattr(changes, "ROWS_AT_ONCE", 7)
    labels = np.zeros((40, 30), np.uint16)
    following = LabelChanges()
    following.update(labels)
    labels[6, 20] = labels[30, 3] = 500
    assert following.update(labels) == Box(6, 31, 3, 21)


def test_another_shape_or_type_is_a_new_map():
    following = LabelChanges()
    for shape, dtype in (((4, 5), np.uint8), ((4, 6), np.uint8), ((4, 6), np.uint16)):
        assert following.update(np.zeros(shape, dtype)) == Box.of(shape)
        assert following.counts == {0: shape[0] * shape[1]}


def test_the_map_itself_is_neither_kept_nor_altered():
    labels = np.zeros((4, 5), np.uint8)
    labels.flags.writeable = False
    following = LabelChanges()
    following.update(labels)
    assert not np.shares_memory(following.labels, labels)
