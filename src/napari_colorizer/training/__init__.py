"""A minimal trainer for the bundled model: ``python -m napari_colorizer.training DATA OUTPUT``."""
