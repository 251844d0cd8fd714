import numpy as np
import pytest
import torch
import torch.nn.functional as F

from napari_colorizer.training.losses import (
    MOST_WEIGHT,
    GroupedCrossEntropy,
    Relabeled,
    class_weights,
    color_loss,
    colors_to_take,
)

IDS = (0, 15, 28, 60, 300)


@pytest.fixture
def logits():
    return torch.randn(2, len(IDS), 4, 4, generator=torch.Generator().manual_seed(0))


def test_delta_one_is_half_the_squared_error():
    predicted, target = torch.rand(2, 2, 4, 4) - 0.5, torch.rand(2, 2, 4, 4) - 0.5
    torch.testing.assert_close(color_loss(predicted, target, 1.0, 0.0), ((predicted - target) ** 2).mean() / 2)


def test_a_small_delta_is_nearly_the_absolute_error():
    predicted, target = torch.zeros(1, 2, 4, 4), torch.full((1, 2, 4, 4), 0.5)
    assert float(color_loss(predicted, target, 0.001, 0.0)) == pytest.approx(0.5, rel=0.01)


def test_colorful_pixels_weigh_more():
    gray, color = torch.zeros(1, 2, 4, 4), torch.full((1, 2, 4, 4), 0.3)
    dull, vivid = (color_loss(target + 0.1, target, 0.02, 4.0) for target in (gray, color))
    assert vivid > 3 * dull


def test_a_wrong_tint_is_worse_in_a_pale_image():
    pale, bold = torch.full((1, 2, 4, 4), 0.01), torch.full((1, 2, 4, 4), 0.3)
    losses = {image: color_loss(image + 0.1, image, 1.0, relative_to=0.1) for image in (pale, bold)}
    assert losses[pale] / losses[bold] == pytest.approx((2 * 0.3**2 + 0.1**2) / (2 * 0.01**2 + 0.1**2), rel=1e-4)
    both = color_loss(torch.cat([pale, bold]) + 0.1, torch.cat([pale, bold]), 1.0, relative_to=0.1)
    torch.testing.assert_close(both, (losses[pale] + losses[bold]) / 2)  # a batch may be divided
    typical = torch.full((1, 2, 4, 4), 0.12 / 2**0.5)
    torch.testing.assert_close(color_loss(typical + 0.1, typical, 1.0, relative_to=0.1), torch.tensor(0.005))


def test_a_guess_has_a_squared_error_and_a_labeled_pixel_its_own():
    predicted, target = torch.rand(1, 2, 4, 4) - 0.5, torch.rand(1, 2, 4, 4) - 0.5
    nothing, everything = torch.zeros(1, 4, 4, dtype=torch.bool), torch.ones(1, 4, 4, dtype=torch.bool)
    plain = color_loss(predicted, target, 0.02, 4.0, 0.1)
    torch.testing.assert_close(color_loss(predicted, target, 0.02, 4.0, 0.1, nothing), plain)
    for delta, weight in ((0.02, 4.0), (1.0, 0.0)):
        found = color_loss(predicted, target, delta, weight, 0.0, everything)
        torch.testing.assert_close(found, 5 * (predicted - target).square().mean())
    half = nothing.clone()
    half[:, :2] = True
    parts = [color_loss(predicted[:, :, rows], target[:, :, rows], 0.02, 4.0) for rows in (np.s_[2:],)]
    parts.append(5 * (predicted - target)[:, :, :2].square().mean())
    torch.testing.assert_close(color_loss(predicted, target, 0.02, 4.0, 0.0, half), sum(parts) / 2)


LEFT = torch.zeros(2, 4, 4, dtype=torch.bool)
LEFT[:, :, :2] = True
COLORS = torch.tensor([[[0.3, 0.0], [0.0, -0.3]]]).expand(2, 2, 2)
MARGINS = torch.full((2, 2), 0.05)


def test_the_mean_of_a_relabeled_region_is_to_come_near_the_nearest_color():
    predicted, target = torch.zeros(2, 2, 4, 4), torch.zeros(2, 2, 4, 4)
    predicted[:, 0] = torch.tensor([0.0, 0.2, 0.0, 0.0])  # at most as far as 0.3 - 0.1 from the first color
    error = color_loss(predicted, target, 1.0, relabeled=Relabeled(LEFT, COLORS, MARGINS))
    torch.testing.assert_close(error, torch.tensor(0.15**2 / 2 / 2 / 2))  # squared, of one channel, in half of it
    weighted = color_loss(predicted, target, 1.0, 4.0, relabeled=Relabeled(LEFT, COLORS, MARGINS))
    torch.testing.assert_close(weighted, error * (0.5 + 4 * 0.25))  # as of pixels that colorful


def test_a_region_that_has_taken_its_color_is_left_alone_whatever_its_pixels():
    target = torch.zeros(2, 2, 4, 4)
    predicted = torch.where(LEFT[:, None], COLORS[:, 1, :, None, None] + 0.02, target)
    predicted[:, 0, 1] += 0.1 * LEFT[:, 1]
    predicted[:, 0, 2] -= 0.1 * LEFT[:, 2]
    predicted.requires_grad_()
    loss = color_loss(predicted, target, 0.02, 4.0, 0.1, relabeled=Relabeled(LEFT, COLORS, MARGINS))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0, abs=1e-6)
    assert float(predicted.grad.abs().max()) < 1e-6


