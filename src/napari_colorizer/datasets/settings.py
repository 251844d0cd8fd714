"""``dataset.toml``: what a set's owner can say about it.

All of it is optional::

    classes = "names.json"       # the class map, where it has no usual name; relative to this file
    source = "prefix"            # the source of an image: what stands before the first dash of its name ("prefix",
                                 # the default), its "folder", or "none"
    least_confidence = 0.7       # pixels of pseudo-masks with less count as unlabeled

    [groups]                     # names that stand for several classes in some masks
    person = ["skin", "hair", "clothes"]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from napari_colorizer.errors import DataError, TrainingError
from napari_colorizer.toml_files import read_toml

NAME = "dataset.toml"
SourceRule = Literal["prefix", "folder", "none"]


@dataclass(frozen=True)
class Settings:
    """The content of a ``dataset.toml``; the fields mean what they mean there, `classes` is a whole path."""

    classes: Path | None = None
    source: SourceRule = "prefix"
    least_confidence: float = 0.0
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def source_of(self, image: Path, folder: Path, otherwise: str) -> str:
        """The source of an image below `folder`; `otherwise` is the name for those that lie right in it."""
        if self.source == "none":
            return ""
        prefix, dash, _ = image.stem.partition("-")
        if self.source == "prefix" and dash and prefix:
            return prefix
        below = image.relative_to(folder).parts if image.is_relative_to(folder) else ()
        return below[0] if len(below) > 1 else otherwise


def read_settings(folder: Path) -> Settings:
    """Read the ``dataset.toml`` of a folder; the defaults if it has none.

    Raises
    ------
    DataError
        If it is not valid; the message names the file and the key.
    """
    path = folder / NAME
    if not path.is_file():
        return Settings()
    try:
        values = read_toml(path)
    except ValueError as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    known = ("classes", "source", "least_confidence", "groups")
    for name, value in values.items():
        if name not in known:
            raise DataError(f"{path}: there is no key {name!r}; there are {', '.join(known)}")
        wanted = _wanted(name, value)
        if wanted:
            raise DataError(f"{path}: {name} must be {wanted}, not {value!r}")
    if "classes" in values:
        values["classes"] = folder / values["classes"]
    if "groups" in values:
        values["groups"] = {name: tuple(members) for name, members in values["groups"].items()}
    return Settings(**values)


def parse_group(text: str) -> tuple[str, tuple[str, ...]]:
    """The name of a group and those of its members, from ``person=skin,hair,clothes``.

    Raises
    ------
    TrainingError
        If the text says something else; it is an option of a training.
    """
    name, _, rest = text.partition("=")
    members = tuple(member.strip() for member in rest.split(",") if member.strip())
    if not name.strip() or not members:
        raise TrainingError(f"groups: {text!r} is not of the form person=skin,hair,clothes")
    if name.strip().casefold() in (member.casefold() for member in members):
        raise TrainingError(f"groups: in {text!r} the group is a member of itself; name only the others")
    return name.strip(), members


def _wanted(name: str, value: object) -> str:
    """What a value should be; empty if it is that."""
    if name == "classes":
        return "" if isinstance(value, str) and value else "the name of a file"
    if name == "source":
        choices = get_args(SourceRule)
        return "" if value in choices else f"one of {', '.join(choices)}"
    if name == "least_confidence":
        number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
        return "" if number else "a number from 0 to 1"
    lists = value.values() if isinstance(value, dict) else ()
    good = isinstance(value, dict) and all(
        isinstance(members, list) and members and all(isinstance(member, str) for member in members)
        for members in lists
    )
    return "" if good else 'a table of lists of class names, such as person = ["skin", "hair"]'
