"""Names that options once had: they go on working, with a note."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from functools import cache, wraps
from typing import Any, TypeVar

FORMER_NAMES = {
    "rate": "learning_rate",
    "body": "body_factor",
    "vivid": "chroma_gain",
    "vivid_unlabeled": "chroma_gain_unlabeled",
}
Kind = TypeVar("Kind", bound=type)
Function = TypeVar("Function", bound=Callable[..., Any])


def keep_former_names(kind: Kind) -> Kind:
    """Let a dataclass be made with, and asked for, the names that its fields once had; a decorator."""
    changed: Any = kind
    changed.__init__ = keep_former_arguments(changed.__init__)
    for former, name in former_names(kind).items():
        setattr(kind, former, _same_as(former, name))
    return kind


def keep_former_arguments(function: Function) -> Function:
    """Let a function be called with the names that its arguments once had; a decorator."""

    @wraps(function)
    def call(*values: Any, **named: Any) -> Any:
        return function(*values, **present_names(function, named))

    result: Any = call
    return result


@cache
def former_names(owner: Callable[..., Any]) -> dict[str, str]:
    """Names that fields of a dataclass, or arguments of a function, once had, and their present ones."""
    known = inspect.signature(owner).parameters
    return {former: name for former, name in FORMER_NAMES.items() if name in known}


def present_names(owner: Callable[..., Any], values: Mapping[str, Any], tell: bool = True) -> dict[str, Any]:
    """Values by the names that the fields of a dataclass, or the arguments of a function, have now.

    Of a value by each name the former name's counts: `dataclasses.replace` gives the present ones all the same.

    Parameters
    ----------
    owner : dataclass or function
    values : mapping
        Values by present or former names.
    tell : bool
        Whether to warn of former names.
    """
    result = {**values}
    for former, name in former_names(owner).items():
        if former in result:
            result[name] = result.pop(former)
            if tell:
                _tell(former, stacklevel=4)
    return result


def _same_as(former: str, name: str) -> property:
    """An attribute that is another one by its former name."""

    def get(self: Any) -> Any:
        _tell(former, stacklevel=3)
        return getattr(self, name)

    def change(self: Any, value: Any) -> None:
        _tell(former, stacklevel=3)
        setattr(self, name, value)

    return property(get, change)


def _tell(former: str, stacklevel: int) -> None:
    warnings.warn(  # shown to everybody, as recipes and flags are written by everybody
        f"the option {former} is called {FORMER_NAMES[former]} now; the former name will cease to work",
        FutureWarning,
        stacklevel=stacklevel,
    )
