"""Processes of this machine and clusters: the very same bytes, whoever is lost on the way."""

import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from napari_colorizer.batches.manifest import NAME
from napari_colorizer.batches.tasks import Outcome
from napari_colorizer.batches.workers import LOST, LocalWorkers, Scheduler
from napari_colorizer.files import read_image

pytestmark = pytest.mark.slow

CPU = ("--device", "cpu")


def finish(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def wait_for(condition, seconds=180):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come in time"
        time.sleep(0.02)
    return found


def workers_of(process):
    """The processes that work for one, which have a model by now."""
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


@pytest.fixture
def undisturbed(colorize, scans, stack, tmp_path, tree):
    """What one process with one thread makes of three images and a stack of five."""
    assert colorize(scans, stack, "-o", tmp_path / "undisturbed").exit_code == 0
    return tree(tmp_path / "undisturbed")


def test_workers_make_the_same_bytes_and_one_that_is_killed_is_replaced(
    start, scans, stack, model_file, tmp_path, tree, undisturbed
):
    out = tmp_path / "out"
    process = start("colorize", "-m", model_file, *CPU, scans, stack, "-o", out, "--workers", 2, quick=False)
    wait_for(lambda: (out / "napari-colorizer.jsonl").exists())
    for worker in workers_of(process)[:1]:
        worker.kill()
    code, _, err = finish(process)
    assert (code, err) == (0, "")
    assert tree(out) == undisturbed


def test_workers_end_with_the_process_that_began_them(start, scans, model_file, tmp_path):
    process = start("colorize", "-m", model_file, *CPU, scans, "-o", tmp_path / "out", "--workers", 2)
    workers = wait_for(lambda: workers_of(process))
    process.kill()
    gone, alive = psutil.wait_procs(workers, timeout=30)
    assert (len(gone), alive) == (len(workers), [])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_workers_at_once_and_what_is_left_is_done_by_the_next_run(
    start, colorize, scans, model_file, tmp_path, tree, name
):
    Image.fromarray(np.kron(read_image(scans / "A.png"), np.ones((200, 200), np.uint8))).save(scans / "Z.png")
    process = start("colorize", "-m", model_file, *CPU, scans, "-o", tmp_path / "out", "--workers", 2)
    workers = wait_for(lambda: workers_of(process))
    process.stdout.readline()  # it works by now
    for one in (process, *workers) if name == "SIGINT" else (process,):  # a terminal tells all of them
        os.kill(one.pid, getattr(signal, name))
    code, _, err = finish(process)
    assert (code, err) == (128 + getattr(signal, name), f"error: ended by {name}\n")
    assert not any(worker.is_running() for worker in workers)
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {NAME, *(f"{one}.color.png" for one in "ABC")}
    (scans / "Z.png").unlink()
    assert colorize(scans, "-o", tmp_path / "out").exit_code == 0
    assert colorize(scans, "-o", tmp_path / "whole").exit_code == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def be_slow(task):
    if task.source.name == "slow":
        time.sleep(600)
    return Outcome("same")


def test_what_is_being_done_is_not_waited_for_at_an_early_end(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # where workers look for this module
    monkeypatch.setattr("napari_colorizer.batches.workers.do_with_one_thread", be_slow)
    outcomes = LocalWorkers(2).outcomes(iter([Fake("a"), Fake("slow")]))
    next(outcomes)
    workers = workers_of(psutil.Process())
    begun = time.monotonic()
    outcomes.close()
    assert time.monotonic() - begun < 60
    assert workers
    assert not any(worker.is_running() for worker in workers)


def end_hard(task):
    if task.source.name == "poison":
        os._exit(1)
    return Outcome("same")


class Fake:
    def __init__(self, name):
        self.source = Path(name)


def test_a_task_over_which_workers_are_lost_again_and_again_is_given_up_and_the_others_are_done(monkeypatch):
    pool = LocalWorkers(2)
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # where workers look for this module
    monkeypatch.setattr("napari_colorizer.batches.workers.do_with_one_thread", end_hard)
    done = {task.source.name: outcome for task, outcome in pool.outcomes(iter([Fake("a"), Fake("poison"), Fake("b")]))}
    assert {name: outcome.state for name, outcome in done.items()} == {"a": "same", "b": "same", "poison": "failed"}
    assert LOST in done["poison"].error


# -- dask.distributed


@pytest.fixture
def cluster():
    """A scheduler and two workers, as processes; gives its address and them."""
    pytest.importorskip("distributed")
    begun = [dask("scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1")]
    address = wait_for(lambda: re.search(r"tcp://[\d.:]+", begun[0].stderr.readline())).group()
    options = ("--nthreads", "1", "--no-nanny", "--no-dashboard")
    begun += [dask("worker", address, *options) for _ in range(2)]
    yield address, begun[1:]
    for process in begun:
        process.kill()
        process.communicate()


def dask(*arguments):
    command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def test_a_cluster_makes_the_same_bytes_though_a_worker_is_killed(
    start, scans, stack, model_file, tmp_path, tree, undisturbed, cluster
):
    address, workers = cluster
    out = tmp_path / "out"
    process = start("colorize", "-m", model_file, *CPU, scans, stack, "-o", out, "--scheduler", address)
    wait_for(lambda: (out / "napari-colorizer.jsonl").exists())
    workers[0].send_signal(signal.SIGKILL)
    code, _, err = finish(process)
    assert (code, err) == (0, "")
    assert tree(out) == undisturbed


def test_a_scheduler_that_is_not_there_is_named(colorize, scans, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("napari_colorizer.batches.workers.CONNECT_SECONDS", 1)
    result = colorize(scans, "-o", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:9")
    assert result.exit_code == 1
    assert "there is no scheduler at tcp://127.0.0.1:9" in result.stderr


def test_that_a_lost_result_is_made_again_is_not_told():
    pytest.importorskip("distributed")
    Scheduler("tcp://127.0.0.1:9")
    assert not logging.getLogger("distributed.client").isEnabledFor(logging.WARNING)


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"pip install distributed"):
        Scheduler("tcp://127.0.0.1:9")


def test_workers_and_a_scheduler_are_not_taken_together(colorize, scans):
    result = colorize(scans, "--workers", 2, "--scheduler", "tcp://127.0.0.1:9")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "give only one of them" in result.stderr
