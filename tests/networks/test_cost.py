import pytest
import torch

from napari_colorizer.networks import Cost, GridNet, GridNetConfig, TwoStreamUNet, TwoStreamUNetConfig, measure_cost

COLORIZER = TwoStreamUNetConfig((0, 1), widths=(2, 4), decoder_widths=(4,))


def test_the_cost_of_a_small_network_is_as_counted_by_hand():
    cost = measure_cost(TwoStreamUNet(COLORIZER), size=8)
    encoder = 64 * 9 * (1 * 2 + 2 * 2) + 16 * 9 * (2 * 4 + 4 * 4)
    decoder = 16 * 9 * 8 * 4 + 64 * 9 * (4 * 4 + 4 * 2)
    assert cost.gflop * 1e9 == pytest.approx(2 * (2 * encoder + decoder))
    assert cost.parameters == 9 * (2 + 4 + 8 + 16 + 32 + 16 + 8)


def test_operations_grow_with_the_area():
    network = GridNet(GridNetConfig((0, 1), widths=(2, 4), columns=2))
    assert measure_cost(network, 64).gflop == pytest.approx(4 * measure_cost(network, 32).gflop)


def test_only_a_colorizer_has_a_reach():
    network = TwoStreamUNet(COLORIZER)
    assert measure_cost(network, 16).reach == network.config.reach
    assert measure_cost(GridNet(GridNetConfig((0, 1), widths=(2, 4), columns=2)), 16).reach is None


@pytest.mark.parametrize("training", [True, False])
def test_measuring_leaves_the_network_as_it_was(training):
    network = GridNet(GridNetConfig((0, 1), widths=(2, 4), columns=2)).train(training)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    measure_cost(network, 16)
    assert network.training is training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_cost_does_not_change():
    with pytest.raises(AttributeError):
        Cost(1, 1.0, None).parameters = 2
