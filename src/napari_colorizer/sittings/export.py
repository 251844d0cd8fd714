"""The colors of a sitting as a picture to hand on, and what they were made of beside it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_colorizer.color import lightness, normalize, to_rgb
from napari_colorizer.engine.hints import Hints
from napari_colorizer.errors import FileError
from napari_colorizer.files import LABELS_SUFFIX, refuse_existing, replacing, write_label_map
from napari_colorizer.sittings.manifest import now, software
from napari_colorizer.sittings.picture_files import Bits, Pixels, Provenance, check_form, write_with_provenance

if TYPE_CHECKING:
    from napari_colorizer.sittings.sitting import Sitting

DOTS_SUFFIX = ".dots.csv"
PIXELS_AT_ONCE = 1 << 20


def export(
    sitting: Sitting, path: Path, bits: Bits, labels: bool, dots: bool, device: str, overwrite: bool
) -> list[Path]:
    """Write the colors of a sitting at full size, as sRGB with its profile and with how they came about.

    Parameters
    ----------
    sitting : Sitting
    path : Path
        A file; its suffix says whether it is PNG, TIFF or JPEG.
    bits : {8, 16}
        Of each value; JPEG has 8.
    labels, dots : bool
        Whether to write the label map to ``NAME.labels.png`` and the dots to ``NAME.dots.csv`` beside it, where there
        are any.
    device : str
    overwrite : bool
        Whether to take the places of files that are there.

    Returns
    -------
    list of Path
        The files that were written.

    Raises
    ------
    FileError, ModelError
        If the image, the model or a part of the sitting is missing or changed, a file is there and `overwrite` is
        false, or the format has not so many bits.
    """
    check_form(path, bits)
    targets = export_paths(sitting, path, labels, dots)
    for target in targets:
        if sitting.image.path is not None and target.absolute() == sitting.image.path:
            raise FileError(f"{target} is the image itself, which is not overwritten: choose another name")
        if not overwrite:
            refuse_existing(target)
    write_with_provenance(path, colors(sitting, bits, device), provenance_of(sitting), overwrite)
    for target in targets[1:]:
        if target.name.endswith(DOTS_SUFFIX):
            write_dots(target, sitting.hints, overwrite)
        elif sitting.labels is not None:
            write_label_map(target, sitting.labels, sitting.classes, overwrite)
    return targets


def export_paths(sitting: Sitting, path: Path, labels: bool, dots: bool) -> list[Path]:
    """The files that an export writes, the picture first."""
    beside = [LABELS_SUFFIX] if labels and sitting.labels is not None else []
    beside += [DOTS_SUFFIX] if dots and len(sitting.hints) else []
    return [path, *(path.with_name(f"{path.stem}{suffix}") for suffix in beside)]


def colors(sitting: Sitting, bits: Bits = 8, device: str = "auto") -> Pixels:
    """The colors of a sitting, (H, W, 3) of uint8 or uint16; errors are those of `Sitting.colorize`."""
    if bits == 8:
        return sitting.colorize(device)
    image = sitting.image.read()
    session = sitting.session(device, image)
    return _deep_colors(image, sitting.limits, session.chroma(**sitting.said(session.shape)))


@torch.inference_mode()
def _deep_colors(
    image: NDArray[Any], limits: tuple[float, float] | None, chroma: NDArray[np.float32]
) -> NDArray[np.uint16]:
    """16-bit sRGB of an image's own lightness and chroma (H, W, 2), a few rows at once."""
    values = normalize(image, limits)
    rgb = np.empty((*values.shape[:2], 3), np.uint16)
    step = max(1, PIXELS_AT_ONCE // values.shape[1])
    for top in range(0, len(values), step):
        light = lightness(torch.from_numpy(np.ascontiguousarray(values[top : top + step])))
        wished = torch.from_numpy(chroma[top : top + step]).permute(2, 0, 1)
        rgb[top : top + step] = to_rgb(light, wished, 16).numpy()
    return rgb


def provenance_of(sitting: Sitting) -> Provenance:
    """How the colors of a sitting come about, now."""
    image = sitting.image
    name = image.path.name if image.path is not None else ""
    return Provenance(software(), Path(sitting.model.name).name, sitting.model.checksum, now(), name, image.checksum)


def write_dots(path: Path, hints: Hints, overwrite: bool = True) -> None:
    """Write hints as CSV: y, x, a*, b* and radius, as ``napari-colorizer colorize --hints`` reads them."""
    with replacing(path, overwrite) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["y", "x", "a*", "b*", "radius"])
        writer.writerows(hints.rows.tolist())
