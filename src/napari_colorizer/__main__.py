"""``python -m napari_colorizer`` is the command ``napari-colorizer``."""

from napari_colorizer.cli import main

if __name__ == "__main__":
    main()
