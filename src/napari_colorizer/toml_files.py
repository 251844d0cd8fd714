"""TOML files that people write: recipes, and what is said of a set."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

DEEPEST = 20  # so far nested values are taken
LARGEST = 100_000  # bytes; the parser's time grows with their square
MOST_BITS = 64  # of a whole number, as TOML has it
TOO_LARGE = f"it holds a whole number of more than {MOST_BITS} bits"


def read_toml(path: Path) -> dict[str, Any]:
    """Names and values in a TOML file.

    Raises
    ------
    ValueError
        That says what is wrong, but not with which file.
    """
    content = _read(path)
    try:
        values = tomllib.loads(content.decode("utf-8-sig"))
    except tomllib.TOMLDecodeError:
        raise
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8 text; save it as such") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:  # Python converts no more than some thousand digits
        raise ValueError(TOO_LARGE) from error
    _check_values(values)
    return values


def _read(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    if len(content) > LARGEST:
        raise ValueError(f"it has more than {LARGEST} bytes")
    return content


def _check_values(values: dict[str, Any]) -> None:
    """Dotted keys nest, and numbers grow, without end: whoever prints such values would fail."""
    level: list[Any] = [values]
    for _ in range(DEEPEST):
        if any(isinstance(item, int) and item.bit_length() > MOST_BITS for item in level):
            raise ValueError(TOO_LARGE)
        inner = (item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list))
        level = [value for some in inner for value in some]
    if level:
        raise ValueError("it is nested too deeply")
