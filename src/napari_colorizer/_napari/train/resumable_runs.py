"""The training runs that can be resumed."""

from __future__ import annotations

from pathlib import Path

from napari_colorizer._napari.train.history import read_history
from napari_colorizer.errors import TrainingError
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.run_folder import RunFolder, runs_folder

PARTS = {"both": ("segmenter", "colorizer"), "segmenter": ("segmenter",), "colorizer": ("colorizer",)}
MOST = 10


def unfinished_runs() -> list[Path]:
    """The folders of runs that have epochs to go, the newest first, but not more than a menu can show."""
    try:
        folders = [path for path in runs_folder().iterdir() if RunFolder(path).options.is_file()]
    except OSError:
        return []
    folders.sort(key=lambda path: RunFolder(path).options.stat().st_mtime, reverse=True)
    return [path for path in folders[: 2 * MOST] if is_unfinished(path)][:MOST]


def is_unfinished(run: Path) -> bool:
    """Whether a run has epochs to go; one that is damaged has none."""
    try:
        options = TrainOptions.read(RunFolder(run).options)
    except (TrainingError, OSError):
        return False
    losses = read_history(run).losses
    return any(network not in losses or losses[network][-1][0] < options.epochs for network in PARTS[options.network])
