"""What a restless user does: whatever is drawn, chosen and hidden, the colors are those of a fresh full coloring.

`make test` goes some actions, `make soak` as many as NAPARI_COLORIZER_ACTIONS says. NAPARI_COLORIZER_SEED gives another
user; the same seed gives the same actions.
"""

import os
import random

import numpy as np
import pytest
from napari.layers import Image

from napari_colorizer._napari.colorize.color_updates import asked_in
from napari_colorizer._napari.colorize.inference import load
from napari_colorizer._napari.colorize.wished import Region
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import Class
from napari_colorizer.engine.pins import Pin

ACTIONS = int(os.environ.get("NAPARI_COLORIZER_ACTIONS", "25"))
SEED = int(os.environ.get("NAPARI_COLORIZER_SEED", "1"))
COMMON = (36, 50, 1, 2, 45, 7, 0)  # grass, sky, ... of the bundled model, of which a user paints most
HARDLY_LESS, PAUSE = 0.5, 0.6  # chances: to paint rather than do anything else, and to wait after an action


class User:
    """Does one thing after the other in a viewer, by chance."""

    def __init__(self, viewer, widget, seed):
        self.viewer, self.widget, self.controller = viewer, widget, widget.controller
        self.chance = random.Random(seed)
        self.done = []
        self.drawing = [self.paint, self.paint, self.erase, self.fill, self.polygon, self.undo, self.undo, self.redo]
        named = (name for name in vars(User) if not name.startswith("_") and name not in ("act", "point"))
        self.others = [getattr(self, name) for name in named if getattr(self, name) not in self.drawing]

    def act(self):
        """Do something."""
        some = self.drawing if self.controller.labels is not None and self.chance.random() < HARDLY_LESS else None
        action = self.chance.choice(some or self.others)
        self.done.append(action.__name__)
        action()

    def point(self):
        """A point on the label map."""
        return tuple(self.chance.randrange(size) for size in self._labels().data.shape)

    def _labels(self):
        if self.controller.labels is None:
            self.controller.new_labels()
        return self.controller.labels

    def _class(self):
        return self.chance.choice([*COMMON, *self.controller.classes.ids])

    # -- drawing

    def paint(self):
        labels, (y, x), label = self._labels(), self.point(), self._class()
        with labels.block_history():
            for step in range(self.chance.randrange(1, 12)):
                labels.paint((y + step * self.chance.choice([0, 1, 2]), x + step), label)

    def erase(self):
        self._labels().paint(self.point(), 0)

    def fill(self):
        self._labels().fill(self.point(), self._class())

    def polygon(self):
        labels = self._labels()
        corners = [self.point() for _ in range(self.chance.randrange(3, 6))]
        labels.paint_polygon(corners, self._class())

    def undo(self):
        self._labels().undo()

    def redo(self):
        self._labels().redo()

    # -- the dock

    def predict(self):
        self.widget.predict_button.click()

    def predict_and_draw(self):
        self.widget.predict_button.click()
        self.paint()

    def reset(self):
        self._labels()
        self.widget.prediction.reset(self.chance.choice(["map", "class", "region"]), self.point())

    def colorize(self):
        self.widget.colorize_button.click()

    def brush(self):
        self.controller.choose_brush(self._class())
        self._labels().brush_size = self.chance.randrange(1, 40)

    def saturation(self):
        self.widget.color_tools.adjustment.sliders["saturation"].setValue(self.chance.choice([0, 50, 100, 150, 200]))

    def working_size(self):
        self.widget.working_size.setValue(self.chance.choice([31, 32, 64, 100, 352]))

    def confidence(self):
        self.widget.confidence.setValue(self.chance.choice([-0.05, 0, 0.5]))

    def model(self):
        self.controller.choose_model(self.chance.choice(["default", "tiny"]))

    def image(self):
        self.controller.choose_image(self.chance.choice(self.widget.image_choices()))

    def follow(self):
        self.widget.follow_box.setChecked(not self.widget.follow_box.isChecked())

    def rename_class(self):
        classes = self.controller.classes
        item = classes[self.chance.choice(classes.ids)]
        name = f"{item.name}{self.chance.randrange(100)}"
        renamed = Class(item.id, name, item.color, self.chance.choice([item.known_as, item.name]))
        self.controller.set_classes(classes.with_class(renamed))

    def delete_class(self):
        self.controller.choose_brush(self.chance.choice(self.controller.classes.ids))
        self.widget.class_list.delete()

    def step_classes(self):
        self.chance.choice([self.widget.class_list.undo, self.widget.class_list.redo])()

    def new_class(self):
        classes, name = self.controller.classes, f"thing {self.chance.randrange(10**6)}"
        self.controller.set_classes(classes.with_class(Class(classes.unused_id(), name, "#102030", "grass")))

    # -- what is wished for the colors

    def _dots(self):
        dots = self.widget.color_tools.dots
        if dots.layer is None:
            dots.toggle()
        return dots.layer

    def dot(self):
        self._dots().current_face_color = self.chance.choice(["#cc4422", "#2244cc", "#808080"])
        self._dots().add((self.chance.uniform(-5, 100), self.chance.uniform(-5, 130)))

    def move_dots(self):
        self._dots().data = self._dots().data + self.chance.uniform(-9, 9)

    def remove_a_dot(self):
        self._dots().remove(list(range(min(1, len(self._dots().data)))))

    def pin(self):
        thing = self.chance.choice([self._class(), Region((), self.point())])
        wish = self.chance.choice([None, Pin(factor=self.chance.choice([0, 0.5, 1.5])), Pin.of("#cc8844")])
        self.widget.color_tools.pins.pin(thing, wish)

    def surprise(self):
        self.widget.color_tools.surprise_button.click()

    def color_each_label(self):
        self.widget.color_tools.things_button.click()

    def step_wishes(self):
        for _ in range(self.chance.randrange(1, 4)):
            self.controller.step_wishes(back=self.chance.random() < 0.6)

    # -- the layers

    def _layer(self):
        return self.chance.choice(list(self.viewer.layers))

    def rename_layer(self):
        self._layer().name = f"layer {self.chance.randrange(10**6)}"

    def hide_or_show(self):
        layer = self._layer()
        layer.visible = not layer.visible

    def hold_a_key(self):
        shown = self.chance.choice([self.widget.compare_keys._before, self.widget.compare_keys._result_only])(
            self.viewer
        )
        next(shown)
        self.paint()
        next(shown, None)

    def split(self):
        view = self.widget.color_tools.split
        view.toggle()
        view.move(self.chance.random())

    def reorder(self):
        layers = self.viewer.layers
        layers.move(self.chance.randrange(len(layers)), self.chance.randrange(len(layers)))

    def select(self):
        self.viewer.layers.selection.active = self._layer()

    def contour(self):
        self._labels().contour = self.chance.randrange(3)
        self._labels().opacity = self.chance.random()

    def delete_colors(self):
        if self.controller.colors is not None:
            self.viewer.layers.remove(self.controller.colors)
            self.colorize()

    def delete_labels(self):
        if self.controller.labels is not None:
            self.viewer.layers.remove(self.controller.labels)

    def replace_labels(self):
        shape, rng = self._labels().data.shape, np.random.default_rng(self.chance.randrange(99))
        self._labels().data = rng.choice(COMMON, shape).astype(np.uint8)

    def draw_in_place(self):
        labels, (y, x), label = self._labels(), self.point(), self._class() % 60
        if labels.visible:  # of a hidden layer napari tells nobody, until it is shown
            labels.data[y : y + 20, x : x + 20] = label
            labels.refresh()

    def contrast_limits(self):
        if self.controller.image is not None and not self.controller.image.rgb:
            low = self.chance.randrange(100)
            self.controller.image.contrast_limits = (low, low + self.chance.randrange(50, 155))

    def gamma_or_colormap(self):
        if self.controller.image is not None and not self.controller.image.rgb:
            self.controller.image.gamma = self.chance.choice([1, 1, 0.5, 2])
            self.controller.image.colormap = self.chance.choice(["gray", "gray", "gray_r", "magma"])

    def move_image(self):
        if self.controller.image is not None:
            self.controller.image.translate = (self.chance.randrange(9), self.chance.randrange(9))

    def replace_image(self):
        if self.controller.image is not None:
            self.controller.image.data = np.ascontiguousarray(self.controller.image.data[::-1])


