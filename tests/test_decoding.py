"""What a file says of how it is to be shown is done, whatever the kind of file."""

import io
import struct
import zlib
from importlib.metadata import version

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


of_pillow_13 = pytest.mark.skipif(
    int(version("pillow").partition(".")[0]) < 13,
    reason="Pillow before 13 calls YCbCr truncated where it is not compressed, which is rare, and reads it compressed",
)


@pytest.mark.parametrize("mode", [pytest.param("YCbCr", marks=of_pillow_13), "LAB"])
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


@pytest.mark.parametrize("codec", [None, "zlib"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("bits", [8, 16])
def test_palettes_and_inks_are_turned_at_any_depth(tmp_path, bits, orientation, codec):
    kind = np.dtype(f"u{bits // 8}")
    options = {"compression": codec, "extratags": [(ORIENTATION, 3, 1, orientation, True)]}
    palette = np.random.default_rng(0).integers(0, 65536, (3, 1 << bits)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", GRAY.astype(kind), photometric="palette", colormap=palette, **options)
    np.testing.assert_array_equal(
        read_image(tmp_path / "a.tif"), upright(np.moveaxis(palette[:, GRAY] >> 8, 0, -1).astype(np.uint8), orientation)
    )
    inks = of_type(kind.type, np.stack([*np.moveaxis(255 - RGB, -1, 0), np.zeros_like(GRAY)]))
    for planar in (True, False):
        stored, config = (inks, "separate") if planar else (np.moveaxis(inks, 0, -1), "contig")
        tifffile.imwrite(tmp_path / "a.tif", stored, photometric="separated", planarconfig=config, **options)
        np.testing.assert_allclose(read_image(tmp_path / "a.tif").astype(int), upright(RGB, orientation), atol=1)


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
    with pytest.raises(FileError, match=r"a\.tif cannot be read.* CIELAB with 16 bits.*Save it again as an ordinary"):
        read_image(tmp_path / "a.tif")


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
    linear = ramp / 65535
    seen = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    np.testing.assert_allclose(found, seen * 255, atol=0.6)


def test_a_cut_png_of_16_bits_is_named(tmp_path):
    data = deep_png(np.random.default_rng(0).integers(0, 1 << 16, (50, 70, 3)).astype(np.uint16), 2)
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(FileError, match=r"a\.png"):
        read_image(tmp_path / "a.png")
