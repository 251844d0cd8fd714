"""Series: images that follow each other in time or depth, colored so that they agree. Neither napari nor Qt."""
