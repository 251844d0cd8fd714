"""Undo and redo of what is done to class maps, from the menu beside the buttons of the list of classes."""

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QFileDialog, QInputDialog, QMenu

from napari_colorizer._napari.colorize.class_history import ClassHistory, ClassState
from napari_colorizer._napari.colorize.wished import Wished
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import Class, ClassMap
from napari_colorizer.engine.pins import Pins

GRASS, SKY, OWN = 36, 50, "#0a0b0c"


@pytest.fixture
def labeled(bare, photo, wait):
    """A dock with a label map of grass and sky, of a class map of its own."""
    viewer, widget = bare
    data = np.full(photo.shape, SKY, np.uint8)
    data[48:] = GRASS
    labels = Labels(data, name="photo labels")
    on_layers.show_classes(labels, ClassMap.pascal_context().with_class(Class(GRASS, "grass", OWN)))
    viewer.add_layer(labels)
    widget.controller.choose_labels(labels)
    return viewer, wait(widget), labels


@pytest.fixture
def say(monkeypatch):
    """Answer the dialogs that ask for a name, a color or a file."""

    def said(name="", color="#010203", path=""):
        monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: (name, True))
        monkeypatch.setattr(QColorDialog, "getColor", lambda *_, **__: QColor(color))
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(path), ""))

    return said


@pytest.fixture
def few(tmp_path, say):
    """A file of one class, which the next dialog chooses."""
    path = tmp_path / "few.json"
    ClassMap([Class(1, "wagon", "#111111")]).write(path)
    say(path=path)


def menu_of(widget):
    """The actions of the menu, as it shows them now, by text."""
    for menu in widget.class_list.findChildren(QMenu):
        if "Load class map…" in [action.text() for action in menu.actions()]:
            menu.aboutToShow.emit()
            return {action.text(): action for action in menu.actions()}
    raise AssertionError("there is no such menu")


def test_a_deleted_class_comes_back_with_its_color_and_pixels(labeled, wait):
    viewer, widget, labels = labeled
    controller = widget.controller
    before, usual = controller.classes, controller.default_classes
    colors, pixels = np.array(viewer.layers["photo colors"].data), labels.data.copy()
    assert not menu_of(widget)["Undo"].isEnabled()
    labels.selected_label = GRASS
    widget.class_list.delete()
    wait(widget)
    assert GRASS not in controller.classes
    menu_of(widget)["Undo: Delete 'grass'"].trigger()
    wait(widget)
    assert controller.classes == before
    assert controller.default_classes == usual
    np.testing.assert_allclose(labels.colormap.map(np.array([GRASS]))[0] * 255, (10, 11, 12, 255), atol=0.1)
    np.testing.assert_array_equal(labels.data, pixels)
    np.testing.assert_array_equal(viewer.layers["photo colors"].data, colors)
    assert not menu_of(widget)["Undo"].isEnabled()
    menu_of(widget)["Redo: Delete 'grass'"].trigger()
    assert GRASS not in controller.classes


def test_the_pin_of_a_class_goes_with_it_and_comes_back_with_it(labeled, wait):
    viewer, widget, labels = labeled
    controller = widget.controller
    natural = np.array(viewer.layers["photo colors"].data)
    pins = Pins({GRASS: "#cc2244", SKY: "#2244cc", 200: 0.5})  # nobody deletes the one without a class
    controller.wish(Wished(pins))
    wait(widget)
    pinned = np.array(viewer.layers["photo colors"].data)
    labels.selected_label = GRASS
    widget.class_list.delete()
    wait(widget)
    assert controller.wishes.now.classes == pins.without(GRASS)
    colors = viewer.layers["photo colors"].data
    assert np.abs(colors[80:].astype(int) - pinned[80:]).max() > 40
    assert np.abs(colors[80:].astype(int) - natural[80:]).max() < np.abs(colors[80:].astype(int) - pinned[80:]).max()
    widget.class_list.undo()
    wait(widget)
    assert controller.wishes.now.classes == pins
    np.testing.assert_array_equal(viewer.layers["photo colors"].data, pinned)
    widget.class_list.redo()
    assert controller.wishes.now.classes == pins.without(GRASS)
    controller.step_wishes(back=True)  # the other undo knows of it, too
    widget.class_list.undo()
    assert controller.wishes.now.classes == pins


