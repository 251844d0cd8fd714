import pytest
import torch

from napari_colorizer.networks import GridNet, GridNetConfig, measure_cost

PRESETS = ["paper", "authors", "default"]
SMALL = GridNetConfig(ids=(0, 1, 2), widths=(4, 8), columns=4)


@pytest.fixture
def small():
    torch.manual_seed(0)
    return GridNet(SMALL)


@pytest.mark.parametrize("name", PRESETS)
def test_it_is_a_network(name, preset, check):
    check(preset(GridNet, name))


def test_the_paper_s_cost_is_met():
    cost = measure_cost(GridNet.preset("paper", range(60)))
    assert (round(cost.parameters / 1e6, 1), round(cost.gflop, 1)) == (13.2, 59.9)


def test_the_default_costs_a_quarter():
    assert measure_cost(GridNet.preset("default", range(60))).gflop <= 16


@pytest.mark.parametrize(("name", "stride"), [("paper", 16), ("authors", 16), ("default", 32)])
def test_the_stride_is_that_of_the_deepest_row(name, stride, preset):
    assert preset(GridNet, name).config.stride == stride


def test_the_authors_network_is_the_paper_s_with_input_from_0_to_1(preset, gray_input):
    paper, authors = preset(GridNet, "paper"), preset(GridNet, "authors")
    assert authors.config.lightness == "BT.601"
    x = gray_input(paper)
    again = GridNet(authors.config).eval()
    again.load_state_dict(paper.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(again(x), paper((x + 1) / 2))


def test_the_paper_s_grid_has_its_edges_and_no_biases_in_convolutions(preset):
    network = preset(GridNet, "paper")
    convolutions = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    transposed = [module for module in network.modules() if isinstance(module, torch.nn.ConvTranspose2d)]
    edges = {"across": 5 * 5, "down": 4 * 3, "up": 4 * 3}
    assert {name: len(getattr(network, name)) for name in edges} == edges
    assert len(convolutions) == 2 * (25 + 12) + 12 + 4
    assert len(transposed) == 12
    assert all(module.bias is None and module.kernel_size == (3, 3) for module in convolutions + transposed)


def test_each_class_has_its_channel_in_the_order_given(gray_input):
    network = GridNet.preset("default", (5, 2, 9))
    assert network.config.ids == (5, 2, 9)
    assert network(gray_input(network)).shape[1] == 3


def test_every_row_of_the_grid_counts(small, gray_input):
    small.eval()
    x = gray_input(small)
    with torch.no_grad():
        before = small(x)
        for row in range(2):
            weight = small.across[f"{row}_1"][2].weight
            kept = weight.clone()
            weight.zero_()
            assert not torch.equal(small(x), before)
            weight.copy_(kept)
        assert torch.equal(small(x), before)


def test_branches_are_never_dropped_in_eval(small, gray_input):
    dropping = GridNet(SMALL, drop_branch=1.0).eval()
    dropping.load_state_dict(small.state_dict())
    with torch.no_grad():
        assert torch.equal(dropping(gray_input(small)), small.eval()(gray_input(small)))


@pytest.mark.parametrize(("chance", "dropped"), [(0.0, 0), (1.0, 6)])
def test_whole_branches_are_dropped_in_training(gray_input, chance, dropped):
    network = GridNet(SMALL, drop_branch=chance).train()
    network(gray_input(network, 8, 8)).square().sum().backward()
    assert sum(branch[2].weight.grad is None for branch in network.across.values()) == dropped


def test_a_chance_drops_now_this_branch_now_that(gray_input):
    torch.manual_seed(0)
    network = GridNet(SMALL, drop_branch=0.5).train()
    seen = set()
    for _ in range(8):
        network.zero_grad()
        network(gray_input(network, 4, 4)).square().sum().backward()
        seen.add(tuple(branch[2].weight.grad is None for branch in network.across.values()))
    assert len(seen) > 3
    assert 0 < sum(map(sum, seen)) < 6 * len(seen)


@pytest.mark.parametrize("columns", [0, 1, 3])
def test_an_odd_number_of_columns_is_refused(columns):
    with pytest.raises(ValueError, match="columns must be even"):
        GridNetConfig(ids=(1,), columns=columns)
