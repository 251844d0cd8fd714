"""Colors that ``napari-colorizer colorize`` is told: dots, pins and palettes."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_colorizer.cli.shared import remark

if TYPE_CHECKING:
    from napari_colorizer.classes import ClassMap
    from napari_colorizer.engine.hints import Hints
    from napari_colorizer.engine.pins import Pins
    from napari_colorizer.engine.session import Session
    from napari_colorizer.models.model import Model

DOT_RADIUS = 5.0  # pixels, where a file says none


def read_hints(path: Path) -> Hints:
    """Hints of a CSV file: y, x, "#rrggbb" or a* and b*, and a radius that may be left out; a header may be there.

    Raises
    ------
    FileError
        If it cannot be read, or a row is none.
    """
    from napari_colorizer.engine.hints import Hints
    from napari_colorizer.errors import FileError

    try:
        lines = list(csv.reader(path.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path} cannot be read as CSV: {error}") from error
    rows = []
    for number, line in enumerate(lines, 1):
        cells = [cell.strip() for cell in line]
        if not any(cells) or (number == 1 and cells[0].lower() in ("y", "row")):
            continue
        try:
            rows.append(_hint(cells))
            Hints(rows[-1:])
        except ValueError as error:
            form = "y,x,#rrggbb,radius or y,x,a*,b*,radius"
            raise FileError(f"{path.name}, line {number}: a dot is {form}, not {','.join(line)} ({error})") from error
    return Hints(rows)


def _hint(cells: Sequence[str]) -> tuple[float, ...]:
    from napari_colorizer.engine.pins import parse_color

    y, x, *rest = cells
    if rest and rest[0].startswith("#"):
        color, rest = parse_color(rest[0]), rest[1:]
    else:
        a, b, *rest = rest
        color = float(a), float(b)
    radius = [float(cell) for cell in rest] or [DOT_RADIUS]
    if len(radius) > 1:
        raise ValueError("too many values")
    return (float(y), float(x), *color, *radius)


def hints_for(image: Path, hints: Path | None) -> Hints | None:
    """The hints of an image: of the file given, or of its own in the folder given, if there is one."""
    if hints is None or not hints.is_dir():
        return None if hints is None else read_hints(hints)
    own = hints / f"{image.stem}.csv"
    return read_hints(own) if own.is_file() else None


def parse_pins(given: Sequence[str]) -> Pins:
    """Pins of ``class=#rrggbb`` and ``class=factor``; a class by its name or id. `ValueError` for anything else."""
    from napari_colorizer.engine.pins import Pins

    pins = Pins()
    for text in given:
        name, equals, wish = (part.strip() for part in text.rpartition("="))
        if not equals or not name:
            raise ValueError(f"--pins must be class=#rrggbb or class=factor, such as sky=#7799cc, not {text!r}")
        label = int(name) if name.isdecimal() else name
        pins = pins.with_class(label, wish if wish.startswith("#") else _factor(wish, text))
    return pins


def _factor(wish: str, text: str) -> float:
    try:
        return float(wish)
    except ValueError:
        raise ValueError(f"--pins must be class=#rrggbb or class=factor, such as sky=#7799cc, not {text!r}") from None


def palette_pins(path: Path, model: Model, strength: float) -> Callable[[Any, ClassMap | None], Pins]:
    """What gives the pins of a palette for the label map of an image and its class map.

    Colors of a GIMP palette go to the classes whose names they bear, or else to the ids of the image in turn; those of
    a photograph to the classes that the model finds in it.
    """
    import numpy as np

    from napari_colorizer.engine.palettes import Palette, palette_of
    from napari_colorizer.files import read_image

    if path.suffix.lower() == ".gpl":
        palette = Palette.read(path)
        palette.pins(strength=strength)  # an error comes before any work
        return lambda labels, classes: palette.pins(
            classes or model.classes, [] if labels is None else np.unique(labels).tolist(), strength
        )
    photo = read_image(path)
    pins = palette_of(photo, model.segment(photo), model.classes, strength)
    return lambda _labels, _classes: pins


def tell_unused(file: Path, pins: Pins, classes: ClassMap, session: Session) -> None:
    """Say which classes are pinned that an image has not, or nobody knows."""
    names = {item.name.casefold(): item.id for item in classes}
    for label in pins.classes:
        known = names.get(label.casefold()) if isinstance(label, str) else label
        if known is None:
            remark(f"{file.name}: there is no class {label!r} to pin")
        elif known in session.unused_pins:
            remark(f"{file.name}: nothing in it is labeled {label!r}, so that pin does nothing")
