import csv

import numpy as np
import pytest

from napari_colorizer.training.options import TrainOptions


@pytest.fixture
def quick(labeled_set, installed, tmp_path):
    """Options of a training that takes seconds."""
    return TrainOptions(
        data=str(labeled_set), start=installed, run=str(tmp_path / "run"), name="meadows", epochs=2, epoch_size=16,
        batch=8, crop=32, side=64, learning_rate=3e-3, precision="32", val_size=2, pictures=1, device="cpu", ema=0.5,
        relabel=0.25,
    )  # fmt: skip


def read_log(run, network):
    with open(f"{run}/{network}/log.csv") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def log_of():
    """The rows of a run's log."""
    return read_log


@pytest.fixture
def same_logs():
    """Check that two runs had the same losses and metrics, to 1e-3."""

    def check(first, second, network):
        rows, others = read_log(first, network), read_log(second, network)
        assert [row["epoch"] for row in rows] == [row["epoch"] for row in others]
        for row, other in zip(rows, others, strict=True):
            assert row.keys() == other.keys()
            numbers = [(float(row[name]), float(other[name])) for name in row if name not in ("best", "minutes")]
            np.testing.assert_allclose(*zip(*numbers, strict=True), atol=1e-3)
            assert row["best"] == other["best"]

    return check
