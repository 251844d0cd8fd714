"""The other processes of a training that uses several devices."""

from __future__ import annotations

import os
from pathlib import Path

from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.strategies.launchers.subprocess_script import _SubprocessScriptLauncher

from napari_colorizer.training.run_folder import RUN_VARIABLE


class SeveralProcesses(DDPStrategy):
    """Lightning's strategy for several devices, whose processes are told which run they belong to.

    Parameters
    ----------
    run : Path
        The folder of the run.
    """

    def __init__(self, run: Path):
        super().__init__()
        self._run = run

    def _configure_launcher(self) -> None:
        assert self.cluster_environment is not None
        self._launcher = _Launcher(self.cluster_environment, self.num_processes, self.num_nodes)
        self._launcher.run = self._run


class _Launcher(_SubprocessScriptLauncher):
    """Starts processes, for which alone the environment is changed."""

    run: Path

    def _call_children_scripts(self) -> None:
        before = os.environ.get(RUN_VARIABLE)
        os.environ[RUN_VARIABLE] = str(self.run)
        try:
            super()._call_children_scripts()
        finally:
            del os.environ[RUN_VARIABLE]
            if before is not None:
                os.environ[RUN_VARIABLE] = before
