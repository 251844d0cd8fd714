"""The dock Train with the real trainer, in a real viewer."""

from pathlib import Path

import numpy as np
import psutil
import pytest
from napari.layers import Image
from PIL import Image as Picture

from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.files import write_label_map
from napari_colorizer.training.events import Prepared
from napari_colorizer.training.fit import fit

SMALL = {"batch": 4, "epoch_size": 8, "crop": 32, "side": 48, "val_size": 2, "pictures": 1}


@pytest.fixture
def harbors(tmp_path):
    """Six photographs of blue skies, green ground and red boats, labeled, with a class that no model knows."""
    root, rng = tmp_path / "harbors", np.random.default_rng(0)
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    ClassMap([Class(1, "sky", "#87ceeb"), Class(2, "grass", "#4caf50"), Class(3, "crane", "#b22222")]).write(
        root / "classes.json"
    )
    for number in range(6):
        labels = np.ones((48, 64), np.uint8)
        labels[int(rng.integers(16, 32)) :] = 2
        labels[20:40, 8 * number : 8 * number + 16] = 3
        colors = np.array([[0, 0, 0], [120, 170, 230], [60, 140, 50], [190, 40, 40]])
        image = np.clip(colors[labels] + rng.normal(0, 12, (48, 64, 3)), 0, 255).astype(np.uint8)
        Picture.fromarray(image).save(root / "images" / f"{number}.png")
        write_label_map(root / "masks" / f"{number}.png", labels)
    return root


@pytest.fixture
def begun(open_train, make_model, library, harbors):
    """A viewer whose dock has begun to train a tiny model for some epochs."""

    def begin(epochs):
        library.mkdir()
        make_model("tiny", working_size=64).save(library / "tiny.safetensors")
        viewer, widget = open_train()
        widget.data.setText(str(harbors))
        widget.reset_choices()
        widget.starts.setCurrentText("tiny")
        widget.epochs.setValue(epochs)
        widget.name.setText("harbor")
        for name, value in SMALL.items():
            widget.fields.boxes[name].setValue(value)
        widget.start_button.click()
        return viewer, widget

    return begin


def test_start_live_curves_stop_resume_finish_and_the_new_model(begun, until, wait, photo, resume):
    viewer, widget = begun(epochs=4)
    _, colorize = viewer.window.add_plugin_dock_widget("napari-colorizer", "Colorize")
    wait(colorize)
    controller = widget.controller
    until(lambda: len(controller.history.losses.get("segmenter", [])) > 1 or controller.phase == "idle")
    assert controller.phase == "training", widget.message.text()
    widget.stop_button.click()
    until(lambda: controller.phase == "idle")
    assert "stopped" in widget.message.text()
    assert "New classes: crane" in widget.record.toPlainText()
    assert colorize.models.findText("harbor") >= 0
    before = list(controller.history.losses["segmenter"])

    resume(widget)
    until(lambda: controller.phase == "idle" and controller.tasks.idle)
    assert "finished" in widget.message.text(), widget.message.text()
    history = controller.history
    assert [epoch for epoch, _ in history.metrics["segmenter"]["mIoU"]] == [0, 1, 2, 3, 4]
    assert [epoch for epoch, _ in history.metrics["colorizer"]["ciede2000"]] == [0, 1, 2, 3, 4]
    assert history.losses["segmenter"][0] == before[0]
    assert history.losses["colorizer"][-1][0] == 4
    assert viewer.layers["training preview"].data.any()

    colorize.controller.choose_model("harbor")
    viewer.add_layer(Image(photo, name="photo"))
    colorize.controller.choose_image(viewer.layers["photo"])
    colorize.predict_button.click()
    wait(colorize)
    assert {item.name for item in colorize.controller.classes} >= {"sky", "grass", "crane"}
    assert viewer.layers["photo colors"].data.shape == (96, 128, 3)


@pytest.mark.parametrize("closed", ["dock", "viewer"])
def test_what_is_closed_in_the_middle_of_an_epoch_leaves_nothing_but_a_run_to_resume(begun, until, closed):
    viewer, widget = begun(epochs=900)
    controller = widget.controller
    until(
        lambda: len(controller.history.metrics.get("segmenter", {}).get("mIoU", [])) > 1 or controller.phase == "idle"
    )
    assert controller.phase == "training", widget.message.text()
    trainer = psutil.Process(int(controller.process._process.processId()))
    run, options = Path(controller.run), Path(controller._folder.name)
    assert options.exists()
    if closed == "dock":
        viewer.window.remove_dock_widget(widget)
    else:
        viewer.close()
    until(lambda: not trainer.is_running() or trainer.status() == psutil.STATUS_ZOMBIE)
    until(lambda: not options.exists())
    assert not list(run.rglob("*.tmp"))
    events = fit(resume=run)
    prepared = next(event for event in events if isinstance(event, Prepared))
    assert prepared.resumed >= 1
    events.close()
