"""The dock Train, with a stand-in for the trainer."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from napari.layers import Image
from napari.utils import progress as activity
from PIL import Image as Picture
from qtpy.QtWidgets import QFileDialog

from napari_colorizer._napari import train_controller
from napari_colorizer._napari.data_check import CheckedData
from napari_colorizer.errors import DataError
from napari_colorizer.training.options import TrainOptions
from napari_colorizer.training.run import runs_folder

ANOTHER = "Another folder…"
IDLE = ["Check data", "Start", "Resume"]

TRAINING = """
prepared(new=["boat"])
ended(0, mIoU=0.1, accuracy=0.3)
for step in range(1, 11):
    progress(step, loss=1 / step)
ended(1, mIoU=0.2, accuracy=0.4)
progress(5, network="colorizer", loss=0.01)
ended(1, network="colorizer", ciede2000=9.0)
"""
UNTIL_STOPPED = "prepared()\nprogress(1)\nassert sys.stdin.readline() == 'stop\\n'\nfinished(stopped=True)"
CRASH = "prepared()\nprogress(1)\ntime.sleep(0.1)\nraise SystemError('the GPU fell off the bus')"


@pytest.fixture
def run_to_end(bare_train, sound_data, stand_in, until):
    """Press Start and wait for the end."""

    def run(body):
        viewer, widget = bare_train(stand_in(body))
        widget.start_button.click()
        until(lambda: widget.controller.phase == "idle" and widget.controller.runner.idle)
        return viewer, widget

    return run


def buttons(widget):
    every = (widget.check_button, widget.start_button, widget.stop_button, widget.resume_button)
    return [button.text() for button in every if button.isEnabled()]


def test_opening_it_loads_neither_torch_nor_lightning():
    code = """
