"""What may go wrong with files, disks and processes: one clear line each, the rest done, in the end the same bytes."""

import errno
import os
import random
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import tifffile
from filelock import FileLock
from PIL import Image

from napari_colorizer.batches import destinations, tasks
from napari_colorizer.batches import recipe as recipes
from napari_colorizer.batches.result_folder import HIDDEN
from napari_colorizer.files import read_image

KILLS = int(os.environ.get("NAPARI_COLORIZER_KILLS", "3"))
ODD_NAMES = [
    "with space.png",
    "quo'te\".png",
    "new\nline.png",
    "Übung 写真.png",
    "[b]old[.png",
    "-dash.png",
    "a.b.c.png",
]
no_such_names = pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")


class Killed(BaseException):
    """As SIGKILL does: nothing is tidied up."""


def die(*_, **__):
    raise Killed


def faults(result, *parts):
    """Whether a run told one line for each fault, and ended with exit code 1."""
    lines = result.stderr.strip().splitlines()
    assert result.exit_code == 1
    assert len(lines) == len(parts) + 1, result.stderr
    assert all(line.startswith("error: ") for line in lines)
    assert all(any(part in line for line in lines) for part in parts), result.stderr
    return True


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a thing of POSIX")
def test_a_job_that_is_killed_at_random_moments_ends_with_the_same_bytes(
    start, colorize, scans, stack, tree, tmp_path, model_file
):
    inputs = (scans, stack)
    assert colorize(*inputs, "-o", tmp_path / "whole").exit_code == 0
    command = ("colorize", "-m", model_file, "--device", "cpu", *inputs, "-o", tmp_path / "out")
    rng = random.Random(KILLS)
    for _ in range(KILLS):
        process = start(*command)
        ready = tmp_path / "out" / HIDDEN
        while not ready.exists() and process.poll() is None:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.4))
        process.kill()
        process.wait()
        for path in (tmp_path / "out").glob("*.*"):
            if path.suffix in (".png", ".tif") and not path.name.startswith("."):
                read_image(path) if path.suffix == ".png" else tifffile.imread(path)  # whole, or not there
    assert colorize(*inputs, "-o", tmp_path / "out").exit_code == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


