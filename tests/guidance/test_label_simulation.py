import numpy as np
import pytest

from napari_colorizer.guidance import label_simulation as guidance
from napari_colorizer.training.options import TrainOptions

UNLIKE = {1: [2, 9], 2: [1, 9], 7: [1, 2, 9], 9: [1, 2, 7]}  # for each class those of other colors
LABELS = np.repeat(np.repeat(np.array([[1, 2], [2, 7]], np.int32), 32, 0), 32, 1)


def rngs(count=64):
    return [np.random.default_rng([9, number]) for number in range(count)]


def options(**changes):
    still = dict.fromkeys(("drop_all", "drop_classes", "drop_outside", "label_noise", "aging"), 0.0)
    return TrainOptions(**{**still, **changes})


def test_without_any_chance_labels_stay_as_they_are():
    assert all((guidance.degrade_labels(LABELS, options(), rng) == LABELS).all() for rng in rngs(8))


def test_all_labels_are_dropped_as_often_as_asked():
    dropped = [not guidance.drop_labels(LABELS, options(drop_all=0.25), rng).any() for rng in rngs(200)]
    assert 30 < sum(dropped) < 70


def test_classes_are_dropped_as_a_whole():
    maps = [guidance.drop_labels(LABELS, options(drop_classes=1.0), rng) for rng in rngs()]
    for given in maps:
        for label in (1, 2, 7):
            assert (given[label == LABELS] == label).mean() in (0, 1)
    assert len({tuple(np.unique(given)) for given in maps}) > 4


def test_outside_of_boxes_nothing_is_labeled():
    for given in (guidance.drop_labels(LABELS, options(drop_outside=1.0), rng) for rng in rngs()):
        kept = given > 0
        assert kept.any()
        assert (given[kept] == LABELS[kept]).all()


def test_borders_move_by_a_few_pixels_only():
    moved = [guidance.shift_borders(LABELS, rng) for rng in rngs()]
    changed = np.mean([given != LABELS for given in moved], 0)
    border = np.zeros(LABELS.shape, bool)
    border[20:44], border[:, 20:44] = True, True
    assert changed[~border].max() == 0
    assert changed[border].mean() > 0.02


def test_a_confused_class_gets_the_name_of_another_one_present():
    maps = [guidance.confuse_class(LABELS, rng) for rng in rngs()]
    assert all(set(np.unique(given)) <= {1, 2, 7} for given in maps)
    assert any((given != LABELS).any() for given in maps)


def test_a_whole_region_is_relabeled_as_often_as_asked_and_nothing_else():
    found = [guidance.relabel_region(LABELS, 0.25, UNLIKE, rng) for rng in rngs(200)]
    changed = [(given, former > 0) for given, former in found if former.any()]
    assert 30 < len(changed) < 70
    pairs = set()
    assert all((former[former > 0] == LABELS[former > 0]).all() for _, former in found)
    for given, region in changed:
        assert (given[~region] == LABELS[~region]).all()
        (old,), (new,) = np.unique(LABELS[region]), np.unique(given[region])
        assert np.array_equal(region, old == LABELS)
        pairs.add((old, new))
    assert all((given == LABELS).all() for given, former in found if not former.any())
    assert pairs == {(1, 2), (1, 9), (2, 1), (2, 9), (7, 1), (7, 2), (7, 9)}


def test_what_is_unlabeled_or_tiny_keeps_its_label():
    given = np.zeros((100, 100), np.int32)
    given[0, :50] = 1  # half a percent
    for rng in rngs():
        assert not guidance.relabel_region(given, 1.0, UNLIKE, rng)[1].any()
    given[10:] = 2
    changed = [guidance.relabel_region(given, 1.0, UNLIKE, rng)[0] for rng in rngs()]
    assert all((labels[given < 2] == given[given < 2]).all() and (labels[10:] != 2).all() for labels in changed)


def test_a_close_up_is_relabeled_as_a_whole():
    given = np.full((50, 50), 7, np.int32)
    assert all(guidance.relabel_region(given, 1.0, UNLIKE, rng)[1].all() for rng in rngs(8))


def test_no_other_class_to_become_leaves_the_labels_as_they_are():
    given = np.where(LABELS == 1, 1, 0)
    assert not any(guidance.relabel_region(given, 1.0, {1: []}, rng)[1].any() for rng in rngs(8))


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (64, 64)])
def test_everything_works_on_any_shape(shape):
    labels = np.ones(shape, np.int32)
    every = options(drop_outside=1.0, label_noise=1.0)
    for rng in rngs(20):
        assert guidance.degrade_labels(labels, every, rng).shape == shape