import sys
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari_colorizer._napari.train_widget import TrainWidget
widget = TrainWidget(ViewerModel())
sys.exit(", ".join({"torch", "pytorch_lightning", "torchmetrics"} & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_training_from_start_to_finish(run_to_end):
    _, widget = run_to_end(f"{TRAINING}\nfinished(model='mine')")
    assert "'mine'" in widget.message.text()
    assert "New classes: boat" in widget.record.toPlainText()
    assert buttons(widget) == IDLE
    assert widget.controller.run == ""  # there is nothing left to resume
    assert not activity._all_instances


def test_curves_follow(run_to_end):
    _, widget = run_to_end(TRAINING)
    widget.curves.redraw()
    x, y = widget.curves.loss.curves["segmenter"].getOriginalDataset()
    np.testing.assert_allclose(x, np.arange(1, 11) / 2)
    np.testing.assert_allclose(y, 1 / np.arange(1, 11))
    np.testing.assert_allclose(widget.curves.loss.curves["colorizer"].getOriginalDataset(), [[2.5], [0.01]])
    metrics = widget.curves.metrics
    assert [metrics.itemText(row) for row in range(metrics.count())] == ["mIoU", "accuracy", "ciede2000"]
    assert metrics.currentText() == "ciede2000"  # that of the network that was trained last
    metrics.setCurrentText("accuracy")
    metrics.activated.emit(1)
    np.testing.assert_allclose(widget.curves.metric.curves["segmenter"].getOriginalDataset(), [[0, 1], [0.3, 0.4]])


def test_while_it_runs_it_says_how_far_it_is(open_train, sound_data, stand_in, until):
    _, widget = open_train(stand_in(UNTIL_STOPPED))
    widget.start_button.click()
    until(lambda: widget.progress.value() == 1)
    assert widget.state.text() == "segmenter: epoch 1 of 5, 2 min left"
    assert widget.progress.maximum() == 10
    assert buttons(widget) == ["Stop"]
    assert [(bar.desc, bar.n, bar.total) for bar in activity._all_instances] == [("Training segmenter", 1, 10)]
    widget.stop_button.click()
    until(lambda: widget.controller.phase == "idle")
    assert not activity._all_instances
    assert "stopped" in widget.message.text()
    assert buttons(widget) == IDLE


def test_both_networks_are_one_way_to_go(open_train, sound_data, stand_in, until):
    go_on = "sys.stdin.readline()\nprogress(1, steps=5, network='colorizer', stage=2, stages=2)\n"
    _, widget = open_train(
        stand_in(f"prepared()\nprogress(9, stage=1, stages=2)\n{go_on}sys.stdin.readline()\nfinished()")
    )
    widget.start_button.click()
    until(lambda: widget.progress.value() == 9)
    assert widget.state.text() == "segmenter (1 of 2): epoch 1 of 5, 2 min left, then comes the next"
    assert widget.progress.maximum() == 20
    widget.controller.process.stop()
    until(lambda: "colorizer" in widget.state.text())
    assert widget.state.text() == "colorizer (2 of 2): epoch 1 of 5, 2 min left"
    assert (widget.progress.value(), widget.progress.maximum()) == (6, 10)
    widget.controller.process.stop()
    until(lambda: widget.controller.phase == "idle")


def test_two_docks_train_at_once(bare_train, sound_data, stand_in, until):
    docks = []
    for losses in (3.0, 7.0):
        body = f"prepared()\nprogress(1, loss={losses})\nsys.stdin.readline()\nfinished(stopped=True)"
        _, widget = bare_train(stand_in(body))
        widget.start_button.click()
        until(lambda widget=widget: widget.controller.history.losses)
        docks.append(widget)
    first, second = docks
    first.stop_button.click()
    until(lambda: first.controller.phase == "idle")
    assert second.controller.phase == "training"
    assert [dock.controller.history.losses["segmenter"][0][1] for dock in docks] == [3, 7]
    second.stop_button.click()
    until(lambda: second.controller.phase == "idle")
    assert "stopped" in second.message.text()


def test_the_trainer_gets_the_options_that_are_shown(bare_train, sound_data, stand_in, until, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, widget = bare_train(
        stand_in("text = pathlib.Path(sys.argv[2]).read_text()\npathlib.Path('got').write_text(text)\nfinished()")
    )
    widget.data.setText(" my photos ")
    widget.networks.setCurrentIndex(widget.networks.findData("colorizer"))
    widget.epochs.setValue(7)
    widget.name.setText("seven")
    widget.fields.boxes["rate"].setValue(3e-5)
    widget.start_button.click()
    until(lambda: widget.controller.phase == "idle")
    got = json.loads((tmp_path / "got").read_text())
    wanted = {
        "data": "my photos",
        "network": "colorizer",
        "epochs": 7,
        "name": "seven",
        "rate": 3e-5,
        "start": "default",
    }
    assert wanted.items() <= got.items()


# -- the preview


def pictures_of(tmp_path, *values, width=40):
    paths = []
    for number, value in enumerate(values):
        paths.append(str(tmp_path / f"{number} {value}.png"))
        Picture.fromarray(np.full((10, width, 3), value, np.uint8)).save(paths[-1])
    return paths


def test_the_preview_is_one_layer_that_changes_in_place(run_to_end, until, tmp_path):
    first, second = pictures_of(tmp_path, 10, 20), pictures_of(tmp_path, 30, 40)
    body = f"prepared()\nended(0, pictures={first!r})\ntime.sleep(0.3)\n"
    viewer, widget = run_to_end(f"{body}finished()")
    (layer,) = viewer.layers
    assert layer.name == "training preview"
    assert layer.rgb
    assert [int(layer.data[row, 0, 0]) for row in (0, -1)] == [10, 20]
    data = layer.data
    widget.controller._request_preview(second)
    until(lambda: widget.controller.runner.idle)
    assert viewer.layers[0].data is data
    assert [int(data[row, 0, 0]) for row in (0, -1)] == [30, 40]


def test_the_preview_lies_below_the_users_layers_and_leaves_the_selection(
    bare_train, sound_data, stand_in, until, tmp_path
):
    body = f"prepared()\nended(0, pictures={pictures_of(tmp_path, 10)!r})\nfinished()"
    viewer, widget = bare_train(stand_in(body))
    mine = viewer.add_layer(Image(np.zeros((60, 80)), name="mine", scale=(2, 2), translate=(5, 7), units="um"))
    widget.start_button.click()
    until(lambda: len(viewer.layers) == 2)
    preview = viewer.layers["training preview"]
    top, left = preview.extent.world[0]
    assert top > mine.extent.world[1, 0]
    assert abs(left - mine.extent.world[0, 1]) < 4
    np.testing.assert_allclose(np.ptp(preview.extent.world[:, 1]), np.ptp(mine.extent.world[:, 1]), rtol=0.1)
    assert viewer.layers.selection.active is mine
    assert preview.units == mine.units


def test_a_preview_that_the_user_deleted_stays_away_until_the_next_training(
    bare_train, sound_data, stand_in, until, tmp_path
):
    picture = pictures_of(tmp_path, 10)
    body = (
        f"prepared()\nended(0, pictures={picture!r})\nsys.stdin.readline()\nended(1, pictures={picture!r})\nfinished()"
    )
    viewer, widget = bare_train(stand_in(body))
    for _ in range(2):
        widget.start_button.click()
        until(lambda: viewer.layers)
        viewer.layers.clear()
        widget.stop_button.click()
        until(lambda: widget.controller.phase == "idle" and widget.controller.runner.idle)
        assert not viewer.layers


def test_the_dock_colorize_does_not_offer_the_preview(bare_dock, bare_train, sound_data, stand_in, until, tmp_path):
    body = f"prepared()\nended(0, pictures={pictures_of(tmp_path, 10)!r})\nfinished()"
    viewer, widget = bare_train(stand_in(body))
    widget.start_button.click()
    until(lambda: viewer.layers)
    _, colorize = bare_dock(*viewer.layers)
    assert colorize.image_choices() == []


# -- what goes wrong


def test_a_stop_before_it_began_is_no_failure(run_to_end, resume):
    _, widget = run_to_end("stopped(run='')")
    assert widget.message.text().startswith("Training was stopped before it had begun")
    assert resume.offered(widget) == [ANOTHER]
    assert buttons(widget) == IDLE


def test_a_stop_before_the_first_epoch_keeps_the_run(run_to_end, resume):
    _, widget = run_to_end("prepared()\nstopped()")
    assert "run of mine is as it was: press Resume" in widget.message.text()
    assert "ended" not in widget.message.text()
    assert resume.offered(widget) == ["run of mine", ANOTHER]


def test_resume_is_not_recommended_where_it_cannot_help(run_to_end):
    _, widget = run_to_end("prepared()\nsay('Failed', text='the loss is no number', resumable=False)\nsys.exit(1)")
    assert "the loss is no number" in widget.message.text()
    assert "press Resume" not in widget.message.text()
    assert "change the options and press Start" in widget.message.text()


def test_the_curves_of_another_run_do_not_stay(run_to_end, stand_in, until):
    _, widget = run_to_end(f"{TRAINING}\nfinished()")
    assert not widget.curves.isHidden()
    widget.controller.process.command = stand_in("say('Failed', text='too dark')\nsys.exit(1)")
    widget.start_button.click()
    until(lambda: "too dark" in widget.message.text())
    assert widget.curves.isHidden()


def test_a_crash_is_told_with_the_way_on(run_to_end):
    _, widget = run_to_end(CRASH)
    assert "the GPU fell off the bus" in widget.message.text()
    assert "run of mine" in widget.message.text()
    assert "Resume" in widget.message.text()
    assert buttons(widget) == IDLE
    assert not activity._all_instances


def test_a_crash_before_anything_was_trained_offers_no_resume(run_to_end):
    _, widget = run_to_end("raise SystemError('no')")
    assert "Nothing was trained yet" in widget.message.text()
    assert buttons(widget) == IDLE


def test_a_failure_is_told_in_its_own_words(run_to_end):
    _, widget = run_to_end("prepared()\nsay('Failed', text='the disk is full')\nsys.exit(1)")
    assert "the disk is full" in widget.message.text()
    assert "crashed" not in widget.message.text()
    assert "press Resume" in widget.message.text()
    assert buttons(widget) == IDLE


def test_a_missing_interpreter_is_told(bare_train, sound_data, until, tmp_path):
    _, widget = bare_train((str(tmp_path / "no python"),))
    widget.start_button.click()
    until(lambda: widget.message.text())
    assert "no python" in widget.message.text()
    assert buttons(widget) == IDLE


def test_one_that_does_not_stop_is_ended_at_the_second_click(bare_train, sound_data, stand_in, until):
    _, widget = bare_train(stand_in("prepared()\nprogress(1)\ntime.sleep(60)"))
    widget.start_button.click()
    until(lambda: widget.progress.value() == 1)
    widget.stop_button.click()
    assert buttons(widget) == ["End now"]
    widget.stop_button.click()
    until(lambda: widget.controller.phase == "idle")
    assert "ended at once" in widget.message.text()
    assert buttons(widget) == IDLE
    assert widget.stop_button.text() == "Stop"


# -- resuming


def test_resume_goes_on_with_the_last_run_and_its_curves(run_to_end, stand_in, until, resume):
    _, widget = run_to_end("prepared()\nfor step in range(1, 9): progress(step, loss=step)\nsys.exit(3)")
    body = "assert sys.argv[1] == '--resume'\nprepared(run=sys.argv[2], resumed=2)\nprogress(5, loss=50)\nfinished()"
    widget.controller.process.command = stand_in(body)
    resume(widget, "run of mine")
    until(lambda: widget.controller.phase == "idle")
    assert "finished" in widget.message.text()
    assert [loss for _, loss in widget.controller.history.losses["segmenter"]] == [1, 2, 3, 4, 50]


def test_resume_asks_for_a_folder_and_shows_its_log(bare_train, stand_in, until, tmp_path, monkeypatch, resume):
    run = tmp_path / "older"
    (run / "colorizer").mkdir(parents=True)
    (run / "colorizer" / "log.csv").write_text("epoch,step,loss,psnr,best\n0,0,nan,20,True\n1,9,0.5,21,True\n")
    TrainOptions().write(run / "options.json")
    _, widget = bare_train(stand_in("prepared(run=sys.argv[2])\nsys.exit(3)"))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(run))
    resume(widget, ANOTHER)
    until(lambda: widget.controller.phase == "idle")
    assert widget.controller.run == str(run)
    assert widget.controller.history.losses == {"colorizer": [(1, 0.5)]}
    assert widget.controller.history.metrics == {"colorizer": {"psnr": [(0, 20), (1, 21)]}}


def test_resume_without_a_folder_does_nothing(bare_train, monkeypatch, resume):
    _, widget = bare_train()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    resume(widget, ANOTHER)
    assert buttons(widget) == IDLE


@pytest.mark.parametrize(("options", "words"), [(None, "not the folder of a training run"), ("{", "is damaged")])
def test_resuming_a_folder_that_is_no_run_changes_nothing(run_to_end, tmp_path, monkeypatch, resume, options, words):
    _, widget = run_to_end("prepared()\nprogress(1)\nsys.exit(3)")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    if options:
        (foreign / "options.json").write_text(options)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(foreign))
    resume(widget, ANOTHER)
    assert words in widget.message.text()
    assert "Resume" not in widget.message.text()
    assert widget.controller.phase == "idle"
    assert widget.controller.history.losses
    assert resume.offered(widget) == ["run of mine", ANOTHER]


def test_resume_offers_the_runs_that_have_epochs_to_go(bare_train, resume, monkeypatch):
    _, widget = bare_train()
    asked = []
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given: asked.append(given[2]) or "")
    resume(widget, ANOTHER)
    for age, (name, network, done) in enumerate(
        [("new", "segmenter", 1), ("done", "segmenter", 3), ("half", "both", 3), ("fresh & gray", "both", 0)]
    ):
        run = runs_folder() / name
        (run / "segmenter").mkdir(parents=True)
        TrainOptions(network=network, epochs=3).write(run / "options.json")
        os.utime(run / "options.json", (1e9 - age, 1e9 - age))
        rows = "".join(f"{epoch},0.5\n" for epoch in range(done + 1))
        (run / "segmenter" / "log.csv").write_text(f"epoch,loss\n{rows}")
    (runs_folder() / "nothing").mkdir()
    assert resume.offered(widget) == ["new", "half", "fresh && gray", ANOTHER]
    resume(widget, ANOTHER)
    assert asked == ["", str(runs_folder())]


