"""What a training meets: bad options, bad files, too little memory, a full disk."""

import errno
import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_colorizer import load_model
from napari_colorizer.errors import ColorizerError, TrainingError
from napari_colorizer.training import callbacks as recorder
from napari_colorizer.training import install, prepare
from napari_colorizer.training.events import EpochEnded, Finished, Note, Prepared
from napari_colorizer.training.fit import fit, train
from napari_colorizer.training.modules import ColorizerTraining
from napari_colorizer.training.run_folder import RunFolder

pytestmark = pytest.mark.slow


def of_kind(events, kind, network=None):
    return [event for event in events if isinstance(event, kind) and network in (None, getattr(event, "network", None))]


@pytest.fixture
def finished(quick):
    return list(fit(quick))


def begun(events):
    """Go on until the data are read."""
    return next(event for event in events if isinstance(event, Prepared))


def test_two_processes_cannot_train_in_one_folder(quick):
    first = fit(replace(quick, epochs=50))
    begun(first)
    with pytest.raises(TrainingError, match="another process"):
        list(fit(resume=quick.run))
    first.close()


@pytest.mark.parametrize("network", ["segmenter", "colorizer"])
def test_a_run_that_loses_what_a_network_has_learned_ends_without_a_model(quick, library, network):
    def remove(event):
        if isinstance(event, EpochEnded) and (event.network, event.epoch) == (network, quick.epochs):
            shutil.rmtree(Path(quick.run) / network)

    with pytest.raises(TrainingError, match="removed or moved"):
        train(quick, remove)
    assert not (library / "meadows.safetensors").exists()


def test_a_name_that_was_taken_meanwhile_is_not_written_over(quick, library, tiny_model):
    events = []
    for event in fit(quick):
        if isinstance(event, Prepared):
            tiny_model.save(library / "meadows.safetensors")
        events.append(event)
    assert events[-1].model == "meadows 2"
    assert any("'meadows 2'" in note.text for note in of_kind(events, Note))
    assert load_model("meadows").provenance == {}
    assert list(fit(resume=quick.run))[-1].model == "meadows 3"


def test_a_run_that_is_refused_leaves_nothing_behind(quick):
    for wrong in ({"crop": 30}, {"start": "nobody"}, {"device": "cuda:9"}):
        with pytest.raises(ColorizerError):
            list(fit(replace(quick, **wrong)))
        assert not Path(quick.run).exists()
    assert isinstance(list(fit(quick))[-1], Finished)


def test_a_damaged_checkpoint_is_named(quick, finished):
    checkpoint = RunFolder(Path(quick.run)).checkpoint("colorizer")
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(TrainingError, match=r"last\.ckpt is damaged"):
        list(fit(resume=quick.run))


def test_photos_with_long_names_and_the_same_name_have_pictures_of_their_own(quick, labeled_set):
    for part in ("images", "masks"):
        for number, file in enumerate(sorted((labeled_set / "val" / part).iterdir())):
            folder = labeled_set / "val" / part / str(number)
            folder.mkdir()
            file.rename(folder / f"{'x' * 240}.png")
    list(fit(replace(quick, network="segmenter", epochs=1, pictures=2)))
    assert len(list(RunFolder(Path(quick.run)).pictures("segmenter").iterdir())) == 4


def test_a_run_is_not_written_over(finished, quick):
    with pytest.raises(TrainingError, match="already"):
        list(fit(replace(quick, name="other")))


def test_a_name_that_is_taken_is_refused_before_any_work(quick):
    with pytest.raises(TrainingError, match="already a model 'tiny'"):
        list(fit(replace(quick, name="tiny")))


def test_a_folder_that_is_no_run_cannot_be_resumed(tmp_path):
    with pytest.raises(TrainingError, match="is not the folder of a training run"):
        list(fit(resume=tmp_path))


@pytest.mark.parametrize("data", ["", "nowhere"])
def test_missing_data_are_named(quick, data):
    with pytest.raises(ColorizerError, match=data or "labeled set"):
        list(fit(replace(quick, data=data)))


