"""TIFF files in compressions that tifffile leaves to another library give what uncompressed ones give."""

import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_colorizer import decoding
from napari_colorizer.errors import FileError
from napari_colorizer.files import read_image

GRAY = np.add.outer(np.arange(24) * 5, np.arange(32) * 4).astype(np.uint8)
TYPES = (np.uint8, np.uint16, np.uint32, np.int8, np.int16, np.int32, np.float16, np.float32, np.float64)
LAYOUTS = {
    "gray": ({"photometric": "minisblack"}, ()),
    "white is 0": ({"photometric": "miniswhite"}, ()),
    "gray and alpha": ({"photometric": "minisblack", "extrasamples": ["unassalpha"]}, (2,)),
    "color": ({"photometric": "rgb"}, (3,)),
    "color and alpha": ({"photometric": "rgb", "extrasamples": ["unassalpha"]}, (4,)),
}


def as_lzw(path):
    """Compress what a TIFF of one strip holds by LZW, forgetting after each byte: no library here writes all kinds."""
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        page = tiff.pages[0]
        ((data, _),) = tiff.filehandle.read_segments(page.dataoffsets, page.databytecounts)
        codes = np.full((len(data) + 1, 2), 256, np.uint16)
        codes[:-1, 1], codes[-1, 1] = np.frombuffer(data, np.uint8), 257
        digits = np.unpackbits(codes.astype(">u2").view(np.uint8).reshape(-1, 2), axis=-1)[:, 7:]
        packed_codes = np.packbits(digits).tobytes()
        end = tiff.filehandle.size
        for name, value in (("Compression", 5), ("StripOffsets", end), ("StripByteCounts", len(packed_codes))):
            page.tags[name].overwrite(value)
    with open(path, "ab") as file:
        file.write(packed_codes)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", TYPES)
def test_lzw_gives_what_an_uncompressed_tiff_gives(tmp_path, kind, order, layout):
    options, samples = LAYOUTS[layout]
    numbers = np.random.default_rng(0).integers(0, 100, (13, 17, *samples))
    numbers = (numbers / 100).astype(kind) if np.dtype(kind).kind == "f" else numbers.astype(kind)
    tifffile.imwrite(tmp_path / "a.tif", numbers, byteorder=order, **options)
    plain = read_image(tmp_path / "a.tif")
    as_lzw(tmp_path / "a.tif")
    found = read_image(tmp_path / "a.tif")
    assert found.dtype == plain.dtype
    np.testing.assert_array_equal(found, plain)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("codec", "predictor"), [("zlib", False), ("zlib", True), ("lzma", False)])
@pytest.mark.parametrize(
    "parts", [{}, {"rowsperstrip": 5}, {"tile": (16, 32)}, {"planarconfig": "separate", "rowsperstrip": 7}]
)
def test_parts_of_all_kinds_are_put_together(tmp_path, monkeypatch, parts, codec, predictor, order):
    rgb = np.random.default_rng(0).integers(0, 65536, (37, 70, 3)).astype(np.uint16)
    stored = np.moveaxis(rgb, -1, 0) if "planarconfig" in parts else rgb
    options = {"photometric": "rgb", "byteorder": order, "compression": codec, "predictor": predictor, **parts}
    tifffile.imwrite(tmp_path / "a.tif", stored, **options)
    monkeypatch.setattr(decoding, "_numbers", lambda _: None)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), rgb)


@pytest.mark.parametrize("codec", ["tiff_lzw", "tiff_adobe_deflate", "zstd"])
@pytest.mark.parametrize(("kind", "predictor"), [(np.uint8, 2), (np.uint16, 2), (np.int32, 2), (np.float32, 3)])
def test_differences_to_the_left_are_added_up(tmp_path, codec, kind, predictor):
    values = (GRAY / 255).astype(kind) if kind is np.float32 else (GRAY * 100).astype(kind)
    Image.fromarray(values).save(tmp_path / "a.tif", compression=codec, tiffinfo={317: predictor})
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), values)


def test_parts_of_any_size_are_unpacked_without_a_warning(tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 65536, (60, 70), dtype=np.uint16)
    Image.fromarray(pixels).save(tmp_path / "a.tif", compression="tiff_lzw")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), pixels)


@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.parametrize("codec", ["tiff_lzw", "zstd"])
def test_a_cut_file_of_such_a_compression_is_named(tmp_path, codec, share):
    pixels = np.random.default_rng(0).integers(0, 65536, (60, 70), dtype=np.uint16)
    Image.fromarray(pixels).save(tmp_path / "cut.tif", compression=codec)
    with tifffile.TiffFile(tmp_path / "cut.tif", mode="r+b") as tiff:
        counts = tiff.pages[0].tags["StripByteCounts"]
        counts.overwrite(tuple(int(count * share) for count in np.atleast_1d(counts.value)))
    with pytest.raises(FileError, match=r"cut\.tif cannot be read as an image"):
        read_image(tmp_path / "cut.tif")
