import numpy as np
from napari.components import ViewerModel

from napari_colorizer._napari.io import write_labels_layer
from napari_colorizer._napari.shared.layers import class_map_of, is_settled, show_classes
from napari_colorizer.classes import STRAY_COLOR, Class, ClassMap
from napari_colorizer.files import read_label_map

CLASSES = ClassMap([Class(1, "sky", "#0000ff"), Class(7, "grass", "#00ff00")])
LABELS = np.array([[0, 1], [7, 9]], np.uint8)


def test_options_of_classes_give_a_layer_its_colors_and_names():
    layer = ViewerModel().add_labels(LABELS, **CLASSES.layer_options())
    assert layer.get_color(0) is None
    assert np.allclose(layer.get_color(1), (0, 0, 1, 1))
    assert np.allclose(layer.get_color(7), (0, 1, 0, 1))
    assert np.allclose(layer.get_color(9), (1, 0, 1, 1)), f"that is {STRAY_COLOR}"
    assert "grass" in str(layer.get_status((1, 0)))


def test_options_of_classes_are_what_the_docks_give_a_layer():
    viewer = ViewerModel()
    ours, theirs = viewer.add_labels(LABELS, **CLASSES.layer_options()), viewer.add_labels(LABELS)
    show_classes(theirs, CLASSES)
    assert ours.metadata == theirs.metadata
    assert ours.features.equals(theirs.features)
    assert is_settled(ours)
    assert class_map_of(ours) == CLASSES


def test_a_layer_with_options_of_classes_is_saved_with_them(tmp_path):
    layer = ViewerModel().add_labels(LABELS, **CLASSES.layer_options())
    write_labels_layer(str(tmp_path / "a.labels.png"), *layer.as_layer_data_tuple()[:2])
    labels, classes = read_label_map(tmp_path / "a.labels.png")
    assert np.array_equal(labels, LABELS)
    assert list(classes) == list(CLASSES)
