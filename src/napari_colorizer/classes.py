"""Class maps: which classes there are, and how they are named and shown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Container, Iterable, Iterator
from dataclasses import asdict, astuple, replace
from importlib import resources
from pathlib import Path
from typing import Any

from napari_colorizer.class_entries import (
    EXAMPLES,
    FORMS,
    LARGEST_ID,
    UNLABELED,
    Class,
    Entries,
    csv_entries,
    distinct_color,
    form_of,
    json_entries,
    parse_entry,
    text_entries,
)
from napari_colorizer.errors import readable
from napari_colorizer.whole_files import replacing

__all__ = ["FORMS", "LARGEST_ID", "UNLABELED", "Class", "ClassMap", "distinct_color"]

STRAY_COLOR = "magenta"  # of ids that no class has
LAYER_NOTES = "napari-colorizer"  # under which a layer's metadata says what the plugin has to know of it


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

    def layer_options(self) -> dict[str, Any]:
        """How napari shows a label map of these classes: ``viewer.add_labels(labels, **classes.layer_options())``.

        Returns
        -------
        dict
            "colormap": the display color of each id, unlabeled transparent, ids of no class in `STRAY_COLOR`;
            "features": the names, which napari writes into its status bar;
            "metadata": the classes themselves, by which the *Colorize* dock and the writer of label maps know them.
        """
        colors: dict[int | None, str] = {item.id: item.color for item in self}
        return {
            "colormap": {**colors, UNLABELED: "transparent", None: STRAY_COLOR},
            "features": {"index": [UNLABELED, *self.ids], "class": ["unlabeled", *(item.name for item in self)]},
            "metadata": {LAYER_NOTES: {"regions": False, "classes": self.to_json()}},
        }

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
        """Write the class map as ``.json``, ``.csv`` or ``.txt``, by the file's suffix (text keeps no colors).

        Raises
        ------
        ValueError
            If the suffix is another.
        OSError
            If it cannot be written; a file that was there is still whole.
        """
        path = Path(path)
        form = {".json": self.to_json, ".csv": self.to_csv, ".txt": self.to_text}[form_of(path)]
        with replacing(path) as temporary:
            temporary.write_text(form(), "utf-8")

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
                item = parse_entry(entry)
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
