"""Chroma around each working pixel as a linear function of lightness, and how far two such fits differ."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_colorizer.boxes import Box

Slices = tuple[slice, slice]
RADIUS = 1  # working pixels; adds to the reach of an edit


def fit_chroma(chroma: Tensor, lightness: Tensor, labels: Tensor, smoothness: Tensor) -> Tensor:
    """Fit chroma = slope * L* + offset around each pixel, over pixels of its own label.

    Parameters
    ----------
    chroma : Tensor, (2, h, w)
        a*, b*.
    lightness : Tensor, (h, w)
        L* in 0..100.
    labels : Tensor of integers, (h, w)
    smoothness : Tensor, ()
        Is added to the variance of L*, in L* squared: the larger, the flatter the fit.

    Returns
    -------
    Tensor, (8, h, w)
        Slopes, offsets, smallest and largest chroma, two of each.
    """
    values = torch.cat([lightness[None], chroma])
    count = torch.ones_like(lightness)  # of the pixels of the same label around each, itself included
    sums = values.new_zeros(6, *lightness.shape)  # of how they differ from it: L, a, b, LL, La, Lb
    low, high = values.new_zeros(2, *chroma.shape)
    for first, second in _neighboring(lightness.shape):
        same = labels[first] == labels[second]
        difference = (values[:, *second] - values[:, *first]).mul_(same)  # no cancellation in float32
        products = difference[:1] * difference
        for pixels, away in ((first, difference), (second, -difference)):
            count[pixels] += same
            sums[:3, *pixels] += away
            sums[3:, *pixels] += products
            low[:, *pixels].clamp_(max=away[1:])
            high[:, *pixels].clamp_(min=away[1:])
    means = sums.div_(count)
    variance = means[3] - means[0] ** 2
    slope = (means[4:] - means[0] * means[1:3]) / (variance + smoothness)
    offset = chroma + means[1:3] - slope * (lightness + means[0])
    return torch.cat([slope, offset, chroma + low, chroma + high])


def _neighboring(shape: torch.Size) -> Iterator[tuple[Slices, Slices]]:
    """All pairs of pixels that lie within `RADIUS` rows and columns of each other, each once."""
    for down, right in product(range(RADIUS + 1), range(-RADIUS, RADIUS + 1)):
        if (down, right) > (0, 0):
            second = Box.of(shape).shifted(down, right).within(shape)
            yield second.shifted(-down, -right).slices, second.slices


def largest_change(before: Tensor, after: Tensor) -> Tensor:
    """Largest change (2, h, w) of a* and b* for any L*, of coefficients (8, h, w)."""
    change = after - before
    at_black, at_white = change[2:4].abs(), (change[:2] * 100 + change[2:4]).abs_()
    of_limits = torch.maximum(change[4:6].abs(), change[6:8].abs())
    return torch.maximum(at_black, at_white).maximum(of_limits)


def largest_span(before: Tensor, after: Tensor) -> Tensor:
    """Largest span (2, h, w) of a* and b*, of limits (4, h, w), of a pixel or one that it is blended with."""
    span = torch.maximum(before[2:], after[2:]) - torch.minimum(before[:2], after[:2])
    return spread(span)


def spread(values: Tensor) -> Tensor:
    """The largest of each value (..., h, w) of 0 and more and its neighbors; a tenth of the time of max-pooling."""
    padded = F.pad(values, [1] * 4)
    rows = padded[..., :-2, :].maximum(padded[..., 1:-1, :]).maximum(padded[..., 2:, :])
    return rows[..., :-2].maximum(rows[..., 1:-1]).maximum(rows[..., 2:])
