"""What can be chosen when an image is segmented or colored.

The same dataclasses are the fields of the dock, the options of the command line and the arguments of the functions.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_colorizer.former_names import keep_former_names

SMALLEST_WORKING_SIZE, LARGEST_WORKING_SIZE = 32, 4096
LARGEST_CHROMA_GAIN = 4


@dataclass(frozen=True)
class SegmentOptions:
    """Options of `Model.segment`.

    Attributes
    ----------
    working_size : int, optional
        Longer side, in pixels, at which the network runs; images are never enlarged to it. None: the model's own.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps", ...
    confidence : float, optional
        Pixels whose most probable class is less probable than this (0..1) stay unlabeled. None: the model's own.

    Raises
    ------
    ValueError
        If an option lies outside its range.
    """

    working_size: int | None = None
    device: str = "auto"
    confidence: float | None = None

    def __post_init__(self) -> None:
        check_working_size(self.working_size)
        check_confidence(self.confidence)


@keep_former_names
@dataclass(frozen=True)
class ColorizeOptions:
    """Options of `Model.colorize` and `Model.session`.

    Attributes
    ----------
    working_size : int, optional
        Longer side, in pixels, at which the network runs; images are never enlarged to it. None: the model's own.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps", ...
    chroma_gain : float
        How strong the colors are, 0..4: 1 as the model has them, 0 gray.

    Raises
    ------
    ValueError
        If an option lies outside its range.
    """

    working_size: int | None = None
    device: str = "auto"
    chroma_gain: float = 1.0

    def __post_init__(self) -> None:
        check_working_size(self.working_size)
        check_chroma_gain(self.chroma_gain)


def check_confidence(confidence: float | None) -> None:
    """Raise `ValueError` for a confidence outside its range; None, for the model's own, is in it."""
    if confidence is not None and not 0 <= confidence <= 1:
        raise ValueError(f"confidence must lie in 0..1, not {confidence}")


def check_chroma_gain(factor: float) -> None:
    """Raise `ValueError` for a factor on the chroma outside its range."""
    if not 0 <= factor <= LARGEST_CHROMA_GAIN:
        raise ValueError(f"chroma_gain must lie in 0..{LARGEST_CHROMA_GAIN}, not {factor}")


def check_working_size(size: int | None) -> None:
    """Raise `ValueError` for a working size outside its range; None, for the model's own, is in it."""
    if size is not None and (isinstance(size, bool) or not isinstance(size, int)):
        raise ValueError(f"the working size must be a whole number of pixels, not {size!r}")
    if size is not None and not SMALLEST_WORKING_SIZE <= size <= LARGEST_WORKING_SIZE:
        raise ValueError(
            f"the working size must lie in {SMALLEST_WORKING_SIZE}..{LARGEST_WORKING_SIZE} pixels, not {size}"
        )
