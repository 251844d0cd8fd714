import os

import pytest
from pytorch_lightning.plugins.environments import LightningEnvironment
from pytorch_lightning.strategies.launchers.subprocess_script import _SubprocessScriptLauncher

from napari_colorizer.training.processes import SeveralProcesses
from napari_colorizer.training.run_folder import RUN_VARIABLE


@pytest.mark.parametrize("before", [None, "of another training, which has started this process"])
@pytest.mark.parametrize("fails", [False, True])
def test_only_the_processes_are_told_of_the_run(tmp_path, monkeypatch, before, fails):
    told = []

    def call(launcher):
        told.append(os.environ[RUN_VARIABLE])
        if fails:
            raise OSError("no process can be started")

    monkeypatch.setattr(_SubprocessScriptLauncher, "_call_children_scripts", call)
    if before is None:
        monkeypatch.delenv(RUN_VARIABLE, raising=False)
    else:
        monkeypatch.setenv(RUN_VARIABLE, before)
    strategy = SeveralProcesses(tmp_path)
    strategy.cluster_environment = LightningEnvironment()
    monkeypatch.setattr(type(strategy), "num_processes", 2)
    strategy._configure_launcher()
    try:
        strategy._launcher._call_children_scripts()
    except OSError:
        assert fails
    assert told == [str(tmp_path)]
    assert os.environ.get(RUN_VARIABLE) == before
