"""What was asked for something that has changed is dropped or asked for again, never laid on the new thing."""

import random
import threading

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_colorizer._napari.colorize import inference
from napari_colorizer._napari.colorize.inference import load
from napari_colorizer._napari.colorize.session_cache import SessionCache
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.engine.segment import Segmentation

GRASS, SKY, TREE = 36, 50, 54
SEEDS = 3


class Gate:
    """Holds what the background does until something has been changed."""

    def __init__(self, until):
        self.until, self.entered, self.open = until, threading.Event(), threading.Event()
        self.open.set()

    def meanwhile(self, begin, change):
        """Change something while what is begun is done."""
        self.entered.clear()
        self.open.clear()
        begin()
        self.until(self.entered.is_set)
        change()
        self.open.set()

    def hold(self):
        self.entered.set()
        assert self.open.wait(60)


@pytest.fixture
def gate(monkeypatch, until):
    """Hold predictions and colorings, each at its end; predictions say what they were made of."""
    gate = Gate(until)
    color = SessionCache.color

    def predict(model, picture, options, tell):
        gate.hold()
        made.append((model, np.asarray(picture.pixels), (options.working_size, picture.limits)))
        found = np.full(np.shape(picture.pixels)[:2], SKY if made[-1][0] == "default" else 1, np.uint8)
        return Segmentation(found, np.ones((1, 1), np.float32))

    def slow(*arguments, **options):
        done = color(*arguments, **options)
        gate.hold()
        return done

    made = gate.made = []
    monkeypatch.setattr(inference, "predict", predict)
    monkeypatch.setattr(SessionCache, "color", slow)
    return gate


@pytest.fixture
def tiny(make_model, library):
    library.mkdir()
    make_model("tiny", working_size=64).save(library / "tiny.safetensors")
    return "tiny"


