from qtpy.QtCore import SignalInstance
from qtpy.QtWidgets import QWidget

from napari_colorizer._napari.colorize.widget import ColorizeWidget
from napari_colorizer._napari.train.widget import TrainWidget


def test_no_attribute_hides_a_method_of_qt(library, make_napari_viewer):
    viewer, hidden = make_napari_viewer(), []
    for dock in (ColorizeWidget(viewer), TrainWidget(viewer)):
        viewer.window.add_dock_widget(dock)
        for widget in (dock, *dock.findChildren(QWidget)):
            ours = type(widget).__module__.startswith("napari_colorizer")
            own = [name for name, value in vars(widget).items() if not isinstance(value, SignalInstance)]
            hidden += [f"{type(widget).__name__}.{name}" for name in own if ours and hasattr(QWidget, name)]
    assert hidden == [], "PySide calls them where Qt calls its own"
