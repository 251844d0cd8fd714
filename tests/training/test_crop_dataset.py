from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_colorizer.datasets.sets import Photo
from napari_colorizer.training.crop_dataset import CropDataset
from napari_colorizer.training.options import TrainOptions

PLAIN = TrainOptions(crop=32, aging=0.0, flips="none")
LABELS = ("labels",)
UNLIKE = {1: [2], 2: [1]}


def crops_of(photos, options, count=32, channels=LABELS):
    data = CropDataset(photos, options, channels)
    return [data[(1, place, place % len(photos))] for place in range(count)]


def test_image_and_labels_stay_together(photos):
    for crop in crops_of(photos, PLAIN):
        assert crop["rgb"].shape == (3, 32, 32)
        green = crop["rgb"][1].int() > crop["rgb"][2].int()
        assert (green == (crop["labels"] == 2)).float().mean() > 0.95


@pytest.mark.parametrize("channels", [LABELS, ()])
def test_a_crop_is_a_function_of_seed_epoch_and_place(photos, channels):
    data = CropDataset(photos, PLAIN, channels)
    first, again = data[(3, 5, 2)], CropDataset(photos, PLAIN, channels)[(3, 5, 2)]
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    for other in (data[(4, 5, 2)], data[(3, 6, 2)], CropDataset(photos, replace(PLAIN, seed=1), channels)[(3, 5, 2)]):
        assert not torch.equal(first["rgb"], other["rgb"])


def test_windows_show_the_asked_part_of_the_shorter_side():
    ramp = np.broadcast_to(np.arange(200, dtype=np.uint8)[None, :, None], (100, 200, 3))
    photo = Photo("ramp", np.ascontiguousarray(ramp), np.ones((100, 200), np.uint8))
    spans = [int(crop["rgb"].max()) - int(crop["rgb"].min()) for crop in crops_of([photo], replace(PLAIN, zoom=0.5))]
    assert 44 < min(spans) < 60
    assert 90 < max(spans) < 101


def test_without_zoom_pixels_stay_as_they_are():
    rng = np.random.default_rng(0)
    photo = Photo("noise", rng.integers(0, 256, (40, 50, 3), np.uint8), np.ones((40, 50), np.uint8))
    windows = np.lib.stride_tricks.sliding_window_view(photo.rgb[..., 0], (32, 32)).reshape(-1, 32, 32)
    for crop in crops_of([photo], replace(PLAIN, zoom=0.0), 8):
        assert (windows == crop["rgb"][0].numpy()).all((1, 2)).any()


def test_a_photo_smaller_than_a_crop_is_enlarged():
    photo = Photo("small", np.zeros((5, 9, 3), np.uint8), np.ones((5, 9), np.uint8))
    assert crops_of([photo], replace(PLAIN, zoom=0.0), 2)[0]["rgb"].shape == (3, 32, 32)


@pytest.mark.parametrize(("flips", "sideways", "upside_down"), [("none", 0, 0), ("sideways", 1, 0), ("both", 1, 1)])
def test_flips_are_drawn_as_asked(photos, flips, sideways, upside_down):
    drawn = torch.stack([crop["flips"] for crop in crops_of(photos, replace(PLAIN, flips=flips), 60)]).float().mean(0)
    for share, wanted in zip(drawn, (sideways, upside_down), strict=True):
        assert 0.3 * wanted <= share <= 0.7 * wanted


def test_aging_touches_as_many_as_asked(photos):
    gray = [crop["gray"] for crop in crops_of(photos, PLAIN, 60)]
    for share, least, most in ((0.0, 0, 0), (0.5, 15, 45), (1.0, 50, 60)):
        old = [crop["gray"] for crop in crops_of(photos, replace(PLAIN, aging=share), 60)]
        assert least <= sum(not torch.equal(*pair) for pair in zip(gray, old, strict=True)) <= most


@pytest.mark.parametrize(("share", "unlike"), [(0.0, UNLIKE), (1.0, {})])
def test_without_relabeling_or_known_colors_batches_are_as_ever(photos, share, unlike):
    before = CropDataset(photos, PLAIN, LABELS)
    data = CropDataset(photos, replace(PLAIN, relabel=share), LABELS, unlike)
    for place in range(8):
        first, second = before[(1, place, 0)], data[(1, place, 0)]
        assert first.keys() == second.keys()
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_relabeling_changes_labels_in_its_region_and_nothing_else(photos):
    ordinary = CropDataset(photos, replace(PLAIN, drop_all=0.5), LABELS)
    data = CropDataset(photos, replace(PLAIN, drop_all=0.5, relabel=1.0), LABELS, UNLIKE)
    regions = 0
    for place in range(16):
        first, second = ordinary[(1, place, 0)], data[(1, place, 0)]
        former = second.pop("relabeled")
        region = former > 0
        assert torch.equal(second["given labels"] != first["given labels"], region)
        assert torch.equal(first["given labels"][region], former[region])
        assert all(torch.equal(first[name], second[name]) for name in first if name != "given labels")
        assert torch.equal(CropDataset(photos, data.options, LABELS, UNLIKE)[(1, place, 0)]["relabeled"], former)
        regions += bool(region.any())
    assert regions > 3


def test_the_segmenter_gets_no_guidance(photos):
    assert crops_of(photos, PLAIN, 1, channels=())[0].keys() == {"rgb", "gray", "labels", "flips"}
