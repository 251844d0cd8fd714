"""What can be chosen when an image is segmented or colored.

The same dataclasses are the fields of the dock, the options of the command line and the arguments of the functions.
"""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST_WORKING_SIZE, LARGEST_WORKING_SIZE = 32, 4096
LARGEST_VIVID = 4
WARMEST = (6.0, 20.0)  # a*, b*: of light bulbs, where daylight is white


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


@dataclass(frozen=True)
class ColorizeOptions:
    """Options of `Model.colorize` and `Model.session`.

    Attributes
    ----------
    working_size : int, optional
        Longer side, in pixels, at which the network runs; images are never enlarged to it. None: the model's own.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps", ...
    vivid : float
        How strong the colors are, 0..4: 1 as the model has them, 0 gray.

    Raises
    ------
    ValueError
        If an option lies outside its range.
    """

    working_size: int | None = None
    device: str = "auto"
    vivid: float = 1.0

    def __post_init__(self) -> None:
        check_working_size(self.working_size)
        check_vivid(self.vivid)


@dataclass(frozen=True)
class Adjustment:
    """What is done to the chroma of all colors in the end; lightness stays.

    Attributes
    ----------
    saturation : float
        Factor on the chroma, 0..4.
    warmth : float
        -1..1: towards blue, or towards orange.

    Raises
    ------
    ValueError
        If a value lies outside its range.
    """

    saturation: float = 1.0
    warmth: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.saturation <= LARGEST_VIVID:
            raise ValueError(f"saturation must lie in 0..{LARGEST_VIVID}, not {self.saturation}")
        if not -1 <= self.warmth <= 1:
            raise ValueError(f"warmth must lie in -1..1, not {self.warmth}")

    @property
    def shift(self) -> tuple[float, float]:
        """What is added to a*, b*."""
        return WARMEST[0] * self.warmth, WARMEST[1] * self.warmth


def check_confidence(confidence: float | None) -> None:
    """Raise `ValueError` for a confidence outside its range; None, for the model's own, is in it."""
    if confidence is not None and not 0 <= confidence <= 1:
        raise ValueError(f"confidence must lie in 0..1, not {confidence}")


def check_vivid(factor: float) -> None:
    """Raise `ValueError` for a factor on the chroma outside its range."""
    if not 0 <= factor <= LARGEST_VIVID:
        raise ValueError(f"vivid must lie in 0..{LARGEST_VIVID}, not {factor}")


def check_working_size(size: int | None) -> None:
    """Raise `ValueError` for a working size outside its range; None, for the model's own, is in it."""
    if size is not None and (isinstance(size, bool) or not isinstance(size, int)):
        raise ValueError(f"the working size must be a whole number of pixels, not {size!r}")
    if size is not None and not SMALLEST_WORKING_SIZE <= size <= LARGEST_WORKING_SIZE:
        raise ValueError(
            f"the working size must lie in {SMALLEST_WORKING_SIZE}..{LARGEST_WORKING_SIZE} pixels, not {size}"
        )
