"""TOML files that people write: recipes, and what is said of a set."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

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
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError("it is no text in UTF-8; save it as such") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
