"""The values that the config of a network may have: it is read from files, which may hold anything."""

from __future__ import annotations

import math
from numbers import Real
from operator import index as as_index
from typing import Any, Literal, get_args, get_origin, get_type_hints


def check_values(config: Any) -> None:
    """Bring each field of a frozen dataclass to plain Python of the kind that it is declared as, which JSON holds.

    Parameters
    ----------
    config : dataclass
        Its fields are bool, int, float, str, `Literal`, or tuples of any length of one of them.

    Raises
    ------
    ValueError, TypeError
        If a value is of another kind, or a number is not finite; the message names the field.
    """
    for name, kind in get_type_hints(type(config)).items():
        value = getattr(config, name)
        if get_origin(kind) is tuple:
            plain: Any = tuple(_checked(name, get_args(kind)[0], item) for item in value)
        else:
            plain = _checked(name, kind, value)
        object.__setattr__(config, name, plain)


def _checked(name: str, kind: Any, value: Any) -> Any:
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        if value not in choices:
            raise ValueError(f"{name} must be one of {choices}, not {value!r}")
        return choices[choices.index(value)]
    if kind is int:
        return as_index(value)
    if kind is float and isinstance(value, Real) and math.isfinite(value):
        return float(value)
    if kind is bool and value in (True, False):
        return bool(value)
    if kind is str and isinstance(value, str):
        return value
    raise ValueError(f"{name} must be a {'finite number' if kind is float else kind.__name__}, not {value!r}")