@pytest.mark.parametrize("moment", ["written", "recorded", "placed"])
def test_a_job_that_is_killed_between_two_steps_ends_with_the_same_bytes(
    colorize, scans, stack, tree, tmp_path, monkeypatch, moment
):
    """As SIGKILL does: nothing is tidied up."""
    assert colorize(scans, stack, "-o", tmp_path / "whole").exit_code == 0

    steps = {
        "written": "napari_colorizer.batches.manifest.Manifest.add",
        "recorded": "napari_colorizer.batches.result_folder.place",
        "placed": "napari_colorizer.cli.batch_progress.BatchProgress.result",
    }
    with monkeypatch.context() as patch:
        patch.setattr(steps[moment], die)
        patch.setattr(
            "napari_colorizer.batches.result_folder.ResultFolder.close", lambda folder: folder._lock.release()
        )
        with pytest.raises(Killed):
            colorize(scans, stack, "-o", tmp_path / "out")
    assert colorize(scans, stack, "-o", tmp_path / "out").exit_code == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_pages_that_a_killed_job_left_beside_their_whole_stack_are_removed(
    colorize, stack, tree, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr("napari_colorizer.batches.items.shutil", SimpleNamespace(rmtree=die))
        with pytest.raises(Killed):
            colorize(stack, "-o", tmp_path / "out")
    assert any(name.startswith(f"{HIDDEN}/pages-") for name in tree(tmp_path / "out"))
    assert colorize(stack, "-o", tmp_path / "out").exit_code == 0
    assert not any(name.startswith(HIDDEN) for name in tree(tmp_path / "out"))


def test_a_disk_that_is_full_is_told_and_nothing_half_written_is_left(colorize, scans, tmp_path, monkeypatch, tree):
    write = recipes.write_picture

    def write_until_full(path, *arguments):
        if len(written) == 1:
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        written.append(path)
        write(path, *arguments)

    written = []
    monkeypatch.setattr(recipes, "write_picture", write_until_full)
    result = colorize(scans, "-o", tmp_path / "out")
    assert faults(result, "B.png: ", "C.png: ")
    assert result.stderr.count("No space left on device") == 2
    assert tree(tmp_path / "out").keys() == {"A.color.png"}


def test_a_manifest_that_finds_no_room_leaves_the_result_out(colorize, scans, tmp_path, monkeypatch, tree):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("napari_colorizer.batches.manifest.os.fsync", full)
        assert colorize(scans / "A.png", "-o", tmp_path / "out").exit_code == 1
    assert tree(tmp_path / "out") == {}
    assert colorize(scans / "A.png", "-o", tmp_path / "out").exit_code == 0


def test_an_output_that_is_read_only_is_told(colorize, scans, tmp_path, monkeypatch):
    mkdir = Path.mkdir

    def mkdir_but_there(path, *arguments, **options):
        if path.name == HIDDEN:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        mkdir(path, *arguments, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir_but_there)
    result = colorize(scans, "-o", tmp_path / "out")  # three results, one fault
    assert faults(result, f"nothing can be written into {tmp_path / 'out'}: Permission denied")
    assert "3 of 3 files failed" in result.stderr
    assert result.stdout == ""


def test_an_output_that_is_no_folder_is_told_once(colorize, scans, tmp_path):
    (tmp_path / "out").write_text("somebody's")
    for output in (tmp_path / "out", tmp_path / "out" / "deep"):
        assert faults(colorize(scans, "-o", output), f"nothing can be written into {output}")
    assert (tmp_path / "out").read_text() == "somebody's"


@pytest.mark.parametrize("name", ["S.color.tif", "S.color.zarr"])
def test_a_disk_that_is_full_is_told_once_for_a_stack_which_goes_on_when_there_is_room(
    colorize, stack, tmp_path, monkeypatch, tree, counted, name
):
    assert colorize(stack, "-o", tmp_path / "whole" / name).exit_code == 0
    counted.clear()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        to = destinations.PageDestination if name.endswith("tif") else destinations.StoreDestination
        write = to.write
        patch.setattr(to, "write", lambda *what: full() if len(counted) > 2 else write(*what))
        assert faults(colorize(stack, "-o", tmp_path / "out" / name), "S.tif: No space left on device")
    again = colorize(stack, "-o", tmp_path / "out" / name)
    assert (again.exit_code, len(counted)) == (0, 5 + 3)
    if name.endswith("tif"):
        assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_an_input_that_is_replaced_while_it_is_read_is_told(colorize, scans, tmp_path, gray, monkeypatch):
    read_whole = tasks.read_image

    def read_and_replace(path):
        image = read_whole(path)
        if path.name == "B.png":
            Image.fromarray(gray(9)).save(path)
        return image

    monkeypatch.setattr(tasks, "read_image", read_and_replace)
    result = colorize(scans, "-o", tmp_path / "out")
    assert faults(result, "B.png was changed while it was read")
    assert not (tmp_path / "out" / "B.color.png").exists()


def test_a_stack_that_is_replaced_while_it_is_read_is_told(colorize, stack, pages, counted, monkeypatch):
    make = recipes.Recipe.make

    def make_and_replace(*arguments):
        if len(counted) == 2:
            tifffile.imwrite(stack, pages[::-1], photometric="minisblack")
        return make(*arguments)

    monkeypatch.setattr(recipes.Recipe, "make", make_and_replace)
    result = colorize(stack)
    assert result.exit_code == 1
    assert "S.tif was changed while it was read" in result.stderr
    assert not stack.with_name("S.color.tif").exists()
    monkeypatch.undo()
    assert colorize(stack).exit_code == 0


@no_such_names
def test_names_may_hold_anything(colorize, tmp_path, gray, records):
    folder = tmp_path / "odd"
    folder.mkdir()
    for number, name in enumerate(ODD_NAMES):
        Image.fromarray(gray(number)).save(folder / name)
    for _ in range(2):
        result = colorize(folder, "-o", tmp_path / "out")
        assert result.exit_code == 0, result.stderr
    wanted = {f"{Path(name).stem}.color.png" for name in ODD_NAMES}
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == wanted
    assert {record["result"] for record in records(tmp_path / "out")} == wanted


@pytest.mark.skipif(sys.platform != "linux", reason="others take text for names")
def test_names_may_be_no_text(colorize, scans, tmp_path):
    os.rename(scans / "A.png", os.fsencode(scans) + b"/bad\xff.png")
    for _ in range(2):
        result = colorize(scans, "-o", tmp_path / "out")
        assert result.exit_code == 0, result.stderr
    assert "3 already done" in result.stderr
    assert os.path.exists(os.fsencode(tmp_path / "out") + b"/bad\xff.color.png")


@no_such_names
def test_circles_of_links_are_told_and_the_rest_is_done(colorize, scans, tmp_path):
    (scans / "round").symlink_to(scans, target_is_directory=True)
    (scans / "self.png").symlink_to(scans / "self.png")
    result = colorize(scans, "--recursive", "-o", tmp_path / "out")
    assert faults(result, "round", "self.png")
    assert len(list((tmp_path / "out").glob("*.png"))) == 3


def test_a_second_job_into_one_output_is_told_and_its_other_results_are_made(colorize, scans, tmp_path):
    (tmp_path / "out" / HIDDEN).mkdir(parents=True)
    with FileLock(tmp_path / "out" / HIDDEN / "lock"):
        result = colorize(scans / "A.png", "-o", tmp_path / "out")
        assert faults(result, "another job is writing into")
        assert faults(colorize(scans, "-o", tmp_path / "out"), "another job is writing into")  # once for all
    assert colorize(scans / "A.png", "-o", tmp_path / "out").exit_code == 0


def test_of_two_jobs_at_once_one_is_told_or_finds_all_done(start, scans, tmp_path, model_file, tree, colorize):
    command = ("colorize", "-m", model_file, "--device", "cpu", scans, "-o", tmp_path / "out")
    both = [start(*command) for _ in range(2)]
    ends = [(process.communicate(timeout=120)[1], process.returncode) for process in both]
    assert 0 in [code for _, code in ends]
    assert all(code == 0 or "another job is writing into" in err for err, code in ends)
    assert colorize(scans, "-o", tmp_path / "whole").exit_code == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