def test_what_is_in_a_relabeled_region_does_not_change_what_the_others_learn():
    ordinary, predicted = ((torch.rand(2, 2, 4, 4, generator=_seeded()) - 0.5).requires_grad_() for _ in range(2))
    target = torch.rand(2, 2, 4, 4, generator=_seeded(1)) - 0.5
    color_loss(ordinary, target, 0.02, 4.0, 0.1).backward()
    color_loss(predicted, target, 0.02, 4.0, 0.1, relabeled=Relabeled(LEFT, COLORS, MARGINS)).backward()
    right = ~LEFT[:, None].expand(-1, 2, -1, -1)
    assert torch.equal(ordinary.grad[right], predicted.grad[right])
    gradients = predicted.grad[~right].view(2, 2, -1)
    torch.testing.assert_close(gradients, gradients[..., :1].expand_as(gradients))  # all pixels move alike
    assert gradients.abs().amin((0, 2)).max() > 0


def test_a_region_takes_colors_that_its_old_class_has_not():
    new = torch.tensor([[[0.0, 0.0], [30.0, 0.0]], [[0.0, 0.0], [6.0, 0.0]], [[50.0, 0.0], [50.0, 0.0]]])
    old = torch.tensor([[[2.0, 0.0], [0.0, 50.0]], [[1.0, 0.0], [0.0, 50.0]], [[0.0, 0.0], [0.0, 0.0]]])
    colors, margins = colors_to_take(new, old, 4.0)
    assert colors.tolist() == [[[30, 0], [30, 0]], [[6, 0], [6, 0]], [[50, 0], [50, 0]]], "the farthest if all are near"
    torch.testing.assert_close(margins, torch.tensor([[4.0, 4.0], [5 / 3, 5 / 3], [4.0, 4.0]]))


def test_images_without_a_relabeled_region_have_their_ordinary_loss():
    predicted, target = (torch.rand(2, 2, 4, 4, generator=_seeded(seed)) - 0.5 for seed in range(2))
    nowhere = Relabeled(torch.zeros_like(LEFT), torch.zeros(2, 1, 2), torch.zeros(2, 1))
    assert torch.equal(
        color_loss(predicted, target, 0.02, 4.0, 0.1, relabeled=nowhere), color_loss(predicted, target, 0.02, 4.0, 0.1)
    )


def _seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_without_groups_it_is_cross_entropy_over_the_labeled_pixels(logits):
    labels = torch.tensor(IDS)[torch.randint(0, 5, (2, 4, 4))]
    rank = {label: number for number, label in enumerate(IDS)}
    target = labels.clone().apply_(rank.get)
    known = labels > 0
    expected = F.cross_entropy(logits.permute(0, 2, 3, 1)[known], target[known], reduction="sum") / labels.numel()
    torch.testing.assert_close(GroupedCrossEntropy(IDS, {}, False)(logits, labels), expected)
    torch.testing.assert_close(GroupedCrossEntropy(IDS, {}, True)(logits, labels), F.cross_entropy(logits, target))


def test_ids_that_the_network_lacks_do_not_count(logits):
    labels = torch.full((2, 4, 4), 15)
    some = labels.clone()
    some[:, :2] = 999
    loss = GroupedCrossEntropy(IDS, {}, False)
    torch.testing.assert_close(loss(logits[:, :, 2:], labels[:, 2:]) / 2, loss(logits, some))
    some[:, :2] = 16
    torch.testing.assert_close(loss(logits[:, :, 2:], labels[:, 2:]) / 2, loss(logits, some))


def test_the_probabilities_of_a_group_count_together(logits):
    labels = torch.full((2, 4, 4), 15)
    p = logits.softmax(1)
    loss = GroupedCrossEntropy(IDS, {15: (28, 60, 61)}, False)
    torch.testing.assert_close(loss(logits, labels), -(p[:, 1] + p[:, 2] + p[:, 3]).log().mean())
    labels[:] = 28  # a member is still itself
    torch.testing.assert_close(loss(logits, labels), -p[:, 2].log().mean())


def test_a_batch_may_be_divided(logits):
    labels = torch.tensor(IDS)[torch.randint(0, 5, (2, 4, 4))]
    loss = GroupedCrossEntropy(IDS, {}, False)
    halves = [loss(logits[part], labels[part]) for part in (slice(0, 1), slice(1, 2))]
    torch.testing.assert_close(sum(halves) / 2, loss(logits, labels))


def test_a_batch_without_labels_has_no_loss_and_a_gradient(logits):
    logits.requires_grad_()
    loss = GroupedCrossEntropy(IDS, {}, False)(logits, torch.zeros(2, 4, 4, dtype=torch.int64))
    loss.backward()
    assert float(loss.detach()) == 0
    assert not logits.grad.any()


def test_rare_classes_count_more_and_the_mean_pixel_counts_once():
    pixels = [900, 100, 9]
    weights = class_weights(pixels, 0.5)
    assert weights[1] / weights[0] == pytest.approx(3)
    assert weights[2] / weights[0] == pytest.approx(10)
    assert np.average(weights, weights=pixels) == pytest.approx(1)
    assert class_weights(pixels, 0.0) == pytest.approx([1, 1, 1])
    assert class_weights([10**6, 0], 1.0)[1] / class_weights([10**6, 0], 1.0)[0] == pytest.approx(MOST_WEIGHT)


def test_the_loss_of_a_pixel_is_multiplied_by_the_weight_of_its_class(logits):
    labels = torch.full((2, 4, 4), 28)
    plain, weighted = (GroupedCrossEntropy(IDS, {}, False, weights) for weights in (None, [1.0, 1.0, 2.5, 1.0, 1.0]))
    torch.testing.assert_close(weighted(logits, labels), 2.5 * plain(logits, labels))
    labels[:] = 15
    torch.testing.assert_close(weighted(logits, labels), plain(logits, labels))
