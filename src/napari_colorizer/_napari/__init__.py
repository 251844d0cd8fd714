"""The napari plugin; the only place that imports napari or Qt."""
