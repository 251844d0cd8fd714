"""How fast it is: what ``napari-colorizer bench`` measures."""
