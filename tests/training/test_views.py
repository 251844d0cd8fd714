from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_colorizer.datasets.sets import Photo
from napari_colorizer.networks import GridNet, TwoStreamUNet
from napari_colorizer.networks.image_encoder import STRIDES, ImageEncoder
from napari_colorizer.training.crop_dataset import SeenCropDataset, crops_for
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.views import ViewStore, draw_view

OPTIONS = TrainOptions(crop=64, aging=0.0, views=3)


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return ImageEncoder("lite0").eval()


@pytest.fixture
def store(photos, encoder, tmp_path):
    store = ViewStore(photos, OPTIONS, tmp_path / "views")
    store.build(encoder, torch.device("cpu"), "32-true", lambda _: None)
    return store


def test_features_are_those_of_the_whole_view(photos, store, encoder):
    for number, place in ((0, 0), (3, 2), (1, 1)):
        view = store.view(number, place)
        with torch.inference_mode():
            wanted = encoder(view.network_input()[None, None])
        for found, of_stride in zip(store.features(number, place, view.gray.shape), wanted, strict=True):
            np.testing.assert_allclose(found, of_stride[0], atol=1e-2, rtol=1e-2)  # kept in half precision


def test_views_are_the_photo_mirrored_and_in_other_sizes(photos, store):
    first, mirrored = store.view(0, 0), store.view(0, 1)
    height, width = photos[0].labels.shape
    assert np.array_equal(first.rgb[:height, :width], photos[0].rgb)
    assert first.gray.shape == (96, 128)
    assert np.array_equal(store.view(0, 1).rgb, mirrored.rgb)
    bright = mirrored.labels == 1
    assert (mirrored.rgb[bright][:, 2] > mirrored.rgb[bright][:, 1]).mean() > 0.95  # labels stay with the image


def test_small_photos_fill_a_crop():
    photo = Photo("small", np.zeros((5, 9, 3), np.uint8), np.ones((5, 9), np.uint8))
    view = draw_view(photo, OPTIONS, np.random.default_rng(0), mirror=False, plain=True)
    assert view.rgb.shape == (64, 64, 3)
    assert view.labels.all()


@pytest.mark.parametrize(("photos_there", "views"), [(10, 12), (1000, 4), (5000, 2)])
def test_few_photos_are_looked_at_more_often(photos, tmp_path, photos_there, views):
    assert ViewStore(photos[:1] * photos_there, replace(OPTIONS, views=0), tmp_path / "views").count == views


def test_crops_are_cut_out_of_the_views_with_their_features(photos, store):
    data = SeenCropDataset(photos, OPTIONS, channels=("labels",), store=store)
    places = set()
    for place in range(24):
        crop = data[(1, place, 2)]
        assert crop["rgb"].shape == (3, 64, 64)
        for index, stride in enumerate(STRIDES):
            assert crop[f"features{index}"].shape[1:] == (64 // stride, 64 // stride)
        for number in range(store.count):
            view = store.view(2, number)
            whole = store.features(2, number, view.gray.shape)[0]
            for top in range(0, view.gray.shape[0] - 63, 32):
                for left in range(0, view.gray.shape[1] - 63, 32):
                    part = whole[:, top // 4 : top // 4 + 16, left // 4 : left // 4 + 16]
                    if np.array_equal(crop["features0"], part):
                        assert np.array_equal(crop["gray"], view.gray[top : top + 64, left : left + 64])
                        places.add((number, top, left))
    assert len(places) > 3
    assert torch.equal(data[(1, 5, 2)]["features0"], data[(1, 5, 2)]["features0"])


def test_crops_of_new_views_know_the_contrast_of_the_whole(photos):
    data = SeenCropDataset(photos, replace(OPTIONS, aging=1.0))
    contrasts = {tuple(data[(1, place, 0)]["contrast"].tolist()) for place in range(6)}
    assert len(contrasts) == 6
    plain = SeenCropDataset(photos, replace(OPTIONS, zoom=0.0, flips="none"))[(1, 0, 0)]
    x = draw_view(photos[0], OPTIONS, np.random.default_rng(0), mirror=False, plain=True).network_input()
    torch.testing.assert_close(plain["contrast"], torch.stack([x.mean(), x.std(correction=0)]))


def test_whoever_stops_meanwhile_ends_it(photos, encoder, tmp_path):
    def stop(_share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ViewStore(photos, OPTIONS, tmp_path / "views").build(encoder, torch.device("cpu"), "32-true", stop)


@pytest.mark.parametrize("kind", [GridNet, TwoStreamUNet])
def test_a_network_gets_the_crops_that_its_encoder_asks_for(photos, tiny_model, store, kind):
    def keys(network, built, **options):
        crops = crops_for(network, photos, replace(OPTIONS, **options), lambda: built.append(1) or store)
        return crops[(1, 0, 2)].keys() - {"rgb", "gray", "labels", "flips"}, len(built)

    tiny = tiny_model.segmenter if kind is GridNet else tiny_model.colorizer
    with_encoder = kind.preset("default", (1, 2))
    guidance = {"given labels"} if kind is TwoStreamUNet else set()
    assert keys(tiny, []) == (guidance, 0)
    assert keys(with_encoder, [], encoder_factor=0.1) == (guidance | {"contrast"}, 0)
    features = {f"features{index}" for index in range(len(STRIDES))}
    assert keys(with_encoder, [], encoder_factor=0.0) == (guidance | features, 1)
