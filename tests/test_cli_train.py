import json
import shutil
import signal
import sys
import time
from dataclasses import asdict, fields

import numpy as np
import pytest
from PIL import Image

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.training.events import EpochEnded, Failed, Finished, Prepared, Progress, Stopped, read_event
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.run_folder import RunFolder

pytestmark = pytest.mark.slow

PATIENCE_S = 120
SMALL = {
    "epoch-size": 16, "batch": 8, "crop": 32, "side": 64, "precision": 32, "val-size": 2, "pictures": 1,
    "device": "cpu", "from": "tiny",
}  # fmt: skip
SMALL = ["--freeze-norm", *(str(part) for name, value in SMALL.items() for part in (f"--{name}", value))]


@pytest.fixture
def meadows(tmp_path, library, tiny_model):
    """A labeled set on the disk, and a tiny model to start from."""
    library.mkdir()
    tiny_model.save(library / "tiny.safetensors")
    root, rng = tmp_path / "meadows", np.random.default_rng(0)
    for split, count in (("train", 5), ("val", 2)):
        for part in ("images", "masks"):
            (root / split / part).mkdir(parents=True)
        for number in range(count):
            labels = np.repeat([1, 2], 32)[:, None].repeat(72, 1).astype(np.uint8)
            rgb = np.where(labels[..., None] == 1, (120, 170, 230), (60, 130, 40)) + rng.integers(-9, 9, (64, 72, 3))
            Image.fromarray(rgb.astype(np.uint8)).save(root / split / "images" / f"{number}.png")
            Image.fromarray(labels).save(root / split / "masks" / f"{number}.png")
    ClassMap([Class(1, "sky", "#87ceeb"), Class(2, "grass", "#4caf50")]).write(root / "classes.json")
    return root


def until(process, kind):
    """Events of a process up to the first of a kind."""
    events = []
    for line in process.stdout:
        events.append(read_event(line))
        if isinstance(events[-1], kind):
            return events
    pytest.fail(f"the process ended after {events}: {process.stderr.read()}")


def rest(process):
    """Further events of a process, until its end, and its exit code."""
    events = [read_event(line) for line in process.stdout]
    return events, process.wait(PATIENCE_S)


def test_every_option_has_a_flag(run):
    text = run("train", "--help").output
    flags = {"start": "--from", "groups": "--group"}
    for item in fields(TrainOptions):
        if item.name != "data":
            assert flags.get(item.name, "--" + item.name.replace("_", "-")) in text


def test_it_trains_and_says_so_to_a_person(run, meadows, tmp_path):
    result = run("train", meadows, *SMALL, "--epochs", 1, "--run", tmp_path / "run", "--network", "colorizer")
    assert result.exit_code == 0, result.output
    assert "5 labeled images to train with" in result.output
    assert "known classes: sky, grass" in result.output
    assert "colorizer, before training" in result.output
    assert "colorizer, epoch 1 of 1" in result.output
    assert "meadows.safetensors" in result.output
    assert "meadows" in run("models", "list").output


