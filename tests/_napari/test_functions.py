"""Forms that magicgui makes of the functions of napari's data types."""

import re
from pathlib import Path

import numpy as np
import pytest
from magicgui import magicgui
from napari.layers import Image, Labels

from napari_colorizer import load_model
from napari_colorizer.functions import colorize, predict_labels

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


@pytest.fixture
def viewer(make_napari_viewer, installed, photo):
    viewer = make_napari_viewer()
    viewer.add_image(photo, name="photo", scale=(2, 2))
    return viewer


def run_form_in_readme(viewer):
    (example,) = (block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "magicgui(" in block)
    exec(example, {})
    return next(iter(viewer.window.dock_widgets.values()))


def test_the_form_in_the_readme_predicts_the_labels_of_a_chosen_layer(viewer, photo):
    form = run_form_in_readme(viewer)
    assert form.image.current_choice == "photo (data)"
    assert list(form.model.choices) == ["default", "tiny"]
    form.confidence.value = 0
    form.call_button.native.click()
    added = viewer.layers[-1]
    assert isinstance(added, Labels)
    np.testing.assert_array_equal(added.scale, (2, 2))
    np.testing.assert_array_equal(added.data, predict_labels(photo, 0))


def test_a_form_colors_with_and_without_a_label_map(viewer, photo):
    form = magicgui(colorize)
    viewer.window.add_dock_widget(form)
    own = viewer.add_image(photo // 2, name="colors")
    form()
    labels = np.full(photo.shape, load_model().classes.named("grass").id)
    viewer.add_labels(labels)
    form["labels"].native.setCurrentIndex(1)
    form()
    plain, green = (layer for layer in viewer.layers if isinstance(layer, Image) and layer.rgb)
    np.testing.assert_array_equal(plain.data, colorize(photo)[0])
    np.testing.assert_array_equal(green.data, colorize(photo, labels)[0])
    np.testing.assert_array_equal(own.data, photo // 2)
