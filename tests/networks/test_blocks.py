import torch

from napari_colorizer.networks.blocks import conv3x3, up_conv3x3


def test_convolutions_keep_halve_or_double_the_size_without_bias():
    x = torch.rand(1, 2, 8, 6)
    assert conv3x3(2, 3)(x).shape == (1, 3, 8, 6)
    assert conv3x3(2, 3, stride=2)(x).shape == (1, 3, 4, 3)
    assert up_conv3x3(2, 3)(x).shape == (1, 3, 16, 12)
    for layer in (conv3x3(2, 3), up_conv3x3(2, 3)):
        assert not layer(torch.zeros_like(x)).any()
