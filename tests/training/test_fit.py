import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_colorizer import load_model
from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.errors import TrainingError
from napari_colorizer.models.library import installed_models
from napari_colorizer.training import callbacks as recorder
from napari_colorizer.training.events import Doing, EpochEnded, Finished, Prepared, Progress, Stopped
from napari_colorizer.training.fit import fit, train
from napari_colorizer.training.run_folder import RunFolder, resumed_options

pytestmark = pytest.mark.slow


def of_kind(events, kind, network=None):
    return [event for event in events if isinstance(event, kind) and network in (None, getattr(event, "network", None))]


@pytest.fixture
def finished(quick):
    return list(fit(quick))


def test_it_tells_what_it_does_from_the_first_word_to_the_last(finished, quick):
    (prepared,) = of_kind(finished, Prepared)
    assert (prepared.train, prepared.val, prepared.unlabeled, prepared.resumed) == (6, 2, 0, 0)
    assert (prepared.kept, prepared.new, prepared.left_out) == (["sky", "grass"], [], [])
    assert isinstance(finished[-1], Finished)
    assert not finished[-1].stopped
    for network in ("segmenter", "colorizer"):
        ended = of_kind(finished, EpochEnded, network)
        assert [event.epoch for event in ended] == [0, 1, 2]
        assert np.isfinite([event.loss for event in ended[1:]]).all()
        last = of_kind(finished, Progress, network)[-1]
        assert (last.step, last.steps, last.epochs) == (4, 4, 2)
    order = [event.network for event in of_kind(finished, EpochEnded)]
    assert order == sorted(order, reverse=True)  # the segmenter first


def test_it_tells_what_it_does_between_the_steps(finished):
    before = [event.text for event in finished[: finished.index(of_kind(finished, Prepared)[0])]]
    assert before == [
        "Looking for images and label maps",
        "Reading photographs",
        "Reading photographs to validate with",
    ]
    for network in ("segmenter", "colorizer"):
        told = finished.index(Doing(f"Validating the {network}"))
        assert (finished[told + 1].network, finished[told + 1].epoch) == (network, 0)
        assert finished[told + 2] == Doing(f"Beginning to train the {network}")


def test_the_model_is_in_the_library_at_once(finished):
    model = load_model("meadows")
    assert set(model.networks) == {"segmenter", "colorizer"}
    assert [item.name for item in model.classes] == ["sky", "grass"]
    assert model.provenance["options"]["epochs"] == 2
    assert model.provenance["trained"]["colorizer"]["epoch"] == 2
    assert model.provenance["trained"]["segmenter"]["minutes"] >= 0
    assert model.provenance["start"]["name"] == "tiny"
    assert {"segmenter", "colorizer"} == set(model.metrics)
    a, b, weight = max(model.suggestions[2], key=lambda cluster: cluster[2])
    assert a < -15 < 15 < b  # grass is green
    assert weight > 0.5


def test_training_teaches_colors_and_labels(quick):
    longer = replace(quick, epochs=6, epoch_size=64, learning_rate=1e-2)
    events = list(fit(longer))
    color, labels = (of_kind(events, EpochEnded, network) for network in ("colorizer", "segmenter"))
    assert color[-1].metrics["psnr"] > color[0].metrics["psnr"] + 2
    assert color[-1].loss < 0.8 * color[1].loss
    assert max(event.metrics["mIoU"] for event in labels) > labels[0].metrics["mIoU"] + 0.2


@pytest.mark.parametrize(("share", "follows"), [(0.0, False), (0.5, True)])
def test_relabeling_teaches_to_follow_a_label_that_contradicts_the_picture(quick, photos, share, follows):
    longer = replace(quick, network="colorizer", epochs=4, epoch_size=64, learning_rate=1e-2, relabel=share)
    list(fit(replace(longer, drop_all=0.0, drop_classes=0.0, drop_outside=0.0)))
    model = load_model("meadows")
    (sky, *_), (grass, *_) = (np.array(model.suggestions[label])[:, :2] for label in (1, 2))
    session = model.session(photos[0].rgb)
    for old, new, color in ((1, 2, grass), (2, 1, sky)):
        chroma = session.chroma(np.full_like(photos[0].labels, new))[photos[0].labels == old].mean(0)
        assert (np.linalg.norm(chroma - color) < 30) == follows


