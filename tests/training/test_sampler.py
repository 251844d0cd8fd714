import numpy as np
import pytest

from napari_colorizer.training.sampler import EpochOrder, Share, rare_first


def keys(order, epoch=0):
    order.set_epoch(epoch)
    return list(order)


def test_an_epoch_shows_every_photo_once():
    order = EpochOrder(12, 4, 0, seed=1)
    assert sorted(photo for _, _, photo in keys(order)) == list(range(12))
    assert [place for _, place, _ in keys(order)] == list(range(12))
    assert order.steps == 3


def test_a_short_set_comes_again_and_again():
    photos = [photo for _, _, photo in keys(EpochOrder(5, 4, 40, seed=0))]
    assert len(photos) == 40
    assert np.bincount(photos).tolist() == [8] * 5


def test_a_set_smaller_than_a_batch_fills_it():
    assert len(keys(EpochOrder(3, 8, 0, seed=0))) == 8


def test_the_order_depends_on_seed_and_epoch_alone():
    first, again = (EpochOrder(20, 4, 0, seed=3) for _ in range(2))
    keys(again, 7)
    assert keys(first, 2) == keys(again, 2)
    assert keys(first, 2) != keys(first, 3)
    assert [key[2] for key in keys(first, 2)] != [key[2] for key in keys(EpochOrder(20, 4, 0, seed=4), 2)]


@pytest.mark.parametrize("world", [1, 2, 4])
def test_the_shares_of_all_processes_make_up_each_batch(world):
    whole = keys(EpochOrder(32, 8, 0, seed=5), 1)
    shares = [keys(EpochOrder(32, 8, 0, seed=5, share=Share(rank, world)), 1) for rank in range(world)]
    own = 8 // world
    for batch in range(4):
        parts = [key for share in shares for key in share[batch * own : (batch + 1) * own]]
        assert parts == whole[batch * 8 : (batch + 1) * 8]
    assert all(len(share) == len(EpochOrder(32, 8, 0, seed=5, share=Share(0, world))) for share in shares)


def test_photos_of_rare_classes_come_more_often_and_those_without_labels_never():
    counts = np.zeros((101, 3), np.int64)
    counts[:90, 0], counts[90:100, 1] = 1000, 1000
    chance = rare_first(counts)
    assert chance.sum() == pytest.approx(1)
    assert chance[95] > 2 * chance[5] > 0
    assert chance[100] == 0
    drawn = [photo for _, _, photo in keys(EpochOrder(101, 4, 400, 0, chance))]
    assert 100 not in drawn
    assert sum(photo >= 90 for photo in drawn) > 60


def test_a_photo_with_nothing_but_small_things_is_still_drawn():
    assert rare_first(np.array([[1000, 0], [0, 20]])).min() > 0
