import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from napari_colorizer.training.batches import age, flip, gray_and_chroma

STILL = torch.tensor([[1.0, 1.0, 0.0]])


@pytest.fixture
def crops():
    generator = torch.Generator().manual_seed(0)
    return {
        "rgb": torch.randint(0, 256, (3, 3, 16, 16), generator=generator, dtype=torch.uint8),
        "labels": torch.arange(256).view(1, 16, 16).repeat(3, 1, 1).int(),
        "flips": torch.tensor([[False, False], [True, False], [True, True]]),
        "tone": STILL.repeat(3, 1),
        "grain": torch.zeros(3, 16, 16, dtype=torch.float16),
    }


def test_lightness_and_chroma_are_those_of_the_photograph(crops):
    inputs = gray_and_chroma(crops, "L*")
    lab = rgb2lab(crops["rgb"][0].permute(1, 2, 0).numpy())
    np.testing.assert_allclose((inputs.x[0, 0] + 1) * 50, lab[..., 0], atol=0.02)
    np.testing.assert_allclose(inputs.chroma[0].permute(1, 2, 0), lab[..., 1:], atol=0.05)


def test_the_authors_lightness_is_luma(crops):
    x = gray_and_chroma(crops, "BT.601").x[0, 0]
    red, green, blue = crops["rgb"][0].float()
    torch.testing.assert_close(x, (0.299 * red + 0.587 * green + 0.114 * blue) / 127.5 - 1, atol=1e-5, rtol=0)


def test_image_and_labels_are_mirrored_together(crops):
    inputs = gray_and_chroma(crops, "L*")
    straight = gray_and_chroma({**crops, "flips": torch.zeros(3, 2, dtype=torch.bool)}, "L*")
    for name in ("x", "chroma", "labels"):
        mirrored, plain = getattr(inputs, name), getattr(straight, name)
        assert torch.equal(mirrored[0], plain[0])
        assert torch.equal(mirrored[1], plain[1].flip(-1))
        assert torch.equal(mirrored[2], plain[2].flip(-1, -2))


def test_flipping_twice_changes_nothing(crops):
    assert torch.equal(flip(flip(crops["rgb"], crops["flips"]), crops["flips"]), crops["rgb"])


def test_each_photo_ages_in_its_own_way():
    x = torch.rand(4, 1, 24, 24) * 2 - 1
    tone = torch.tensor([[1.0, 1, 0], [1.5, 1, 0], [1, 0.5, 0], [1, 1, 1.5]])
    grain = torch.zeros(4, 24, 24)
    aged = age(x, tone, grain)
    torch.testing.assert_close(aged[0], x[0])
    torch.testing.assert_close((aged[1] + 1) / 2, ((x[1] + 1) / 2) ** 1.5)
    torch.testing.assert_close(aged[2], x[2] / 2)
    assert aged[3].std() < 0.6 * x[3].std()
    grain[0, 3, 4] = 0.25
    torch.testing.assert_close(age(x, tone, grain)[0, 0, 3, 4], x[0, 0, 3, 4] + 0.25)
