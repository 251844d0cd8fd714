"""The sitting of the image on the screen: saved, opened, and its colors exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray
from psygnal import Signal

from napari_colorizer._napari.colorize.controller import ColorizeController
from napari_colorizer._napari.colorize.saving import Saver, path_of, write
from napari_colorizer._napari.colorize.sitting_view import Found, find, show
from napari_colorizer._napari.colorize.sitting_wishes import wishes_of
from napari_colorizer._napari.shared import layers as on_layers
from napari_colorizer._napari.shared.layers import LayerError
from napari_colorizer._napari.shared.questions import Answer
from napari_colorizer._napari.shared.task_queue import Request, Work
from napari_colorizer.errors import ColorizerError

if TYPE_CHECKING:  # it brings torch, which is for the background
    from napari_colorizer.sittings.references import ImageReference
    from napari_colorizer.sittings.sitting import Sitting

MANIFEST = "sitting.json"


class SittingFiles:
    """Saves and opens sittings, and exports what they give, in the background.

    Parameters
    ----------
    saver : Saver
        Whose question about files of others is asked here, too, and who tells what is saved.
    """

    opened = Signal()  # another model and other options may be chosen now
    kept = Signal(object)  # an image of which all that is wished is in a file now

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
        self._submit("Opening", lambda: lambda: find(path), self._show)

    # -- how

    def _show(self, found: Found) -> None:
        show(self.controller, found)
        self.opened.emit()
        if self.controller.image is not None:
            self.kept.emit(self.controller.image)

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
        gathered, image, layer = gather(self.controller), self.controller.image, self.controller.labels

        def work() -> tuple[Path, Image | None, Labels | None, NDArray[Any] | None]:
            sitting = gathered()
            write(path, lambda: sitting.save(path))
            return path, image, layer, sitting.labels

        return work

    def _tell_saved(self, result: tuple[Path, Image | None, Labels | None, NDArray[Any] | None]) -> None:
        path, image, layer, plane = result
        self.saver.files.note(path)
        self.saver.folder = path.parent
        self.kept.emit(image)
        if layer is not None and plane is not None:
            self.saver.saved.emit(layer, plane)
        self.controller.message.emit(f"Saved the sitting as {path.name} in {path.parent}")

    def _tell_exported(self, written: list[Path]) -> None:
        for path in written:
            self.saver.files.note(path)
        self.saver.folder = written[0].parent
        names = " and ".join(path.name for path in written)
        self.controller.message.emit(f"Exported {names} to {self.saver.folder}")


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
    model, options, wishes = controller.model.name, controller.options, wishes_of(controller, image)

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
