"""A class, and the entries of a class map file in each of its forms, with the lines they stand in."""

from __future__ import annotations

import colorsys
import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNLABELED = 0
UNLABELED_NAMES = frozenset({"background", "unlabeled", "unlabelled", "void"})
LARGEST_ID = 65535
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
HEX_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
EXAMPLES = {
    ".json": '[{"id": 1, "name": "sky", "color": "#87ceeb"}, {"id": 2, "name": "grass"}]',
    ".csv": "the line 'id,name,color', then a line for each class, such as '1,sky,#87ceeb'",
    ".txt": "a line for each class, such as '1: sky'",
}
FORMS = tuple(EXAMPLES)
TEXT_LINE = re.compile(r"\s*(\d+)\s*[:\s]\s*(\S.*?)\s*")
SEPARATOR = re.compile(r"\s*(,\s*(?!\s*\])|(?=\]))")
Entries = Iterator[tuple[int, Any]]


@dataclass(frozen=True)
class Class:
    """One class of things.

    Attributes
    ----------
    id : int
        1 to 65535; what a label map holds.
    name : str
    color : str
        Display color, ``#rrggbb``. It says nothing about the colors that such things get.
    known_as : str
        The name under which models know the class, where it is another: after a renaming, or in another language.
    """

    id: int
    name: str
    color: str
    known_as: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.id, bool) or not isinstance(self.id, int) or not 1 <= self.id <= LARGEST_ID:
            raise ValueError(f"class id {self.id!r} is not a whole number from 1 to {LARGEST_ID}")
        if not isinstance(self.name, str) or not self.name.strip():
            raise ValueError(f"class {self.id} has no name")
        if LONE_SURROGATE.search(self.name + self.known_as):  # no file could hold it
            raise ValueError(f"class {self.id} has a name with a broken character: {self.name}, {self.known_as}")
        if not isinstance(self.color, str) or not HEX_COLOR.fullmatch(self.color):
            raise ValueError(f"class {self.id} has the color {self.color!r}; a color is written #rrggbb")

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The display color as three numbers in 0..255."""
        return int(self.color[1:3], 16), int(self.color[3:5], 16), int(self.color[5:7], 16)


def distinct_color(label: int) -> str:
    """A display color for a class that has none: steps of the golden angle around the color circle."""
    hue = label * 0.381966 % 1
    red, green, blue = colorsys.hsv_to_rgb(hue, (0.55, 0.8, 1.0)[label % 3], (0.95, 0.7)[label // 3 % 2])
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def parse_entry(entry: object) -> Class | None:
    """The class of an entry, None for the entry that names id 0; `ValueError` if something is wrong with it."""
    if not isinstance(entry, dict) or entry.get("id") is None or entry.get("name") is None:
        raise ValueError("a class needs an id and a name")
    label, name = entry["id"], str(entry["name"]).strip()
    if isinstance(label, str) and label.strip().isdecimal():
        label = int(label)
    if label == UNLABELED and not isinstance(label, bool):
        if name.casefold() in UNLABELED_NAMES:
            return None
        raise ValueError(f"id 0 means unlabeled and cannot be {name!r}; give that class another id")
    color = entry.get("color")
    color = color.strip().lower() if isinstance(color, str) else color
    known_as = str(entry.get("known_as") or "").strip()
    return Class(label, name, color or distinct_color(label if isinstance(label, int) else 0), known_as)


def form_of(path: Path) -> str:
    """The suffix of a class map file; `ValueError` if it is none."""
    if path.suffix.lower() not in FORMS:
        right = "; ".join(f"{form}: {example}" for form, example in EXAMPLES.items())
        raise ValueError(f"{path.name}: a class map is a {', '.join(FORMS)} file. What is right in each is, {right}")
    return path.suffix.lower()


def json_entries(text: str) -> Entries:
    """Each entry of a JSON list."""
    start = re.match(r"\s*\[\s*", text)
    if not start:
        raise ValueError("line 1: a class map in JSON is a list of classes")
    position, decoder = start.end(), json.JSONDecoder()
    line, counted = 1, 0
    while text[position : position + 1] != "]":
        line, counted = line + text.count("\n", counted, position), position
        try:
            entry, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise ValueError(f"line {error.lineno}: {error.msg}") from error
        except RecursionError as error:
            raise ValueError(f"line {line}: the entry is nested too deeply") from error
        yield line, entry
        separator = SEPARATOR.match(text, position)
        if not separator:
            line += text.count("\n", counted, position)
            raise ValueError(f"line {line}: a comma or the end of the list is missing")
        position = separator.end()
    if text[position + 1 :].strip():
        raise ValueError(f"line {line + text.count(chr(10), counted, position)}: something follows the end of the list")


def csv_entries(text: str) -> Entries:
    """Each row after the first, which names the columns."""
    reader = csv.DictReader(io.StringIO(text, newline=None))
    try:
        columns = [str(column).strip().lower() for column in reader.fieldnames or ()]
        if not {"id", "name"} <= set(columns):
            raise ValueError("line 1: the columns must be id, name and, optionally, color")
        reader.fieldnames = columns
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:  # a quote that is never closed, say
        raise ValueError(f"line {reader.reader.line_num}: {error}") from error


def text_entries(text: str) -> Entries:
    """Each line of ``1: aeroplane``, the form of the paper authors' ``labels-59.txt``."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = TEXT_LINE.fullmatch(line)
        if not match:
            raise ValueError(f"line {number}: {line.strip()!r} is not of the form '1: name'")
        yield number, {"id": match[1], "name": match[2]}
