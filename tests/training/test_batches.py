import numpy as np
import pytest
import torch

from napari_colorizer.training.batches import age, chroma_target, draw_crops, draw_hints, drop_labels


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def test_crops_keep_image_and_labels_together(photos, rng):
    crops = draw_crops(photos, [0, 1, 2, 3, 0, 1], 64, rng)
    assert crops.rgb.shape == (6, 3, 64, 64)
    green = crops.rgb[:, 1] > crops.rgb[:, 2]
    assert (green == (crops.labels == 2)).float().mean() > 0.95


def test_crops_are_the_same_for_the_same_seed(photos):
    first, second = (draw_crops(photos, [0, 1], 32, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(first.rgb, second.rgb)


def test_dropping_never_invents_a_label(photos, rng):
    labels = draw_crops(photos, [0, 1, 2, 3] * 8, 32, rng).labels
    before = labels.clone()
    dropped = drop_labels(labels, rng)
    assert torch.equal(labels, before)
    assert set(dropped.unique().tolist()) == {0, 1, 2}
    assert any(not sample.any() for sample in dropped)
    assert any(sample.all() for sample in dropped)


def test_hints_say_what_the_target_is(photos, rng):
    crops = draw_crops(photos, [0, 1, 2, 3] * 8, 64, rng)
    chroma = chroma_target(crops.rgb, 128)
    hints, target = draw_hints(crops.labels, chroma, rng)
    assert set(hints[:, 2].unique().tolist()) == {0, 1}
    hinted = hints[:, 2] == 1
    assert not hints[:, :2].permute(0, 2, 3, 1)[~hinted].any()
    changed = (target != chroma).any(1)
    assert changed.any()
    assert not (changed & ~hinted).any()  # only what is hinted at is asked to have another color
    means = [(hints[i, :2, hinted[i]].mean(1), target[i][:, hinted[i]].mean(1)) for i in range(32) if hinted[i].any()]
    assert max(float((hint - wish).abs().max()) for hint, wish in means) < 0.02


def test_some_photos_get_no_hints(photos, rng):
    crops = draw_crops(photos, [0] * 32, 32, rng)
    hints, _ = draw_hints(crops.labels, chroma_target(crops.rgb, 128), rng)
    assert 0 < sum(bool(sample.any()) for sample in hints) < 32


def test_aging_changes_some_photos_and_keeps_the_others(rng):
    x = torch.rand(32, 1, 32, 32) * 2 - 1
    aged = age(x, rng)
    same = [torch.equal(before, after) for before, after in zip(x, aged, strict=True)]
    assert 0 < sum(same) < 32
    assert torch.isfinite(aged).all()
