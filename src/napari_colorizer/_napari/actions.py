"""What the plugin adds to napari's menus."""

from __future__ import annotations

import napari

from napari_colorizer._napari.colorize.widget import ColorizeWidget
from napari_colorizer._napari.shared.layers import active_layer

PLUGIN, DOCK = "napari-colorizer", "Colorize"


def open_colorize(viewer: napari.Viewer) -> ColorizeWidget:
    """Show the dock ``Colorize`` of a viewer, and work on the selected image layer."""
    _, widget = viewer.window.add_plugin_dock_widget(PLUGIN, DOCK)
    active = active_layer(viewer)
    if active in widget.image_choices():
        widget.controller.choose_image(active)
    return widget


def predict_labels(viewer: napari.Viewer) -> None:
    """Predict the label map of the selected image layer."""
    open_colorize(viewer).prediction.predict()


def new_label_map(viewer: napari.Viewer) -> None:
    """Lay an empty label map with the model's classes on the selected image layer."""
    open_colorize(viewer).controller.new_labels()
