"""An image is seen through the profile or the gamma that its file has."""

import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from napari_colorizer.files import read_image

GRAY = np.add.outer(np.arange(24) * 5, np.arange(32) * 4).astype(np.uint8)
RGB = np.stack([GRAY, GRAY[::-1], 255 - GRAY], -1)


def of_type(kind):
    return GRAY.astype(kind) * kind(np.iinfo(kind).max // 255)


def gray_profile(gamma):
    """A profile of gray images with a gamma, built by hand."""

    def tag(kind, content):
        return kind + bytes(4) + content

    def xyz(*values):
        return tag(b"XYZ ", b"".join(round(value * 65536).to_bytes(4, "big") for value in values))

    contents = {
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"kTRC": tag(b"curv", (1).to_bytes(4, "big") + round(gamma * 256).to_bytes(2, "big") + bytes(2)),
        b"desc": tag(b"desc", (5).to_bytes(4, "big") + b"gray\x00" + bytes(79)),
        b"cprt": tag(b"text", b"none\x00\x00\x00\x00"),
    }
    table, data = len(contents).to_bytes(4, "big"), b""
    for name, content in contents.items():
        table += name + (132 + 12 * len(contents) + len(data)).to_bytes(4, "big") + len(content).to_bytes(4, "big")
        data += content + bytes(-len(content) % 4)
    header = (128 + len(table) + len(data)).to_bytes(4, "big") + bytes(4) + b"\x02\x10\x00\x00mntrGRAYXYZ " + bytes(12)
    header += b"acsp" + bytes(28) + b"".join(round(x * 65536).to_bytes(4, "big") for x in (0.9642, 1.0, 0.8249))
    return header + bytes(128 - len(header)) + table + data


def in_srgb(values, gamma):
    linear = (values / 255) ** gamma
    return np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear) * 255


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.6])
@pytest.mark.parametrize(
    ("kind", "suffix"),
    [(np.uint8, ".png"), (np.uint16, ".png"), (np.uint8, ".tif"), (np.uint16, ".tif"), (np.uint8, ".jpg")],
)
def test_a_gray_image_is_seen_through_its_profile(tmp_path, gamma, kind, suffix):
    Image.fromarray(of_type(kind)).save(tmp_path / f"a{suffix}", icc_profile=gray_profile(gamma))
    found = read_image(tmp_path / f"a{suffix}")
    assert found.dtype == kind
    scale = np.iinfo(kind).max / 255
    np.testing.assert_allclose(found / scale, in_srgb(GRAY, gamma), atol=20 if suffix == ".jpg" else 1.0)


@pytest.mark.parametrize("kind", [np.uint32, np.float32, np.float64])
def test_numbers_of_32_bits_and_floats_are_seen_through_it_too(tmp_path, kind):
    shown = (GRAY / 255).astype(kind) if np.dtype(kind).kind == "f" else of_type(kind)
    tifffile.imwrite(tmp_path / "a.tif", shown, iccprofile=gray_profile(1.8))
    found = read_image(tmp_path / "a.tif")
    assert found.dtype == kind
    scale = 255 if np.dtype(kind).kind == "f" else 255 / np.iinfo(kind).max
    np.testing.assert_allclose(found * scale, in_srgb(GRAY, 1.8), atol=1.0)


def test_floats_of_a_scale_of_their_own_stay(tmp_path):
    heights = (GRAY * 3.5).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", heights, iccprofile=gray_profile(1.8))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), heights)


def test_a_palette_is_seen_through_the_gamma_of_its_png(tmp_path):
    path = tmp_path / "a.png"
    image = Image.fromarray(GRAY).convert("P")
    image.putpalette(np.repeat(np.arange(256, dtype=np.uint8), 3).tobytes())
    image.save(path)
    with_gamma(path, 1.0)
    found = read_image(path)
    assert found.shape == (*GRAY.shape, 3)
    np.testing.assert_allclose(found[..., 1], in_srgb(GRAY, 1.0), atol=0.6)


def with_gamma(path, gamma):
    """Put gAMA into a PNG."""
    data, part = path.read_bytes(), b"gAMA" + round(gamma * 100000).to_bytes(4, "big")
    path.write_bytes(data[:33] + (4).to_bytes(4, "big") + part + zlib.crc32(part).to_bytes(4, "big") + data[33:])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize(("gamma", "exponent"), [(1.0, 1.0), (1 / 1.8, 1.8), (0.45455, None)])
def test_a_png_is_seen_through_its_gamma(tmp_path, kind, gamma, exponent):
    path = tmp_path / "a.png"
    Image.fromarray(of_type(kind)).save(path)
    with_gamma(path, gamma)
    wanted = in_srgb(GRAY, exponent) if exponent else GRAY
    np.testing.assert_allclose(read_image(path) / (np.iinfo(kind).max / 255), wanted, atol=0.6)


def wide_profile():
    """A profile of RGB with other primaries: sRGB's with red and green exchanged."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    places = {}
    for entry in range(int.from_bytes(profile[128:132], "big")):
        start = 132 + 12 * entry
        places[bytes(profile[start : start + 4])] = int.from_bytes(profile[start + 4 : start + 8], "big")
    red, green = places[b"rXYZ"], places[b"gXYZ"]
    profile[red : red + 20], profile[green : green + 20] = profile[green : green + 20], profile[red : red + 20]
    at = profile.index("sRGB".encode("utf-16-be"))
    profile[at : at + 8] = "swap".encode("utf-16-be")
    return bytes(profile)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_colors_are_seen_through_their_profile(tmp_path, suffix):
    Image.fromarray(RGB).save(tmp_path / f"a{suffix}", icc_profile=wide_profile())
    found = read_image(tmp_path / f"a{suffix}")
    np.testing.assert_allclose(found.astype(int), RGB[..., [1, 0, 2]], atol=3)


def test_a_profile_of_srgb_changes_nothing(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(RGB).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), RGB)


@pytest.mark.parametrize("profile", [b"no profile", b"\x00" * 200, gray_profile(1.8)[:150]])
@pytest.mark.parametrize("pixels", [GRAY, RGB])
def test_a_damaged_or_unfit_profile_does_not_stop_an_image(tmp_path, profile, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), pixels)


def test_a_profile_for_another_kind_of_image_is_left_alone(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "rgb.png", icc_profile=gray_profile(1.8))
    np.testing.assert_array_equal(read_image(tmp_path / "rgb.png"), RGB)
