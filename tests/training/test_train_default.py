"""The script that trains the bundled model, on a tiny set: interrupted and given again."""

import importlib.util
from argparse import Namespace
from pathlib import Path

import pytest

from napari_colorizer.models.header import read_header
from napari_colorizer.training.events import EpochEnded

SCRIPT = Path(__file__).parents[2] / "docs" / "scripts" / "train_default.py"
TINY = {"network": "colorizer", "epochs": 3, "epoch_size": 8, "batch": 4, "side": 64, "crop": 32, "precision": "32"}
TINY |= {"val_size": 2, "pictures": 0, "preset": "default", "workers": 0, "start": "tiny"}


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPT.parent)
    spec = importlib.util.spec_from_file_location("train_default", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "STAGES", {"only": TINY})
    monkeypatch.setattr(module, "COMMON", {"seed": 0})
    return module


@pytest.fixture
def arguments(labeled_set, installed, library, tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_COLORIZER_MODELS", str(tmp_path / "runs" / "models"))
    (tmp_path / "runs").mkdir()
    library.rename(tmp_path / "runs" / "models")
    return Namespace(photos=labeled_set, runs=tmp_path / "runs", device="cpu", devices=1)


def epochs_of(runs):
    provenance = read_header(runs / "models" / "only.safetensors")["provenance"]
    return provenance["trained"]["colorizer"]["epoch"], provenance["stopped"]


def test_a_stage_that_was_interrupted_goes_on_and_one_that_is_done_is_left_alone(script, arguments, monkeypatch):
    real = script.fit

    def interrupted(*given, **named):
        for event in real(*given, **named):
            yield event
            if isinstance(event, EpochEnded) and event.epoch == 1:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(script, "fit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            script.train("only", arguments)
    assert epochs_of(arguments.runs)[1]
    script.train("only", arguments)
    assert epochs_of(arguments.runs) == (3, False)
    monkeypatch.setattr(script, "fit", lambda *_, **__: pytest.fail("trained again"))
    script.train("only", arguments)


def test_a_stage_that_was_killed_before_it_began_begins_again(script, arguments):
    run = arguments.runs / "only"
    run.mkdir()
    (run / "lock").touch()
    script.train("only", arguments)
    assert epochs_of(arguments.runs) == (3, False)


def test_a_stage_that_somebody_stops_is_no_base_for_the_next(script, arguments, monkeypatch):
    real = script.fit

    def stopped(*given, **named):
        events = real(*given, **named)
        for event in events:
            yield event
            if isinstance(event, EpochEnded) and event.epoch == 1:
                break
        events.close()
        yield script.Finished("only", "", stopped=True)

    monkeypatch.setattr(script, "fit", stopped)
    with pytest.raises(SystemExit, match="was stopped"):
        script.train("only", arguments)
