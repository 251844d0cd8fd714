import json

import numpy as np
import pytest

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.evaluation.metrics.segmentation import SegmentationScores

SKY, PERSON, SKIN, HAIR, DOG = 1, 15, 60, 61, 400
NAMES = {SKY: "sky", PERSON: "person", SKIN: "skin", HAIR: "hair", DOG: "dog"}
CLASSES = ClassMap(Class(label, name, "#101010") for label, name in NAMES.items())
GROUPS = {PERSON: (SKIN, HAIR)}


def scores(*images, groups=GROUPS):
    """Scores of images given as (truth, predicted) or (truth, predicted, source)."""
    counted = SegmentationScores(CLASSES, groups)
    for truth, predicted, *source in images:
        counted.add(np.array([truth], np.uint16), np.array([predicted], np.uint16), *source)
    return counted.summary()


def test_by_hand():
    found = scores(([SKY, SKY, SKY, DOG], [SKY, SKY, DOG, DOG]))
    assert found["pixel accuracy"] == 0.75
    assert found["IoU"] == {"sky": pytest.approx(2 / 3), "dog": pytest.approx(1 / 2)}
    assert found["mIoU"] == pytest.approx(7 / 12)
    assert json.loads(json.dumps(found)) == found


def test_unlabeled_truth_is_left_out_and_unlabeled_predictions_are_misses():
    found = scores(([0, 0, SKY, SKY], [SKY, DOG, SKY, 0]))
    assert found["pixel accuracy"] == 0.5
    assert found["IoU"] == {"sky": 0.5}


def test_ids_outside_the_class_map_are_unlabeled():
    found = scores(([SKY, 2, 65535, SKY], [SKY, SKY, SKY, 65535]))
    assert (found["pixel accuracy"], found["IoU"]) == (0.5, {"sky": 0.5})


def test_images_add_up():
    apart = scores(([SKY] * 3, [SKY] * 3), ([SKY], [DOG]))
    assert apart["pixel accuracy"] == 0.75


def test_nothing_labeled_gives_no_figures():
    assert scores(([0, 0], [SKY, SKY]))["IoU"] == {}
    assert "mIoU" not in scores(([0, 0], [SKY, SKY]))


def test_sources_are_scored_over_what_they_label():
    found = scores(([SKY, SKY], [SKY, DOG], "a"), ([DOG, DOG], [DOG, DOG], "b"))
    assert found["sources"]["a"]["IoU"] == {"sky": 0.5}
    assert found["sources"]["b"] == {"pixel accuracy": 1, "mIoU": 1, "IoU": {"dog": 1}}
    assert found["IoU"] == {"sky": 0.5, "dog": pytest.approx(2 / 3)}


def test_members_count_as_the_group_where_a_source_has_only_that():
    found = scores(([PERSON, PERSON, PERSON, SKY], [PERSON, SKIN, HAIR, HAIR]))
    assert found["pixel accuracy"] == 0.75
    assert found["IoU"] == {"sky": 0, "person": 0.75}, "hair in the sky is a false alarm of the person"
    assert scores(([PERSON] * 2, [PERSON, SKIN]), groups={})["pixel accuracy"] == 0.5


def test_the_group_is_a_miss_but_no_false_alarm_where_a_source_has_its_members():
    images = [([SKIN, SKIN, HAIR, SKY], [SKIN, PERSON, SKIN, SKY], "deep"), ([PERSON], [PERSON], "flat")]
    found = scores(*images)
    assert found["sources"]["deep"]["IoU"] == {"sky": 1, "skin": pytest.approx(1 / 3), "hair": 0}
    assert found["IoU"]["person"] == 1
    assert scores(*images, groups={})["IoU"]["person"] == 0.5


def test_a_group_on_something_else_is_a_false_alarm():
    found = scores(([SKIN, SKY], [SKIN, PERSON], "deep"), ([PERSON], [PERSON], "flat"))
    assert found["IoU"]["person"] == 0.5


def test_a_source_with_both_takes_members_for_the_group_only_where_it_stands():
    found = scores(([PERSON, PERSON, SKIN, SKY], [SKIN, PERSON, SKIN, SKIN]))
    assert found["IoU"] == {"sky": 0, "person": 1, "skin": 0.5}


def test_a_member_that_a_source_lacks_is_no_false_alarm_on_another_member():
    found = scores(([SKIN, PERSON], [HAIR, PERSON]))
    assert found["IoU"] == {"person": 1, "skin": 0}


def test_groups_of_names_that_are_not_there_change_nothing():
    image = ([PERSON, SKIN], [SKIN, SKIN])
    assert scores(image, groups={77: (SKIN,), SKY: (78,)}) == scores(image, groups={})
