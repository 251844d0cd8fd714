"""Label-guided colorization of grayscale images.

Everything public is imported on first use, so that ``import napari_colorizer`` costs next to nothing.
"""

from typing import TYPE_CHECKING, Any

import lazy_loader

_lazy, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "classes": ["Class", "ClassMap"],
        "engine.hints": ["Hints"],
        "engine.options": ["Adjustment", "ColorizeOptions", "SegmentOptions"],
        "engine.palettes": ["Palette", "color_ids", "palette_of"],
        "engine.pins": ["Pin", "Pins"],
        "engine.session": ["Session"],
        "files": ["read_image"],
        "models.library": ["load_model"],
        "models.model": ["Model"],
        "sittings.sitting": ["Sitting"],
        "training.fit": ["fit"],
        "training.options": ["TrainOptions"],
    },
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("napari-colorizer")
        except PackageNotFoundError:  # run from its sources: no reason to fail at the end of a long training
            return "not installed"
    return _lazy(name)


if TYPE_CHECKING:
    from napari_colorizer.classes import Class, ClassMap
    from napari_colorizer.engine.hints import Hints
    from napari_colorizer.engine.options import Adjustment, ColorizeOptions, SegmentOptions
    from napari_colorizer.engine.palettes import Palette, color_ids, palette_of
    from napari_colorizer.engine.pins import Pin, Pins
    from napari_colorizer.engine.session import Session
    from napari_colorizer.files import read_image
    from napari_colorizer.models.library import load_model
    from napari_colorizer.models.model import Model
    from napari_colorizer.sittings.sitting import Sitting
    from napari_colorizer.training.fit import fit
    from napari_colorizer.training.options import TrainOptions