def test_too_little_memory_means_smaller_steps_with_the_same_result(quick, tmp_path, monkeypatch, same_logs):
    options = replace(quick, network="colorizer", freeze_norm=True)
    list(fit(replace(options, run=str(tmp_path / "whole"), name="whole")))
    step = ColorizerTraining.training_step

    def tight(self, batch, number):
        if len(batch["rgb"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return step(self, batch, number)

    monkeypatch.setattr(ColorizerTraining, "training_step", tight)
    events = list(fit(options))
    assert ["too little memory" in note.text for note in of_kind(events, Note)] == [True, True]
    same_logs(quick.run, tmp_path / "whole", "colorizer")


def test_when_even_one_crop_is_too_much_it_says_what_helps(quick, monkeypatch):
    def tight(self, batch, number):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(ColorizerTraining, "training_step", tight)
    with pytest.raises(TrainingError, match="smaller crop"):
        list(fit(replace(quick, network="colorizer")))


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_best(quick, monkeypatch, log_of):
    step = ColorizerTraining.training_step

    def diverge(self, batch, number):
        loss = step(self, batch, number)
        return loss * float("nan") if self.trainer.current_epoch == 1 else loss

    monkeypatch.setattr(ColorizerTraining, "training_step", diverge)
    with pytest.raises(TrainingError, match="learning rate"):
        list(fit(replace(quick, network="colorizer")))
    assert [row["epoch"] for row in log_of(quick.run, "colorizer")] == ["0", "1"]
    kept = load_model(RunFolder(Path(quick.run)).best("colorizer"))
    assert all(torch.isfinite(tensor).all() for tensor in kept.colorizer.state_dict().values())


def test_a_full_disk_ends_the_run_and_what_was_trained_is_kept(quick, tmp_path, monkeypatch):
    save = recorder.SafeCheckpointIO.save_checkpoint

    def full(self, checkpoint, path, storage_options=None):
        if checkpoint["epoch"] >= 1:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        save(self, checkpoint, path, storage_options)

    monkeypatch.setattr(recorder.SafeCheckpointIO, "save_checkpoint", full)
    with pytest.raises(TrainingError, match="No space left on device"):
        list(fit(replace(quick, network="colorizer")))
    monkeypatch.undo()
    monkeypatch.setenv("NAPARI_COLORIZER_MODELS", str(tmp_path / "library"))
    events = list(fit(resume=quick.run))
    assert of_kind(events, Prepared)[0].resumed == 1
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_vanishes_ends_the_run_by_name(quick, labeled_set, monkeypatch, workers):
    load = prepare.PhotoStore.load.__func__
    monkeypatch.setattr(
        "napari_colorizer.training.prepare.PhotoStore.load",
        classmethod(lambda *arguments, **options: load(*arguments, **options, memory=0)),
    )
    events = fit(replace(quick, network="colorizer", workers=workers))
    begun(events)
    for file in (labeled_set / "train" / "images").iterdir():
        file.unlink()
    with pytest.raises(ColorizerError, match=r"^[^\n]*made-\d\.png[^\n]*$"):
        list(events)


def test_gray_images_teach_the_segmenter_only(quick, labeled_set):
    from PIL import Image

    for file in (labeled_set / "train" / "images").iterdir():
        Image.open(file).convert("L").save(file)
    events = list(fit(quick))
    assert {event.network for event in of_kind(events, EpochEnded)} == {"segmenter"}
    assert any("colorizer is not trained" in note.text for note in of_kind(events, Note))
    with pytest.raises(TrainingError, match="nothing to train"):
        list(fit(replace(quick, network="colorizer", name="other", run="")))


@pytest.mark.parametrize("crop", [30, 2])
def test_a_crop_that_cannot_be_halved_is_refused(quick, crop):
    with pytest.raises(TrainingError, match="multiple of 4"):
        list(fit(replace(quick, crop=crop)))


@pytest.mark.parametrize("stops", [False, True])
def test_the_environment_and_the_generators_of_the_caller_stay(quick, monkeypatch, stops):
    monkeypatch.setenv("NAPARI_COLORIZER_RUN", "of another training, which has started this process")
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    environment = dict(os.environ)
    draws = torch.rand(1).item(), random.random(), np.random.rand()  # noqa: NPY002
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    for _event in fit(replace(quick, start="fresh", preset="default", epochs=1, crop=64, network="colorizer")):
        assert dict(os.environ) == environment
        if stops:
            break
    assert (torch.rand(1).item(), random.random(), np.random.rand()) == draws  # noqa: NPY002
    assert dict(os.environ) == environment


def test_two_trainings_in_one_process_do_not_meet(quick):
    first = fit(replace(quick, network="colorizer", epochs=3))
    begun = next(event for event in first if isinstance(event, Prepared))
    second = list(fit(replace(quick, network="colorizer", epochs=1, run="", name="other")))
    runs = [Path(event.run) for event in (begun, *of_kind(second, Prepared))]
    assert runs[0] == Path(quick.run) != runs[1]
    assert [event.model for event in of_kind([*first, *second], Finished)] == ["meadows", "other"]


def test_two_runs_that_finish_with_one_name_both_keep_their_models(quick, tmp_path, monkeypatch):
    whole = install.install_model

    def late(model):
        if model.name == "meadows":
            model.save(install.place_for("meadows"))  # another process was faster
        return whole(model)

    monkeypatch.setattr(install, "install_model", late)
    events = list(fit(replace(quick, network="colorizer", epochs=1)))
    assert events[-1].model == "meadows 2"
    assert any("'meadows 2'" in note.text for note in of_kind(events, Note))
