"""All that a person has said of one image."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_colorizer.classes import ClassMap
from napari_colorizer.engine.hints import Hints
from napari_colorizer.engine.options import Adjustment, ColorizeOptions
from napari_colorizer.engine.pins import Pins
from napari_colorizer.errors import FileError, ModelError
from napari_colorizer.files import read_image, read_label_map, write_label_map
from napari_colorizer.sittings.container import Reader, opened, write_container
from napari_colorizer.sittings.manifest import describe, parse
from napari_colorizer.sittings.references import ImageReference, ModelReference, checksum

if TYPE_CHECKING:
    from napari_colorizer.engine.session import Session
    from napari_colorizer.models.model import Model

LABELS_PART, IMAGE_PART = ("labels", ".png"), ("image", ".tif")


@dataclass(frozen=True, eq=False)
class Sitting:
    """An image, its label map, and all else that decides its colors: what one person did in one sitting.

    Attributes
    ----------
    image : ImageReference
        The image's file and checksum, or its pixels.
    model : ModelReference
        The model's name and checksum.
    labels : array of uint8 or uint16, (H, W), optional
        Class ids; 0 is unlabeled.
    classes : ClassMap, optional
        Their meaning; None: that of the model.
    hints : Hints
        Dots.
    pins : Pins
    adjustment : Adjustment
    options : ColorizeOptions
        Where it was colored is no part of it: the device is "auto" once it is loaded.
    limits : (float, float), optional
        The values of the image that mean black and white; None: the range of its type.
    problems : tuple of str
        What of it could not be read when it was loaded, and is left out.

    Examples
    --------
    >>> from napari_colorizer import Sitting
    >>> sitting = Sitting.of("photo.png", labels=labels, pins={"sky": "#7799cc"})  # doctest: +SKIP
    >>> sitting.save("photo.zip")  # doctest: +SKIP
    >>> rgb = Sitting.load("photo.zip").colorize()  # doctest: +SKIP
    """

    image: ImageReference
    model: ModelReference
    labels: NDArray[np.uint8] | NDArray[np.uint16] | None = None
    classes: ClassMap | None = None
    hints: Hints = field(default_factory=Hints)
    pins: Pins = field(default_factory=Pins)
    adjustment: Adjustment = field(default_factory=Adjustment)
    options: ColorizeOptions = field(default_factory=ColorizeOptions)
    limits: tuple[float, float] | None = None
    problems: tuple[str, ...] = ()

    @classmethod
    def of(cls, image: str | Path | NDArray[Any], model: str | Path = "default", **said: Any) -> Sitting:
        """The sitting of an image, as a file or as pixels, and a model, by its name or file.

        Parameters
        ----------
        image : str, Path or array, (H, W), (H, W, 3) or (H, W, 4)
            The file is only referred to; pixels are kept in the sitting.
        model : str or Path
        **said
            The other attributes, as `Session.colorize` takes them.

        Raises
        ------
        FileError, ModelError
            If there is no such file or model.
        ValueError
            If the hints or pins are none.
        """
        labels, hints, pins = (said.pop(name, None) for name in ("labels", "hints", "pins"))
        return cls(
            ImageReference.of(image),
            ModelReference.of(model),
            labels=None if labels is None else np.asarray(labels),
            hints=Hints(() if hints is None else hints),
            pins=pins if isinstance(pins, Pins) else Pins(pins),
            **said,
        )

    def save(self, path: str | Path, overwrite: bool = True) -> None:
        """Write the sitting, completely or not at all: as an archive to ``NAME.zip``, as a folder to any other name.

        Raises
        ------
        FileError
            If there is no such folder, something of that name that is no sitting, or a sitting and `overwrite` is
            false; or if the label map has ids above 65535.
        OSError
            If it cannot be written; a sitting that was there before is still whole.
        """
        path = Path(path)
        if not path.absolute().parent.is_dir():
            raise FileError(f"{path.name} cannot be saved: there is no folder {path.absolute().parent}")
        with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=".") as folder:
            parts, names = {}, {}
            for key, file in self._write_parts(Path(folder)).items():
                names[key] = f"{file.stem}.{checksum(file)[:8]}{file.suffix}"  # another for other contents
                parts[names[key]] = file
            text = describe(self, _home(path), **names)
            write_container(path, text, parts, overwrite)

    def _write_parts(self, folder: Path) -> dict[str, Path]:
        """Files in a folder of what is no text."""
        parts = {}
        if self.labels is not None:
            parts["labels_part"] = folder / "".join(LABELS_PART)
            write_label_map(parts["labels_part"], np.asarray(self.labels), self.classes)
        if self.image.pixels is not None:
            parts["image_part"] = folder / "".join(IMAGE_PART)
            pixels = self.image.pixels
            if pixels.dtype == bool:
                pixels = pixels.astype(np.uint8) * (255 if self.limits is None else 1)
            colors = "rgb" if pixels.ndim == 3 else "minisblack"
            alpha = ["unassalpha"] if pixels.ndim == 3 and pixels.shape[-1] == 4 else None
            tifffile.imwrite(
                parts["image_part"], pixels, photometric=colors, extrasamples=alpha, compression="zlib", metadata=None
            )
        return parts

    @classmethod
    def load(cls, path: str | Path) -> Sitting:
        """Read a sitting, a folder or an archive; image and model are looked for when they are needed.

        A label map or kept image that is damaged or missing is left out, and named in `problems`.

        Raises
        ------
        FileError
            If there is no sitting, its manifest is damaged or of a newer version, or the archive was made to do harm.
        """
        path = Path(path)
        problems: list[str] = []
        with opened(path) as reader:
            try:
                found = parse(reader.manifest(), _home(path))
            except FileError as error:
                raise FileError(f"{path.name}: {error}") from error
            sitting = cls(**found.fields)
            if found.labels_part is not None:
                sitting = replace(sitting, labels=_read(reader, "label map", found.labels_part, read_labels, problems))
            if found.image_part is not None:
                pixels = _read(reader, "image", found.image_part, read_image, problems)
                sitting = replace(sitting, image=ImageReference(pixels=pixels))
        return replace(sitting, problems=tuple(problems))

    # -- what comes of it

    def check(self) -> tuple[str, ...]:
        """What is wrong with it: `problems`, and an image or a model that is missing or changed."""
        found = list(self.problems)
        for find in (self.model.find, *((self.image.find,) if self.image.pixels is None else ())):
            try:
                find()
            except (FileError, ModelError) as error:
                found.append(str(error))
        return tuple(found)

    def load_model(self) -> Model:
        """The model as it was; `ModelError` if it is missing, changed or damaged."""
        from napari_colorizer.models.file import read_model

        return read_model(self.model.find())

    def session(self, device: str = "auto", image: NDArray[Any] | None = None) -> Session:
        """A session of the image (which need not be read anew) and the model, with nothing said yet.

        Raises
        ------
        FileError, ModelError
            If the image or the model is missing or changed.
        """
        from napari_colorizer.engine.compiled import load_compiled

        load_compiled().join()  # colors that are painted without it may differ by one level
        image = self.image.read() if image is None else image
        return self.load_model().session(image, replace(self.options, device=device), self.limits)

    def colorize(self, device: str = "auto") -> NDArray[np.uint8]:
        """The colors, (H, W, 3): on the same device and with the same software always the same ones.

        Raises
        ------
        FileError, ModelError
            If the image, the model or a part of the sitting is missing or changed; the message says which.
        """
        session = self.session(device)
        return session.colorize(**self.said(session.shape))

    def said(self, shape: tuple[int, int]) -> dict[str, Any]:
        """The arguments of `Session.colorize` for an image of that shape.

        Raises
        ------
        FileError
            If a part of it could not be read, or the label map has another shape.
        """
        if self.problems:
            raise FileError(self.problems[0])
        if self.labels is not None and self.labels.shape != shape:
            raise FileError(f"the label map of this sitting has the shape {self.labels.shape}, its image {shape}")
        return {
            "labels": self.labels,
            "hints": self.hints,
            "classes": self.classes,
            "pins": self.pins,
            "adjustment": self.adjustment,
        }

    def export(
        self,
        path: str | Path,
        bits: Literal[8, 16] = 8,
        labels: bool = False,
        dots: bool = False,
        device: str = "auto",
        overwrite: bool = True,
    ) -> list[Path]:
        """Write the colors at full size; see `napari_colorizer.sittings.export.export`."""
        from napari_colorizer.sittings.export import export

        return export(self, Path(path), bits, labels, dots, device, overwrite)


def read_labels(path: Path) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """A label map alone; its classes stand in the manifest."""
    return read_label_map(path)[0]


def _read(reader: Reader, what: str, name: str, read: Any, problems: list[str]) -> Any:
    """What a part holds, or None and one more problem."""
    try:
        with reader.part(name) as path:
            return read(path)
    except FileError as error:
        problems.append(f"the {what} of this sitting is missing or damaged: {error}. The rest of it is intact")
        return None


def _home(path: Path) -> Path:
    """The folder in which the manifest lies, once it is unpacked: the one that paths are told from."""
    return path.absolute().parent if path.suffix.lower() == ".zip" else path.absolute()
