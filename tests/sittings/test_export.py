"""Export: the colors at full size, with 8 and 16 bits, their profile and how they came about."""

import io
import json
import re

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from napari_colorizer import Sitting
from napari_colorizer.errors import FileError
from napari_colorizer.files import read_image, read_label_map
from napari_colorizer.sittings.export import colors
from napari_colorizer.sittings.picture_files import Provenance, write_with_provenance
from napari_colorizer.sittings.references import checksum

PROVENANCE = Provenance("napari-colorizer 9", "mine", "ab12", "2026-05-09T14:05:00+0200", "Größe.png", "cd34")


@pytest.fixture
def sitting(tmp_path, tiny_model, library):
    tiny_model.save(tmp_path / "tiny.safetensors")
    gray = np.linspace(0, 65535, 48 * 64).reshape(48, 64).astype(np.uint16)
    tifffile.imwrite(tmp_path / "photo.tif", gray)
    labels = np.ones((48, 64), np.uint8)
    labels[20:, :30] = 7
    hints = [(10.5, 20, 30, 40, 6)]
    return Sitting.of(
        tmp_path / "photo.tif", tmp_path / "tiny.safetensors", labels=labels, classes=tiny_model.classes, hints=hints
    )


def about(path):
    """The profile of an exported file, and what it says of how it came about."""
    if path.suffix.startswith(".tif"):
        with tifffile.TiffFile(path) as tiff:
            tags = tiff.pages[0].tags
            return tags["InterColorProfile"].value, tags["Software"].value, tags["ImageDescription"].value
    with Image.open(path) as image:
        exif = image.getexif()
        software = image.info.get("Software") or exif[305]
        return image.info["icc_profile"], software, image.info.get("napari-colorizer") or exif[270]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF", ".jpg"])
def test_colors_profile_and_provenance_are_in_the_file(sitting, tmp_path, bits, suffix):
    path = tmp_path / f"out{suffix}"
    if (bits, suffix) == (16, ".jpg"):
        with pytest.raises(FileError, match="a JPEG has 8 bits"):
            sitting.export(path, bits, device="cpu")
        return
    assert sitting.export(path, bits, device="cpu") == [path]
    expected, found = colors(sitting, bits, "cpu"), read_image(path)
    if suffix == ".jpg":
        assert np.abs(found.astype(int) - expected).mean() < 4
    else:
        np.testing.assert_array_equal(found, expected)
    profile, software, facts = about(path)
    assert "srgb" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).lower()
    assert software.startswith("napari-colorizer ")
    facts = json.loads(facts)
    assert facts["model"] == "tiny.safetensors"
    assert facts["model_checksum"] == checksum(tmp_path / "tiny.safetensors")
    assert facts["image"] == "photo.tif"
    assert facts["image_checksum"] == checksum(tmp_path / "photo.tif")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}", facts["date"])


def test_sixteen_bits_are_the_eight_before_rounding(sitting):
    eight, sixteen = colors(sitting, 8, "cpu").astype(float), colors(sitting, 16, "cpu")
    assert sixteen.dtype == np.uint16
    assert np.abs(sixteen / 257 - eight).max() <= 0.51  # half a step, and that of the compiled painting
    assert len(np.unique(sixteen)) > 1000


@pytest.mark.parametrize("size", [(1, 1), (37, 23), (700, 1100)])
def test_a_png_of_16_bits_holds_what_was_written(tmp_path, size):
    rgb = np.random.default_rng(0).integers(0, 1 << 16, (*size, 3), np.uint16)
    write_with_provenance(tmp_path / "a.png", rgb, PROVENANCE)
    with Image.open(tmp_path / "a.png") as image:
        image.load()  # checks each checksum
        assert image.info["Creation Time"] == "2026-05-09T14:05:00+0200"
        np.testing.assert_array_equal(np.asarray(image), rgb >> 8)
    np.testing.assert_array_equal(low_bytes(tmp_path / "a.png", size), rgb & 255)


def low_bytes(path, size):
    """What Pillow leaves out: the lower bytes of a PNG whose rows are all filtered by the one above."""
    import zlib

    data, at, packed = path.read_bytes(), 8, b""
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        packed += data[at + 8 : at + 8 + length] if data[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(size[0], -1)[:, 1:]
    return np.cumsum(rows, 0, np.uint8).reshape(*size, 3, 2)[..., 1]


def test_label_map_and_dots_lie_beside_it_on_request(sitting, tmp_path, run):
    written = sitting.export(tmp_path / "out.tif", 16, labels=True, dots=True, device="cpu")
    assert [path.name for path in written] == ["out.tif", "out.labels.png", "out.dots.csv"]
    labels, classes = read_label_map(written[1])
    np.testing.assert_array_equal(labels, sitting.labels)
    assert classes == sitting.classes
    model = ("--model", sitting.model.name, "--device", "cpu")
    result = run(
        "colorize",
        tmp_path / "photo.tif",
        "--labels",
        written[1],
        "--hints",
        written[2],
        "-o",
        tmp_path / "b.png",
        *model,
    )
    assert result.exit_code == 0, result.stderr
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), sitting.colorize("cpu"))


def test_nothing_is_written_over_unasked_and_the_image_never(sitting, tmp_path):
    (tmp_path / "out.labels.png").write_bytes(b"mine")
    with pytest.raises(FileError, match=r"out\.labels\.png already exists"):
        sitting.export(tmp_path / "out.png", labels=True, device="cpu", overwrite=False)
    assert not (tmp_path / "out.png").exists()
    with pytest.raises(FileError, match="is the image itself"):
        sitting.export(tmp_path / "photo.tif", device="cpu")


def test_other_forms_are_refused_before_any_work(sitting, tmp_path):
    for name in ("a.webp", "a"):
        with pytest.raises(FileError, match=r"are exported as \.png, \.tif"):
            sitting.export(tmp_path / name)
    with pytest.raises(FileError, match="8 or 16 bits, not 12"):
        sitting.export(tmp_path / "a.png", 12)


def test_a_picture_too_large_for_jpeg_says_so(tmp_path):
    with pytest.raises(FileError, match="sides of 65500 pixels"):
        write_with_provenance(tmp_path / "a.jpg", np.zeros((1, 70_000, 3), np.uint8), PROVENANCE)
