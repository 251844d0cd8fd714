"""What an option means and may be, said once where it is defined: for its check, its box in the dock and its flag."""

from __future__ import annotations

import math
from dataclasses import Field, dataclass, field, fields
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Limits:
    """The numbers that an option may be; ``value in limits`` asks, and as a text they are what it must be.

    Attributes
    ----------
    least, most : float
    without : tuple of float
        Those of the two that it must not be.
    step : float, optional
        What an arrow of its box adds; None: one digit of the number.
    """

    least: float = -math.inf
    most: float = math.inf
    without: tuple[float, ...] = ()
    step: float | None = None

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most and value not in self.without

    def __str__(self) -> str:
        if self.most == math.inf:
            if self.least in self.without:
                return f"more than {self.least}"
            return f"at least {self.least}" if self.least else "0 or more"
        return f"from {self.least} to {'less than ' * (self.most in self.without)}{self.most}"


def option(default: Any, text: str, limits: Limits | None = None, **more: Any) -> Any:
    """A field of a dataclass of options, with the sentence that explains it, its limits and more in its metadata."""
    return field(default=default, metadata={"help": text, "limits": limits, **more})


@cache
def option_field(kind: type, name: str) -> Field[Any]:
    """The field of an option, whose metadata says what `option` was told."""
    return next(item for item in fields(kind) if item.name == name)


def help_text(kind: type, name: str) -> str:
    """What an option means and may be."""
    told = option_field(kind, name).metadata
    if told["limits"] is None:
        return str(told["help"])
    limits = str(told["limits"])
    return f"{told['help']} {limits[0].upper()}{limits[1:]}."
