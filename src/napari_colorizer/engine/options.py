"""What can be chosen when an image is segmented or colored.

The same dataclasses are the fields of the dock, the options of the command line and the arguments of the functions.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_colorizer.former_names import keep_former_names
from napari_colorizer.option_limits import Limits, option, option_field

WORKING_SIZES = Limits(32, 4096)
WORKING_SIZE_HELP = "Longer side, in pixels, at which the networks run."
DEVICE_HELP = "What the networks run on: auto, cpu, cuda, cuda:1 or mps."
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

    working_size: int | None = option(None, WORKING_SIZE_HELP, WORKING_SIZES)
    device: str = option("auto", DEVICE_HELP)
    confidence: float | None = option(
        None, "Pixels whose most likely class is less probable than this stay unlabeled.", Limits(0, 1, step=0.05)
    )

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

    working_size: int | None = option(None, WORKING_SIZE_HELP, WORKING_SIZES)
    device: str = option("auto", DEVICE_HELP)
    chroma_gain: float = option(1.0, "Factor on the chroma: 1 as predicted, 0 gray.", Limits(0, 4, step=0.1))

    def __post_init__(self) -> None:
        check_working_size(self.working_size)
        check_chroma_gain(self.chroma_gain)


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

    saturation: float = option(
        1.0, "Factor on the chroma of the result, pins and dots included.", Limits(0, 4, step=0.1)
    )
    warmth: float = option(
        0.0, "Shift of all colors towards blue (below 0) or orange (above 0).", Limits(-1, 1, step=0.1)
    )

    def __post_init__(self) -> None:
        for name in ("saturation", "warmth"):
            _check(Adjustment, name, getattr(self, name))

    @property
    def shift(self) -> tuple[float, float]:
        """What is added to a*, b*."""
        return WARMEST[0] * self.warmth, WARMEST[1] * self.warmth


def check_confidence(confidence: float | None) -> None:
    """Raise `ValueError` for a confidence outside its range; None, for the model's own, is in it."""
    if confidence is not None:
        _check(SegmentOptions, "confidence", confidence)


def check_chroma_gain(factor: float) -> None:
    """Raise `ValueError` for a factor on the chroma outside its range."""
    _check(ColorizeOptions, "chroma_gain", factor)


def check_working_size(size: int | None) -> None:
    """Raise `ValueError` for a working size outside its range; None, for the model's own, is in it."""
    if size is not None and (isinstance(size, bool) or not isinstance(size, int)):
        raise ValueError(f"the working size must be a whole number of pixels, not {size!r}")
    if size is not None and size not in WORKING_SIZES:
        least, most = WORKING_SIZES.least, WORKING_SIZES.most
        raise ValueError(f"the working size must lie in {least}..{most} pixels, not {size}")


def _check(kind: type, name: str, value: float) -> None:
    limits: Limits = option_field(kind, name).metadata["limits"]
    if value not in limits:
        raise ValueError(f"{name} must lie in {limits.least}..{limits.most}, not {value}")
