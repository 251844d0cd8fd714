import math
from types import SimpleNamespace

import pytest
import torch

from napari_colorizer.errors import LostRunError
from napari_colorizer.training import callbacks as recorder
from napari_colorizer.training.callbacks import (
    Recorder,
    SafeCheckpointIO,
    Validation,
    epochs_done,
    training_log,
    watched,
)
from napari_colorizer.training.context import StoppedError
from napari_colorizer.training.events import Doing, Progress
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.run_folder import RunFolder


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    found = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(recorder, "time", SimpleNamespace(monotonic=lambda: found.now))
    return found


@pytest.fixture
def trainer():
    """What a recorder asks of a trainer that is in its second epoch."""
    strategy = SimpleNamespace(reduce=lambda value, reduce_op: value, barrier=lambda: None)
    return SimpleNamespace(
        global_step=4, is_global_zero=True, current_epoch=1, world_size=1, accumulate_grad_batches=1,
        strategy=strategy, save_checkpoint=lambda path: None,
    )  # fmt: skip


@pytest.fixture
def make_recorder(tmp_path, tiny_model):
    def make(kind=Recorder, emit=lambda _: None):
        validation = Validation(lambda _: tiny_model, lambda _: {"ciede2000": 5.0}, lambda *_: [])
        run = RunFolder(tmp_path / "run")
        run.path.mkdir(exist_ok=True)
        TrainOptions().write(run.options)
        return kind("colorizer", TrainOptions(), run, validation, emit, lambda: False)

    return make


def do_an_epoch(recorder, trainer, clock, seconds):
    training = SimpleNamespace(steps=10)
    recorder.on_train_start(trainer, training)
    clock.now += seconds
    recorder.on_train_batch_end(trainer, training, {"loss": torch.tensor(1.0)}, None, 0)
    recorder.on_train_epoch_end(trainer, training)


@pytest.mark.parametrize(("before", "after"), [({"minutes": 5.0}, 6.5), ({}, 1.5)])
def test_minutes_are_counted_over_all_resumptions(make_recorder, trainer, clock, before, after):
    first = make_recorder()
    first.load_state_dict({"rows": [{"epoch": 1, "step": 4, "loss": 1.0, **before}], "score": -9.0})
    do_an_epoch(first, trainer, clock, 90)
    assert [row.get("minutes") for row in first.rows] == [before.get("minutes"), after]
    clock.now = 0.0  # another process, after a long time
    again = make_recorder()
    again.load_state_dict(first.state_dict())
    do_an_epoch(again, trainer, clock, 60)
    assert again.rows[-1]["minutes"] == after + 1


def test_nothing_is_written_into_a_folder_that_is_no_run_any_more(make_recorder, trainer, clock):
    recorder = make_recorder()
    recorder.run.options.unlink()
    with pytest.raises(LostRunError, match="was removed or moved"):
        do_an_epoch(recorder, trainer, clock, 60)
    assert not any(recorder.run.path.iterdir())


@pytest.mark.parametrize("name", ["Recorder", "Renamed"])
def test_what_is_known_of_each_epoch_is_found_in_a_checkpoint(make_recorder, name):
    kind = type(name, (Recorder,), {})
    recorder = make_recorder(kind)
    recorder.load_state_dict({"rows": [{"epoch": 1, "minutes": 2.5}, {"epoch": 2, "minutes": 5.0}], "score": -9.0})
    checkpoint = {"callbacks": {recorder.state_key: recorder.state_dict()}, "state_dict": {"weight": torch.zeros(9)}}
    assert training_log(recorder.run, "colorizer") == []
    SafeCheckpointIO().save_checkpoint(checkpoint, recorder.run.checkpoint("colorizer"))
    assert training_log(recorder.run, "colorizer") == recorder.rows
    assert epochs_done(recorder.run, "colorizer") == 2


def test_checkpoints_of_earlier_versions_are_found(make_recorder):
    assert make_recorder().state_key == "Recorder", "what they called it"


def test_the_time_left_is_told_once_ten_steps_are_done_and_counts_steps_alone(make_recorder, trainer, clock):
    told = []
    recorder, training = make_recorder(emit=told.append), SimpleNamespace(steps=34)
    measure = recorder.validation.measure

    def slowly(model):
        clock.now += 1000  # before the first step
        return measure(model)

    recorder.validation.measure = slowly
    recorder.on_train_start(trainer, training)
    for _ in range(12):
        clock.now += 2
        trainer.global_step += 1
        recorder.on_train_batch_end(trainer, training, {"loss": torch.tensor(1.0)}, None, 0)
    left = [event.seconds_left for event in told if isinstance(event, Progress)]
    assert [math.isnan(seconds) for seconds in left] == [True] * 9 + [False] * 3
    assert left[9:] == [2 * (34 - 4 - steps) for steps in (10, 11, 12)]


def test_what_is_long_tells_its_share_now_and_then_and_ends_on_a_stop(clock):
    told, stops = [], []
    check = watched("Reading", told.append, lambda: bool(stops))
    for number in range(100):
        check(number / 100)
        clock.now += 0.05
    assert told[:2] == [Doing("Reading", 0.0), Doing("Reading", 0.06)]
    assert len(told) == 17
    stops.append(1)
    with pytest.raises(StoppedError):
        check(1.0)