@pytest.fixture
def stack(bare_dock, photo, gate):
    """A stack of three pictures whose first plane is shown."""
    planes = np.stack([photo, photo // 2, photo // 3])
    viewer, widget = bare_dock(Image(planes, name="stack"))
    viewer.dims.set_current_step(0, 0)
    return viewer, widget


# -- predictions


def test_a_changed_model_predicts_again(tiny, bare, gate, wait):
    viewer, widget = bare
    gate.meanwhile(widget.predict_button.click, lambda: widget.controller.choose_model(tiny))
    wait(widget)
    assert [model for model, _, _ in gate.made] == ["default", tiny]
    assert (viewer.layers["photo labels"].data == 1).all()
    assert on_layers.class_map_of(viewer.layers["photo labels"])[1].name == "sky"


@pytest.mark.parametrize(
    "change",
    [
        lambda widget: widget.working_size.setValue(64),
        lambda widget: setattr(widget.controller.image, "contrast_limits", (9, 99)),
    ],
    ids=["working size", "limits"],
)
def test_a_changed_option_or_look_predicts_again(bare, gate, wait, change):
    _, widget = bare
    gate.meanwhile(widget.predict_button.click, lambda: change(widget))
    wait(widget)
    first, second = gate.made
    assert first[2] != second[2]
    widget.prediction.reset("map")
    wait(widget)
    assert len(gate.made) == 2  # it is known


def test_a_prediction_takes_the_class_map_that_is_there_when_it_comes(bare_predicted, gate, wait):
    viewer, widget = bare_predicted
    labels = viewer.layers["photo labels"]
    renumbered = ClassMap([Class(9, "Himmel", "#87ceeb", "sky"), Class(SKY, "mine", "#112233")])

    def change():
        labels.data = np.full(labels.data.shape, 0, np.uint8)
        widget.controller.set_classes(renumbered)

    gate.meanwhile(widget.predict_button.click, change)
    labels_drawn = labels.data.copy()
    wait(widget)
    assert not (labels.data == SKY).any()
    assert ((labels.data == 9) | (labels.data == labels_drawn)).all()
    assert widget.controller.classes[SKY].name == "mine"


def test_a_prediction_is_not_laid_on_another_label_map_or_shape(bare_predicted, gate, wait, messages):
    viewer, widget = bare_predicted
    other = Labels(np.zeros((96, 128), np.uint8), name="other")
    viewer.add_layer(other)
    gate.meanwhile(widget.predict_button.click, lambda: widget.controller.choose_labels(other))
    wait(widget)
    assert not other.data.any()
    said = messages(widget)

    def change():
        widget.controller.image.data = np.full((30, 40), 7, np.uint8)
        other.data = np.zeros((30, 40), np.uint8)

    gate.meanwhile(widget.predict_button.click, change)
    wait(widget)
    assert not other.data.any()
    assert not any("failed unexpectedly" in text or "broadcast" in text for text in said), said


@pytest.mark.parametrize("gone", ["photo", "photo labels"])
def test_a_prediction_for_a_layer_that_is_gone_is_dropped(bare_predicted, gate, wait, messages, gone):
    viewer, widget = bare_predicted
    said = messages(widget)
    gate.meanwhile(widget.predict_button.click, lambda: viewer.layers.remove(gone))
    wait(widget)
    assert gone not in viewer.layers
    assert not any(said)


@pytest.mark.parametrize("when", ["while it is made", "before its turn"])
@pytest.mark.parametrize("ask", ["predict", "reset"])
@pytest.mark.parametrize("also", [None, "model"])
def test_a_prediction_is_laid_on_no_other_plane(tiny, stack, gate, wait, messages, when, ask, also):
    viewer, widget = stack
    labels = np.full((3, 96, 128), GRASS, np.uint8)
    widget.controller.add_labels(labels, ClassMap.pascal_context())
    wait(widget)
    layer, said = widget.controller.labels, messages(widget)
    layer.data_setitem((np.array([1]), np.array([5]), np.array([5])), TREE)
    wait(widget)
    before = layer.data.copy()

    def begin():
        widget.predict_button.click() if ask == "predict" else widget.prediction.reset("map")

    def change():
        viewer.dims.set_current_step(0, 1)
        if also:
            widget.controller.choose_model(tiny)

    if when == "while it is made":
        gate.meanwhile(begin, change)
    else:
        gate.meanwhile(widget.colorize_button.click, lambda: (begin(), change()))
    wait(widget)
    np.testing.assert_array_equal(layer.data, before)
    assert any("Another plane was shown" in text for text in said)
    widget.prediction.reset("map")
    wait(widget)
    np.testing.assert_array_equal(layer.data[[0, 2]], before[[0, 2]])
    np.testing.assert_array_equal(gate.made[-1][1], viewer.layers["stack"].data[1])


def test_a_prediction_of_planes_that_are_not_shown_any_more_says_what_to_do(stack, gate, wait, messages):
    viewer, widget = stack
    said = messages(widget)

    def change():
        viewer.dims.ndisplay = 3

    gate.meanwhile(widget.predict_button.click, change)
    wait(widget)
    assert "plane by plane" in said[-1]
    said.clear()
    widget.predict_button.click()
    wait(widget)
    assert "plane by plane" in said[-1]


# -- colors


CHANGES = {
    "model": lambda widget, labels: widget.controller.choose_model("tiny"),
    "class map": lambda widget, labels: widget.controller.set_classes(
        ClassMap([Class(SKY, "Gras", "#00ff00", "grass"), Class(GRASS, "Himmel", "#0000ff", "sky")])
    ),
    "adjustment": lambda widget, labels: widget.controller.set_adjustment(saturation=2.0),
    "working size": lambda widget, labels: widget.working_size.setValue(48),
    "labels": lambda widget, labels: setattr(labels, "data", np.full(labels.data.shape, TREE, np.uint8)),
    "look": lambda widget, labels: setattr(widget.controller.image, "contrast_limits", (20, 120)),
    "picture": lambda widget, labels: setattr(widget.controller.image, "data", widget.controller.image.data[:, ::-1]),
    "plane": lambda widget, labels: widget.viewer.dims.set_current_step(0, 2),
}


@pytest.mark.parametrize("change", CHANGES)
def test_colors_are_those_of_what_is_there_now(tiny, stack, gate, wait, messages, change):
    viewer, widget = stack
    planes = np.full((3, 96, 128), SKY, np.uint8)
    planes[:, 48:] = GRASS
    planes[2] = TREE
    widget.controller.add_labels(planes, ClassMap.pascal_context())
    wait(widget)
    labels, said = widget.controller.labels, messages(widget)
    before = np.array(viewer.layers["stack colors"].data)
    gate.meanwhile(widget.colorize_button.click, lambda: CHANGES[change](widget, labels))
    wait(widget)
    controller = widget.controller
    pixels, limits = on_layers.picture_of(controller.image, viewer, 0).seen()
    plane = np.asarray(on_layers.plane_of(labels, controller.image, viewer))
    session = load(controller.model.name).session(pixels, controller.options, limits)
    expected = session.colorize(plane, classes=controller.classes, adjustment=controller.adjustment)
    shown = np.asarray(viewer.layers["stack colors"].data)
    assert np.abs(shown.astype(int) - expected).max() <= 1
    assert np.abs(shown.astype(int) - before).max() > 1
    assert not any(said)


def test_counts_of_labels_that_are_gone_are_not_shown(bare_predicted, gate, wait):
    viewer, widget = bare_predicted
    gate.meanwhile(widget.colorize_button.click, lambda: viewer.layers.remove("photo labels"))
    wait(widget)
    assert set(widget.controller.counts) <= {0}


# -- anything, in any order


def remove(name):
    return lambda widget: widget.viewer.layers.remove(name) if name in widget.viewer.layers else None


def on_labels(act):
    return lambda widget: act(widget.controller.labels) if widget.controller.labels is not None else None


def choose(name):
    return lambda widget: widget.controller.choose_image(widget.viewer.layers[name])


ANYTHING = {
    "another image": choose("other"),
    "the image": choose("photo"),
    "picture": lambda widget: setattr(widget.viewer.layers["photo"], "data", widget.viewer.layers["photo"].data[::-1]),
    "smaller picture": lambda widget: setattr(widget.viewer.layers["other"], "data", np.full((40, 50), 90, np.uint8)),
    "labels gone": remove("photo labels"),
    "colors gone": remove("photo colors"),
    "drawn": on_labels(lambda labels: labels.data_setitem((np.arange(40), np.arange(40)), TREE)),
    "undone": on_labels(lambda labels: labels.undo()),
    "redrawn": on_labels(lambda labels: setattr(labels, "data", np.full(labels.data.shape, TREE, np.uint8))),
    "class gone": lambda widget: widget.controller.set_classes(widget.controller.classes.without(GRASS)),
    "model": lambda widget: widget.controller.choose_model("tiny"),
    "model back": lambda widget: widget.controller.choose_model("default"),
    "option": lambda widget: widget.controller.set_options(chroma_gain=2),
    "size": lambda widget: widget.working_size.setValue(48),
    "look": lambda widget: setattr(widget.viewer.layers["photo"], "contrast_limits", (20, 220)),
    "predicted": lambda widget: widget.predict_button.click(),
    "reset": lambda widget: widget.prediction.reset("map"),
}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_changes_in_whatever_order_the_colors_are_those_of_what_is_there(
    tiny, bare_predicted, gate, wait, photo, seed
):
    viewer, widget = bare_predicted
    viewer.add_image(photo[:70, :90].copy(), name="other")
    controller, chance = widget.controller, random.Random(seed)
    for _ in range(3):
        if controller.image is None:
            break
        names = chance.choices([*ANYTHING], k=4)
        begin = chance.choice([widget.predict_button, widget.colorize_button]).click
        gate.meanwhile(begin, lambda names=names: [ANYTHING[name](widget) for name in names])
        wait(widget)
        if controller._complaint:
            assert "of the same shape" in controller._complaint, names  # the picture is a smaller one now
            continue
        image, labels, colors = controller.image, controller.labels, controller.colors
        if labels is None or colors is None:
            continue
        pixels, limits = on_layers.picture_of(image, viewer, 0).seen()
        expected = load(controller.model.name).colorize(
            pixels, np.asarray(labels.data), None, controller.options, limits, controller.classes
        )
        assert np.abs(np.asarray(colors.data).astype(int) - expected).max() <= 1, names