def assert_in_step(controller):
    """Check the counts of classes and, where they follow, the colors against a fresh coloring of all."""
    image, labels = controller.image, controller.labels
    if image is None or labels is None:
        return
    ids, counts = np.unique(labels.data, return_counts=True)
    assert controller.counts == dict(zip(ids.tolist(), counts.tolist(), strict=True))
    if not controller.following:
        return
    pixels, limits = on_layers.picture_of(image, controller.viewer, 0).seen()
    model, options = load(controller.model.name), controller.options
    wished = asked_in(controller, image)
    how = {"classes": controller.classes, "pins": wished.pins, "adjustment": wished.adjustment}
    expected = model.session(pixels, options, limits).colorize(np.asarray(labels.data), wished.hints, **how)
    assert controller.colors in controller.viewer.layers
    shown = np.asarray(controller.colors.data).astype(int)
    off = np.abs(shown - expected).max(axis=2) > 1
    assert not off.any(), f"{off.sum()} pixels are off, by up to {np.abs(shown - expected).max()}"
    np.testing.assert_array_equal(controller.colors.translate, image.translate[-2:])


@pytest.fixture
def user(open_dock, photo, make_model, library, wait):
    """Somebody before a viewer with three images and a dock with two models."""
    library.mkdir()
    make_model("tiny", working_size=64).save(library / "tiny.safetensors")
    rgb = np.stack([photo, photo[::-1], 255 - photo], -1)
    images = [Image(photo, name="photo"), Image(photo[:80, :90].copy(), name="small"), Image(rgb, name="rgb", rgb=True)]
    viewer, widget = open_dock(*images)
    widget.controller.choose_image(images[0])
    widget.predict_button.click()
    return User(viewer, wait(widget), SEED)


def test_whatever_is_done_colors_and_counts_are_those_of_a_fresh_coloring(user, wait, messages):
    said = messages(user.widget)
    for number in range(ACTIONS):
        try:
            user.act()
            if user.chance.random() < PAUSE or number == ACTIONS - 1:
                wait(user.widget)
                assert_in_step(user.controller)
            assert not user.controller._complaint, user.controller._complaint
        except BaseException as error:
            error.add_note(f"after {number + 1} actions of seed {SEED}, the last of them {', '.join(user.done[-12:])}")
            error.add_note(f"the dock said {said[-3:]}")
            raise
