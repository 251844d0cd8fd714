import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from napari_colorizer.boxes import Box
from napari_colorizer.networks.local import Layer, follow, reach_of, stride_of

MODULES = {
    "3 x 3": lambda: nn.Conv2d(2, 2, 3, padding=1),
    "3 x 3, no bias": lambda: nn.Conv2d(2, 2, 3, padding=1, bias=False),
    "3 x 3, half the size": lambda: nn.Conv2d(2, 2, 3, 2, padding=1),
    "1 x 1": lambda: nn.Conv2d(2, 2, 1),
    "5 x 5, grouped": lambda: nn.Conv2d(2, 2, 5, padding=2, groups=2),
    "5 x 5, a third of the size": lambda: nn.Conv2d(2, 2, 5, 3, padding=2),
    "dilated": lambda: nn.Conv2d(2, 2, 3, padding=3, dilation=3),
    "transposed": lambda: nn.ConvTranspose2d(2, 2, 3, 2, 1, 1),
    "bilinear": lambda: nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
    "identity": nn.Identity,
}
REFUSED = [
    nn.InstanceNorm2d(2),
    nn.BatchNorm2d(2),
    nn.GroupNorm(1, 2),
    nn.MaxPool2d(3, 1, 1),
    nn.AdaptiveAvgPool2d(1),
    nn.MultiheadAttention(2, 1),
    nn.Conv2d(2, 2, 3),
    nn.Conv2d(2, 2, 4, padding=1),
    nn.Conv2d(2, 2, 3, padding="same"),
    nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"),
    nn.Conv2d(2, 2, 3, padding=1, dilation=2),
    nn.Conv2d(2, 2, (3, 1), padding=(1, 0)),
    nn.Conv2d(2, 2, 1, 2),
    nn.ConvTranspose2d(2, 2, 4, 2, 1),
    nn.ConvTranspose2d(2, 2, 3, 2, 1),
    nn.Upsample(scale_factor=2),
    nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
    nn.Upsample(size=8, mode="bilinear"),
    nn.Sequential(nn.Conv2d(2, 2, 3, padding=1)),
]


@pytest.fixture
def listed():
    def build(name, activation=None, **wiring):
        torch.manual_seed(0)
        return Layer(name, MODULES[name](), activation or nn.SiLU(), **wiring)

    return build


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(sorted(MODULES)), st.sampled_from([6, 12]), st.sampled_from([6, 12]), st.booleans())
@torch.inference_mode()
def test_any_box_of_an_output_is_that_of_the_whole(data, name, height, width, gated):
    torch.manual_seed(0)
    layer = Layer(name, MODULES[name](), nn.SiLU(), ("first", "second"), 1, nn.Conv2d(1, 1, 1) if gated else None)
    sources = [torch.rand(1, 1, height, width) for _ in range(2)]
    gray = [torch.empty(0), torch.rand(1, 1, height, width)]
    whole = layer(sources, gray)
    assert layer.window.size(sources[0].shape) == whole.shape[2:]
    ends = [
        sorted(data.draw(st.lists(st.integers(0, n), min_size=2, max_size=2, unique=True))) for n in whole.shape[2:]
    ]
    box = Box(*ends[0], *ends[1])
    torch.testing.assert_close(layer.part(sources, gray, box), whole[..., *box.slices], rtol=0, atol=1e-6)


@torch.inference_mode()
def test_a_gate_decides_how_much_of_the_gray_features_counts():
    gate = nn.Conv2d(1, 1, 1, bias=False)
    layer = Layer("gated", nn.Identity(), gray=0, gate=gate)
    gray, x = torch.rand(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    for weight, share in ((0.0, 1.0), (-100.0, 0.0), (100.0, 2.0)):
        gate.weight.fill_(weight)
        assert torch.equal(layer([x], [gray]), torch.cat([share * gray, x], 1))


@pytest.mark.parametrize(
    "gate", [nn.Conv2d(2, 2, 3, padding=1), nn.InstanceNorm2d(2), nn.AdaptiveAvgPool2d(1)], ids=str
)
def test_a_gate_that_sees_more_than_its_pixel_is_refused(gate):
    with pytest.raises(ValueError, match="layer 'gated'"):
        Layer("gated", nn.Identity(), gray=0, gate=gate)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(MODULES)), st.integers(12, 17), st.integers(1, 6))
@torch.inference_mode()
def test_an_output_changes_where_it_is_said_to(name, low, length):
    module = MODULES[name]().double()
    for weight in module.parameters():
        weight.uniform_(1, 2)  # nothing cancels out
    x = torch.zeros(1, 2, 36, 36, dtype=torch.double)
    changed = x.clone()
    changed[..., low : low + length, :] = 1
    rows = (module(changed) != module(x))[0].any(0).any(1).nonzero()[:, 0].tolist()
    assert Layer(name, module).window.changed((low, low + length)) == (rows[0], rows[-1] + 1)


@pytest.mark.parametrize("module", REFUSED, ids=str)
def test_what_no_box_can_be_computed_of_is_refused_by_name(module):
    with pytest.raises(ValueError, match=rf"layer 'encoder\.1\.extra': a box of the output of {type(module).__name__}"):
        Layer("encoder.1.extra", module)


@pytest.mark.parametrize("activation", [nn.Softmax(1), nn.PReLU(), nn.Dropout(), nn.ReLU(inplace=True)], ids=str)
def test_what_is_no_plain_activation_is_refused_by_name(activation):
    with pytest.raises(ValueError, match=rf"layer 'final': {type(activation).__name__}"):
        Layer("final", nn.Identity(), activation)


def test_a_layer_gets_the_one_before_or_the_sum_of_those_that_it_names():
    layers = [
        Layer("a", nn.Identity()),
        Layer("b", nn.Identity(), nn.ReLU()),
        Layer("c", nn.Identity(), sources=("a", "b", "b")),
    ]
    assert follow(layers, torch.tensor([-1.0, 2.0]), Layer.__call__).tolist() == [-1.0, 6.0]


def test_strides_multiply_and_reaches_add_up(listed):
    halving, conv = listed("3 x 3, half the size"), listed("3 x 3")
    assert stride_of([halving, conv, listed("5 x 5, a third of the size")]) == 6
    assert reach_of([conv, conv, listed("dilated")]) == 5
    assert reach_of([halving, listed("bilinear")]) == 3


def test_a_detour_reaches_further_than_the_short_way(listed):
    layers = [listed("identity"), listed("dilated"), listed("identity", sources=("identity", "dilated"))]
    assert reach_of(layers) == 3
