"""Color hints: what a user says of a few places, spread over the thing that they lie on.

Each hint says by how much the predicted chroma is off at its place. That correction is interpolated over the pixels of
the same label, by inverse distance to the fourth power (Shepard 1968, doi 10.1145/800186.810616) and likeness in
lightness, and fades out far from all hints. Nothing here is learned, so a hint is obeyed whatever a model was trained
on, and none but pixels of its own label move.
"""

from __future__ import annotations

import torch
from torch import Tensor

SOFTNESS = 5.0  # pixels: up to here distance hardly counts
LIKENESS = 0.2  # standard deviation of lightness, of its range -1..1
FADING = 1e-4  # the sum of weights at which the hints have half a say: some 50 pixels from a small one
CELL = 4  # hinted pixels of one label in a cell count as one point
MOST_POINTS, POINTS_AT_ONCE = 512, 32


def spread_hints(chroma: Tensor, x: Tensor, labels: Tensor | None, hints: Tensor) -> Tensor:
    """Correct predicted chroma by color hints.

    Parameters
    ----------
    chroma : Tensor, (N, 2, H, W)
        Scaled as the network gives it.
    x : Tensor, (N, 1, H, W)
        Lightness scaled to [-1, 1].
    labels : Tensor of integers, (N, H, W), optional
        None means all 0.
    hints : Tensor, (N, 3, H, W)
        a*, b* scaled like chroma and 0 where there is none, then a mask in {0, 1}.

    Returns
    -------
    Tensor, (N, 2, H, W)
    """
    if labels is None:
        labels = torch.zeros(len(x), *x.shape[-2:], dtype=torch.int64, device=x.device)
    corrected = chroma.clone()
    for image in hints[:, 2].flatten(1).any(1).nonzero()[:, 0].tolist():
        corrected[image] += _correction(chroma[image], x[image, 0], labels[image], hints[image])
    return corrected


def _correction(chroma: Tensor, x: Tensor, labels: Tensor, hints: Tensor) -> Tensor:
    """What is to be added to the chroma (2, H, W) of one image."""
    points, own = _points(hints[:2] - chroma, x, labels, hints[2])
    correction = torch.zeros_like(chroma)
    for label in own.unique().tolist():
        rows, columns = (labels == label).nonzero(as_tuple=True)
        pixels = torch.stack([rows.to(x.dtype), columns.to(x.dtype), x[rows, columns]])
        correction[:, rows, columns] = _interpolate(points[own == label], pixels)
    return correction


def _interpolate(points: Tensor, pixels: Tensor) -> Tensor:
    """Corrections (2, n) at pixels (3, n), which are rows, columns and lightness, from those of points (P, 5)."""
    weights, corrections = torch.zeros_like(pixels[0]), torch.zeros_like(pixels[:2])
    for part in points.split(POINTS_AT_ONCE):
        down, across, lighter = ((pixels[axis] - part[:, axis, None]) for axis in range(3))
        near = 1 + (down * down + across * across) / SOFTNESS**2
        weight = torch.exp(lighter * lighter * (-0.5 / LIKENESS**2)) / (near * near)
        weights += weight.sum(0)
        corrections += part[:, 3:].T @ weight
    return corrections / (weights + FADING)


def _points(wrong: Tensor, x: Tensor, labels: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Hinted pixels, those of a cell and label gathered into one.

    Returns
    -------
    points : Tensor, (P, 5)
        Mean row, column, lightness and correction of a*, b*.
    own : Tensor, (P,)
        Label of each.
    """
    rows, columns = mask.nonzero(as_tuple=True)
    pixels = torch.stack([rows.to(x.dtype), columns.to(x.dtype), x[rows, columns], *wrong[:, rows, columns]], 1)
    own, cell = labels[rows, columns].long(), CELL
    while True:
        keys = torch.stack([own, rows // cell, columns // cell], 1)
        groups, member = keys.unique(dim=0, return_inverse=True)
        if len(groups) <= MOST_POINTS or cell >= max(mask.shape):
            break
        cell *= 2
    sums = pixels.new_zeros(len(groups), 5).index_add_(0, member, pixels)
    return sums / member.bincount(minlength=len(groups))[:, None], groups[:, 0]
