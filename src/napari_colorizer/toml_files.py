"""TOML files that people write: recipes, and what is said of a set."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

DEEPEST = 20  # so far nested values are taken
LARGEST = 100_000  # bytes; the parser's time grows with their square


def read_toml(path: Path) -> dict[str, Any]:
    """Names and values in a TOML file.

    Raises
    ------
    ValueError
        That says what is wrong, but not with which file.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"it has more than {LARGEST} bytes")
        values = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8 text; save it as such") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    _check_depth(values)
    return values


def _check_depth(values: dict[str, Any]) -> None:
    """Dotted keys nest without end, and whoever prints such values recurses through them all."""
    level: list[Any] = [values]
    for _ in range(DEEPEST):
        inner = (item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list))
        level = [value for some in inner for value in some]
    if level:
        raise ValueError("it is nested too deeply")