def test_pins_go_with_the_classes_that_another_class_map_lacks(labeled, few):
    _, widget, _ = labeled
    controller = widget.controller
    controller.wish(Wished(Pins({GRASS: "#cc2244", 1: "#2244cc"})))
    widget.class_list.load()
    assert controller.wishes.now.classes == Pins({1: "#2244cc"})
    widget.offer_bar.buttons[0].click()
    assert controller.wishes.now.classes == Pins({GRASS: "#cc2244", 1: "#2244cc"})


def test_each_change_is_a_step_and_what_came_from_elsewhere_is_not_lost(labeled, say):
    _, widget, labels = labeled
    shown, controller = widget.class_list, widget.controller
    states = [controller.classes]
    for name, act in (("lawn", shown.rename), ("moss & fern", shown.add), ("", shown.recolor)):
        labels.selected_label = GRASS
        say(name)
        act()
        states.append(controller.classes)
    controller.set_classes(controller.classes.with_class(Class(99, "found elsewhere", "#040506")))
    last = controller.classes
    assert "Undo: Recolor 'lawn'" in menu_of(widget)
    for state in states[-2::-1]:
        shown.undo()
        assert controller.classes == state
    shown.undo()  # there is nothing left
    assert controller.classes == states[0]
    assert "Redo: Rename 'grass'" in menu_of(widget)
    for _ in states[1:]:
        shown.redo()
    assert controller.classes == last
    shown.undo()
    assert "Undo: Add 'moss && fern'" in menu_of(widget)


def test_a_class_map_that_was_loaded_is_taken_back_by_one_click(labeled, few, messages):
    _, widget, labels = labeled
    before = widget.controller.classes
    widget.class_list.load()
    assert widget.controller.classes.ids == (1,)
    assert f"replaced the {len(before)} former ones" in widget.offer_bar.text.text()
    widget.offer_bar.buttons[0].click()
    assert widget.controller.classes == before
    assert widget.offer_bar.isHidden()
    widget.class_list.load()
    labels.selected_label = 1
    widget.class_list.delete()
    said = messages(widget)
    widget.offer_bar.buttons[0].click()  # loading is not what was done last
    assert len(widget.controller.classes) == 0
    assert "changed in the meantime" in said[-1]


def test_regions_are_without_classes_again(bare, few, photo):
    viewer, widget = bare
    regions = Labels(np.arange(photo.size).reshape(photo.shape) % 5, name="regions")
    on_layers.mark_regions(regions)
    viewer.add_layer(regions)
    widget.controller.choose_labels(regions)
    usual = widget.controller.default_classes
    widget.class_list.load()
    assert on_layers.class_map_of(regions) is not None
    widget.class_list.undo()
    assert on_layers.class_map_of(regions) is None
    assert on_layers.is_regions(regions)
    assert widget.controller.default_classes == usual


def test_steps_belong_to_their_label_map(labeled, few, photo):
    viewer, widget, labels = labeled
    widget.class_list.load()
    other = Labels(np.ones(photo.shape, np.uint8), name="other")
    on_layers.show_classes(other, ClassMap.pascal_context())
    viewer.add_layer(other)
    widget.controller.choose_labels(other)
    assert not menu_of(widget)["Undo"].isEnabled()
    widget.class_list.undo()
    assert widget.controller.classes == ClassMap.pascal_context()
    widget.controller.choose_labels(labels)
    widget.class_list.undo()
    assert widget.controller.classes[GRASS].color == OWN


def test_without_a_label_map_the_classes_of_a_new_one_are_taken_back(bare, few):
    _, widget = bare
    usual = widget.controller.default_classes
    widget.class_list.load()
    assert widget.controller.default_classes.ids == (1,)
    widget.class_list.undo()
    assert widget.controller.classes == widget.controller.default_classes == usual


def test_something_new_makes_what_was_taken_back_gone():
    history = ClassHistory()
    states = [ClassState(None, ClassMap([Class(label, str(label), "#111111")])) for label in (1, 2, 3)]
    assert (history.undoes, history.redoes, history.undo(states[0])) == ("", "", None)
    history.note("first", states[0])
    assert history.undo(states[1]) == states[0]
    assert history.redoes == "first"
    history.note("other", states[0])
    assert (history.undoes, history.redoes, history.redo(states[2])) == ("other", "", None)
