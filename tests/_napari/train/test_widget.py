"""The dock Train, with a stand-in for the trainer."""

import json
import subprocess
import sys

import numpy as np
import pytest
from napari.utils import progress as activity

from napari_colorizer.training.options import TrainOptions

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


@pytest.mark.viewer
def test_opening_it_loads_neither_torch_nor_lightning():
    code = """
import sys
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
app = QApplication([])
from napari_colorizer._napari.train.widget import TrainWidget
widget = TrainWidget(ViewerModel())
sys.exit(", ".join({"torch", "pytorch_lightning", "torchmetrics"} & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_training_from_start_to_finish(run_to_end, enabled):
    _, widget = run_to_end(f"{TRAINING}\nfinished(model='mine')")
    assert "'mine'" in widget.message.text()
    assert "New classes: boat" in widget.record.toPlainText()
    assert enabled(widget) == IDLE
    assert widget.controller.run == ""  # there is nothing left to resume
    assert not activity._all_instances


def test_curves_follow(run_to_end):
    _, widget = run_to_end(TRAINING)
    widget.curves.redraw()
    x, y = widget.curves.loss_plot.curves["segmenter"].getOriginalDataset()
    np.testing.assert_allclose(x, np.arange(1, 11) / 2)
    np.testing.assert_allclose(y, 1 / np.arange(1, 11))
    np.testing.assert_allclose(widget.curves.loss_plot.curves["colorizer"].getOriginalDataset(), [[2.5], [0.01]])
    metrics = widget.curves.metrics
    assert [metrics.itemText(row) for row in range(metrics.count())] == ["mIoU", "accuracy", "ciede2000"]
    assert metrics.currentText() == "ciede2000"  # that of the network that was trained last
    metrics.setCurrentText("accuracy")
    metrics.activated.emit(1)
    np.testing.assert_allclose(widget.curves.metric_plot.curves["segmenter"].getOriginalDataset(), [[0, 1], [0.3, 0.4]])


def test_while_it_runs_it_says_how_far_it_is(open_train, sound_data, stand_in, until, enabled):
    _, widget = open_train(stand_in(UNTIL_STOPPED))
    widget.start_button.click()
    until(lambda: widget.progress.value() == 1)
    assert widget.state.text() == "segmenter: epoch 1 of 5, 2 min left"
    assert widget.progress.maximum() == 10
    assert enabled(widget) == ["Stop"]
    assert [(bar.desc, bar.n, bar.total) for bar in activity._all_instances] == [("Training segmenter", 1, 10)]
    widget.stop_button.click()
    until(lambda: widget.controller.phase == "idle")
    assert not activity._all_instances
    assert "stopped" in widget.message.text()
    assert enabled(widget) == IDLE


def test_what_goes_on_between_the_steps_is_told(open_train, sound_data, stand_in, until):
    doing = (
        "say('Doing', text='Reading photographs', share=0.4)",
        "say('Doing', text='Validating the segmenter', share=None)",
        "progress(1, seconds_left=None)",
    )
    body = "".join(f"sys.stdin.readline()\n{line}\n" for line in doing)
    _, widget = open_train(stand_in(f"{body}sys.stdin.readline()\nfinished()"))
    widget.start_button.click()
    until(lambda: widget.controller.process.running)
    assert widget.state.text() == "Starting the trainer, which loads PyTorch…"
    for text in (
        "Reading photographs, 40%…",
        "Validating the segmenter…",
        "segmenter: epoch 1 of 5, time left unknown",
    ):
        widget.controller.process.stop()
        until(lambda text=text: widget.state.text() == text)
    widget.stop_button.click()
    until(lambda: widget.controller.phase == "idle")


def test_both_networks_are_one_way_to_go(open_train, sound_data, stand_in, until):
    go_on = "sys.stdin.readline()\nprogress(1, steps=5, network='colorizer', stage=2, stages=2)\n"
    _, widget = open_train(
        stand_in(f"prepared()\nprogress(9, stage=1, stages=2)\n{go_on}sys.stdin.readline()\nfinished()")
    )
    widget.start_button.click()
    until(lambda: widget.progress.value() == 9)
    assert widget.state.text() == "segmenter (1 of 2): epoch 1 of 5, 2 min left, then the next network"
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
    widget.fields.boxes["learning_rate"].setValue(3e-5)
    widget.start_button.click()
    until(lambda: widget.controller.phase == "idle")
    got = json.loads((tmp_path / "got").read_text())
    wanted = {
        "data": "my photos",
        "network": "colorizer",
        "epochs": 7,
        "name": "seven",
        "learning_rate": 3e-5,
        "start": "default",
    }
    assert wanted.items() <= got.items()


# -- the preview


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
    until(lambda: elsewhere.controller.tasks.idle and colorize.controller.tasks.idle)
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
