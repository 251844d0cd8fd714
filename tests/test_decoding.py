"""What a file says of how it is to be shown is done, whatever the kind of file."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.errors import FileError
from napari_colorizer.files import CLASSES_KEY, read_image, read_label_map, write_label_map

ORIENTATION = 274
GRAY = np.add.outer(np.arange(24) * 5, np.arange(32) * 4).astype(np.uint8)
RGB = np.stack([GRAY, GRAY[::-1], 255 - GRAY], -1)
CODECS = ("tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma", None)
TYPES = (np.uint8, np.uint16, np.uint32, np.float32)


def of_type(kind, values=GRAY):
    return values / np.float32(255) if kind is np.float32 else values.astype(kind) * kind(np.iinfo(kind).max // 255)


def upright(pixels, orientation):
    exif, file = Image.Exif(), io.BytesIO()
    exif[ORIENTATION] = orientation
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    return np.asarray(ImageOps.exif_transpose(Image.open(file)))


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    ("image", "shown"),
    [
        (Image.fromarray(GRAY), GRAY),
        (Image.fromarray(RGB), RGB),
        (Image.fromarray(of_type(np.uint16)), of_type(np.uint16)),
        (Image.fromarray(of_type(np.float32)), of_type(np.float32)),
        (Image.fromarray(GRAY.astype(np.int32) * 1000), GRAY.astype(np.int32) * 1000),
        (Image.fromarray(GRAY > 100), GRAY > 100),
        (Image.fromarray(GRAY).convert("LA"), GRAY),
        (Image.fromarray(GRAY).convert("P"), np.stack([GRAY] * 3, -1)),
        (Image.fromarray(RGB).convert("CMYK"), RGB),
    ],
    ids=["L", "RGB", "16", "float", "32", "1", "LA", "P", "CMYK"],
)
def test_every_kind_of_tiff_with_every_compression(tmp_path, codec, image, shown):
    image.save(tmp_path / "a.tif", compression=codec)
    found = read_image(tmp_path / "a.tif")
    assert found.dtype == shown.dtype
    np.testing.assert_array_equal(found, shown)


@pytest.mark.parametrize("image", [GRAY, RGB])
def test_jpeg_in_tiff(tmp_path, image):
    Image.fromarray(image).save(tmp_path / "a.tif", compression="jpeg", quality=95)
    np.testing.assert_allclose(read_image(tmp_path / "a.tif").astype(int), image, atol=6)


@pytest.mark.parametrize("codec", ["group3", "group4", "tiff_ccitt"])
def test_faxes(tmp_path, codec):
    Image.fromarray(GRAY > 100).save(tmp_path / "a.tif", compression=codec)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), GRAY > 100)


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
def test_other_color_spaces_in_tiff(tmp_path, mode):
    mild = RGB // 4 + 96  # inside what Lab of 8 bits holds well
    image = Image.fromarray(mild)
    if mode == "LAB":
        spaces = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
        image = ImageCms.profileToProfile(image, *spaces, outputMode="LAB")
    image.convert(mode).save(tmp_path / "a.tif")
    np.testing.assert_allclose(read_image(tmp_path / "a.tif").astype(int), mild, atol=4)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("samples", [2, 3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_planes_and_alpha_in_tiff(tmp_path, planar, samples, kind):
    gray = of_type(kind)
    stored = np.stack([gray, *[gray[::-1]] * (samples - 1)], 0 if planar else -1)
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        photometric="minisblack" if samples == 2 else "rgb",
        planarconfig="separate" if planar else "contig",
        extrasamples=["unassalpha"] * (samples in (2, 4)),
    )
    found = read_image(tmp_path / "a.tif")
    assert found.shape == (GRAY.shape if samples == 2 else (*GRAY.shape, samples))
    np.testing.assert_array_equal(found if samples == 2 else found[..., 0], gray)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", TYPES)
def test_zero_that_is_white_is_white_at_any_depth(tmp_path, kind, order):
    shown = of_type(kind)
    stored = 1 - shown if kind is np.float32 else np.iinfo(kind).max - shown
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite", byteorder=order)
    np.testing.assert_allclose(read_image(tmp_path / "a.tif"), shown, atol=1e-6)


@pytest.mark.parametrize("codec", ["tiff_lzw", "group4"])
def test_zero_that_is_white_is_white_when_compressed(tmp_path, codec):
    image = Image.fromarray(GRAY > 100)
    if codec == "tiff_lzw":
        image = Image.fromarray(65535 - of_type(np.uint16))
    image.save(tmp_path / "a.tif", compression=codec, tiffinfo={262: 0} if codec == "tiff_lzw" else {})
    found = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(found, of_type(np.uint16) if codec == "tiff_lzw" else GRAY > 100)


def packed(path, bits, values):
    """Write a TIFF of few bits, or of 12, by hand: no library here does."""
    digits = np.unpackbits(values.astype(">u2").view(np.uint8).reshape(*values.shape, 2), axis=-1)[..., 16 - bits :]
    data = np.packbits(digits.reshape(len(values), -1), axis=-1).tobytes()
    height, width = values.shape
    tags = [(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    tags += [(278, 4, height), (279, 4, len(data))]
    entries = b"".join(
        tag.to_bytes(2, "little") + kind.to_bytes(2, "little") + (1).to_bytes(4, "little") + value.to_bytes(4, "little")
        for tag, kind, value in tags
    )
    directory = len(tags).to_bytes(2, "little") + entries + bytes(4)
    path.write_bytes(b"II*\x00" + (8 + len(data)).to_bytes(4, "little") + data + directory)


@pytest.mark.parametrize(("bits", "kind"), [(2, np.uint8), (4, np.uint8), (12, np.uint16)])
def test_few_bits_are_the_full_range_of_an_image_and_ids_in_a_label_map(tmp_path, bits, kind):
    most = (1 << bits) - 1
    values = (np.arange(64, dtype=np.uint16).reshape(4, 16) * 37) % (most + 1)
    packed(tmp_path / "a.tif", bits, values)
    shown = read_image(tmp_path / "a.tif")
    assert shown.dtype == kind
    np.testing.assert_allclose(shown, values * (np.iinfo(kind).max / most), atol=0.5)
    np.testing.assert_array_equal(read_label_map(tmp_path / "a.tif")[0], values)


def chunk(name, content):
    """A part of a PNG."""
    return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")


@pytest.mark.parametrize("bits", [2, 4])
@pytest.mark.parametrize("color_type", [0, 3])
def test_a_label_map_of_few_bits_in_png_keeps_its_ids(tmp_path, bits, color_type):
    values = np.arange(64, dtype=np.uint8).reshape(4, 16) % (1 << bits)
    digits = np.unpackbits(values[..., None], axis=-1)[..., 8 - bits :].reshape(4, -1)
    lines = b"".join(b"\0" + line.tobytes() for line in np.packbits(digits, axis=-1))
    parts = [(b"IHDR", bytes([0, 0, 0, 16, 0, 0, 0, 4, bits, color_type, 0, 0, 0]))]
    parts += [(b"PLTE", bytes(range(48)))] * (color_type == 3)
    parts += [(b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))
    np.testing.assert_array_equal(read_label_map(tmp_path / "a.png")[0], values)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("codec", [None, "tiff_lzw", "deep", "planar", "png"])
def test_what_is_to_be_turned_is_turned(tmp_path, orientation, codec):
    path, pixels = tmp_path / "a.tif", RGB
    tag = [(ORIENTATION, 3, 1, orientation, True)]
    if codec == "tiff_lzw":
        Image.fromarray(RGB).save(path, compression=codec, tiffinfo={ORIENTATION: orientation})
    elif codec == "png":
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        Image.fromarray(RGB).save(path, "PNG", exif=exif)
    elif codec == "planar":
        tifffile.imwrite(path, np.moveaxis(RGB, -1, 0), photometric="rgb", planarconfig="separate", extratags=tag)
    else:
        pixels = of_type(np.uint16) if codec == "deep" else RGB
        tifffile.imwrite(path, pixels, extratags=tag)
    np.testing.assert_array_equal(read_image(path), upright(pixels, orientation))


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_label_maps_are_turned_as_images_are(tmp_path, orientation, suffix):
    path, labels = tmp_path / f"a{suffix}", GRAY // 20
    if suffix == ".tif":
        tifffile.imwrite(path, labels, extratags=[(ORIENTATION, 3, 1, orientation, True)])
    else:
        write_label_map(path, labels, ClassMap([Class(1, "sky", "#87ceeb")]))
        with Image.open(path) as image:
            exif, info = Image.Exif(), image.info[CLASSES_KEY]
            exif[ORIENTATION] = orientation
            image.load()
        text = PngImagePlugin.PngInfo()
        text.add_itxt(CLASSES_KEY, info)
        image.save(path, exif=exif, pnginfo=text)
    found, classes = read_label_map(path)
    np.testing.assert_array_equal(found, upright(labels, orientation))
    assert (classes is None) == (suffix == ".tif")


@pytest.mark.parametrize(("name", "form"), [("a.png", "TIFF"), ("a.tif", "PNG"), ("a.jpg", "TIFF")])
def test_the_content_counts_and_not_the_suffix(tmp_path, name, form):
    Image.fromarray(of_type(np.uint16)).save(tmp_path / name, form)
    np.testing.assert_array_equal(read_image(tmp_path / name), of_type(np.uint16))


@pytest.mark.parametrize("codec", [None, "tiff_lzw"])
@pytest.mark.parametrize("read", [read_image, read_label_map])
def test_a_stack_is_refused_however_it_is_compressed(tmp_path, codec, read):
    pages = [Image.fromarray(GRAY)] * 3
    pages[0].save(tmp_path / "stack.tif", compression=codec, save_all=True, append_images=pages[1:])
    with pytest.raises(FileError, match=r"stack\.tif is not .* \(3, 24, 32\)"):
        read(tmp_path / "stack.tif")


def test_a_form_that_is_not_known_says_which_and_what_helps(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", RGB.astype(np.uint16) * 257, photometric="cielab")
    with pytest.raises(FileError, match=r"a\.tif cannot be read.* CIELAB with 16 bits.*[Ss]aved anew as an ordinary"):
        read_image(tmp_path / "a.tif")


# -- profiles and gammas


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


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize(("gamma", "exponent"), [(1.0, 1.0), (1 / 1.8, 1.8), (0.45455, None)])
def test_a_png_is_seen_through_its_gamma(tmp_path, kind, gamma, exponent):
    path = tmp_path / "a.png"
    Image.fromarray(of_type(kind)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[:33] + chunk(b"gAMA", round(gamma * 100000).to_bytes(4, "big")) + data[33:])
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


def deep_png(pixels, kind, *chunks, around=()):
    """A PNG of 16 bits, (H, W, 2 to 4), each row told by its difference to the pixel before."""
    rows = pixels.astype(">u2").view(np.uint8).reshape(*pixels.shape[:2], -1)
    rows[:, 1:] -= rows[:, :-1].copy()
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, kind, 0, 0, 0)
    data = zlib.compress(b"".join(b"\x01" + row.tobytes() for row in rows))
    every = [chunk(b"IHDR", header), *chunks, chunk(b"IDAT", data), *around, chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(every)


@pytest.mark.parametrize(
    ("channels", "kind"), [(3, 2), (4, 6), (2, 4)], ids=["color", "color and alpha", "gray and alpha"]
)
@pytest.mark.parametrize("where", ["before", "after"])
def test_a_png_of_16_bits_keeps_them_in_color_and_with_alpha(tmp_path, channels, kind, where):
    pixels = np.random.default_rng(0).integers(0, 1 << 16, (5, 7, channels)).astype(np.uint16)
    seen = pixels[..., 0] if channels == 2 else pixels
    (tmp_path / "a.png").write_bytes(deep_png(pixels, kind))
    found = read_image(tmp_path / "a.png")
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, seen)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    turned = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    before, after = ([turned], ()) if where == "before" else ([], [turned])
    (tmp_path / "a.png").write_bytes(deep_png(pixels, kind, *before, around=after))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), np.rot90(seen, -1))


@pytest.mark.parametrize(("channels", "kind"), [(3, 2), (4, 6), (2, 4)])
def test_the_darks_of_a_linear_png_of_16_bits_are_fine(tmp_path, channels, kind):
    ramp = np.arange(0, 4096, 16, dtype=np.uint16)
    pixels = np.repeat(ramp[None, :, None], channels, 2)
    (tmp_path / "a.png").write_bytes(deep_png(pixels, kind, chunk(b"gAMA", (100_000).to_bytes(4, "big"))))
    found = read_image(tmp_path / "a.png").reshape(256, -1)[:, 0] / 257
    np.testing.assert_allclose(found, in_srgb(ramp / 257, 1.0), atol=0.6)


def test_a_cut_png_of_16_bits_is_named(tmp_path):
    data = deep_png(np.random.default_rng(0).integers(0, 1 << 16, (50, 70, 3)).astype(np.uint16), 2)
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(FileError, match=r"a\.png"):
        read_image(tmp_path / "a.png")
