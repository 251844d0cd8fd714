from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.options import SegmentOptions
from napari_colorizer.engine.segment import network_input, segment
from napari_colorizer.errors import ModelError
from napari_colorizer.models.model import Model
from napari_colorizer.networks import GridNet, GridNetConfig, TwoStreamUNet


@pytest.fixture
def sure_of():
    """A segmenter with these ids that sees one and the same class everywhere."""

    def build(ids, winner, margin=9.0):
        network = GridNet(GridNetConfig(ids, widths=(2, 2), columns=2)).eval()
        with torch.no_grad():
            network.last[-1].weight.zero_()
            network.last[-1].bias[ids.index(winner)] = margin
        return network

    return build


@pytest.mark.parametrize("shape", [(1, 1), (3, 5000), (10, 10), (70, 45), (33, 200, 3), (20, 20, 4)])
def test_any_image_gets_a_label_map_of_its_size(model, shape):
    gray = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    labels = model.segment(gray)
    assert labels.shape == shape[:2]
    assert labels.dtype == np.uint8
    assert np.isin(labels, model.segmenter.config.ids).all()


def test_a_segmentation_is_the_same_each_time_and_leaves_the_image(model, photo):
    gray = photo(50, 80)
    gray.flags.writeable = False
    before = gray.tobytes()
    assert np.array_equal(model.segment(gray), model.segment(gray))
    assert gray.tobytes() == before


@pytest.mark.parametrize("ids", [(5, 2, 9), (0, 300, 65535)])
def test_the_label_is_the_id_of_the_winning_channel(sure_of, ids):
    for winner in ids:
        labels = segment(sure_of(ids, winner), torch.rand(40, 50), 32).labels()
        assert np.unique(labels).tolist() == [winner]
        assert labels.dtype == (np.uint16 if max(ids) > 255 else np.uint8)


def test_the_label_is_that_of_the_largest_mean_probability_of_two_looks(model, photo):
    values = torch.from_numpy(photo(128, 128) / np.float32(255))
    x = network_input(values, "L*")[None, None]
    larger = functional.interpolate(x.flip(-1), (160, 160), mode="bilinear")
    with torch.no_grad():
        first, second = model.segmenter(x), model.segmenter(larger).flip(-1)
    second = functional.interpolate(second, (128, 128), mode="bilinear")
    expected = (first.softmax(1) + second.softmax(1))[0].argmax(0)
    found = segment(model.segmenter, values, 128).likely
    assert len(expected.unique()) > 3
    assert (found == expected.numpy()).mean() > 0.99, "but for ties"
    assert (found == first[0].argmax(0).numpy()).mean() < 0.95, "the second look counts"


def test_doubtful_pixels_stay_unlabeled(sure_of):
    model = Model("sure", ClassMap(), segmenter=sure_of((4, 7), 7, margin=1.0))
    probability = 1 / (1 + np.exp(-1))
    gray = np.zeros((40, 40), np.uint8)
    for confidence, expected in ((probability - 0.01, 7), (probability + 0.01, 0)):
        assert np.unique(model.segment(gray, SegmentOptions(confidence=confidence))) == [expected]


def test_the_confidence_is_the_model_s_unless_chosen(model, photo):
    sure, gray = replace(model, confidence=1.0), photo(60, 60)
    assert not sure.segment(gray).any()
    np.testing.assert_array_equal(sure.segment(gray, SegmentOptions(confidence=0)), model.segment(gray))


def test_more_confidence_leaves_more_unlabeled(model, photo):
    counts = [
        np.count_nonzero(model.segment(photo(60, 60), SegmentOptions(confidence=confidence)))
        for confidence in (0, 0.1, 0.3, 1)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1] == 0


@pytest.fixture
def passes(model):
    """Gets the size of each image that goes through the model's segmenter."""
    seen = []
    handle = model.segmenter.last[-1].register_forward_hook(
        lambda _module, inputs, _output: seen.append(inputs[0].shape)
    )
    yield seen
    handle.remove()


@pytest.mark.parametrize("shape", [(60, 60), (300, 200), (1, 1)])
def test_two_passes_give_the_labels_at_any_confidence(model, passes, shape):
    gray = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    whole = SegmentOptions(working_size=64)
    found = model.segmentation(gray, whole)
    some = np.quantile(found.certainty, (0.1, 0.5, 0.9)).tolist()
    wanted = {confidence: found.labels(confidence) for confidence in (0, *some, 1)}
    assert len(passes) == 2
    for confidence, labels in wanted.items():
        np.testing.assert_array_equal(labels, model.segment(gray, replace(whole, confidence=confidence)))
        assert labels.dtype == np.uint8
    np.testing.assert_array_equal(found.labels(), found.likely)


def test_a_label_map_is_its_owner_s_and_what_is_kept_is_small(model, photo):
    gray = photo(500, 400)
    found = model.segmentation(gray, SegmentOptions(working_size=64))
    found.labels()[:] = 77
    assert 77 not in found.labels()
    assert found.likely.nbytes + found.certainty.nbytes < 1.1 * gray.size


@pytest.mark.parametrize("shape", [(300, 300), (40, 50), (200, 130)])
def test_the_labeled_share_is_that_of_the_label_map(make_model, photo, shape):
    found = make_model().segmentation(photo(*shape), SegmentOptions(working_size=64))
    assert (found.likely == 0).any(), "a class like any other, but its pixels have no label"
    shares = []
    for confidence in (0, *np.quantile(found.certainty, (0.2, 0.7)).tolist(), 1):
        shares.append(found.labeled(confidence))
        assert shares[-1] == pytest.approx((found.labels(confidence) > 0).mean(), abs=0.08)
    assert shares[0] > shares[2] > shares[3]


def test_a_segmentation_tells_how_far_it_is_and_can_be_ended(model, photo):
    told = []
    model.segmentation(photo(600, 900), tell=told.append)
    assert told == sorted(told)
    assert 0 < told[0] < 0.5 < told[-1] < 1
    assert len(told) > 10

    def end(done):
        if done > 0.5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        model.segmentation(photo(600, 900), tell=end)


@pytest.mark.parametrize("kind", ["L*", "BT.601"])
def test_the_input_runs_from_minus_1_to_1(kind):
    values = torch.tensor([[0.0, 0.5, 1.0]])
    x = network_input(values, kind)
    torch.testing.assert_close(x[0, ::2], torch.tensor([-1.0, 1.0]), atol=1e-4, rtol=0)
    assert x[0, 1].item() == pytest.approx(0 if kind == "BT.601" else 53.389 / 50 - 1, abs=1e-3)
    torch.testing.assert_close(network_input(values[..., None].expand(1, 3, 3), kind), x, atol=1e-4, rtol=0)


def test_limits_stretch_the_image(model, photo):
    gray = photo(40, 40)
    dim = gray.astype(np.float64) * 100 + 5000
    assert np.array_equal(model.segment(dim, limits=(5000, 30500)), model.segment(gray))


@pytest.mark.parametrize("value", [np.nan, 0.0, 1.0])
def test_an_image_without_contrast_is_segmented(model, value):
    assert model.segment(np.full((20, 30), value)).shape == (20, 30)


def test_a_model_without_a_segmenter_says_so(photo):
    model = Model("painter", ClassMap(), colorizer=TwoStreamUNet.preset("default", (1, 2)))
    with pytest.raises(ModelError, match="'painter' has no segmenter"):
        model.segment(photo(8, 8))