# -- the data


def test_what_is_wrong_with_the_options_is_told(bare_train):
    _, widget = bare_train()
    widget.fields.boxes["crop"].setValue(0)
    widget.start_button.click()
    assert widget.message.text() == "crop must be at least 1, not 0"
    widget.fields.boxes["crop"].setValue(64)
    widget.data.clear()
    widget.start_button.click()
    assert "Choose the folder" in widget.message.text()
    assert buttons(widget) == IDLE


@pytest.mark.parametrize("button", ["check_button", "start_button"])
def test_an_obstacle_keeps_it_from_starting(bare_train, until, monkeypatch, button):
    monkeypatch.setattr(train_controller, "check_data", lambda *_: CheckedData("a.png: broken", "no image can be read"))
    _, widget = bare_train(("never",))
    getattr(widget, button).click()
    until(lambda: widget.message.text())
    assert widget.message.text() == "no image can be read"
    assert widget.record.toPlainText() == "a.png: broken"
    assert buttons(widget) == IDLE


@pytest.mark.parametrize(("name", "words"), [("tiny", "already a model 'tiny'"), ("a/b", "cannot be the name")])
def test_a_name_that_cannot_be_is_told_before_the_check(bare_train, monkeypatch, library, tiny_model, name, words):
    monkeypatch.setattr(train_controller, "check_data", lambda *_: pytest.fail("checked"))
    library.mkdir()
    tiny_model.save(library / "tiny.safetensors")
    _, widget = bare_train()
    widget.name.setText(name)
    widget.start_button.click()
    assert words in widget.message.text()
    assert buttons(widget) == IDLE


