"""Decoding masks of every form into ids of a set's class map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_colorizer.classes import LARGEST_ID, ClassMap
from napari_colorizer.decoding import open_image
from napari_colorizer.errors import FileError
from napari_colorizer.files import UNREADABLE, read_image, read_label_map

NAMED = 5  # as many of the unknown ids or colors are named: a photograph or noise in place of a mask has thousands


def id_type(classes: ClassMap) -> type[np.uint8] | type[np.uint16]:
    """The smallest type of number that holds all ids."""
    return np.uint8 if max(classes.ids, default=0) < 256 else np.uint16


class _Reader:
    def read(self, path: Path) -> tuple[NDArray[Any], list[str]]:
        raise NotImplementedError

    def __call__(self, path: Path) -> NDArray[Any]:
        return self.read(path)[0]


@dataclass(frozen=True)
class DrawnMasks(_Reader):
    """Reads masks as image files: ids in 8 or 16 bits, indexed PNG, or the class map's colors.

    The ids of a mask that has a class map of its own inside are translated by name.
    """

    classes: ClassMap

    def read(self, path: Path) -> tuple[NDArray[Any], list[str]]:
        """Class ids (H, W), and the ids, names or colors that no class has."""
        if _holds_colors(path):
            return self._from_colors(path)
        values, own = read_label_map(path)
        if not own:
            return look_up(values, {label: label for label in self.classes.ids}, self.classes, "id {}".format)

        def name(value: int) -> str:
            return f"the class {own[value].name}" if value in own else f"id {value}"

        return look_up(values, own.match(self.classes), self.classes, name)

    def _from_colors(self, path: Path) -> tuple[NDArray[Any], list[str]]:
        image = read_image(path)
        if image.dtype != np.uint8:
            raise FileError(f"{path.name} is not a label map: color codes have 8 bits, not {image.dtype}")
        codes = image[..., :3].astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
        found, places = np.unique(codes, return_inverse=True)
        legend = {0: [0]} | _legend(self.classes)
        unknown = [_describe(code, legend, self.classes) for code in found.tolist() if len(legend.get(code, ())) != 1]
        ids = [legend[code][0] if len(legend.get(code, ())) == 1 else 0 for code in found.tolist()]
        return np.array(ids, id_type(self.classes))[places].reshape(codes.shape), _first(unknown, "colors")


def _legend(classes: ClassMap) -> dict[int, list[int]]:
    """Ids by color; several where classes share one."""
    legend: dict[int, list[int]] = {}
    for item in classes:
        legend.setdefault(int(item.color[1:], 16), []).append(item.id)
    return legend


def _describe(code: int, legend: dict[int, list[int]], classes: ClassMap) -> str:
    shared = (
        " (the color of both " + " and ".join(classes[x].name for x in legend[code]) + ")" if code in legend else ""
    )
    return f"the color #{code:06x}{shared}"


@dataclass(frozen=True)
class CodedMasks(_Reader):
    """Reads masks whose numbers are not the ids of the class map.

    Attributes
    ----------
    classes : ClassMap
    ids : dict
        The class id, or 0, that each number stands for.
    open : callable
        Reads the numbers (H, W) of a file; raises FileError.
    """

    classes: ClassMap
    ids: dict[int, int]
    open: Callable[[Path], NDArray[Any]]

    def read(self, path: Path) -> tuple[NDArray[Any], list[str]]:
        """Class ids (H, W), and the numbers that stand for nothing."""
        return look_up(self.open(path), self.ids, self.classes, "the number {}".format)


def look_up(
    values: NDArray[Any], ids: dict[int, int], classes: ClassMap, name: Callable[[int], str]
) -> tuple[NDArray[Any], list[str]]:
    """The class id of each value (0 is 0 unless said otherwise), and the names of (some of) those that have none."""
    present = np.flatnonzero(np.bincount(values.ravel(), minlength=1))
    ids = {0: 0} | ids
    table = np.zeros(int(values.max(initial=0)) + 1, id_type(classes))
    unknown = []
    for value in present.tolist():
        if value in ids:
            table[value] = ids[value]
        else:
            unknown.append(name(value))
    return table[values], _first(unknown, "values")


def _first(unknown: list[str], kind: str) -> list[str]:
    """The first few names, and how many more there are."""
    more = len(unknown) - NAMED
    return [*unknown[:NAMED], f"{more} more {kind}"] if more > 0 else unknown


def read_numbers(path: Path) -> NDArray[Any]:
    """The numbers (H, W) of an image file."""
    return read_label_map(path)[0]


def read_matlab(path: Path) -> NDArray[Any]:
    """The ``LabelMap`` (H, W) of a MATLAB file."""
    from scipy.io import loadmat

    try:
        with open(path, "rb") as file:
            array = np.asarray(loadmat(file, variable_names=["LabelMap"])["LabelMap"])
    except FileNotFoundError:
        raise FileError(f"there is no file {path}") from None
    except KeyError:
        raise FileError(f"{path.name} is not a label map of PASCAL-Context: it holds no LabelMap") from None
    except Exception as error:  # damaged files fail in any way: zlib.error, MatReadError, TypeError, ...
        raise FileError(f"{path.name} cannot be read as a MATLAB file: {error}") from error
    if (
        array.ndim != 2
        or array.dtype.kind not in "uif"
        or array.min(initial=0) < 0
        or array.max(initial=0) > LARGEST_ID
    ):
        raise FileError(f"{path.name} is not a label map of PASCAL-Context: its LabelMap holds no class ids")
    return array.astype(np.uint16)


def _holds_colors(path: Path) -> bool:
    try:
        with open_image(path) as image:
            return image.mode in ("RGB", "RGBA")
    except UNREADABLE:  # whoever reads it says so
        return False
