"""What the docks say of themselves as long as there is nothing to work on."""

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_colorizer._napari.colorize import welcome
from napari_colorizer._napari.io import SAMPLES


def test_the_dock_colorize_explains_itself_until_there_is_an_image(bare_dock, photo):
    viewer, dock = bare_dock()
    shown = dock.welcome
    assert not shown.isHidden()
    assert shown.text.text().count("<p") == 3
    assert "Predict labels" in shown.text.text()
    viewer.add_layer(Labels(np.zeros((4, 4), np.uint8)))
    assert not shown.isHidden()
    image = viewer.add_layer(Image(photo))
    assert shown.isHidden()
    viewer.layers.remove(image)
    assert not shown.isHidden()


def test_each_sample_is_offered_and_comes_as_the_manifest_gives_it(bare_dock, wait):
    viewer, dock = bare_dock()
    assert set(welcome.SAMPLES.values()) == set(SAMPLES)
    assert [button.text() for button in dock.welcome.buttons] == list(welcome.SAMPLES)
    dock.welcome.buttons[0].click()
    wait(dock)
    assert [layer.name for layer in viewer.layers] == ["camera"]
    assert viewer.layers[0].metadata["credit"] == SAMPLES["camera"]
    assert dock.controller.image is viewer.layers[0]
    assert dock.welcome.isHidden()


def test_a_sample_that_cannot_be_had_is_told(bare_dock, wait, messages, monkeypatch):
    def sample(name):
        raise OSError("no network")

    monkeypatch.setattr(welcome, "sample", sample)
    viewer, dock = bare_dock()
    said = messages(dock)
    dock.welcome.buttons[0].click()
    wait(dock)
    assert "no network" in said[-1]
    assert len(viewer.layers) == 0
    assert not dock.welcome.isHidden()


@pytest.mark.parametrize("came", ["image", "data"])
def test_the_dock_train_explains_itself_until_there_is_an_image_or_data(bare_train, photo, came):
    viewer, dock = bare_train()
    dock.data.clear()
    shown = dock.welcome
    assert not shown.isHidden()
    assert shown.text.text().count("<p") == 3
    assert "labeled set" in shown.text.text()
    if came == "image":
        viewer.add_layer(Image(photo))
    else:
        dock.data.setText("photos")
    assert shown.isHidden()
    viewer.layers.clear()
    dock.data.clear()
    assert not shown.isHidden()
    dock.stop()
    viewer.add_layer(Image(photo))  # nobody listens any more
    assert not shown.isHidden()