def test_flags_win_over_the_recipe(run, meadows, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('network = "colorizer"\nepochs = 7\naging = 0.25\n')
    result = run("train", meadows, *SMALL, "--recipe", recipe, "--epochs", 1, "--run", tmp_path / "run")
    assert result.exit_code == 0, result.output
    options = TrainOptions.read(RunFolder(tmp_path / "run").options)
    assert (options.network, options.epochs, options.aging, options.crop) == ("colorizer", 1, 0.25, 32)


def test_events_are_the_only_output_and_stop_stops(start, meadows, tmp_path):
    options = tmp_path / "options.json"
    TrainOptions.of_recipe(
        "finetune",
        data=str(meadows),
        start="tiny",
        run=str(tmp_path / "run"),
        epochs=500,
        crop=32,
        device="cpu",
        epoch_size=16,
        batch=8,
        val_size=2,
    ).write(options)
    process = start("train", "--options", options, "--events", quick=False)
    assert any(isinstance(event, Prepared) for event in until(process, EpochEnded))
    until(process, EpochEnded)  # the first is what the model was before any training
    process.stdin.write("stop\n")
    process.stdin.flush()
    events, code = rest(process)
    assert code == 0
    assert None not in events
    assert isinstance(events[-1], Finished)
    assert events[-1].stopped
    process = start("train", "--resume", tmp_path / "run", "--events")
    assert any(isinstance(event, Prepared) for event in until(process, Progress))


def test_nobody_listens_any_more(start, meadows, tmp_path):
    process = start("train", meadows, *SMALL, "--epochs", 500, "--run", tmp_path / "run", "--events")
    until(process, Progress)
    process.stdin.close()
    events, code = rest(process)
    assert code == (3 if isinstance(events[-1], Stopped) else 0)
    assert isinstance(events[-1], Stopped | Finished)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_stops_politely_and_is_told(start, run, meadows, tmp_path, name):
    process = start("train", meadows, *SMALL, "--epochs", 500, "--run", tmp_path / "run", quick=name != "SIGINT")
    while not list((tmp_path / "run").glob("segmenter/pictures/epoch-0002*")):
        time.sleep(0.1)
        assert process.poll() is None
    process.send_signal(getattr(signal, name))
    output, errors = process.stdout.read(), process.stderr.read()
    assert process.wait(PATIENCE_S) == 128 + getattr(signal, name), errors
    assert "stopped; the best so far is the model 'meadows'" in output.replace("\n", " ")
    assert f"stopped by {name}" in errors
    assert "Traceback" not in errors
    assert "meadows" in run("models", "list").output


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_before_the_first_epoch_is_over_leaves_no_model_and_says_so(start, run, meadows, tmp_path, name):
    longer = [*SMALL, "--epoch-size", 100000]
    process = start("train", meadows, *longer, "--run", tmp_path / "run", "--events")
    until(process, Progress)
    process.send_signal(getattr(signal, name))
    events, code = rest(process)
    assert code == 128 + getattr(signal, name)
    assert isinstance(events[-1], Stopped)
    assert "meadows" not in run("models", "list").output


def test_a_stop_before_the_first_epoch_is_over_is_told_apart_from_a_model(start, meadows, tmp_path):
    process = start("train", meadows, *SMALL, "--epoch-size", 100000, "--run", tmp_path / "run", "--events")
    until(process, Progress)
    process.stdin.write("stop\n")
    process.stdin.flush()
    events, code = rest(process)
    assert (type(events[-1]), code) == (Stopped, 3)


@pytest.mark.parametrize("way", ["removed", "moved", "emptied"])
def test_a_run_whose_folder_is_gone_ends_with_an_error(start, run, meadows, tmp_path, way):
    folder = tmp_path / "run"
    process = start("train", meadows, *SMALL, "--epochs", 500, "--run", folder, "--events")
    until(process, EpochEnded)
    if way == "moved":
        folder.rename(tmp_path / "elsewhere")
    else:
        shutil.rmtree(folder)
    if way == "emptied":
        folder.mkdir()
    events, code = rest(process)
    assert code == 1
    assert isinstance(events[-1], Failed)
    assert not events[-1].resumable
    assert f"{folder}, was removed or moved" in events[-1].text
    assert not folder.exists() or not any(folder.iterdir())
    assert "meadows" not in run("models", "list").output


def test_what_fails_is_told_in_one_line(start, run, meadows, tmp_path):
    result = run("train", tmp_path / "nowhere", *SMALL)
    assert result.exit_code == 1
    assert "nowhere" in result.output
    assert run("train", meadows, "--crop", 0).output.count("\n") == 1
    assert "no recipe 'mine'" in run("train", meadows, "--recipe", "mine").output
    assert "training run" in run("train", "--resume", tmp_path).output
    process = start("train", meadows, "--from", "nobody", "--events")
    events, code = rest(process)
    assert code == 1
    assert isinstance(events[-1], Failed)
    assert "nobody" in events[-1].text


def test_two_processes_train_as_one(start, meadows, tmp_path):
    for count in (1, 2):
        process = start(
            "train", meadows, *SMALL, "--epochs", 2, "--run", tmp_path / f"run{count}", "--name", f"by {count}",
            "--devices", count, "--events", quick=count == 1,
        )  # fmt: skip
        events, code = rest(process)
        assert code == 0, process.stderr.read()
        if count == 1:
            alone = [event for event in events if isinstance(event, EpochEnded)]
        else:
            together = [event for event in events if isinstance(event, EpochEnded)]
    assert len(alone) == len(together) == 6
    for one, two in zip(alone, together, strict=True):
        assert (one.network, one.epoch, one.best) == (two.network, two.epoch, two.best)
        assert one.metrics == pytest.approx(two.metrics, abs=1e-3)
        if one.epoch:
            assert one.loss == pytest.approx(two.loss, abs=1e-3)


def test_a_batch_that_cannot_be_divided_is_refused(run, meadows):
    assert "batch" in run("train", meadows, "--devices", 3, "--batch", 16).output


def test_options_are_written_as_they_are_read(tmp_path):
    options = TrainOptions(data="x", groups=("person=skin,hair",), working_size=128)
    options.write(tmp_path / "options.json")
    assert TrainOptions.read(tmp_path / "options.json") == options
    assert json.loads((tmp_path / "options.json").read_text()).keys() == asdict(options).keys()


def test_a_resumed_run_takes_some_other_options_and_refuses_the_rest(run, meadows, tmp_path):
    begun = ("train", meadows, *SMALL, "--network", "colorizer", "--epochs", 1, "--run", tmp_path / "run")
    assert run(*begun).exit_code == 0
    longer = run("train", "--resume", tmp_path / "run", "--epochs", 2)
    assert "colorizer, epoch 2 of 2" in longer.output
    assert "epoch 1 of 2" not in longer.output
    assert "crop cannot be changed" in run("train", "--resume", tmp_path / "run", "--crop", 64).output
    assert "give only one of them" in run("train", "--resume", tmp_path / "run", "--recipe", "paper").output


def test_processes_from_outside_need_a_common_folder(run, meadows, monkeypatch):
    monkeypatch.setenv("RANK", "0")
    result = run("train", meadows, *SMALL)
    assert result.exit_code == 1
    assert "--run" in result.output
