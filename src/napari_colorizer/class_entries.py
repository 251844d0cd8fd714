"""The entries of a class map file in each of its forms, with the lines they stand in."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXAMPLES = {
    ".json": '[{"id": 1, "name": "sky", "color": "#87ceeb"}, {"id": 2, "name": "grass"}]',
    ".csv": "the line 'id,name,color', then a line for each class, such as '1,sky,#87ceeb'",
    ".txt": "a line for each class, such as '1: sky'",
}
FORMS = tuple(EXAMPLES)
TEXT_LINE = re.compile(r"\s*(\d+)\s*[:\s]\s*(\S.*?)\s*")
SEPARATOR = re.compile(r"\s*(,\s*(?!\s*\])|(?=\]))")
Entries = Iterator[tuple[int, Any]]


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