@pytest.mark.parametrize(("verdict", "shown"), [("2 problems", "2 problems"), ("", "The check found no problems")])
def test_a_check_says_what_it_found(bare_train, until, monkeypatch, verdict, shown):
    monkeypatch.setattr(train_controller, "check_data", lambda *_: CheckedData("a.png", "", verdict))
    _, widget = bare_train()
    widget.check_button.click()
    until(lambda: widget.message.text())
    assert widget.message.text() == shown


def test_checking_alone_starts_nothing(bare_train, sound_data, until):
    _, widget = bare_train(("never",))
    widget.check_button.click()
    until(lambda: widget.record.toPlainText() == "2 labeled images")
    until(lambda: widget.controller.phase == "idle")
    assert not widget.controller.process.running


def test_a_set_that_is_none_is_told(bare_train, until, monkeypatch):
    def no_set(*_):
        raise DataError("photos is no labeled set")

    monkeypatch.setattr(train_controller, "check_data", no_set)
    _, widget = bare_train()
    widget.start_button.click()
    until(lambda: widget.message.text())
    assert widget.message.text() == "photos is no labeled set"
    assert buttons(widget) == IDLE


def test_a_check_can_be_stopped_and_then_starts_nothing(bare_train, until, monkeypatch):
    entered = threading.Event()

    def slow(_options, cancelled):
        entered.set()
        assert cancelled.wait(30)

    monkeypatch.setattr(train_controller, "check_data", slow)
    _, widget = bare_train(("never",))
    widget.start_button.click()
    assert buttons(widget) == ["Stop"]
    until(entered.is_set)
    widget.stop_button.click()
    assert buttons(widget) == IDLE
    until(lambda: widget.controller.runner.idle)
    assert widget.controller.phase == "idle"


