"""What can be chosen when a series is colored."""

from __future__ import annotations

from dataclasses import dataclass

from napari_colorizer.option_limits import Limits, option, option_field


@dataclass(frozen=True)
class SeriesOptions:
    """Options of a series, beside those of each of its slices.

    Attributes
    ----------
    steadiness : float
        0..0.95: which share of its color a slice takes from the one before, where the two show the same thing. 0
        colors each slice for itself.
    carry : bool
        Whether labels are carried from slice to slice; otherwise those of each are predicted anew.

    Raises
    ------
    ValueError
        If an option lies outside its range.
    """

    steadiness: float = option(
        0.8, "Share of its color that a slice takes from the previous one.", Limits(0, 0.95, step=0.05)
    )
    carry: bool = option(True, "Carry labels from slice to slice.")

    def __post_init__(self) -> None:
        limits: Limits = option_field(SeriesOptions, "steadiness").metadata["limits"]
        if self.steadiness not in limits:
            raise ValueError(f"steadiness must lie in {limits.least}..{limits.most}, not {self.steadiness}")
