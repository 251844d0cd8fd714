import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_colorizer.batches import tiff_stacks
from napari_colorizer.batches.tiff_stacks import TiffStack, encode_page, write_tiff_stack
from napari_colorizer.errors import FileError


def test_every_page_is_colored_and_lies_in_one_tiff(colorize, stack, pages, expected):
    done = colorize(stack)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.split() == [str(stack.with_name("S.color.tif"))]
    colors = tifffile.imread(stack.with_name("S.color.tif"))
    np.testing.assert_array_equal(colors, [expected(page) for page in pages])
    assert not list(stack.parent.glob(".*"))


def test_label_maps_of_a_stack_and_colors_that_follow_them(segment, colorize, stack, pages, tiny_model, expected):
    assert segment(stack).exit_code == 0
    labels = tifffile.imread(stack.with_name("S.labels.tif"))
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, [tiny_model.segment(page) for page in pages])
    labels[2] = 7
    tifffile.imwrite(stack.with_name("mine.tif"), labels, photometric="minisblack")
    assert colorize(stack, "--labels", stack.with_name("mine.tif"), "-o", stack.with_name("C.tif")).exit_code == 0
    colors = tifffile.imread(stack.with_name("C.tif"))
    np.testing.assert_array_equal(colors[2], tiny_model.colorize(pages[2], labels[2]))
    np.testing.assert_array_equal(colors[3], expected(pages[3]))
    short = stack.with_name("short.tif")
    tifffile.imwrite(short, labels[:3], photometric="minisblack")
    refused = colorize(stack, "--labels", short, "-o", stack.with_name("D.tif"))
    assert refused.exit_code == 1
    assert "short.tif does not fit S.tif" in refused.stderr


def test_a_stack_goes_on_with_the_pages_that_are_not_done(colorize, stack, pages, counted, monkeypatch, tree):
    assert colorize(stack, "-o", stack.parent / "whole").exit_code == 0
    counted.clear()
    encode = tiff_stacks.encode_page
    monkeypatch.setattr(
        "napari_colorizer.batches.destinations.encode_page", lambda page: 1 / 0 if len(counted) == 4 else encode(page)
    )
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        colorize(stack, "-o", stack.parent / "out")
    assert not list((stack.parent / "out").glob("*.tif"))
    monkeypatch.undo()
    again = colorize(stack, "-o", stack.parent / "out")
    assert (again.exit_code, len(counted)) == (0, 4)
    assert tree(stack.parent / "out") == tree(stack.parent / "whole")


def test_a_stack_that_is_done_is_not_done_again_until_it_changes(colorize, stack, pages, counted):
    for wanted in (5, 5, 10):
        if wanted == 10:
            tifffile.imwrite(stack, pages[::-1], photometric="minisblack")
        assert colorize(stack).exit_code == 0
        assert len(counted) == wanted


def test_a_page_that_is_damaged_is_named_and_the_tiff_is_not_written(colorize, stack, pages, scans):
    with tifffile.TiffFile(stack) as tiff:
        offset = tiff.pages[3].dataoffsets[0]
    stack.write_bytes(stack.read_bytes()[: offset + 10])
    result = colorize(stack, scans / "A.png")
    assert result.exit_code == 1
    assert "S.tif" in result.stderr
    assert not stack.with_name("S.color.tif").exists()
    assert (scans / "A.color.png").exists()


@pytest.mark.parametrize("form", ["contiguous", "one by one", "imagej", "ome", "zlib", "lzw", "big"])
def test_stacks_of_every_form_are_read_page_by_page(tmp_path, pages, form):
    path = tmp_path / "S.tif"
    options = {
        "imagej": {"imagej": True},
        "ome": {"ome": True},
        "zlib": {"compression": "zlib"},
        "big": {"bigtiff": True},
    }
    if form == "one by one":
        with tifffile.TiffWriter(path) as tiff:
            for page in pages:
                tiff.write(page, contiguous=False)
    elif form == "lzw":
        images = [Image.fromarray(page) for page in pages]
        images[0].save(path, save_all=True, append_images=images[1:], compression="tiff_lzw")
    else:
        tifffile.imwrite(path, pages, photometric="minisblack", **options.get(form, {}))
    stack = TiffStack(path)
    assert (stack.lead, stack.size) == ((5,), (24, 32))
    for number in (3, 0, 4):
        np.testing.assert_array_equal(stack.read((number,)), pages[number])


def test_pages_are_read_as_they_are_meant_to_be_shown(tmp_path, pages):
    for orientation, turns, size in ((3, 2, (24, 32)), (6, -1, (32, 24))):
        tags = [(274, 3, 1, orientation, False)]
        tifffile.imwrite(tmp_path / "S.tif", 255 - pages, photometric="miniswhite", extratags=tags)
        stack = TiffStack(tmp_path / "S.tif")
        assert stack.size == size
        np.testing.assert_array_equal(stack.read((2,)), np.rot90(pages[2], turns))


def test_time_and_depth_are_kept(colorize, tmp_path, pages):
    path = tmp_path / "V.tif"
    tifffile.imwrite(path, np.stack([pages[:3], pages[2:]]), photometric="minisblack", metadata={"axes": "TZYX"})
    assert (TiffStack(path).lead, TiffStack(path).axes) == ((2, 3), "tz")
    assert colorize(path).exit_code == 0
    with tifffile.TiffFile(tmp_path / "V.color.tif") as tiff:
        assert (tiff.series[0].shape, tiff.series[0].axes) == ((2, 3, 24, 32, 3), "TZYXS")


def test_previews_are_no_pages_and_pages_of_other_sizes_are_refused(colorize, tmp_path, pages):
    path = tmp_path / "S.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(pages[0], metadata=None)
        tiff.write(pages[0, ::2, ::2], subfiletype=1, metadata=None)
    assert TiffStack(path).lead == ()
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(pages[0], metadata=None)
        tiff.write(pages[1, :20], metadata=None)
    with pytest.raises(FileError, match="several sizes"):
        TiffStack(path)
    result = colorize(path)
    assert result.exit_code == 1
    assert "several sizes" in result.stderr


def test_many_bytes_make_a_bigtiff(tmp_path, pages, monkeypatch):
    parts = [tmp_path / str(number) for number in range(5)]
    for part, page in zip(parts, pages, strict=True):
        part.write_bytes(encode_page(page))
    for limit, big in ((2**32, False), (10, True)):
        monkeypatch.setattr(tiff_stacks, "CLASSIC", limit)
        write_tiff_stack(tmp_path / "S.tif", parts, (5, 24, 32), np.dtype(np.uint8), "t")
        with tifffile.TiffFile(tmp_path / "S.tif") as tiff:
            assert tiff.is_bigtiff == big
            np.testing.assert_array_equal(tiff.asarray(), pages)


@pytest.mark.parametrize("name", ["S.png", "S.jpg"])
def test_a_stack_does_not_fit_into_a_picture(colorize, stack, tmp_path, name):
    result = colorize(stack, "-o", tmp_path / name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "TIFF or zarr" in result.stderr
