"""The sitting of the image on the screen: saved, opened, and its colors exported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray
from psygnal import Signal

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.saving import Saver, path_of, write
from napari_colorizer._napari.colorize.sitting_wishes import give_wishes, wishes_of
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layers import LayerError
from napari_colorizer._napari.shared.questions import Answer
from napari_colorizer._napari.shared.task_queue import Request, Work
from napari_colorizer.classes import ClassMap
from napari_colorizer.errors import ColorizerError

if TYPE_CHECKING:  # it brings torch, which is for the background
    from napari_colorizer.sittings.references import ImageReference
    from napari_colorizer.sittings.sitting import Sitting

MANIFEST = "sitting.json"


@dataclass(frozen=True)
class Found:
    """A sitting that was loaded.

    Attributes
    ----------
    name : str
    sitting : Sitting
    pixels : array, optional
        The image, where it is there as it was.
    model : str, optional
        Name of the model, where it is there as it was.
    problems : tuple of str
        What is not.
    """

    name: str
    sitting: Sitting
    pixels: NDArray[Any] | None
    model: str | None
    problems: tuple[str, ...]


class SittingFiles:
    """Saves and opens sittings, and exports what they give, in the background.

    Parameters
    ----------
    saver : Saver
        Whose question about files of others is asked here, too, and who tells what is saved.
    """

    opened = Signal()  # another model and other options may be chosen now

    def __init__(self, saver: Saver):
        self.saver, self.controller = saver, saver.controller

    def save(self, path: Path, agreed: bool = False) -> None:
        """Save the sitting as an archive; `agreed` says that the user knows what is there."""
        self._agree([path], agreed, lambda: self._submit("Saving", lambda: self._prepare_save(path), self._tell_saved))

    def export(self, path: Path, bits: Literal[8, 16], labels: bool, dots: bool, agreed: bool = False) -> None:
        """Write the colors with profile and provenance, and beside them, on request, the label map and the dots."""
        from napari_colorizer.sittings.picture_files import check_form

        try:
            check_form(path, bits)
        except ColorizerError as error:
            self.controller.complain("Exporting", error)
            return
        beside = [path.with_name(f"{path.stem}{end}") for end in (".labels.png",) * labels + (".dots.csv",) * dots]

        def prepare() -> Work:
            gathered = gather(self.controller)
            device = self.controller.options.device

            def work() -> list[Path]:
                written: list[Path] = []
                write(path, lambda: written.extend(gathered().export(path, bits, labels, dots, device)))
                return written

            return work

        asked = [*([] if agreed else [path]), *beside]
        self._agree(asked, False, lambda: self._submit("Exporting", prepare, self._tell_exported))

    def open(self, path: Path) -> None:
        """Open a sitting: its image, its label map and all that was chosen."""
        path = path.parent if path.name == MANIFEST else path
        self._submit("Opening", lambda: lambda: find(path), self.show)

    def show(self, found: Found) -> None:
        """Show a sitting in the viewer; what is missing of it is told, and the rest is there."""
        controller, sitting = self.controller, found.sitting
        image = self._show_image(found)
        if found.model is not None and found.model != controller.model.name:
            controller.choose_model(found.model)
        options = sitting.options
        controller.set_options(working_size=options.working_size, chroma_gain=options.chroma_gain)
        self._show_labels(image, sitting.labels, sitting.classes)
        said = {"hints": sitting.hints, "pins": sitting.pins, "adjustment": sitting.adjustment}
        if image is not None:
            give_wishes(controller, said)
        self.opened.emit()
        controller.message.emit("\n".join((f"Opened {found.name}", *found.problems)))

    # -- how

    def _submit(self, doing: str, prepare: Callable[[], Work], then: Callable[[Any], None]) -> None:
        self.controller.tasks.submit(Request(f"sitting: {doing}", prepare, then, doing))

    def _agree(self, paths: list[Path], agreed: bool, then: Callable[[], None]) -> None:
        """Go on unless the user wants to keep a file that was made elsewhere."""
        others = [] if agreed else self.saver.files.of_others(paths)
        if not others:
            then()
            return

        def told(answer: Answer, _for_all: bool) -> None:
            if answer == "overwrite":
                then()

        self.saver.overwrite_requested.emit(others, told)

    def _prepare_save(self, path: Path) -> Work:
        gathered, layer = gather(self.controller), self.controller.labels

        def work() -> tuple[Path, Labels | None, NDArray[Any] | None]:
            sitting = gathered()
            write(path, lambda: sitting.save(path))
            return path, layer, sitting.labels

        return work

    def _tell_saved(self, result: tuple[Path, Labels | None, NDArray[Any] | None]) -> None:
        path, layer, plane = result
        self.saver.files.note(path)
        self.saver.folder = path.parent
        if layer is not None and plane is not None:
            self.saver.saved.emit(layer, plane)
        self.controller.message.emit(f"Saved the sitting as {path.name} in {path.parent}")

    def _tell_exported(self, written: list[Path]) -> None:
        for path in written:
            self.saver.files.note(path)
        self.saver.folder = written[0].parent
        names = " and ".join(path.name for path in written)
        self.controller.message.emit(f"Exported {names} to {self.saver.folder}")

    def _show_image(self, found: Found) -> Image | None:
        """The layer of the image: the one at hand where it shows that image, a new one, or one that would do."""
        controller, sitting, pixels = self.controller, found.sitting, found.pixels
        now = controller.image
        if pixels is None:
            fits = sitting.labels is not None and now is not None and on_layers.image_shape(now) == sitting.labels.shape
            return now if fits else None
        if now is None or now.multiscale or now.data.shape != pixels.shape or not np.array_equal(now.data, pixels):
            path = sitting.image.path
            metadata = {} if path is None else {"path": str(sitting.image.find())}
            name = found.name if path is None else path.stem
            now = Image(pixels, name=name, rgb=pixels.ndim == 3, metadata=metadata)
            controller.viewer.add_layer(now)
            controller.choose_image(now)
        if not now.rgb:
            now.contrast_limits = sitting.limits or range_of(pixels)
        return now

    def _show_labels(self, image: Image | None, labels: NDArray[Any] | None, classes: ClassMap | None) -> None:
        controller = self.controller
        if labels is None:
            return
        if image is None:  # kept all the same
            layer = Labels(labels, name="label map of a sitting")
            on_layers.show_classes(layer, classes or controller.default_classes)
            controller.viewer.add_layer(layer)
            return
        if controller.labels is not None:
            controller.labels.visible = False
        controller.add_labels(labels, controller.model.classes if classes is None else classes)


def gather(controller: ColorizeController) -> Callable[[], Sitting]:
    """What gives, in the background, the sitting of the image on the screen.

    Raises
    ------
    LayerError
        If there is none, or its label map does not lie on it.
    """
    image, layer = controller.image, controller.labels
    if image is None:
        raise LayerError("There is no sitting to save yet: open an image first")
    picture, path = controller.picture_of(image), path_of(image)
    plane = None if layer is None else on_layers.plane_of(layer, image, controller.viewer).copy()
    classes = None if layer is None else controller.classes
    model, options, wishes = controller.model.name, controller.options, wishes_of(controller)

    def work() -> Sitting:
        from napari_colorizer.sittings.references import ModelReference
        from napari_colorizer.sittings.sitting import Sitting

        pixels, limits = picture.seen()
        said = {"labels": plane, "classes": classes, "options": options, "limits": limits, **wishes}
        return Sitting(reference_of(path, pixels), ModelReference.of(model), **said)

    return work


def reference_of(path: Path | None, pixels: NDArray[Any]) -> ImageReference:
    """The reference of a file, if it gives just these pixels, which napari may have read in another way; or of them."""
    from napari_colorizer.files import read_image
    from napari_colorizer.sittings.references import ImageReference

    if path is not None:
        try:
            there = read_image(path)
            if there.dtype == pixels.dtype and np.array_equal(there, pixels):
                return ImageReference.of(path)
        except (ColorizerError, OSError):
            pass  # a stack, say, of which this is a plane
    return ImageReference.of(np.asarray(pixels))


def find(path: Path) -> Found:
    """Load a sitting and look for its image and model."""
    from napari_colorizer.models.library import installed_models
    from napari_colorizer.sittings.sitting import Sitting

    sitting = Sitting.load(path)
    problems, pixels, model = list(sitting.problems), None, None
    try:
        pixels = sitting.image.read()
    except (ColorizerError, OSError) as error:
        problems.append(str(error))
    try:
        file = sitting.model.find()
        model = next((name for name, other in installed_models().items() if other == file), str(file))
    except (ColorizerError, OSError) as error:
        problems.append(str(error))
    return Found(path.stem, replace(sitting, problems=()), pixels, model, tuple(problems))


def range_of(pixels: NDArray[Any]) -> tuple[float, float]:
    """The values that mean black and white where nothing else is said."""
    if pixels.dtype.kind in "iu":
        info = np.iinfo(pixels.dtype)
        return float(info.min), float(info.max)
    return 0.0, 1.0
