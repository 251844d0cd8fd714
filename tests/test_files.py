import errno
import os
import threading
import warnings
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, PngImagePlugin

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.files import (
    CLASSES_KEY,
    FileError,
    beside,
    images_in,
    is_file,
    is_own_output,
    read_image,
    read_label_map,
    write_color,
    write_label_map,
)

CLASSES = ClassMap([Class(1, "sky", "#87ceeb"), Class(7, "père", "#4caf50")])
ORIENTATION = 274
READERS = pytest.mark.parametrize("read", [read_image, read_label_map])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture
def gray16():
    return np.random.default_rng(0).integers(0, 65536, (7, 5), dtype=np.uint16)


def test_a_label_map_is_an_indexed_image_that_shows_the_colors(tmp_path):
    labels = np.array([[0, 1, 7], [200, 255, 1]], np.uint8)
    write_label_map(tmp_path / "a.png", labels, CLASSES)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
        shown = np.asarray(image.convert("RGB"))
    assert shown[0].tolist() == [[0, 0, 0], [0x87, 0xCE, 0xEB], [0x4C, 0xAF, 0x50]]
    assert shown[1, 0].tolist() == shown[1, 1].tolist() == [255, 0, 255]


def test_a_label_map_comes_back_with_its_classes(tmp_path):
    labels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    write_label_map(tmp_path / "a.png", labels, CLASSES)
    again, classes = read_label_map(tmp_path / "a.png")
    assert again.dtype == np.uint8
    assert np.array_equal(again, labels)
    assert classes == CLASSES


def test_ids_above_255_are_kept_in_16_bits(tmp_path):
    labels = np.arange(65536, dtype=np.int64).reshape(256, 256)
    classes = CLASSES.with_class(Class(65535, "rare", "#010203"))
    write_label_map(tmp_path / "a.png", labels, classes)
    again, read_classes = read_label_map(tmp_path / "a.png")
    assert again.dtype == np.uint16
    assert np.array_equal(again, labels)
    assert read_classes == classes


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, st.tuples(*[st.integers(1, 9)] * 2)), st.integers(1, 257))
def test_any_label_map_comes_back(folder, labels, factor):
    labels = labels.astype(np.int32) * factor
    write_label_map(folder / "any.png", labels)
    again, classes = read_label_map(folder / "any.png")
    assert np.array_equal(again, labels)
    assert classes is None


@pytest.mark.parametrize("label", [-1, 65536])
def test_an_id_that_does_not_fit_is_refused(tmp_path, label):
    with pytest.raises(FileError, match=rf"a\.png: .*0 to 65535, not .*{label}"):
        write_label_map(tmp_path / "a.png", np.array([[0, label]]))
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("text", ["[{", "[7]", '[{"id": 0, "name": "sky"}]'])
def test_broken_names_leave_the_label_map_whole(tmp_path, text):
    info = PngImagePlugin.PngInfo()
    info.add_itxt(CLASSES_KEY, text)
    Image.fromarray(np.eye(3, dtype=np.uint8)).save(tmp_path / "a.png", pnginfo=info)
    labels, classes = read_label_map(tmp_path / "a.png")
    assert np.array_equal(labels, np.eye(3))
    assert classes is None


def test_a_label_map_in_tiff_is_read(tmp_path, gray16):
    tifffile.imwrite(tmp_path / "a.tif", gray16)
    labels, classes = read_label_map(tmp_path / "a.tif")
    assert np.array_equal(labels, gray16)
    assert classes is None


def test_colors_are_no_label_map(tmp_path):
    write_color(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8))
    tifffile.imwrite(tmp_path / "float.tif", np.zeros((4, 4), np.float32))
    tifffile.imwrite(tmp_path / "large.tif", np.full((4, 4), 70000, np.uint32))
    for name in ("a.png", "float.tif", "large.tif"):
        with pytest.raises(FileError, match=rf"{name} is not a label map"):
            read_label_map(tmp_path / name)