# -- models


def test_a_new_model_is_offered_in_every_dock_at_once(
    bare_dock, open_train, sound_data, stand_in, until, library, tiny_model
):
    _, elsewhere = bare_dock()
    viewer, widget = open_train()
    _, colorize = viewer.window.add_plugin_dock_widget("napari-colorizer", "Colorize")
    tiny_model.save(tmp := library.parent / "tiny.safetensors")
    widget.controller.process.command = stand_in(
        f"target = pathlib.Path({str(library)!r})\ntarget.mkdir(exist_ok=True)\n"
        f"(target / 'mine.safetensors').write_bytes(pathlib.Path({str(tmp)!r}).read_bytes())\nprepared()\nfinished()"
    )
    assert all(box.findText("mine") < 0 for box in (colorize.models, elsewhere.models, widget.starts))
    widget.start_button.click()
    until(lambda: "'mine'" in widget.message.text())
    assert all(box.findText("mine") >= 0 for box in (colorize.models, elsewhere.models, widget.starts))
    assert colorize.models.currentText() == elsewhere.models.currentText() == widget.starts.currentText() == "default"
    elsewhere.controller.choose_model("mine")
    until(lambda: elsewhere.controller.runner.idle and colorize.controller.runner.idle)
    assert elsewhere.controller.model.name == "mine"


def test_a_recipe_fills_the_options(bare_train):
    _, widget = bare_train()
    assert widget.starts.currentData() == "default"
    assert widget.epochs.value() == TrainOptions.of_recipe("finetune").epochs
    widget.choose_recipe("paper")
    assert widget.epochs.value() == 1000
    assert widget.starts.currentData() == "fresh"
    assert widget.values()["crop"] == 352
    assert widget.values()["optimizer"] == "adam"
    widget.choose_recipe("finetune")
    assert widget.starts.currentData() == "default"


def test_finetune_keeps_the_model_that_was_chosen_to_start_from(bare_train, library, tiny_model):
    library.mkdir()
    tiny_model.save(library / "tiny.safetensors")
    _, widget = bare_train()
    widget.starts.setCurrentText("tiny")
    widget.choose_recipe("finetune")
    assert widget.starts.currentData() == "tiny"
