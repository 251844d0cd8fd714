"""Names that options once had: they go on working, with a note."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import fields
from functools import wraps
from typing import Any, TypeVar

FORMER_NAMES = {"rate": "learning_rate", "body": "body_factor"}
Options = TypeVar("Options")


def keep_former_names(kind: type[Options]) -> type[Options]:
    """Let a dataclass of options be made with, and asked for, the names that its fields once had; a decorator."""
    begin: Any = kind.__init__

    @wraps(begin)
    def __init__(self: Any, *values: Any, **named: Any) -> None:  # noqa: N807
        begin(self, *values, **present_names(kind, named))

    def __getattr__(self: Any, name: str) -> Any:  # noqa: N807
        if name not in former_names(kind):
            raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}", name=name, obj=self)
        _tell(name)
        return getattr(self, FORMER_NAMES[name])

    changed: Any = kind
    changed.__init__, changed.__getattr__ = __init__, __getattr__
    return kind


def former_names(kind: type) -> dict[str, str]:
    """Names that fields of a dataclass once had, and their present ones."""
    known = {item.name for item in fields(kind)}
    return {former: name for former, name in FORMER_NAMES.items() if name in known}


def present_names(kind: type, values: Mapping[str, Any], tell: bool = True) -> dict[str, Any]:
    """Values of options by the names that the fields of a dataclass have now.

    Of a value by each name the former name's counts: `dataclasses.replace` gives the present ones all the same.

    Parameters
    ----------
    kind : dataclass
    values : mapping
        Values by present or former names.
    tell : bool
        Whether to warn of former names.
    """
    result = {**values}
    for former, name in former_names(kind).items():
        if former in result:
            result[name] = result.pop(former)
            if tell:
                _tell(former)
    return result


def _tell(former: str) -> None:
    warnings.warn(  # shown to everybody, as recipes and flags are written by everybody
        f"the option {former} is called {FORMER_NAMES[former]} now; the former name will cease to work",
        FutureWarning,
        stacklevel=4,
    )
