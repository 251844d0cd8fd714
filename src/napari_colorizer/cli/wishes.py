"""Colors that ``napari-colorizer colorize`` is told: dots, pins and palettes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_colorizer.engine.hints import Hints
    from napari_colorizer.engine.palettes import Palette
    from napari_colorizer.engine.pins import Pins

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

    named = len(cells) > 2 and cells[2].startswith("#")
    if len(cells) < (3 if named else 4):
        raise ValueError("too few values")
    y, x, *rest = cells
    if named:
        color, rest = parse_color(rest[0]), rest[1:]
    else:
        a, b, *rest = rest
        color = float(a), float(b)
    radius = [float(cell) for cell in rest] or [DOT_RADIUS]
    if len(radius) > 1:
        raise ValueError("too many values")
    return (float(y), float(x), *color, *radius)


def read_dots(path: Path | None) -> dict[str, Hints]:
    """The hints of a file, for each image, or those of a folder, by the names of its files; see `Wishes.dots`."""
    from napari_colorizer.batches.wishes import ANY

    if path is None:
        return {}
    if not path.exists():
        raise ValueError(f"there is no file or folder {path}")
    if not path.is_dir():
        return {ANY: read_hints(path)}
    return {file.stem: read_hints(file) for file in sorted(path.glob("*.csv"))}


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


def read_palette(path: Path | None, model: str, strength: float) -> Palette | Pins | None:
    """A GIMP palette, or the pins of a photograph's colors for the classes that a model finds in it."""
    from napari_colorizer.engine.palettes import Palette, palette_of
    from napari_colorizer.files import read_image
    from napari_colorizer.models.library import load_model

    if path is None:
        return None
    if path.suffix.lower() == ".gpl":
        palette = Palette.read(path)
        palette.pins(strength=strength)  # an error comes before any work
        return palette
    loaded, photo = load_model(model), read_image(path)
    return palette_of(photo, loaded.segment(photo), loaded.classes, strength)
