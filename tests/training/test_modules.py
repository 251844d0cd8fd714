from dataclasses import replace

import pytest
import torch
from kornia.color import rgb_to_lab
from torch import nn

from napari_colorizer.networks import GridNet, TwoStreamUNet
from napari_colorizer.training.modules import ColorizerTraining, SegmenterTraining, moving_average
from napari_colorizer.training.options import TrainOptions

OPTIONS = TrainOptions(learning_rate=0.01)


def test_the_average_forgets_the_start_and_then_follows_slowly():
    network = nn.Linear(1, 1, bias=False)
    average = moving_average(network, 0.9)
    values = []
    for step in range(200):
        nn.init.constant_(network.weight, 0.0 if step < 100 else 1.0)
        average.update_parameters(network)
        values.append(float(average.module.weight))
    assert values[0] == 0
    assert values[99] == pytest.approx(0)
    assert values[100] == pytest.approx(0.1)
    assert values[109] == pytest.approx(1 - 0.9**10)


def test_without_decay_it_is_a_copy():
    network = nn.BatchNorm1d(2)
    average = moving_average(network, 0.0)
    network(torch.randn(8, 2))
    average.update_parameters(network)
    for name, value in network.state_dict().items():
        assert torch.equal(average.module.state_dict()[name], value)


def test_the_average_needs_no_gradient_and_is_in_eval_mode(tiny_model):
    training = ColorizerTraining(tiny_model.colorizer, OPTIONS, 10)
    assert all(p.requires_grad for p in training.network.parameters())
    assert not any(p.requires_grad for p in training.average.parameters())
    assert not training.average.module.training


def test_checkpoints_in_which_the_average_has_other_names_are_read(tiny_model):
    training = ColorizerTraining(tiny_model.colorizer, OPTIONS, 10)
    training.average.n_averaged.fill_(7)
    state = training.state_dict()
    former = {
        name.replace("average.module.", "average.network.").replace("average.n_averaged", "average.count"): tensor
        for name, tensor in state.items()
    }
    assert former.keys() != state.keys()
    for checkpoint in ({"state_dict": former}, {"state_dict": dict(state)}):
        training.on_load_checkpoint(checkpoint)
        assert checkpoint["state_dict"].keys() == state.keys()
        assert all(checkpoint["state_dict"][name] is tensor for name, tensor in state.items())


def test_the_rate_warms_up_and_falls_to_nothing(tiny_model):
    training = ColorizerTraining(tiny_model.colorizer, OPTIONS, 1000)
    factors = [training.rate_factor(step) for step in (0, 49, 99, 500, 1000)]
    assert factors == pytest.approx([0.01, 0.5, 0.976, 0.5, 0.0], abs=0.01)
    constant = ColorizerTraining(tiny_model.colorizer, replace(OPTIONS, schedule="constant"), 1000)
    assert {constant.rate_factor(step) for step in (0, 500, 999)} == {1.0}


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_what_belongs_to_single_classes_has_a_rate_of_its_own(preset):
    options = replace(OPTIONS, body_factor=0.1)
    for network, kind in ((TwoStreamUNet, ColorizerTraining), (GridNet, SegmenterTraining)):
        built = network.preset(preset, (1, 2))
        training = kind(built, options, 10) if kind is ColorizerTraining else kind(built, options, 10, {})
        groups = training.configure_optimizers()["optimizer"].param_groups
        rates = {id(p): group["initial_lr"] for group in groups for p in group["params"]}
        trained = [p for p in built.parameters() if p.requires_grad]
        assert sum(len(group["params"]) for group in groups) == len(trained)
        own = built.class_parameters()
        if own:
            assert {rates[id(p)] for p in own} == {0.01}
            assert min(rates.values()) == pytest.approx(0.001)
        else:  # a class is a gray level: nothing belongs to it alone
            assert set(rates.values()) == {0.001}


def test_an_image_encoder_stays_as_it_is_unless_it_has_a_rate():
    network = GridNet.preset("default", (1, 2))
    SegmenterTraining(network, OPTIONS, 10, {})
    assert not any(p.requires_grad for p in network.image_encoder.parameters())
    training = SegmenterTraining(network, replace(OPTIONS, encoder_factor=0.1), 10, {})
    assert all(p.requires_grad for p in network.image_encoder.parameters())
    groups = training.configure_optimizers()["optimizer"].param_groups
    rates = {id(p): group["initial_lr"] for group in groups for p in group["params"]}
    assert {rates[id(p)] for p in network.image_encoder.parameters()} == {0.1 * OPTIONS.learning_rate}


