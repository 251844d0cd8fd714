import json
from pathlib import Path

import pytest

from napari_colorizer.batches.inputs import find_inputs
from napari_colorizer.batches.stacks import open_stack
from napari_colorizer.bench import batch_memory, batches
from napari_colorizer.bench import coloring as bench
from napari_colorizer.bench import scene as bench_scene
from napari_colorizer.bench import training as bench_training
from napari_colorizer.training.options import TrainOptions

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(bench, "SIDE", 64)
    monkeypatch.setattr(bench_scene, "LARGE", ((30, 40), (60, 80)))


def run_json(run, *arguments):
    result = run("bench", "--device", "cpu", "--steps", 1, "--json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_it_prints_a_table_or_json_of_training(run, monkeypatch):
    monkeypatch.setattr(bench_training, "PHOTOS", 2)
    monkeypatch.setattr(bench_training, "WARM_UP", 0)
    small = TrainOptions(data="noise", batch=2, crop=32, device="cpu")
    monkeypatch.setattr(TrainOptions, "of_recipe", lambda *_, **__: small)
    result = run("bench", "--device", "cpu", "--steps", 1, "--only", "training")
    assert result.exit_code == 0, result.output
    assert "colorizer" in result.output
    rows = run_json(run, "--only", "training")["training"]
    assert [row["network"] for row in rows] == ["segmenter", "colorizer"]
    assert all(0 <= row["loading_share"] < 1 for row in rows)


def test_a_device_that_is_not_there_is_named(run):
    result = run("bench", "--device", "cuda:9")
    assert result.exit_code == 1
    assert "cuda:9" in result.output


def test_a_model_that_is_not_there_is_named(run):
    result = run("bench", "--only", "start", "--model", "nosuch")
    assert result.exit_code == 1
    assert "nosuch" in result.output


def test_it_measures_coloring_large_photographs_and_the_start_and_nothing_else(run):
    found = run_json(run, "--only", "coloring", "--only", "large", "--only", "start", "--profile")
    assert found.keys() == {
        *("machine", "device", "threads", "versions"),
        *("large", "coloring", "side", "profile", "import, ms", "load, ms"),
    }
    assert found["device"] == "cpu"
    assert found["versions"].keys() >= {"napari-colorizer", "torch"}
    assert found["side"] == 64
    assert [(row["height"], row["width"]) for row in found["large"]] == [(30, 40), (60, 80)]
    cases = {row["case"]: row for row in found["coloring"]}
    assert cases["authors' network, full pass"]["speedup"] == 1
    assert 0 < cases["network, stroke"]["gflop"] < cases["network, full pass"]["gflop"]
    assert found["profile"]["network"] < found["profile"]["all"]
    assert 0 < found["import, ms"] < found["load, ms"]


def test_its_tables_tell_the_cases_the_stages_and_the_ratio(run):
    result = run("bench", "--device", "cpu", "--steps", 1, "--only", "coloring", "--only", "large", "--profile")
    assert result.exit_code == 0, result.output
    for text in ("Coloring at 64 x 64", "session, stroke", "fit to lightness", "ratio", "until right in view", "torch"):
        assert text in result.output
    assert "on device" not in result.output
    assert "training step" not in result.output


def test_jobs_are_measured_if_asked(run, monkeypatch, model_file):
    monkeypatch.setattr(batches, "SHAPE", (30, 40))
    monkeypatch.setattr(batches, "ROUNDS", 1)
    monkeypatch.setattr(batches.measure_batches, "__defaults__", ("default", "auto", ((0, 2),), 20))
    small = ("--model", model_file, "--images", 20, "--gigabytes", 0.00002)
    monkeypatch.setattr(batch_memory, "_run", read_inputs)
    found = run_json(run, "--only", "batches", *small, "--small-images", 12)
    assert [(row["images"], row["input_mb"], row["peak_mb"]) for row in found["memory"]] == [
        *((12, pytest.approx(12 * 128**2 / 1e6), 12), (1, pytest.approx(2048**2 * 2 / 1e6), 1)),
        (1, pytest.approx(0.02), 1),
    ]
    (row,) = found["batches"]
    assert (row["workers"], row["batch"], row["images"]) == (0, 2, 20)
    assert row["rate"] > 0
    assert row["share"] > 0
    assert 0 < row["early_mb"] <= row["late_mb"]
    result = run("bench", "--device", "cpu", "--only", "batches", *small, "--small-images", 2)
    assert "Jobs of 20 images" in result.output
    assert "OME-Zarr, one plane" in result.output


def read_inputs(arguments):
    """In place of a job: that its inputs can be read, and how many there are."""
    inputs = find_inputs([Path(arguments[-3])]).found
    return 0, 0, sum((stack := open_stack(one.path)) is None or len(stack.lead) <= 1 for one in inputs)


def test_the_memory_of_a_job_is_looked_at_after_ten_images_and_in_the_end(tmp_path, model_file):
    batch_memory._write_images(tmp_path, batch_memory.EARLY + 2)
    early, late, peak = batch_memory._run(["-m", str(model_file), "--device", "cpu", str(tmp_path)])
    assert 50 < early < 1.2 * late
    assert late <= peak
    with pytest.raises(ValueError, match="no such"):
        batch_memory._run(["-m", str(model_file), str(tmp_path / "no such")])


def test_its_tables_tell_what_a_window_costs(run, monkeypatch):
    stroke_bench = pytest.importorskip("napari_colorizer._napari.bench.window")
    calls = []

    def measured(shapes, rounds, device, events):
        calls.append((shapes, rounds, device, events))
        numbers = {name: 10.25 + n for n, name in enumerate(stroke_bench.StrokeTiming.__dataclass_fields__)}
        sizes = {"height": 1000, "width": 2000, "events": 200, "lost": 0, "lost_alone": 0}
        return [stroke_bench.StrokeTiming(**{**numbers, **sizes, "same": same}) for same in (True, False)]

    monkeypatch.setattr(stroke_bench, "measure_strokes", measured)
    result = run("bench", "--device", "cpu", "--steps", 2, "--only", "large", "--window")
    assert result.exit_code == 0, result.output
    assert calls == [(((30, 40), (60, 80)), 2, "cpu", 200)]
    for text in ("200 events on 2.0 megapixels", "The same label map as without", "ANOTHER LABEL MAP THAN"):
        assert text in result.output
    fields = list(stroke_bench.StrokeTiming.__dataclass_fields__)
    for title, first in (
        ("the plugin's own work", "own"),
        ("in all, more", "added"),
        ("processor time, more", "processor"),
    ):
        numbers = [f"{10.25 + fields.index(f'{first}_{kind}'):.2f}" for kind in ("mean", "median", "p95")]
        row = next(line for line in result.output.splitlines() if title in line)
        assert row.replace("│", " ").split()[-3:] == numbers
