"""Class maps: which classes there are, and how they are named and shown."""

from __future__ import annotations

import colorsys
import csv
import io
import json
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import asdict, astuple, dataclass, replace
from importlib import resources
from pathlib import Path

from napari_colorizer.class_entries import EXAMPLES, FORMS, Entries, csv_entries, form_of, json_entries, text_entries
from napari_colorizer.errors import readable

__all__ = ["FORMS", "LARGEST_ID", "UNLABELED", "Class", "ClassMap", "distinct_color"]

UNLABELED = 0
UNLABELED_NAMES = frozenset({"background", "unlabeled", "unlabelled", "void"})
LARGEST_ID = 65535
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
HEX_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


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


class ClassMap:
    """The set of classes of a label map or a model, in order.

    Iterates over `Class`. A class map does not change; `with_class` and `without` return new ones.

    Parameters
    ----------
    classes : iterable of Class

    Raises
    ------
    ValueError
        If two classes share an id, or a name (without regard to case).

    Examples
    --------
    >>> classes = ClassMap([Class(1, "sky", "#87ceeb"), Class(7, "grass", "#4caf50")])
    >>> classes[7].name
    'grass'
    >>> classes.named("Sky").id
    1
    """

    def __init__(self, classes: Iterable[Class] = ()):
        self._by_id: dict[int, Class] = {}
        self._by_name: dict[str, Class] = {}
        self._by_known_as: dict[str, Class] = {}
        for item in classes:
            self._add(item)

    def _add(self, item: Class) -> None:
        if item.id in self._by_id:
            raise ValueError(f"class id {item.id} is given twice: {self._by_id[item.id].name} and {item.name}")
        if item.name.casefold() in self._by_name:
            raise ValueError(f"class name {item.name!r} is given twice: ids {self.named(item.name).id} and {item.id}")
        self._by_id[item.id] = item
        self._by_name[item.name.casefold()] = item
        if item.known_as:
            self._by_known_as.setdefault(item.known_as.casefold(), item)

    def __iter__(self) -> Iterator[Class]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, label: object) -> bool:
        return label in self._by_id

    def __getitem__(self, label: int) -> Class:
        return self._by_id[label]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClassMap) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"ClassMap({', '.join(f'{item.id}: {item.name}' for item in self)})"

    @property
    def ids(self) -> tuple[int, ...]:
        """Class ids, in order."""
        return tuple(self._by_id)

    def named(self, name: str) -> Class:
        """The class of that name, without regard to case; `KeyError` if there is none."""
        return self._by_name[name.casefold()]

    def has_name(self, name: str) -> bool:
        """Whether a class has that name, without regard to case."""
        return name.casefold() in self._by_name

    def unused_id(self, taken: Container[int] = ()) -> int:
        """The smallest id that no class has and that is not `taken` otherwise."""
        return _next(label for label in range(1, LARGEST_ID + 1) if label not in self and label not in taken)

    def match(self, other: ClassMap) -> dict[int, int]:
        """The id that each class has in another class map; classes that it does not have are left out.

        See `counterpart`. Two classes may have the same one.

        Examples
        --------
        >>> ours = ClassMap([Class(1, "Gras", "#4caf50", known_as="grass"), Class(2, "moss", "#335522")])
        >>> ours.match(ClassMap.pascal_context())
        {1: 36}
        """
        found = ((item.id, other.counterpart(item)) for item in self)
        return {label: theirs.id for label, theirs in found if theirs}

    def counterpart(self, item: Class) -> Class | None:
        """The class here that a class of another class map is; None if there is none.

        It is looked for by its name, without regard to case, and then by the name under which it is known; first among
        the names here, then among the names under which these classes are known.
        """
        names = [name.casefold() for name in (item.name, item.known_as) if name]
        return next(
            (known[name] for known in (self._by_name, self._by_known_as) for name in names if name in known), None
        )

    def with_class(self, item: Class) -> ClassMap:
        """A class map with `item` added, or in the place of the class with its id."""
        return ClassMap({**self._by_id, item.id: item}.values())

    def without(self, label: int) -> ClassMap:
        """A class map without the class of that id."""
        return ClassMap(item for item in self if item.id != label)

    def merged(self, other: ClassMap) -> ClassMap:
        """A class map with the classes of another added; one whose id is taken gets an unused id.

        Examples
        --------
        >>> ours = ClassMap([Class(1, "sky", "#87ceeb")])
        >>> ours.merged(ClassMap([Class(1, "grass", "#4caf50"), Class(5, "Sky", "#87ceeb")]))
        ClassMap(1: sky, 2: grass)
        """
        result = ClassMap(self)
        unused = (label for label in range(1, LARGEST_ID + 1) if label not in self and label not in other)
        for item in other:
            if result.counterpart(item) is None:
                result._add(item if item.id not in self else replace(item, id=_next(unused)))
        return result

    @classmethod
    def pascal_context(cls) -> ClassMap:
        """The 59 classes of PASCAL-Context (Mottaghi et al. 2014), ids 1 to 59."""
        text = resources.files("napari_colorizer").joinpath("pascal_context.csv").read_text("utf-8")
        return cls.from_csv(text)

    @classmethod
    def read(cls, path: str | Path) -> ClassMap:
        """Read a class map from a ``.json``, ``.csv`` or ``.txt`` file.

        Raises
        ------
        ValueError
            If the file is none of these, or an entry is wrong; the message names the file and the line, and says how a
            right file looks.
        OSError
            If the file cannot be read.
        """
        path = Path(path)
        form = form_of(path)
        parse = {".json": cls.from_json, ".csv": cls.from_csv, ".txt": cls.from_text}[form]
        try:
            return parse(path.read_text("utf-8-sig"))
        except ValueError as error:
            wrong = "this is not a text file in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            raise ValueError(f"{readable(f'{path.name}: {wrong}')}. A right one has {EXAMPLES[form]}") from error

    def write(self, path: str | Path) -> None:
        """Write the class map as ``.json``, ``.csv`` or ``.txt``, by the file's suffix (text keeps no colors)."""
        path = Path(path)
        form = {".json": self.to_json, ".csv": self.to_csv, ".txt": self.to_text}[form_of(path)]
        path.write_text(form(), "utf-8")

    @classmethod
    def from_json(cls, text: str) -> ClassMap:
        """Parse a list of ``{"id": 1, "name": "sky", "color": "#87ceeb"}``; color may be left out, known_as added."""
        return cls._from_entries(json_entries(text))

    def to_json(self) -> str:
        """Give what `from_json` reads, one class a line."""
        lines = (json.dumps({field: value for field, value in asdict(item).items() if value}) for item in self)
        return "[\n" + ",\n".join(lines) + "\n]\n"

    @classmethod
    def from_csv(cls, text: str) -> ClassMap:
        """Parse comma-separated values with the columns id, name and, optionally, color and known_as."""
        return cls._from_entries(csv_entries(text))

    def to_csv(self) -> str:
        """Give what `from_csv` reads."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["id", "name", "color", "known_as"])
        writer.writerows(astuple(item) for item in self)
        return out.getvalue()

    @classmethod
    def from_text(cls, text: str) -> ClassMap:
        """Parse lines of ``1: aeroplane``, the form of the paper authors' ``labels-59.txt``."""
        return cls._from_entries(text_entries(text))

    def to_text(self) -> str:
        """Give what `from_text` reads."""
        return "".join(f"{item.id}: {item.name}\n" for item in self)

    @classmethod
    def _from_entries(cls, entries: Entries) -> ClassMap:
        """Build a class map from entries and the lines they stand in."""
        classes = cls()
        for line, entry in entries:
            try:
                item = _parse_entry(entry)
                if item:
                    classes._add(item)
            except ValueError as error:
                raise ValueError(readable(f"line {line}: {error}")) from error
        return classes


def _next(unused: Iterator[int]) -> int:
    label = next(unused, None)
    if label is None:
        raise ValueError(f"there is no id left: a class map holds {LARGEST_ID} classes at most")
    return label


def _parse_entry(entry: object) -> Class | None:
    """A class, or None for the entry that names id 0."""
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