def test_colors_come_back_with_their_description(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    write_color(tmp_path / "a.png", rgb, "colored by père")
    assert np.array_equal(read_image(tmp_path / "a.png"), rgb)
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["Description"] == "colored by père"


@pytest.mark.parametrize("suffix", [".png", ".tif", ".TIFF"])
def test_16_bits_are_kept(tmp_path, gray16, suffix):
    path = tmp_path / f"a{suffix}"
    tifffile.imwrite(path, gray16) if "t" in suffix.lower() else Image.fromarray(gray16).save(path)
    image = read_image(path)
    assert image.dtype == np.uint16
    assert np.array_equal(image, gray16)


@pytest.mark.parametrize("shape", [(1, 50), (50, 1), (1, 1), (9, 1, 3), (1, 9, 3)])
def test_a_tiff_one_pixel_wide_keeps_its_shape(tmp_path, shape):
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    assert np.array_equal(read_image(tmp_path / "a.tif"), pixels)
    if len(shape) == 2:
        assert np.array_equal(read_label_map(tmp_path / "a.tif")[0], pixels)


@pytest.mark.parametrize("axes", [(1, 6, 5), (1, 1, 6, 5), (6, 5, 1), (1, 6, 5, 3)])
def test_axes_of_length_one_are_left_out_of_a_tiff(tmp_path, axes):
    tifffile.imwrite(tmp_path / "a.tif", np.ones(axes, np.uint8))
    assert read_image(tmp_path / "a.tif").shape == ((6, 5, 3) if axes[-1] == 3 else (6, 5))


def test_complex_numbers_are_no_image(tmp_path):
    tifffile.imwrite(tmp_path / "waves.tif", np.zeros((6, 8), np.complex64))
    with pytest.raises(FileError, match=r"waves\.tif is not one gray or RGB image.*complex64"):
        read_image(tmp_path / "waves.tif")


def test_a_stack_is_not_one_image(tmp_path):
    tifffile.imwrite(tmp_path / "stack.tif", np.zeros((2, 6, 5), np.uint8), photometric="minisblack")
    for read, what in ((read_image, "one gray or RGB image"), (read_label_map, "a label map")):
        with pytest.raises(FileError, match=rf"stack\.tif is not {what}"):
            read(tmp_path / "stack.tif")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (6, 3), (3, 2), (8, 1)])
def test_a_photograph_is_turned_upright(tmp_path, suffix, orientation, turns):
    stored = np.zeros((16, 24), np.uint8)
    stored[:8, :8] = 255
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(stored).save(tmp_path / f"a{suffix}", exif=exif)
    image = read_image(tmp_path / f"a{suffix}")
    assert np.array_equal(image > 127, np.rot90(stored, turns) > 127)


@pytest.mark.parametrize(
    ("mode", "shape"), [("1", (6, 4)), ("L", (6, 4)), ("LA", (6, 4)), ("P", (6, 4, 3)), ("RGBA", (6, 4, 4))]
)
def test_any_kind_of_png_is_read(tmp_path, mode, shape):
    Image.new(mode, (4, 6)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").shape == shape


def test_a_palette_is_read_as_its_colors(tmp_path):
    write_label_map(tmp_path / "a.png", np.full((2, 2), 7, np.uint8), CLASSES)
    assert read_image(tmp_path / "a.png")[0, 0].tolist() == [0x4C, 0xAF, 0x50]


@READERS
def test_a_file_that_is_not_there_is_named(tmp_path, read):
    for name in ("absent.png", "absent.tif"):
        with pytest.raises(FileError, match=rf"there is no file .*{name}"):
            read(tmp_path / name)


@READERS
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("data", [b"", b"II", b"II*\x00", b"not an image at all"])
def test_a_file_that_is_no_image_is_named(tmp_path, read, suffix, data):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(data)
    with pytest.raises(FileError, match=rf"broken\{suffix} cannot be read as"):
        read(path)


@READERS
@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.95])
def test_a_truncated_file_is_named(tmp_path, read, suffix, share):
    path = tmp_path / f"cut{suffix}"
    pixels = np.random.default_rng(0).integers(0, 65536, (100, 100), dtype=np.uint16)
    tifffile.imwrite(path, pixels, compression="zlib") if suffix == ".tif" else Image.fromarray(pixels).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(FileError, match=rf"cut\{suffix} cannot be read as"):
        read(path)


@READERS
def test_a_folder_is_no_image(tmp_path, read):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(FileError, match=r"folder\.png cannot be read as"):
        read(tmp_path / "folder.png")


@READERS
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_file_too_large_for_the_memory_is_named(tmp_path, monkeypatch, read, suffix):
    Image.new("L", (300, 200)).save(tmp_path / f"huge{suffix}")
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=2**19))
    with pytest.raises(FileError, match=rf"huge\{suffix} has 300 x 200 pixels: .* GB are free"):
        read(tmp_path / f"huge{suffix}")


