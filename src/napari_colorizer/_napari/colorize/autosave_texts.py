"""What is kept of a sitting that was not saved, beside its label map: as text, without the pixels of its image."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from napari.layers import Image

from napari_colorizer._napari.colorize.autosave_files import Unsaved, unsaved_folder
from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.saving import path_of
from napari_colorizer._napari.colorize.sitting_files import reference_of
from napari_colorizer._napari.colorize.sitting_view import Found, look_for
from napari_colorizer._napari.colorize.sitting_wishes import key_of_wishes, wishes_of
from napari_colorizer.classes import ClassMap

if TYPE_CHECKING:  # it brings torch, which is for the background
    from napari_colorizer.sittings.references import ImageReference

_references: weakref.WeakKeyDictionary[Image, tuple[tuple[object, ...], ImageReference]] = weakref.WeakKeyDictionary()


def describing(
    controller: ColorizeController, image: Image, classes: ClassMap | None
) -> tuple[str, Callable[[], str]] | None:
    """A text that is another where something else was chosen, and what gives the manifest in the background.

    None where the image is no single picture: then its label map alone is kept.
    """
    if image.ndim != 2 or image.multiscale:
        return None
    try:
        picture = controller.picture_of(image)
    except ValueError:
        return None
    path, model, options, wishes = (
        path_of(image),
        controller.model.name,
        controller.options,
        wishes_of(controller, image),
    )
    state = path, id(image.data), picture.limits, picture.look

    def describe() -> str:
        from napari_colorizer.sittings.manifest import describe
        from napari_colorizer.sittings.references import ModelReference
        from napari_colorizer.sittings.sitting import Sitting

        known, reference = _references.get(image, (None, None))
        pixels, limits = picture.seen()
        if known != state or reference is None:
            reference = replace(reference_of(path, pixels), pixels=None)
            _references[image] = state, reference
        said = {"classes": classes, "options": options, "limits": limits, **wishes}
        return describe(Sitting(reference, ModelReference.of(model), **said), unsaved_folder())

    return repr((model, options, picture.limits)) + key_of_wishes(wishes), describe


def found_in(unsaved: Unsaved, with_image: bool = False) -> Found | None:
    """The sitting that was not saved, in the background; None where only its label map was kept."""
    with suppress(Exception):  # it was damaged, or written by a newer version: the label map is there all the same
        from napari_colorizer.sittings.manifest import parse
        from napari_colorizer.sittings.sitting import Sitting

        fields = parse(unsaved.said, unsaved_folder()).fields
        return look_for(unsaved.name, Sitting(**fields, labels=unsaved.labels), with_image)
    return None
