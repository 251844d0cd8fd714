"""What the label map hides, and how it is seen all the same."""

import numpy as np
from napari.layers import Image, Labels
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_colorizer._napari.colorize.natural_colors import NATURAL, with_natural_colors
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer.classes import Class, ClassMap, distinct_color


def test_classes_look_like_what_they_stand_for_unless_somebody_chose_a_color(bare):
    _, widget = bare
    assert widget.controller.model.classes.named("sky").color == NATURAL["sky"]
    chosen = ClassMap([Class(1, "sky", "#123456"), Class(2, "dragon", "#654321")])
    assert with_natural_colors(chosen) == chosen
    assert len(set(NATURAL.values())) == len(NATURAL)


def test_classes_of_other_languages_look_like_what_the_model_knows_them_as():
    classes = [
        Class(4, "Himmel", distinct_color(4), "sky"),
        Class(5, "Wiese", "#123456", "grass"),
        Class(6, "Ding", "#654321"),
    ]
    colors = [item.color for item in with_natural_colors(ClassMap(classes))]
    assert colors == [NATURAL["sky"], "#123456", "#654321"]


def test_a_map_laid_here_is_outlined_once_colors_are_there_and_one_of_the_user_is_not(bare_predicted, wait, photo):
    viewer, widget = bare_predicted
    labels = viewer.layers["photo labels"]
    assert labels.contour > 0
    labels.contour = 0
    labels.data_setitem((np.arange(40), np.arange(40)), 36)
    wait(widget)
    assert labels.contour == 0
    mine = Labels(np.full(photo.shape, 36, np.uint8), name="mine")
    on_layers.show_classes(mine, ClassMap.pascal_context())
    viewer.add_layer(mine)
    viewer.layers.remove("photo colors")
    widget.controller.choose_labels(mine)
    wait(widget)
    assert mine.contour == 0


def test_keys_show_the_result_alone_and_the_image_before_as_long_as_they_are_held(open_dock, photo, wait, qtbot):
    viewer, widget = open_dock(Image(photo, name="photo"), show=True)
    widget.predict_button.click()
    wait(widget)
    window = viewer.window._qt_window
    window.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is window, timeout=10_000)
    canvas = viewer.window._qt_viewer.canvas.native
    canvas.setFocus()

    def shown():
        return {layer.name for layer in viewer.layers if layer.visible}

    every = {"photo", "photo labels", "photo colors"}
    for key, left in ((Qt.Key.Key_R, {"photo", "photo colors"}), (Qt.Key.Key_U, {"photo"})):
        QTest.keyPress(canvas, key)
        assert shown() == left
        QTest.keyRelease(canvas, key)
        qtbot.waitUntil(lambda: shown() == every, timeout=10_000)
    widget.stop()
    QTest.keyPress(canvas, Qt.Key.Key_R)
    QTest.keyRelease(canvas, Qt.Key.Key_R)
    assert shown() == every
