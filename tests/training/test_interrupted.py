"""A run that is killed again and again ends where an undisturbed one does."""

import multiprocessing
import os
import random
from dataclasses import replace

import pytest

from napari_colorizer.models.library import installed_models
from napari_colorizer.training.run_folder import RunFolder

pytestmark = pytest.mark.slow

TRAINING = """
import os
os.environ |= environment  # the server that forks it may be an earlier test's, and know another library
from napari_colorizer.training.fit import train
train(options, repr, resume=resume)
"""
KILLS = int(os.environ.get("NAPARI_COLORIZER_KILLS", "20"))


@pytest.fixture
def start_process():
    """Start a training in a process of its own, in which nothing has run yet."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["napari_colorizer.training.fit"])
    processes = []

    def start(options, resume=None):
        given = {"environment": dict(os.environ), "options": options, "resume": resume}
        process = context.Process(target=exec, args=(TRAINING, given))
        process.start()
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.join()


def test_killed_at_random_moments(quick, installed, tmp_path, start_process, same_logs):
    options = replace(quick, start=str(installed_models()[installed]), epochs=6, epoch_size=8, name="")
    whole = start_process(replace(options, run=str(tmp_path / "whole")))
    whole.join(120)
    assert whole.exitcode == 0
    before = len(installed_models())
    moments = random.Random(4)
    kills, runs = 0, 0
    while kills < KILLS:
        runs += 1
        run = RunFolder(tmp_path / f"run {runs}")
        finished = False
        while not finished:
            begun = run.options.exists()
            process = start_process(None if begun else replace(options, run=str(run.path)), run.path if begun else None)
            process.join(moments.uniform(0.05, 2.5) if kills < KILLS else 120)
            if process.is_alive():
                process.kill()
                process.join()
                kills += 1
            else:
                assert process.exitcode == 0
                finished = True
        for network in ("segmenter", "colorizer"):
            same_logs(run.path, tmp_path / "whole", network)
        assert not list(run.path.rglob(".*.tmp"))
    assert len(installed_models()) == before + runs, "models are installed in the library of this test"
