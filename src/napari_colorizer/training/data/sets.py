"""What a labeled set is to the trainer, whatever its form on the disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from napari_colorizer.classes import ClassMap

Split = Literal["train", "val"]
ReadMask = Callable[[Path], NDArray[Any]]  # gives class ids (H, W), uint8 or uint16


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
    """

    image: Path
    mask: Path | None
    split: Split
    source: str = ""
    pseudo: bool = False
    confidence: Path | None = None


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
    """

    root: Path
    classes: ClassMap
    pairs: tuple[Pair, ...]
    read_mask: ReadMask
    groups: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    least_confidence: float = 0.0
    notes: tuple[str, ...] = ()

    def of_split(self, split: Split) -> list[Pair]:
        """The pairs of a split, labeled or not."""
        return [pair for pair in self.pairs if pair.split == split]


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