def test_the_best_epoch_is_what_is_kept(finished, quick):
    for network, (name, sign) in recorder.SCORES.items():
        ended = of_kind(finished, EpochEnded, network)
        scores = [sign * event.metrics[name] for event in ended]
        best = max(ended, key=lambda event: sign * event.metrics[name])
        assert [event.best for event in ended] == [
            score > max(scores[:i], default=-np.inf) for i, score in enumerate(scores)
        ]
        assert load_model("meadows").metrics[network]["epoch"] == best.epoch


def test_the_last_epoch_is_kept_if_asked_for(quick):
    events = list(fit(replace(quick, keep="last", network="colorizer", learning_rate=0.5)))  # each epoch makes it worse
    ended = of_kind(events, EpochEnded)
    assert ended[-1].metrics["ciede2000"] > ended[0].metrics["ciede2000"]
    assert load_model("meadows").metrics["colorizer"]["epoch"] == ended[-1].epoch


def test_the_folder_of_a_run_tells_all(finished, quick, log_of):
    run = RunFolder(Path(quick.run))
    assert json.loads(run.options.read_text())["epochs"] == 2
    for network in ("segmenter", "colorizer"):
        rows = log_of(quick.run, network)
        assert [row["epoch"] for row in rows] == ["0", "1", "2"]
        assert run.checkpoint(network).exists()
        assert run.best(network).exists()
        assert len(list(run.pictures(network).glob("*.png"))) == 3


def test_one_network_alone_leaves_the_other_as_it_was(quick):
    events = list(fit(replace(quick, network="colorizer")))
    assert not of_kind(events, EpochEnded, "segmenter")
    before, after = load_model("tiny"), load_model("meadows")
    gray = np.random.default_rng(0).integers(0, 255, (40, 40), np.uint8)
    known = [before.classes.named(item.name).id for item in after.classes]
    logits = [model.segmenter(torch.zeros(1, 1, 32, 32)) for model in (before, after)]
    ranks = [before.segmenter.config.ids.index(label) for label in known]
    torch.testing.assert_close(logits[0][:, ranks], logits[1][:, 1:])
    assert (before.colorize(gray, None) != after.colorize(gray, None)).any()


def test_a_fresh_model_can_be_trained_without_any_other(quick):
    events = list(fit(replace(quick, start="fresh", epochs=1, epoch_size=8, network="colorizer", crop=64)))
    assert [event.epoch for event in of_kind(events, EpochEnded)] == [1]
    assert load_model("meadows").segmenter is None


def test_a_resumed_run_ends_where_an_undisturbed_one_does(quick, tmp_path, same_logs):
    list(fit(replace(quick, run=str(tmp_path / "whole"), name="whole")))
    disturbed = fit(quick)
    for event in disturbed:  # stopped in the middle of the second epoch of the colorizer
        if isinstance(event, EpochEnded) and (event.network, event.epoch) == ("colorizer", 1):
            break
    disturbed.close()
    events = list(fit(resume=quick.run))
    assert of_kind(events, Prepared)[0].resumed == 3
    assert [event.epoch for event in of_kind(events, EpochEnded)] == [2]
    for network in ("segmenter", "colorizer"):
        same_logs(quick.run, tmp_path / "whole", network)
    first, second = (load_model(name).colorizer.state_dict() for name in ("meadows", "whole"))
    assert all(torch.allclose(first[name], second[name], atol=1e-5) for name in first)


def test_stopping_keeps_the_best_and_installs_it(quick):
    count = []

    def stop():
        count.append(1)
        return len(count) > 8 + 6  # eight photos are read, two epochs of two steps, then the colorizer's second step

    events = []
    train(quick, events.append, stop)
    assert events[-1].stopped
    assert "meadows" in installed_models()
    events.clear()
    train(None, events.append, resume=quick.run)
    assert not events[-1].stopped
    assert load_model("meadows").provenance["stopped"] is False


@pytest.mark.parametrize("start", ["fresh", "tiny"])
@pytest.mark.parametrize("moments", [0, 3])
def test_stopping_before_the_first_epoch_is_over_installs_nothing(quick, start, moments):
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > moments + 8 * bool(moments)  # eight photos are read first

    events = []
    train(replace(quick, start=start, epoch_size=400, crop=64), events.append, stop)
    assert isinstance(events[-1], Stopped)
    assert events[-1].run == (quick.run if moments else "")
    assert "meadows" not in installed_models()
    assert Path(quick.run).exists() == bool(moments)


