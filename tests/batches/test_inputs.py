import os
from pathlib import Path

import pytest
import zarr
from PIL import Image

from napari_colorizer.batches.inputs import find_inputs
from napari_colorizer.errors import FileError


def names(found):
    return [one.path.name for one in found.found]


def add(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8)).save(path, "PNG")
    return path


def test_a_folder_stands_for_its_images_and_stores_and_for_deeper_ones_if_asked(scans):
    for name in ("A.color.png", "A.labels.tif", "._A.png", "notes.txt", "deep/D.PNG", "deep/er/E.jpg", ".hid/F.png"):
        add(scans / name)
    for name in ("V.zarr", "V.color.zarr", "deep/W.zarr"):
        zarr.create_array(scans / name, shape=(2, 8, 8), dtype="u1")
    assert names(find_inputs([scans])) == ["A.png", "B.png", "C.png", "V.zarr"]
    deep = find_inputs([scans], recursive=True)
    assert names(deep) == ["A.png", "B.png", "C.png", "V.zarr", "D.PNG", "W.zarr", "E.jpg"]
    assert {one.root for one in deep.found} == {scans}
    assert deep.problems == []


def test_patterns_are_spelled_out_here_where_no_shell_did_it(scans, monkeypatch):
    add(scans / "deep" / "D.png")
    monkeypatch.chdir(scans)
    assert names(find_inputs([Path("[AB].png"), Path("C.png")])) == ["A.png", "B.png", "C.png"]
    assert names(find_inputs([Path("**/*.png")])) == ["A.png", "B.png", "C.png", "D.png"]
    add(scans / "odd[1].png")
    assert names(find_inputs([Path("odd[1].png")])) == ["odd[1].png"]
    assert names(find_inputs([Path("gone*.png")])) == ["gone*.png"]  # reading it will tell


def test_results_that_are_named_are_passed_over(scans):
    add(scans / "A.color.png")
    found = find_inputs([scans / "A.color.png", scans / "A.png"])
    assert (names(found), found.passed_over) == (["A.png"], [scans / "A.color.png"])
    with pytest.raises(FileError, match=r"no image in .*A\.color\.png: .* are results"):
        find_inputs([scans / "A.color.png"])


def test_an_empty_folder_says_what_would_help(tmp_path):
    add(tmp_path / "out" / "deep" / "D.png")
    with pytest.raises(FileError, match="--recursive"):
        find_inputs([tmp_path / "out"])


@pytest.mark.skipif(os.name == "nt", reason="links are for administrators there")
def test_circles_of_links_end_and_are_told(scans):
    (scans / "round").symlink_to(scans, target_is_directory=True)
    (scans / "self.png").symlink_to(scans / "self.png")
    (scans / "nowhere.png").symlink_to(scans / "gone.png")
    (scans / "link.png").symlink_to(scans / "A.png")
    found = find_inputs([scans], recursive=True)
    assert names(found) == ["A.png", "B.png", "C.png", "link.png"]
    told = sorted(found.problems)
    assert [name in text for name, text in zip(("nowhere.png", "round", "self.png"), told, strict=True)] == [True] * 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such pipes there")
@pytest.mark.parametrize("given", ["pipe.png", "*", "."])
def test_a_pipe_is_never_waited_for(scans, monkeypatch, given):
    os.mkfifo(scans / "pipe.png")
    monkeypatch.chdir(scans)
    found = find_inputs([Path(given)])
    assert "pipe.png" not in names(found)
    assert found.problems == ([] if given == "." else ["pipe.png is neither a file nor a folder"])
