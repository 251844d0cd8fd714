from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from napari_colorizer.networks import GridNet
from napari_colorizer.networks.image_encoder import ImageEncoder
from napari_colorizer.training.batch_transforms import features_of, flip, gray_and_chroma
from napari_colorizer.training.old_photos import film_gray


def taking(lightness):
    """A network that takes that lightness."""
    return SimpleNamespace(config=SimpleNamespace(lightness=lightness, image_encoder=""))


@pytest.fixture
def crops():
    generator = torch.Generator().manual_seed(0)
    rgb = torch.randint(0, 256, (3, 3, 16, 16), generator=generator, dtype=torch.uint8)
    gray = [np.rint(film_gray(image.permute(1, 2, 0).numpy()) * 255).astype(np.uint8) for image in rgb]
    return {
        "rgb": rgb,
        "gray": torch.from_numpy(np.stack(gray)),
        "labels": torch.arange(256).view(1, 16, 16).repeat(3, 1, 1).int(),
        "flips": torch.tensor([[False, False], [True, False], [True, True]]),
    }


def test_lightness_and_chroma_are_those_of_the_photograph(crops):
    inputs = gray_and_chroma(crops, taking("L*"))
    lab = rgb2lab(crops["rgb"][0].permute(1, 2, 0).numpy())
    np.testing.assert_allclose((inputs.x[0, 0] + 1) * 50, lab[..., 0], atol=0.3)  # gray has 8 bits
    np.testing.assert_allclose(inputs.chroma[0].permute(1, 2, 0), lab[..., 1:], atol=0.05)


def test_the_authors_lightness_is_the_gray_value(crops):
    x = gray_and_chroma(crops, taking("BT.601")).x[0, 0]
    torch.testing.assert_close(x, crops["gray"][0] / 127.5 - 1, atol=1e-5, rtol=0)


def test_image_and_labels_are_mirrored_together(crops):
    inputs = gray_and_chroma(crops, taking("L*"))
    straight = gray_and_chroma({**crops, "flips": torch.zeros(3, 2, dtype=torch.bool)}, taking("L*"))
    for name in ("x", "chroma", "labels"):
        mirrored, plain = getattr(inputs, name), getattr(straight, name)
        assert torch.equal(mirrored[0], plain[0])
        assert torch.equal(mirrored[1], plain[1].flip(-1))
        assert torch.equal(mirrored[2], plain[2].flip(-1, -2))


def test_flipping_twice_changes_nothing(crops):
    assert torch.equal(flip(flip(crops["rgb"], crops["flips"]), crops["flips"]), crops["rgb"])


def test_features_come_with_the_crops_or_are_those_of_the_whole_photograph():
    network = GridNet.preset("default", (1, 2)).eval()
    network.image_encoder = ImageEncoder("lite0").eval()
    whole = torch.rand(1, 1, 64, 128) * 2 - 1
    contrast = torch.stack([whole.mean(), whole.std(correction=0)])[None]
    with torch.no_grad():
        seen = features_of({"contrast": contrast}, network, whole[..., :64])
        alone = network.image_encoder(whole[..., :64])
        torch.testing.assert_close(seen[0][..., :8], network.image_encoder(whole)[0][..., :8])  # far from the cut
    assert not torch.allclose(seen[0], alone[0])
    kept = {f"features{index}": of_stride.half() for index, of_stride in enumerate(alone)}
    for found, wanted in zip(features_of(kept, network, whole), alone, strict=True):
        torch.testing.assert_close(found, wanted.half().float())
    assert features_of({}, taking("L*"), whole) is None