def test_a_fresh_network_that_was_not_trained_is_left_out(quick):
    events = fit(replace(quick, start="fresh", epochs=50, epoch_size=8, crop=64))
    next(event for event in events if isinstance(event, EpochEnded))
    events.close()
    assert set(load_model("meadows").networks) == {"segmenter"}


def test_norms_learn_their_statistics_unless_they_are_frozen(quick, tmp_path):
    moved = []
    for frozen in (False, True):
        run = RunFolder(tmp_path / f"frozen {frozen}")
        list(fit(replace(quick, network="segmenter", run=str(run.path), name=run.path.name, freeze_norm=frozen)))
        state = torch.load(run.checkpoint("segmenter"), weights_only=True)["state_dict"]
        before = load_model(run.start).segmenter.state_dict()
        moved.append(not torch.equal(state["network.input_norm.running_mean"], before["input_norm.running_mean"]))
    assert moved == [True, False]


def test_a_run_is_resumed_from_another_folder(quick, labeled_set, monkeypatch, tmp_path):
    monkeypatch.chdir(labeled_set.parent)
    events = fit(replace(quick, data=labeled_set.name))
    next(event for event in events if isinstance(event, EpochEnded))
    events.close()
    monkeypatch.chdir("/")
    assert isinstance(list(fit(resume=quick.run))[-1], Finished)


def test_suggestions_of_classes_that_do_not_occur_are_kept(quick, library, tiny_model, labeled_set, classes):
    tiny_model.suggestions = {7: [(1.0, 2.0, 1.0)], 2: [(99.0, 99.0, 1.0)]}
    tiny_model.save(library / "tiny.safetensors")
    ClassMap([*classes, Class(9, "Boat", "#b22222")]).write(labeled_set / "classes.json")
    list(fit(replace(quick, network="colorizer", epochs=1)))
    suggestions = load_model("meadows").suggestions
    assert suggestions[9] == [(1.0, 2.0, 1.0)]
    assert suggestions[2][0][0] < 0


def test_resuming_a_finished_run_changes_nothing(finished, quick):
    before = load_model("meadows").colorizer.state_dict()
    events = list(fit(resume=quick.run))
    assert not of_kind(events, EpochEnded)
    after = load_model("meadows").colorizer.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_an_epoch_that_was_kept_but_not_logged_when_the_process_was_killed_is_logged(finished, quick):
    logs = [RunFolder(Path(quick.run)).path / network / "log.csv" for network in ("segmenter", "colorizer")]
    whole = [log.read_text() for log in logs]
    for log, text in zip(logs, whole, strict=True):
        log.write_text("".join(text.splitlines(keepends=True)[:-1]))
    list(fit(resume=quick.run))
    assert [log.read_text() for log in logs] == whole


def test_without_a_name_the_model_gets_that_of_the_data(quick):
    for expected in ("meadows", "meadows 2"):
        events = list(fit(replace(quick, name="", run="", epochs=1, network="segmenter")))
        assert events[-1].model == expected


def test_processes_that_prepare_crops_change_nothing(quick, tmp_path, same_logs):
    options = replace(quick, network="colorizer")
    for workers in (0, 2):
        list(fit(replace(options, workers=workers, run=str(tmp_path / f"by {workers}"), name=f"by {workers}")))
    same_logs(tmp_path / "by 0", tmp_path / "by 2", "colorizer")


def test_new_classes_are_learned_and_said(quick, labeled_set, classes):
    text = (labeled_set / "classes.json").read_text().replace("grass", "meadow")
    (labeled_set / "classes.json").write_text(text)
    events = list(fit(replace(quick, epochs=4, epoch_size=64, learning_rate=1e-2)))
    (prepared,) = of_kind(events, Prepared)
    assert (prepared.kept, prepared.new) == (["sky"], ["meadow"])
    ended = of_kind(events, EpochEnded, "colorizer")
    assert ended[-1].metrics["ciede2000"] < ended[0].metrics["ciede2000"] - 1


def test_closing_the_generator_leaves_no_thread(quick):
    import threading

    events = fit(quick)
    next(events)
    events.close()
    assert not any(thread.name == "training" for thread in threading.enumerate())


def test_a_resumed_run_may_go_on_for_longer(finished, quick):
    events = list(fit(resumed_options(quick.run, {"epochs": 3}), resume=quick.run))
    assert [event.epoch for event in of_kind(events, EpochEnded)] == [3, 3]
    with pytest.raises(TrainingError, match="batch cannot be changed"):
        resumed_options(quick.run, {"batch": 4})
