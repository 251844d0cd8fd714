"""What a labeled set is to the trainer, whatever its form on the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from napari_colorizer.classes import ClassMap

Split = Literal["train", "val"]


class ReadMask(Protocol):
    """Decodes the mask files of a set into ids of its class map; can be pickled, for other processes."""

    def __call__(self, path: Path) -> NDArray[Any]:
        """Class ids (H, W), uint8 or uint16, 0 where the class map does not know what is there; raises FileError."""

    def read(self, path: Path) -> tuple[NDArray[Any], list[str]]:
        """The same, and the ids, names or colors in the file that the class map does not know."""


@dataclass(frozen=True)
class Pair:
    """An image of a set and its label map.

    Attributes
    ----------
    image : Path
    mask : Path, optional
        None: nobody labeled the image.
    split : {"train", "val"}
    source : str
        Where the image comes from; sources label different classes, and are scored apart.
    pseudo : bool
        Whether a machine made the mask.
    confidence : Path, optional
        Of a pseudo-mask: an 8-bit image, 255 where the machine was certain.
    filled : Path, optional
        The mask with its unlabeled pixels filled by a machine.
    """

    image: Path
    mask: Path | None
    split: Split
    source: str = ""
    pseudo: bool = False
    confidence: Path | None = None
    filled: Path | None = None


@dataclass(frozen=True)
class LabeledSet:
    """A labeled set.

    Attributes
    ----------
    root : Path
        Its folder, or the CSV file that lists it.
    classes : ClassMap
    pairs : tuple of Pair
        Labeled and unlabeled images.
    read_mask : callable
        Decodes a mask file of this set into ids of `classes`; raises FileError.
    groups : dict
        Ids that some masks use for several others, which are given by their ids: a person may be skin, hair, clothes.
    least_confidence : float
        Pixels of a pseudo-mask with less (0..1) count as unlabeled.
    notes : tuple of str
        What the user should know about how the set was read.
    problems : tuple of str
        Files that are no part of the set though they lie in its folders, and why: a mask without an image, ...
    unmasked : tuple of Path
        Images that have no mask, in a folder where masks are expected.
    """

    root: Path
    classes: ClassMap
    pairs: tuple[Pair, ...]
    read_mask: ReadMask
    groups: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    least_confidence: float = 0.0
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    unmasked: tuple[Path, ...] = ()

    def of_split(self, split: Split) -> list[Pair]:
        """The pairs of a split, labeled or not."""
        return [pair for pair in self.pairs if pair.split == split]

    def place(self, path: Path) -> str:
        """How messages name a file of the set: its path below the root."""
        return place(path, self.root)


def place(path: Path, root: Path) -> str:
    """A path as seen from a set's root, which is a folder or a file in it; whole if it lies elsewhere."""
    folder = root.parent if root.is_file() else root
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


@dataclass(frozen=True)
class Photo:
    """A decoded pair, brought to the size that is trained on.

    Attributes
    ----------
    name : str
        The image file's stem.
    rgb : array of uint8, (H, W, 3)
    labels : array of uint8 or uint16, (H, W)
        Class ids, 0 where nobody said.
    source : str
    gray : bool
        Whether the image has no color: it can teach the segmenter only.
    labeled : bool
        Whether it has a mask.
    """

    name: str
    rgb: NDArray[Any]
    labels: NDArray[Any]
    source: str = ""
    gray: bool = False
    labeled: bool = True