def test_the_optimizer_is_the_one_asked_for(tiny_model):
    options = replace(OPTIONS, optimizer="adam", weight_decay=0.0)
    optimizer = ColorizerTraining(tiny_model.colorizer, options, 10).configure_optimizers()["optimizer"]
    assert type(optimizer) is torch.optim.Adam
    assert optimizer.defaults["betas"] == (0.9, 0.999)


def test_frozen_norms_keep_their_statistics(tiny_model):
    training = SegmenterTraining(tiny_model.segmenter, replace(OPTIONS, freeze_norm=True), 10, {})
    training.on_train_epoch_start()
    before = {name: value.clone() for name, value in training.network.named_buffers()}
    training.network(torch.randn(2, 1, 16, 16))
    assert all(torch.equal(before[name], value) for name, value in training.network.named_buffers())


def test_without_that_they_follow_what_they_see(tiny_model):
    training = SegmenterTraining(tiny_model.segmenter, OPTIONS, 10, {})
    before = training.network.input_norm.running_mean.clone()
    training.on_train_epoch_start()
    training.network(torch.randn(2, 1, 16, 16) + 3)
    assert not torch.equal(before, training.network.input_norm.running_mean)


def test_a_relabeled_region_is_to_look_like_what_its_label_says(tiny_model):
    sky, labels = torch.tensor([120, 170, 230], dtype=torch.uint8), torch.full((2, 16, 16), 7, dtype=torch.int32)
    labels[:, :, :6] = 1
    region = labels == 1
    batch = {
        "rgb": sky[:, None, None].expand(2, 3, 16, 16),
        "labels": labels,
        "given labels": torch.where(region, 2, labels),
        "relabeled": labels * region,
        "flips": torch.tensor([[True, False], [False, True]]),
        "gray": torch.full((2, 16, 16), 160, dtype=torch.uint8),
    }
    suggestions = {1: [(-0.5, -35.3, 1.0)], 2: [(9.0, 90.0, 0.6), (-39.0, 40.0, 0.4)]}
    training = ColorizerTraining(tiny_model.colorizer, OPTIONS, 10, suggestions)
    painted = torch.zeros(8, 2)
    painted[2] = torch.tensor([-39.0, 40.0]) / 128
    painted[7] = rgb_to_lab(sky.view(1, 3, 1, 1) / 255)[0, 1:, 0, 0] / 128
    training.network.forward = lambda x, labels, features, others: painted[labels].permute(0, 3, 1, 2)
    assert float(training.training_step(batch, 0)) == pytest.approx(0, abs=1e-5)
    painted[2] = painted[7]  # what is true, and not what was asked for
    assert float(training.training_step(batch, 0)) > 0.05


def test_a_checkpoint_does_not_depend_on_whether_labels_are_changed(tiny_model):
    with_colors = ColorizerTraining(tiny_model.colorizer, OPTIONS, 10, {2: [(1.0, 2.0, 1.0)]})
    assert with_colors.state_dict().keys() == ColorizerTraining(tiny_model.colorizer, OPTIONS, 10).state_dict().keys()


PIXELS = {0: 10**7, 1: 10**4, 2: 10**3, 7: 10**2}


def test_unlabeled_pixels_have_no_say_in_which_classes_are_rare(tiny_model):
    options = replace(OPTIONS, rarity=0.5)
    weights = SegmenterTraining(tiny_model.segmenter, options, 10, {}, PIXELS).loss.weights
    counts = torch.tensor([10.0**4, 10**3, 10**2])
    assert (weights[1:] / weights[1]).tolist() == pytest.approx([1, 10**0.5, 10])
    assert float((weights[1:] * counts).sum() / counts.sum()) == pytest.approx(1)
    more = SegmenterTraining(tiny_model.segmenter, options, 10, {}, {**PIXELS, 0: 0}).loss.weights
    assert torch.equal(weights, more)


def test_a_background_that_is_learned_has_its_weight(tiny_model):
    options = replace(OPTIONS, rarity=0.25, background=True)
    weights = SegmenterTraining(tiny_model.segmenter, options, 10, {}, PIXELS).loss.weights
    assert (weights / weights[0]).tolist() == pytest.approx([1, 10**0.75, 10, 10])  # ten is the most


def test_pixels_count_alike_unless_rarity_is_asked_for(tiny_model):
    assert SegmenterTraining(tiny_model.segmenter, OPTIONS, 10, {}, PIXELS).loss.weights is None