@READERS
@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_an_image_of_any_size_that_the_memory_holds_is_read_without_a_warning(tmp_path, monkeypatch, read, suffix):
    options = {"compression": "group4"} if suffix == ".tif" else {}
    Image.new("1" if options else "L", (100, 100)).save(tmp_path / f"large{suffix}", **options)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read(tmp_path / f"large{suffix}")
    assert (found if read is read_image else found[0]).shape == (100, 100)
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_a_folder_lists_its_images_without_what_was_written_beside_them(tmp_path):
    for name in (
        "b.PNG",
        "A.jpg",
        "c.tif",
        "A.labels.png",
        "A.color.png",
        "c.LABELS.PNG",
        "notes.txt",
        "colors.png",
        "._A.jpg",
    ):
        (tmp_path / name).touch()
    (tmp_path / "d.png").mkdir()
    assert [path.name for path in images_in(tmp_path)] == ["A.jpg", "b.PNG", "c.tif", "colors.png"]


def test_what_is_written_beside_an_image_has_its_name(tmp_path):
    image = tmp_path / "my.photo.tif"
    for suffix in (".labels.png", ".color.png"):
        assert beside(image, suffix) == tmp_path / f"my.photo{suffix}"
        assert is_own_output(beside(image, suffix))
    assert beside(image, ".color.png", tmp_path / "out") == tmp_path / "out" / "my.photo.color.png"
    assert not is_own_output(image)


def test_a_scan_whose_zero_is_white_is_not_read_as_a_negative(tmp_path):
    positive = np.tile(np.arange(200, dtype=np.uint8), (4, 1))
    tifffile.imwrite(tmp_path / "scan.tif", 255 - positive, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "scan.tif"), positive)


def test_a_tiff_with_a_palette_is_read_in_its_colors(tmp_path):
    palette = Image.fromarray(np.array([[0, 1]], np.uint8).repeat(3, 0), "P")
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.save(tmp_path / "palette.tif")
    assert read_image(tmp_path / "palette.tif")[0].tolist() == [[10, 20, 30], [200, 100, 50]]


WRITERS = pytest.mark.parametrize(
    ("write", "content"),
    [(write_color, np.zeros((4, 4, 3), np.uint8)), (write_label_map, np.ones((4, 4), np.uint8))],
)


@WRITERS
def test_what_is_there_is_written_over_only_if_asked(tmp_path, write, content):
    path = tmp_path / "mine.png"
    path.write_bytes(b"made by hand")
    with pytest.raises(FileError, match=r"mine\.png already exists"):
        write(path, content, overwrite=False)
    assert path.read_bytes() == b"made by hand"
    assert os.listdir(tmp_path) == ["mine.png"]
    write(path, content)
    assert read_image(path).shape[:2] == (4, 4)


@WRITERS
def test_a_link_to_nothing_is_something_that_is_there(tmp_path, write, content):
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(FileError, match=r"link\.png already exists"):
        write(tmp_path / "link.png", content, overwrite=False)


@pytest.mark.parametrize("links", [True, False])
def test_of_several_that_write_one_file_at_once_one_wins_and_the_others_are_told(tmp_path, monkeypatch, links):
    if not links:  # as on a memory card
        monkeypatch.setattr(os, "link", Mock(side_effect=OSError(errno.EPERM, "Operation not permitted")))
    start, told = threading.Barrier(8), []

    def write(number):
        start.wait()
        try:
            write_label_map(tmp_path / "one.png", np.full((4, 4), number), overwrite=False)
        except FileError as error:
            told.append((number, str(error)))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = set(range(8)) - {number for number, _ in told}
    assert all("one.png already exists" in text for _, text in told)
    assert (read_label_map(tmp_path / "one.png")[0] == winner).all()
    assert os.listdir(tmp_path) == ["one.png"]


def test_a_description_of_no_characters_is_escaped(tmp_path):
    write_color(tmp_path / "a.png", np.zeros((4, 4, 3), np.uint8), "colored with \ud800\x1b[2J")
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["Description"] == r"colored with \ud800\x1b[2J"


@pytest.mark.parametrize("name", ["A.color.jpg", "A.Color.TIF", "A.labels.tif", "A.labels.webp"])
def test_results_in_any_format_are_known(tmp_path, name):
    (tmp_path / name).touch()
    assert is_own_output(tmp_path / name)
    assert images_in(tmp_path) == []


def test_a_name_too_long_for_what_belongs_to_it_is_no_file(tmp_path):
    image = tmp_path / f"{'x' * 251}.png"
    image.touch()
    assert not is_file(beside(image, ".labels.png"))


@WRITERS
def test_a_folder_that_is_not_there_is_named_with_the_file(tmp_path, write, content):
    with pytest.raises(FileNotFoundError, match=r"no.a\.png"):
        write(tmp_path / "no" / "a.png", content)
